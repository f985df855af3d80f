"""The ports of one data folder.

Rules: a port that a setting fixes is used or named in the error, never replaced; the others are chosen free once and
remembered in the data folder, so that clients find the stack again after a restart; they lie below the range that the
kernel gives to outgoing connections, where a client that waits for a dead server could end up connected to itself.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import psutil

from infra.local.files import write_atomically
from infra.serving import LOOPBACK, bound_socket
from infra.settings import Settings

FIRST, LAST = 10_000, 32_000
USES = ("http", "udp")


class PortTaken(Exception):
    """A port that was asked for belongs to another program."""


@dataclass(frozen=True, slots=True)
class Ports:
    """0 means not chosen yet."""

    api: int = 0
    issuer: int = 0
    postgres: int = 0
    kafka: int = 0
    kafka_controller: int = 0
    witness: int = 0
    media_http: int = 0
    media_udp: int = 0
    playback: int = 0
    copies: Mapping[str, int] = field(default_factory=dict)
    """Of processes that run more than once, by name: `media_2_http`."""

    @classmethod
    def load(cls, data: Path) -> "Ports":
        """The remembered ports; all 0 in a folder that never ran."""
        return cls._of(_remembered(data))

    @classmethod
    def _of(cls, known: Mapping[str, int]) -> "Ports":
        own = {f.name for f in fields(cls)} - {"copies"}
        copies = {name: port for name, port in known.items() if name not in own}
        return cls(**{name: known.get(name, 0) for name in own}, copies=copies)

    @classmethod
    def choose(cls, settings: Settings) -> "Ports":
        """Checks the fixed ports, takes remembered ones that are still free, chooses the rest, and keeps them all."""
        fixed = cls(
            settings.api_port,
            settings.issuer_port,
            settings.postgres_port,
            settings.kafka_port,
            witness=settings.witness_port,
            media_http=settings.media_http_port,
            media_udp=settings.media_udp_port,
            playback=settings.playback_port,
        )
        wanted = {name: port for name, port in asdict(fixed).items() if name != "copies"}
        wanted |= {copy_port(number, use): 0 for number in range(2, settings.media_workers + 1) for use in USES}
        remembered = _remembered(settings.data)
        candidates = _candidates(settings.data, avoid={*wanted.values(), *remembered.values()})
        chosen: dict[str, int] = {}
        for name, port in wanted.items():
            if port:
                _require_free(name, port)
                chosen[name] = port
            elif (known := remembered.get(name, 0)) and known not in chosen.values() and is_free(known):
                chosen[name] = known
            else:
                chosen[name] = next(candidates)
        write_atomically(_file(settings.data), json.dumps(remembered | chosen), mode=0o644)
        return cls._of(chosen)


def copy_port(number: int, use: str) -> str:
    """The name of a port of a further media worker."""
    return f"media_{number}_{use}"


def issuer_url(settings: Settings) -> str:
    """The configured issuer, else the development issuer of this data folder."""
    if settings.oidc_issuer is not None:
        return settings.oidc_issuer
    return f"http://{LOOPBACK}:{settings.issuer_port or Ports.load(settings.data).issuer}"


def is_free(port: int) -> bool:
    try:
        bound_socket(port).close()
    except OSError:
        return False
    return True


def _remembered(data: Path) -> dict[str, int]:
    try:
        known = json.loads(_file(data).read_text())
        return {str(name): int(port) for name, port in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _file(data: Path) -> Path:
    return data / "ports.json"


def _require_free(name: str, port: int) -> None:
    if not is_free(port):
        raise PortTaken(f"port {port} (TELEHEALTH_{name.upper()}_PORT) is taken{_by_whom(port)}")


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN" and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return " by another program"


def _candidates(data: Path, avoid: set[int]) -> Iterator[int]:
    """Free ports, beginning at a place that differs from data folder to data folder."""
    digest = hashlib.sha256(str(data).encode()).digest()
    begin = int.from_bytes(digest[:4], "big") % (LAST - FIRST)
    for step in range(LAST - FIRST):
        port = FIRST + (begin + step) % (LAST - FIRST)
        if port not in avoid and is_free(port):
            yield port
    raise PortTaken(f"no free port between {FIRST} and {LAST}")
