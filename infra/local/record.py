"""What a running stack writes about itself into its data folder, for clients, tests and the next start.

Rules: the file is replaced in one step and readable by its owner only, since the DSN holds the password; a record is
believed only while the process that wrote it lives.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.local.files import write_atomically
from infra.local.kinship import Kin
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Member:
    """One supervised program. `kin` is None while it is not running."""

    kin: Kin | None
    state: str
    reason: str | None
    restarts: int
    log: str
    is_store: bool = False
    stop_signals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A whole stack: where it is reached and what runs."""

    supervisor: Kin
    state: str
    data: str
    graphql_url: str
    kafka_bootstrap: str
    database_url: str
    issuer: str
    members: dict[str, Member] = field(default_factory=dict)

    @classmethod
    def load(cls, data: Path) -> "Record | None":
        """The last record of this data folder, whether it is still true or not."""
        try:
            known = json.loads(_file(data).read_text())
            known["supervisor"] = Kin(**known["supervisor"])
            known["members"] = {name: _member(member) for name, member in known["members"].items()}
            return cls(**known)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self) -> None:
        write_atomically(_file(Path(self.data)), json.dumps(asdict(self), indent=1))

    @property
    def running(self) -> bool:
        return self.supervisor.alive

    def end_leftovers(self) -> list[str]:
        """Ends what outlived its supervisor, products before stores, and answers the names."""
        ended = []
        for name, member in sorted(self.members.items(), key=lambda item: item[1].is_store):
            if member.kin is not None and member.kin.alive:
                member.kin.end(member.stop_signals, patience_seconds=5)
                ended.append(name)
        return ended


def database_of(settings: Settings) -> str | None:
    """The database to work on: the one that is set, or that of the stack which runs on the data folder."""
    record = Record.load(settings.data)
    return settings.database_url or (record.database_url if record and record.running else None)


def _file(data: Path) -> Path:
    return data / "stack.json"


def _member(known: dict[str, Any]) -> Member:
    kin = known.pop("kin")
    signals = tuple(known.pop("stop_signals"))
    return Member(kin=Kin(**kin) if kin else None, stop_signals=signals, **known)
