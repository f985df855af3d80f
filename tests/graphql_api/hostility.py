"""Requests that nobody in his senses sends, made from the schema by chance; the same seed makes the same requests."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLType,
    is_enum_type,
)

TEXTS = [
    "", " ", "\x00", "a\x00b", "\x1b[2J", "\x7f", "\ufeff", "\u202e", "\U0001f3e5" * 50, "ế" * 5_000, "a" * 25_000,
    "%_\\", "'; drop table events; --", "{{7*7}}", "${jndi:ldap://x}", "../../etc/passwd", "null", "0", "-1",
    "1e999999", "NaN", "-Infinity", "9" * 5_000, "0." + "1" * 5_000, "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2020-02-30", "0000-00-00", "9999-12-31", "00000000-0000-0000-0000-000000000000", "urn:uuid:x",
    "\ud7ff\ue000\uffff",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63, 2**64, 10**40, 0.1, -0.0, 1e308, 1.5e-300]
ODD: list[Any] = [None, True, False, [], {}, [[]], [None], {"": None}, {"__proto__": {}}, [0, [1, 2], 3]]
# What a type admits and a database, a calendar or a terminal does not.
POISON: dict[str, list[Any]] = {
    "String": ["\x00", "a\x00b", "Bệnh viện\x1b[2J", "a\x7fb", "\x00" * 200],
    "Decimal": ["1e-999999", "1e999999", "0." + "1" * 30_000, "1" * 30_000, [0, [1, 2], -999_999], True, 0.1, "NaN"],
    "DateTime": ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-01-01T00:00:00+23:59:59.999999"],
    "Date": ["0001-01-01", "9999-12-31"],
    "Int": [2**31 - 1, -(2**31)],
    "Position": [2**53 - 1],
}
WORDS = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "$",
    "@",
    "...",
    '"',
    '"""',
    "#",
    "&",
    "|",
    "=",
    "\\",
    "\x00",
    "é",
    "on",
]


@dataclass(frozen=True)
class Attack:
    """One request. `kind` says what is wrong with it."""

    kind: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Attacker:
    """Knows the schema, as everybody outside may, and the ids of a few things that exist."""

    def __init__(self, schema: GraphQLSchema, seed: int, known: list[UUID]) -> None:
        self._schema, self._dice, self._known = schema, random.Random(seed), [str(one) for one in known]
        self._poisoned = 0.0
        self._kinds: list[Callable[[], Attack]] = [
            self._wrong_input, self._wrong_input, self._wrong_input, self._wrong_question, self._wrong_question,
            self._broken_document, self._broken_json, self._odd_request, self._deep, self._flood, self._odd_transport,
        ]  # fmt: skip

    def attack(self) -> Attack:
        self._poisoned = self._dice.choice([0.0, 0.05, 0.3])
        return self._dice.choice(self._kinds)()

    def command_id(self) -> str:
        return str(UUID(int=self._dice.getrandbits(128), version=4))

    # Values of the schema's types, some of them right, so that the wrong one is met at any depth ----------------

    def value(self, kind: GraphQLType, wrong: float) -> Any:
        if self._dice.random() < wrong:
            return self._dice.choice([self._dice.choice(TEXTS), self._dice.choice(NUMBERS), self._dice.choice(ODD)])
        if isinstance(kind, GraphQLNonNull):
            return self.value(kind.of_type, wrong)
        if isinstance(kind, GraphQLList):
            return [self.value(kind.of_type, wrong) for _ in range(self._dice.choice([0, 1, 2, 3, 300]))]
        if isinstance(kind, GraphQLInputObjectType):
            found = {
                name: self.value(one.type, wrong) for name, one in kind.fields.items() if self._dice.random() < 0.95
            }
            return {**found, "unknown": 1} if self._dice.random() < wrong else found
        return self._leaf(kind)

    def _leaf(self, kind: GraphQLType) -> Any:
        if str(kind) in POISON and self._dice.random() < self._poisoned:
            return self._dice.choice(POISON[str(kind)])
        if is_enum_type(kind):
            return self._dice.choice(list(kind.values))
        match str(kind):
            case "UUID":
                return self._dice.choice([*self._known, self.command_id()])
            case "Int" | "Position":
                return self._dice.choice([0, 1, 5, 50])
            case "Boolean":
                return self._dice.random() < 0.5
            case "DateTime":
                return "2020-08-27T09:00:00+07:00"
            case "Date":
                return "2020-08-27"
            case "Decimal":
                return "1.5"
            case _:
                return self._dice.choice(["cardiology", "Bệnh viện", "19-001", self._dice.choice(TEXTS)])

    def _request(self, document: str, **variables: Any) -> bytes:
        return json.dumps({"query": document, "variables": variables}).encode()

    # What is sent -----------------------------------------------------------------------------------------------

    def _wrong_input(self) -> Attack:
        assert self._schema.mutation_type is not None
        name, made = self._dice.choice(sorted(self._schema.mutation_type.fields.items()))
        wrong = self._dice.choice([0.0, 0.02, 0.2])
        given = {n: self.value(one.type, wrong) for n, one in made.args.items() if n != "commandId"}
        heads = ", ".join(f"${n}: {one.type}" for n, one in made.args.items())
        arguments = ", ".join(f"{n}: ${n}" for n in made.args)
        told = "__typename ... on CommandRejected { code message field details { name value } }"
        document = f"mutation ({heads}) {{ {name}({arguments}) {{ {told} }} }}"
        return Attack(f"input of {name}", self._request(document, **given, commandId=self.command_id()))

    def _wrong_question(self) -> Attack:
        assert self._schema.query_type is not None
        name, asked = self._dice.choice(sorted(self._schema.query_type.fields.items()))
        wrong = self._dice.choice([0.0, 0.3])
        given = {n: self.value(one.type, wrong) for n, one in asked.args.items() if self._dice.random() < 0.8}
        heads = ", ".join(f"${n}: {asked.args[n].type}" for n in given) or "$none: Int"
        arguments = "(" + ", ".join(f"{n}: ${n}" for n in given) + ")" if given else ""
        fields = "{ nodes { __typename } }" if str(asked.type).rstrip("!").endswith("Connection") else "{ __typename }"
        if self._dice.random() < 0.3:  # Written into the document instead.
            written = ", ".join(f"{n}: {json.dumps(value)}" for n, value in given.items())
            return Attack(f"literals of {name}", self._request(f"{{ {name}({written}) {fields} }}"))
        return Attack(
            f"arguments of {name}", self._request(f"query ({heads}) {{ {name}{arguments} {fields} }}", **given)
        )

    def _broken_document(self) -> Attack:
        good = "query q($a: Position) { facilities(first: 3, minPosition: $a) { nodes { nameVi ...f } } }"
        good += " fragment f on Facility { status }"
        text = list(good)
        for _ in range(self._dice.randint(1, 8)):
            at = self._dice.randrange(len(text))
            text[at : at + self._dice.randint(0, 3)] = self._dice.choice([*WORDS, "9" * 5_000])
        return Attack("a broken document", self._request("".join(text)))

    def _broken_json(self) -> Attack:
        body = bytearray(self._request("{ __typename }", a=[1, "x", None]))
        for _ in range(self._dice.randint(1, 6)):
            body[self._dice.randrange(len(body))] = self._dice.randrange(256)
        cut = self._dice.randrange(len(body))
        return Attack("broken JSON", bytes(body[:cut] if self._dice.random() < 0.5 else body))

    def _odd_request(self) -> Attack:
        good = "{ __typename }"
        bodies: list[Any] = [
            *ODD, *NUMBERS, *TEXTS[:9], [{"query": good}] * 50, {"query": 1}, {"query": None}, {"query": []},
            {"query": good, "variables": [1]}, {"query": good, "operationName": 5},
            {"query": good, "operationName": "\x00"},
            {"query": "\x00"}, {"query": f"query a {good} query b {good}"}, {"query": "type A { a: Int }"},
            {"query": good, "extensions": {"persistedQuery": {"version": 1}}},
        ]  # fmt: skip
        raw = [
            b"",
            b"\xef\xbb\xbf{}",
            b'{"query": "\xff"}',
            b'{"query": "\\ud800"}',
            b'{"query": NaN}',
            b"1" + b"0" * 5_000,
        ]
        chosen = self._dice.choice([*bodies, *raw])
        return Attack("an odd request", chosen if isinstance(chosen, bytes) else json.dumps(chosen).encode())

    def _deep(self) -> Attack:
        deep = self._dice.choice([12, 200, 2_000, 6_000])
        document = self._dice.choice(
            [
                "{a" * deep + "}" * deep,
                "{ facilities(text: " + "[" * deep + "]" * deep + ") { nodes { nameVi } } }",
                "query ($a: " + "[" * deep + "Int" + "]" * deep + ") { __typename }",
                "{ facilities { nodes {" + "... on Facility {" * deep + "nameVi" + "}" * deep + "} } }",
            ]
        )
        if self._dice.random() < 0.4:
            return Attack(
                "deep JSON", b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * deep + b"]" * deep + b"}}"
            )
        return Attack("a deep document", self._request(document))

    def _flood(self) -> Attack:
        many = self._dice.choice([20, 160, 400, 3_000])
        names = [f"f{n}" for n in range(many)]
        document = self._dice.choice(
            [
                "{ __typename " + "@include(if: true) " * many + "}",
                "{ " + " ".join(f"{name}: __typename" for name in names) + " }",
                "{ ...f0 } "
                + " ".join(
                    f"fragment {a} on Query {{ ...{b} ...{b} }}"
                    for a, b in zip(names, names[1:] + names[:1], strict=True)
                ),
                "query (" + ", ".join(f"${name}: Int" for name in names) + ") { __typename }",
                "{ facilities(status: [" + "CONNECTED " * many + "]) { nodes { nameVi } } }",
                "{ facilities { " + 'nodes { nameVi services(day: "2020-08-27") { kind } } ' * many + "} }",
                " ".join(f"query {name} {{ __typename }}" for name in names),
                "#" * many * 30 + "\n{ __typename }",
            ]
        )
        return Attack("a flood", self._request(document))

    def _odd_transport(self) -> Attack:
        good = self._request("{ __typename }")
        stream = self._request(
            "subscription ($x: Position) { events(after: $x) { position } }", x=self._dice.choice(["x", -1, 2**60, []])
        )
        two = self._request("subscription { a: events { position } events { position } }")
        live = {"accept": "text/event-stream"}
        headers: list[tuple[bytes, dict[str, str]]] = [
            (good, {"content-type": "text/plain"}), (good, {"content-type": "application/json; charset=utf-7"}),
            (good, {"content-encoding": "gzip"}), (good, {"x-correlation-id": "x" * 5_000}),
            (good, {"accept": "image/png"}),
            (good + b" " * 70_000, {}), (stream, live), (stream, {}), (two, live),
            (stream, {**live, "last-event-id": self._dice.choice(["9" * 5_000, "-1", "x", "1e9"])}),
        ]  # fmt: skip
        return Attack("an odd transport", *self._dice.choice(headers))
