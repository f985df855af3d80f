"""The GraphQL schema as text, beside the code that makes it, so that every change of it is seen in a review."""

from __future__ import annotations

from graphql_api.schema import build_schema
from tests.product import ROOT

FILE = ROOT / "graphql_api" / "schema.graphql"


def today() -> str:
    return f"# Written by `make lock`. Do not edit.\n\n{build_schema().as_str()}\n"


def checked_in() -> str:
    return FILE.read_text() if FILE.exists() else ""
