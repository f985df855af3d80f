"""What no value of a request may be, whatever its type: judged before anything else reads it.

PostgreSQL's text cannot hold U+0000, so nothing that holds it is a name or a question. A number of thousands of digits
costs its reader more than its sender, and Python refuses to read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import ASTValidationRule, FloatValueNode, GraphQLError, IntValueNode, StringValueNode

LONGEST_NUMBER = 50
NUL_TEXT = "a text does not hold U+0000"


class PlainValues(ASTValidationRule):
    """Judges the values that are written into a document."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        if "\x00" in node.value:
            self.report_error(_refused(NUL_TEXT, node))

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        self._number(node)

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        self._number(node)

    def _number(self, node: IntValueNode | FloatValueNode) -> None:
        if len(node.value) > LONGEST_NUMBER:
            self.report_error(_refused(f"a number has at most {LONGEST_NUMBER} digits", node))


def refuse_nul(variables: Iterable[Any]) -> None:
    """The same for variables, whose numbers JSON has read already. Raises GraphQLError."""
    left = list(variables)
    while left:
        value = left.pop()
        if isinstance(value, str):
            if "\x00" in value:
                raise _refused(NUL_TEXT)
        elif isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value


def _refused(message: str, *nodes: IntValueNode | FloatValueNode | StringValueNode) -> GraphQLError:
    return GraphQLError(message, list(nodes) or None, extensions={"code": "BAD_REQUEST"})
