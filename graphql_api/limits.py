"""What a document may ask for: tokens, depth, aliases, cost. Rules of validation, so a document is judged once.

Cost: every field counts one, and what stands below a list counts as often as the list may be long: `first` where it
is written as a number, the largest page where it is a variable, USUAL_LENGTH for lists that are not paged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
)

from graphql_api.queries import LARGEST_PAGE, USUAL_PAGE

MOST_TOKENS = 1_000
DEEPEST = 10
MOST_ALIASES = 15
HIGHEST_COST = 5_000
USUAL_LENGTH = 10


class WithinLimits(ASTValidationRule):
    """Refuses an operation that is too deep, has too many aliases or costs too much, with the figure in the message."""

    context: ValidationContext

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        schema = self.context.schema
        root = schema.get_root_type(node.operation)
        if root is None:
            return
        weight = Weighing(
            {d.name.value: d for d in self.context.document.definitions if isinstance(d, FragmentDefinitionNode)}
        )
        try:
            cost = weight.of(node.selection_set, root, depth=1)
        except TooDeep:
            self._refuse(node, "DEPTH_LIMIT", f"the operation is deeper than {DEEPEST} levels")
            return
        if weight.aliases > MOST_ALIASES:
            self._refuse(node, "ALIAS_LIMIT", f"the operation has {weight.aliases} aliases, {MOST_ALIASES} are allowed")
        if cost > HIGHEST_COST:
            self._refuse(
                node, "COST_LIMIT", f"the operation may cost {cost}, {HIGHEST_COST} is allowed: ask for smaller pages"
            )

    def _refuse(self, node: OperationDefinitionNode, code: str, message: str) -> None:
        self.report_error(GraphQLError(message, node, extensions={"code": code}))


class TooDeep(Exception):
    """Also what fragments that contain themselves end in."""


class Weighing:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self.aliases = 0
        self._spent = 0

    def of(self, selections: SelectionSetNode, parent: Any, depth: int) -> int:
        if depth > DEEPEST:
            raise TooDeep()
        return sum(self._field(field, parent, depth) for field in self._fields(selections, depth))

    def _fields(self, selections: SelectionSetNode, depth: int, spreads: int = 0) -> Iterator[FieldNode]:
        for selection in selections.selections:
            self._spent += 1
            if self._spent > HIGHEST_COST or spreads > DEEPEST:
                raise TooDeep()
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments.get(selection.name.value)
                if fragment is not None:
                    yield from self._fields(fragment.selection_set, depth, spreads + 1)
            else:
                yield from self._fields(selection.selection_set, depth, spreads + 1)  # type: ignore[attr-defined]

    def _field(self, node: FieldNode, parent: Any, depth: int) -> int:
        self.aliases += node.alias is not None
        definition = parent.fields.get(node.name.value) if isinstance(parent, GraphQLObjectType) else None
        if node.selection_set is None or node.name.value.startswith("__"):
            return 1  # Introspection is deep by nature; where it is on, it is meant to be asked.
        kind = definition.type if definition is not None else None
        below = self.of(node.selection_set, _named(kind), depth + 1)
        return 1 + below * self._times(node, kind)

    def _times(self, node: FieldNode, kind: Any) -> int:
        for argument in node.arguments or ():
            if argument.name.value == "first":
                written = argument.value
                return min(int(written.value), LARGEST_PAGE) if isinstance(written, IntValueNode) else LARGEST_PAGE
        named = _named(kind)
        if named is not None and named.name.endswith("Connection"):
            return USUAL_PAGE
        # Inside a connection the page has been counted already.
        in_page = node.name.value in ("edges", "nodes")
        return USUAL_LENGTH if _is_list(kind) and not in_page else 1


def _is_list(kind: Any) -> bool:
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList)


def _named(kind: Any) -> Any:
    while isinstance(kind, (GraphQLNonNull, GraphQLList)):
        kind = kind.of_type
    return kind
