"""docs/reference/processes.md: what runs, what it measures, and what can be set."""

from __future__ import annotations

from docs.generate.markdown import code, page, table, type_name
from infra import measures
from infra.bootstrap import PROCESSES
from infra.settings import Settings
from infra.topics import PARTITIONS

COMPONENTS = """\
```mermaid
flowchart LR
    client([clients]) -->|mutations, queries, subscriptions| api
    api -->|append, one function| log[(event store)]
    log -->|by position| relay
    relay -->|telehealth.aggregate.events| kafka[[Kafka]]
    kafka --> projections
    projections -->|rows and progress, one transaction| views[(views)]
    views -->|rows| api
    log -->|history, and what came after a position| api
    kafka --> reactors
    reactors -->|commands of the house| log
    issuer([issuer of tokens]) -.->|public keys| api
```"""


def write() -> str:
    running = [(code(name), process.purpose, code(process.main)) for name, process in PROCESSES.items()]
    measured = [
        (code(one._name + ("_total" if one._type == "counter" else "")), one._type, one._documentation)
        for one in vars(measures).values()
        if hasattr(one, "_documentation") and hasattr(one, "_type")
    ]
    return page(
        "Processes",
        COMPONENTS,
        f"PostgreSQL holds the log and the views, Kafka {PARTITIONS} partitions for each aggregate.",
        "## What runs",
        table(("process", "purpose", "entry"), running),
        "## What is measured",
        "Besides `telehealth_ready`, `telehealth_position` and `telehealth_lag` of every process.",
        table(("name", "kind", "what it is"), measured),
        "## What can be set",
        "Read from the environment, and nowhere else.",
        table(("variable", "type", "default"), _settings()),
    )


def _settings() -> list[tuple[str, str, str]]:
    return [
        (code(field.description or name), type_name(field.annotation), _default(field.default))
        for name, field in Settings.model_fields.items()
    ]


def _default(value: object) -> str:
    """A port of 0 is chosen by the stack itself, and what has no default has to be given or is started with it."""
    return ", ".join(value) if isinstance(value, tuple) else str(value) if value else ""
