"""Types, tables and sentences as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

NOTE = "<!-- Written from the code by `make lock`. Do not edit. -->"
WORDS: dict[Any, str] = {AwareDatetime: "datetime", str: "text", dict: "JSON"}


class Field(NamedTuple):
    name: str
    type: str
    optional: bool


def page(title: str, *parts: str) -> str:
    return "\n\n".join([NOTE, f"# {title}", *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def told(kind: Any) -> str:
    """What the docstring says, paragraphs kept, lines joined."""
    paragraphs = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def sentence(kind: Any) -> str:
    return told(kind).partition("\n\n")[0]


def code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def anchor(title: str) -> str:
    """The address of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def fields_of(model: type[BaseModel]) -> Sequence[Field]:
    return [
        Field(name, type_name(field.annotation), not field.is_required()) for name, field in model.model_fields.items()
    ]


def type_name(hint: Any) -> str:
    """A type as a reader of JSON knows it; values and enums by their names, which are told elsewhere."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(type_name(part) for part in arguments if part is not NoneType)
    if origin is Literal:
        return " or ".join(str(part) for part in arguments)
    if origin in (tuple, list, frozenset, set):
        return f"list of {type_name(arguments[0])}"
    return WORDS.get(hint) or name_of(hint)


def name_of(kind: Any) -> str:
    """Every aggregate has a Status of its own; they are told apart by its name, as in the schema."""
    name = str(getattr(kind, "__name__", kind))
    aggregate = kind.__module__.rpartition(".")[2]
    return aggregate.title().replace("_", "") + name if name == "Status" else name


def parts_of(hint: Any) -> Iterable[type]:
    """The values and enums that a type is made of, those inside them included."""
    if get_args(hint):
        for inner in get_args(hint):
            yield from parts_of(inner)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield hint
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
        for field in hint.model_fields.values():
            yield from parts_of(field.annotation)
