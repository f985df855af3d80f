"""The commands of the sealing keys. Each answers its exit code."""

from __future__ import annotations

from rich.console import Console

from infra.objects import Objects
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import add_master_key, master_key_file, master_keys
from infra.settings import Settings


def rotate(settings: Settings, console: Console) -> int:
    """Add the key that wraps from the next start on."""
    added = add_master_key(master_key_file(settings))
    console.print(f"{added} wraps from the next start of each process on; keep a copy of the file in a safe")
    return 0


def wrap_anew(settings: Settings, console: Console) -> int:
    """What older master keys wrapped goes under the newest one."""
    masters = master_keys(settings)
    changed = DataKeys(Objects.open(settings), masters).wrap_anew()
    console.print(f"{changed} data keys went under {masters.current}")
    return 0
