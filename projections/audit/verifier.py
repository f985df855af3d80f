"""The auditor's verifier: is what is in this bundle what the log's keys and the witnesses have signed?

    python verifier.py bundle FILE --policy POLICY [--known CHECKPOINT]… [--recompute]
    python verifier.py receipt FILE --policy POLICY [--proof FILE]

It ends with 0 when everything holds, with 1 when something does not, and says what; with 2 when it was asked wrongly.

Rules: one file, Python's standard library and `cryptography`, nothing of the project, so that it can be taken away,
read in an hour and trusted, or written anew from docs/audit-formats.md. It believes only the keys of the policy (C2SP
tlog-policy) that the auditor brings along, never one that lies in the bundle. A checkpoint that the auditor has kept
from earlier (`--known`) has to be the beginning of what is shown today. A sealed report in the bundle is held against
its seal in the log; `--recompute` also runs the definition that lies in the bundle, in an interpreter of its own, over
the stored events, and compares the bytes. That code is whoever's who made the bundle: read it, it is two files.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

ED25519, COSIGNATURE, ML_DSA_44 = 1, 4, 6
HASH = 32
RECORD_FIELDS = ("format", "position", "stream", "version", "name", "schema version", "time", "state", "metadata")


class Refused(Exception):
    """What is shown is not what was signed; the message says what, and where it begins."""


# Trees -------------------------------------------------------------------------------------------------------


def leaf_hash(record: bytes) -> bytes:
    return sha256(b"\0" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Tree:
    """RFC 6962 from left to right; `at` answers the roots of the sizes that were asked for."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf, size = node_hash(self._peaks.pop(), leaf), size >> 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return sha256(b"").digest()
        found = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            found = node_hash(peak, found)
        return found


def check_consistency(old: int, size: int, root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """That the tree of `old` leaves is the beginning of the one of `size` (RFC 9162, section 2.1.4.2)."""
    if old in (0, size):
        if proof or root != (new_root if old else sha256(b"").digest()):
            raise Refused(f"two different trees of {old} events were signed")
        return
    steps = list(proof) if old & (old - 1) else [root, *proof]
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not 0 < old < size or not steps:
        raise Refused(f"the proof that the tree has grown from {old} events is none")
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise Refused("the consistency proof is too long")
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    if last or first != root or second != new_root:
        raise Refused(f"the tree of {size} events has not grown from that of {old}")


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    if not 0 <= index < size:
        raise Refused(f"a tree of {size} leaves has no leaf {index}")
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise Refused("the inclusion proof is too long")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise Refused(f"leaf {index} is not in the tree that was signed")


# Notes, keys, policies ---------------------------------------------------------------------------------------


def decode(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if not found or base64.b64encode(found).decode() != text:
        raise Refused("not canonical base64")
    return found


@dataclass(frozen=True)
class Key:
    """A public key as `name+id+base64(kind, key)`."""

    name: str
    kind: int
    content: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.content).digest()[:4]

    @classmethod
    def read(cls, text: str) -> Key:
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        content = decode(encoded)
        key = cls(name, content[0], content[1:])
        if not name or key.id.hex() != key_id or key.kind not in (ED25519, COSIGNATURE, ML_DSA_44):
            raise Refused(f"{name or 'a key'} is not a key that can be used here")
        return key

    def signed(self, note: Note) -> bool:
        """Whether this key has signed; a wrong signature that names it is refused."""
        for name, content in note.signatures:
            if name == self.name and content[:4] == self.id:
                self._check(note, content[4:])
                return True
        return False

    def _check(self, note: Note, signature: bytes) -> None:
        message, time = note.text.encode(), 0
        if self.kind != ED25519:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        if self.kind == COSIGNATURE:
            message = f"cosignature/v1\ntime {time}\n".encode() + message
        try:
            if self.kind == ML_DSA_44:
                name, origin = self.name.encode(), note.origin.encode()
                message = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">QB", time, len(origin)) + origin
                message += struct.pack(">QQ", 0, note.size) + note.root
                MLDSA44PublicKey.from_public_bytes(self.content).verify(signature, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.content).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise Refused(f"the signature of {self.name} on the checkpoint of {note.size} events is wrong") from None


@dataclass(frozen=True)
class Note:
    """A signed checkpoint."""

    text: str
    signatures: Sequence[tuple[str, bytes]]
    origin: str
    size: int
    root: bytes

    @classmethod
    def read(cls, encoded: str) -> Note:
        text, divider, lines = encoded.rpartition("\n\n")
        if not divider or not lines.endswith("\n"):
            raise Refused("a checkpoint without signatures")
        signatures = []
        for line in lines[:-1].split("\n"):
            dash, name, content = (*line.split(" "), "", "")[:3]
            if dash != "—" or not name:
                raise Refused("a malformed signature line")
            signatures.append((name, decode(content)))
        body = text.split("\n")
        if len(body) < 3 or not body[1].isdigit() or str(int(body[1])) != body[1] or len(decode(body[2])) != HASH:
            raise Refused("a malformed checkpoint")
        return cls(text + "\n", signatures, body[0], int(body[1]), decode(body[2]))


@dataclass
class Policy:
    """Whose signatures count: any of the logs, and a quorum of witnesses."""

    logs: list[Key] = field(default_factory=list)
    members: dict[str, Callable[[Note], bool]] = field(default_factory=dict)
    quorum: str | None = None

    @classmethod
    def read(cls, text: str) -> Policy:
        policy = cls()
        policy.members["none"] = lambda note: True
        for line in text.splitlines():
            match line.split():
                case [] | ["#", *_]:
                    continue
                case [word, *_] if word.startswith("#"):
                    continue
                case ["log", key, *_]:
                    policy.logs.append(Key.read(key))
                case ["witness", name, key, *_]:
                    policy._name(name, Key.read(key).signed)
                case ["group", name, count, *members] if members:
                    policy._group(name, count, members)
                case ["quorum", name] if name in policy.members and policy.quorum is None:
                    policy.quorum = name
                case _:
                    raise Refused(f"the policy has a line that cannot be read: {line.strip()[:60]}")
        if policy.quorum is None or not policy.logs:
            raise Refused("the policy names no log, or no quorum")
        return policy

    def check(self, note: Note) -> None:
        if not any(key.kind == ED25519 and key.name == note.origin and key.signed(note) for key in self.logs):
            raise Refused(f"no key of the policy has signed the checkpoint of {note.size} events of {note.origin}")
        if not self.members[self.quorum or "none"](note):
            raise Refused(f"the checkpoint of {note.size} events lacks the cosignatures of {self.quorum}")

    def _name(self, name: str, member: Callable[[Note], bool]) -> None:
        if name in self.members:
            raise Refused(f"the policy names {name} twice")
        self.members[name] = member

    def _group(self, name: str, count: str, members: Sequence[str]) -> None:
        needed = {"all": len(members), "any": 1}.get(count) or int(count)
        parts = [self.members[member] for member in members]
        self._name(name, lambda note: sum(part(note) for part in parts) >= needed)


# Bundles -----------------------------------------------------------------------------------------------------


class Bundle:
    """A zip file or a folder of the same files."""

    def __init__(self, path: Path) -> None:
        self._folder = path if path.is_dir() else None
        self._zip = None if path.is_dir() else zipfile.ZipFile(path)

    def names(self, folder: str) -> Sequence[str]:
        if self._zip is not None:
            return sorted(name for name in self._zip.namelist() if name.startswith(folder) and name != folder)
        assert self._folder is not None
        return sorted(folder + file.name for file in (self._folder / folder).glob("*"))

    def open(self, name: str) -> BinaryIO:
        try:
            if self._zip is not None:
                return self._zip.open(name)  # type: ignore[return-value]
            assert self._folder is not None
            return (self._folder / name).open("rb")
        except (KeyError, FileNotFoundError):
            raise Refused(f"the bundle has no {name}") from None

    def content(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def text(self, name: str) -> str:
        return self.content(name).decode()


def parts(file: BinaryIO, width: int, what: str) -> Iterator[bytes]:
    """Pieces that each stand behind their length in so many bytes."""
    while head := file.read(width):
        length = int.from_bytes(head, "big")
        content = file.read(length)
        if len(head) != width or len(content) != length:
            raise Refused(f"{what} end in the middle")
        yield content


def fields_of(record: bytes) -> Sequence[bytes]:
    found, at = [], 0
    while at < len(record):
        length = int.from_bytes(record[at : at + 2], "big")
        found.append(record[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(record) or len(found) != len(RECORD_FIELDS) or found[0] != b"thx-leaf/v1":
        raise Refused("is not a thx-leaf/v1 record")
    return found


def check_bundle(bundle: Bundle, policy: Policy, known: Sequence[Note] = (), recompute: bool = False) -> dict[str, Any]:
    """What was verified. Raises Refused."""
    manifest = json.loads(bundle.text("manifest.json"))
    if manifest.get("format") != "thx-bundle/v1":
        raise Refused("not a thx-bundle/v1")
    notes = sorted((Note.read(bundle.text(name)) for name in bundle.names("checkpoints/")), key=lambda n: n.size)
    if not notes:
        raise Refused("the bundle has no checkpoint")
    last = notes[-1]
    policy.check(last)
    for note in (*notes[:-1], *known):
        if not any(key.signed(note) for key in policy.logs if key.name == note.origin):
            raise Refused(f"no key of the policy has signed the checkpoint of {note.size} events")
        if note.origin != last.origin:
            raise Refused(f"a checkpoint of another log: {note.origin}")
        if note.size > last.size:
            raise Refused(f"events {last.size + 1} to {note.size} were signed, and the bundle does not show them")
    roots = {note.size: note.root for note in (*notes, *known)}
    if forked := [note.size for note in (*notes, *known) if roots[note.size] != note.root]:
        raise Refused(f"two different trees of {forked[0]} events were signed")
    if manifest.get("positions") is not None:
        for note in (*notes[:-1], *known):
            steps = bundle.text(f"consistency/{note.size:019d}").splitlines()
            check_consistency(note.size, last.size, note.root, last.root, [decode(step) for step in steps])
        events = _check_selected(bundle, last, manifest["positions"])
    else:
        events = _check_whole(bundle, [*notes, *known], last)
    with_content = bool(manifest.get("stored"))
    if with_content:
        _check_stored(bundle, manifest.get("names"))
    found = {"origin": last.origin, "size": last.size, "events": events, "content": with_content}
    if manifest.get("report") is not None:
        found["report"] = check_report(bundle, policy, manifest, roots, recompute)
    elif recompute:
        raise Refused("the bundle holds no report")
    return found


class Comparison:
    """A tree that grows beside the checkpoints: `good` is the last whose root it had, `bad` the first whose not."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._tree = Tree()
        self._notes: dict[int, list[Note]] = {}
        for note in notes:
            self._notes.setdefault(note.size, []).append(note)
        self.good, self.bad = 0, 0

    def add(self, leaf: bytes) -> None:
        self._tree.add(leaf)
        for note in self._notes.get(self._tree.size, ()):
            if note.root != self._tree.root():
                self.bad = self.bad or note.size
            elif not self.bad:
                self.good = note.size


def _check_whole(bundle: Bundle, notes: Sequence[Note], last: Note) -> int:
    """All records from the first on: each against its leaf, all leaves against every checkpoint."""
    leaves, records = bundle.open("leaves.bin"), parts(bundle.open("records.bin"), 2, "records")
    signed, fault = Comparison(notes), None
    for index in range(last.size):
        leaf, record = leaves.read(HASH), next(records, None)
        signed.add(leaf)
        fault = fault or _fault_of(record, leaf, index)
    if not signed.bad:
        if fault is not None:
            raise Refused(fault)
        if next(records, None) is not None:
            raise Refused(f"there are records behind the last one that was signed, {last.size}")
        return last.size
    # The leaves are not those that were signed and tell nothing, so the records are held against the checkpoints.
    shown = Comparison(notes)
    for record in parts(bundle.open("records.bin"), 2, "records"):
        shown.add(leaf_hash(record))
    if not shown.bad and shown.good == last.size:
        raise Refused("the records are those that were signed, but leaves.bin is not")
    first, upto = max(signed.good, shown.good) + 1, max(signed.bad, shown.bad)
    raise Refused(f"the log is not what was signed: the first bad leaf is one of positions {first} to {upto}")


def _fault_of(record: bytes | None, leaf: bytes, index: int) -> str | None:
    """What is wrong with the record of a leaf that was signed."""
    if record is None:
        return f"position {index + 1} is missing"
    if leaf_hash(record) == leaf and record[15:23] == (index + 1).to_bytes(8, "big"):
        return None
    try:
        told = fields_of(record)
        where = int.from_bytes(told[1], "big")
        also = "" if where == index + 1 else f", where position {where} stands now"
        return f"position {index + 1} is not what was signed{also}: {told[4].decode(errors='replace')}"
    except Refused as fault:
        return f"position {index + 1} {fault}"


def _check_selected(bundle: Bundle, last: Note, positions: Sequence[int]) -> int:
    """Some records, each with a proof that it is in the tree that was signed."""
    records = list(parts(bundle.open("records.bin"), 2, "records"))
    if len(records) != len(positions):
        raise Refused(f"{len(positions)} positions are named, and {len(records)} are shown")
    for position, record in zip(positions, records, strict=True):
        _check_proof(bundle.text(f"proofs/{position}.tlog-proof"), leaf_hash(record), position - 1, last)
    return len(records)


def _check_proof(proof: str, leaf: bytes, index: int, note: Note) -> None:
    head, _, checkpoint = proof.partition("\n\n")
    lines = [line for line in head.split("\n") if not line.startswith("extra ")]
    if len(lines) < 2 or lines[0] != "c2sp.org/tlog-proof@v1" or lines[1] != f"index {index}":
        raise Refused(f"the proof of position {index + 1} is none of it")
    there = Note.read(checkpoint)
    if (there.origin, there.size, there.root) != (note.origin, note.size, note.root):
        raise Refused(f"the proof of position {index + 1} is for another checkpoint")
    try:
        check_inclusion(leaf, index, note.size, [decode(line) for line in lines[2:]], note.root)
    except Refused:
        raise Refused(f"position {index + 1} is not what was signed") from None


def _check_stored(bundle: Bundle, names: Sequence[str] | None) -> None:
    """The stored bytes against the digests in the records, which are known to be right by now.

    Those of every event with one of the names are shown, so none that a report reads can have been left out.
    """
    records = parts(bundle.open("records.bin"), 2, "records")
    stored = parts(bundle.open("stored.bin"), 4, "stored bytes")
    for record in records:
        told = fields_of(record)
        if names is not None and told[4].decode() not in names:
            continue
        for name, digest in (("state", told[7]), ("metadata", told[8])):
            content = next(stored, None)
            if content is None or sha256(content).digest() != digest:
                where = int.from_bytes(told[1], "big")
                raise Refused(f"position {where} is not what was signed: the bytes of its {name} are others")
    if next(stored, None) is not None:
        raise Refused("there are stored bytes of no record")


# Reports -----------------------------------------------------------------------------------------------------


def check_report(
    bundle: Bundle, policy: Policy, manifest: dict[str, Any], roots: dict[int, bytes], recompute: bool
) -> dict[str, Any]:
    """The report's files against its seal in the log, the seal against its checkpoint. Raises Refused."""
    told = manifest["report"]
    seal = _seal(bundle, manifest.get("names"), told["position"], told["run_id"])
    note = Note.read(seal["checkpoint"])
    policy.check(note)
    if roots.get(note.size) != note.root or note.size < seal["position"]:
        raise Refused("the checkpoint of the seal is none of this log, or does not cover the report")
    content = bundle.content("report/manifest.json")
    _same(content, seal["manifest"]["sha256"], "the report's manifest")
    report = json.loads(content)
    if report["format"] != "thx-report-manifest/v1" or report["position"] != seal["position"]:
        raise Refused("the report's manifest is not that of the position that was sealed")
    for file in report["files"]:
        _same(bundle.content(f"report/{file['name']}"), file["sha256"], file["name"])
        if file["name"] == "result.json" and file["sha256"] != seal["result_sha256"]:
            raise Refused("the result is not the one that was sealed")
    _same(bundle.content("report/definition.py"), report["definition"]["sha256"], "the definition")
    _same(bundle.content("report/kit.py"), report["kit_sha256"], "the kit")
    for name, digest in report["reference"].items():
        _same(bundle.content(f"report/reference/{name}.json"), digest, f"the reference data {name}")
    if recompute:
        _recompute(bundle, manifest, report)
    return {
        "name": report["definition"]["name"],
        "version": report["definition"]["version"],
        "parameters": report["parameters"],
        "position": report["position"],
        "edition": seal["edition"],
        "result_sha256": seal["result_sha256"],
        "definition_sha256": report["definition"]["sha256"],
        "kit_sha256": report["kit_sha256"],
        "recomputed": recompute,
    }


def _same(content: bytes, digest: str, what: str) -> None:
    if sha256(content).hexdigest() != digest:
        raise Refused(f"{what} is not what was sealed")


def _seal(bundle: Bundle, names: Sequence[str] | None, position: int, run_id: str) -> dict[str, Any]:
    """The event that sealed the report, whose bytes and place in the log are known to be right by now."""
    stored = parts(bundle.open("stored.bin"), 4, "stored bytes")
    for record in parts(bundle.open("records.bin"), 2, "records"):
        told = fields_of(record)
        if names is not None and told[4].decode() not in names:
            continue
        state, _ = next(stored), next(stored)
        if int.from_bytes(told[1], "big") == position:
            found: dict[str, Any] = json.loads(state) if told[4] == b"report.sealed" else {}
            if found.get("run_id") != run_id:
                break
            return found
    raise Refused(f"position {position} does not seal the run {run_id}")


def _recompute(bundle: Bundle, manifest: dict[str, Any], report: dict[str, Any]) -> None:
    """Run the definition of the bundle over the events of the bundle, and compare every file."""
    names = manifest.get("names")
    if names is not None and (missing := sorted(report["reads"].keys() - set(names))):
        raise Refused(
            f"the report reads {missing[0]}, whose stored bytes the bundle does not show: it cannot be computed"
        )
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        lists = {name: json.loads(bundle.content(f"report/reference/{name}.json")) for name in report["reference"]}
        job = {"parameters": report["parameters"], "position": report["position"], "stored": names, "reference": lists}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        for name in ("records.bin", "stored.bin"):
            with bundle.open(name) as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
        for name in ("definition.py", "kit.py"):
            (folder / name).write_bytes(bundle.content(f"report/{name}"))
        # Isolated from the environment and from whatever is installed or lies in the working folder.
        command = [sys.executable, "-I", "-S", "-B", str(folder / "kit.py"), home]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home, env={})
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Refused(f"the definition cannot compute the report: {last[:200]}")
        made = folder / "computed"
        found = {file.relative_to(made).as_posix() for file in made.rglob("*") if file.is_file()}
        if found != {file["name"] for file in report["files"]}:
            raise Refused("computed again, the report has other files than were sealed")
        for file in report["files"]:
            if sha256((made / file["name"]).read_bytes()).hexdigest() != file["sha256"]:
                raise Refused(f"computed again from the events, {file['name']} is not what was sealed")


# Receipts ----------------------------------------------------------------------------------------------------


def check_receipt(receipt: str, policy: Policy, proof: str | None = None) -> dict[str, Any]:
    """What was promised; with a proof, whether it was kept for the last event of the promise. Raises Refused."""
    promise, _, signed = receipt.partition("\n\n")
    lines = promise.split("\n")
    if lines[0] != "thx-receipt/v1":
        raise Refused("not a thx-receipt/v1")
    told = [line.partition(" ") for line in lines[1:]]
    origin = next((value for word, _, value in told if word == "log"), "")
    note = Note.read(signed.partition("\n\n")[2])
    if note.origin != f"{origin}/receipts" or not any(k.signed(note) for k in policy.logs if k.name == note.origin):
        raise Refused(f"no key of the policy has signed receipts of {origin}")
    head = signed.partition("\n\n")[0].split("\n")
    index = int(head[1].removeprefix("index "))
    leaf = leaf_hash((promise + "\n").encode())
    check_inclusion(leaf, index, note.size, [decode(line) for line in head[2:]], note.root)
    events = [value.split(" ") for word, _, value in told if word == "event"]
    found: dict[str, Any] = {word: value for word, _, value in told if word != "event"}
    found["events"] = {int(position): digest for position, digest in events}
    if proof is not None:
        position, digest = events[-1]
        checkpoint = Note.read(proof.partition("\n\n")[2])
        policy.check(checkpoint)
        if checkpoint.origin != origin:
            raise Refused("the proof is of another log")
        _check_proof(proof, decode(digest), int(position) - 1, checkpoint)
        found["kept"] = checkpoint.size
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an auditor's bundle or a receipt.")
    parser.add_argument("what", choices=["bundle", "receipt"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--policy", type=Path, required=True, help="the keys that you trust, from their owners")
    parser.add_argument("--known", type=Path, action="append", default=[], help="a checkpoint that you kept")
    parser.add_argument(
        "--recompute", action="store_true", help="compute the report again, with the code in the bundle"
    )
    parser.add_argument("--proof", type=Path, help="the inclusion proof that redeems the receipt")
    given = parser.parse_args(arguments)
    try:
        policy = Policy.read(given.policy.read_text())
        if given.what == "bundle":
            known = [Note.read(file.read_text()) for file in given.known]
            found = check_bundle(Bundle(given.file), policy, known, given.recompute)
        else:
            found = check_receipt(given.file.read_text(), policy, given.proof and given.proof.read_text())
    except Refused as refusal:
        print(f"REFUSED: {refusal}")
        return 1
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as fault:
        print(f"REFUSED: cannot be read: {type(fault).__name__} {fault}")
        return 1
    print("VERIFIED: " + json.dumps(found, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
