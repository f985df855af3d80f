"""What in a file's source could ask the clock, chance or the world: found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

MODULES = frozenset(
    {
        *("asyncio", "concurrent", "multiprocessing", "queue", "sched", "threading", "time"),
        *("http", "io", "logging", "pathlib", "select", "shutil", "socket", "ssl", "subprocess", "tempfile", "urllib"),
        *("os", "random", "secrets", "signal", "sys"),
    }
)
THIRD_PARTY_ALLOWED = frozenset({"pydantic"})
# uuid5 derives an id from what is known, so it may stay; these make one up.
MADE_UP = frozenset({"uuid1", "uuid4", "uuid6", "uuid7"})
CLOCK = frozenset({"now", "utcnow", "today"})
WORLD = frozenset({"open", "print", "input", "eval", "exec", "breakpoint"})


def impurities(source: str) -> Iterator[str]:
    """What is impure in this source, each with its line."""
    for node in ast.walk(ast.parse(source)):
        for what in _impure(node):
            yield f"line {getattr(node, 'lineno', '?')}: {what}"


def _impure(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (name.name for name in names if name.name.partition(".")[0] in MODULES)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            if module.partition(".")[0] in MODULES:
                yield module
            yield from (f"{module}.{name.name}" for name in names if name.name in MADE_UP)
        case ast.Attribute(attr=attr) if attr in MADE_UP:
            yield attr
        case ast.Call(func=ast.Attribute(attr=attr)) if attr in CLOCK:
            yield f"{attr}()"
        case ast.Call(func=ast.Name(id=name)) if name in WORLD:
            yield f"{name}()"


def foreign(source: str, own: frozenset[str], standard: frozenset[str]) -> Iterator[str]:
    """The packages that this source imports from elsewhere."""
    for node in ast.walk(ast.parse(source)):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            root = name.partition(".")[0]
            if root not in own | standard | THIRD_PARTY_ALLOWED:
                yield name
