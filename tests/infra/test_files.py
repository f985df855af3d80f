"""Shared small files are whole, private and written by one."""

import stat
import threading
from pathlib import Path

from infra.local.files import write_atomically, write_once


def test_of_many_first_writers_one_wins_and_all_know_it(tmp_path: Path) -> None:
    for attempt in range(60):
        path = tmp_path / str(attempt)
        together = threading.Barrier(8)
        answers: list[str] = []

        def write(
            name: str, path: Path = path, together: threading.Barrier = together, to: list[str] = answers
        ) -> None:
            together.wait()
            to.append(write_once(path, name))

        threads = [threading.Thread(target=write, args=(f"writer {n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers) == {path.read_text()}
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(str(n) for n in range(60))


def test_a_file_that_may_hold_a_secret_is_private_and_never_half_written(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    write_atomically(path, "old")
    with path.open() as reader:
        write_atomically(path, "new and longer")
        assert reader.read() == "old"
    assert path.read_text() == "new and longer"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
