"""Where large bytes stand: a folder by default, a bucket of S3 by configuration; one object is whole or not there.

Rules: an object appears by one step under its name and never changes; what `put` and `Upload.finish` have answered is
durable, which for a folder means that file and folder were synced here, since the library does not; calls block, so
an event loop makes them in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, S3Store

from infra.settings import Settings

# The smallest part that S3 takes is 5 MiB.
PART_BYTES = 8 << 20


class Objects:
    """`folder` is set when the objects lie in a folder of this machine."""

    def __init__(self, store: LocalStore | S3Store, folder: Path | None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The bucket that the settings name, or the folder."""
        if not settings.objects_url or not settings.objects_endpoint:
            return cls.in_folder(settings.data / "objects")
        store = S3Store.from_url(
            settings.objects_url,
            endpoint=settings.objects_endpoint,
            region=settings.objects_region,
            access_key_id=settings.objects_key_id or "",
            secret_access_key=settings.objects_secret or "",
            client_options={"allow_http": not settings.production},
        )
        return cls(store, None)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        return cls(LocalStore(folder, mkdir=True), folder)

    def put(self, name: str, content: bytes) -> bool:
        """Answers False when an object of that name is there already; that one stays."""
        try:
            obstore.put(self._store, name, content, mode="create")
        except AlreadyExistsError:
            self._make_durable(name)
            return False
        self._make_durable(name)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """For the few objects that point at others."""
        obstore.put(self._store, name, content)
        self._make_durable(name)

    def get(self, name: str) -> bytes:
        """Raises KeyError."""
        try:
            return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError:
            raise KeyError(name) from None

    def get_range(self, name: str, start: int, end: int) -> bytes:
        """From `start` up to, not including, `end`. Raises KeyError."""
        try:
            return bytes(obstore.get_range(self._store, name, start=start, end=end))
        except FileNotFoundError:
            raise KeyError(name) from None

    def size(self, name: str) -> int:
        """Raises KeyError."""
        try:
            return int(obstore.head(self._store, name)["size"])
        except FileNotFoundError:
            raise KeyError(name) from None

    def delete(self, name: str) -> None:
        """What is not there is deleted already."""
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            return

    def names(self, prefix: str) -> Iterator[str]:
        for page in obstore.list(self._store, prefix):
            for each in page:
                yield str(each["path"])

    def upload(self, name: str) -> Upload:
        """An object that is sent in parts while it comes into being."""
        return Upload(self, name, obstore.open_writer(self._store, name, buffer_size=PART_BYTES))

    def drop_started(self, name: str) -> None:
        """Parts of an upload that a killed process began; in S3 a rule of the bucket drops them."""
        if self._folder is not None:
            place = self._folder / name
            for staged in place.parent.glob(f"{place.name}#*"):
                staged.unlink(missing_ok=True)

    def _make_durable(self, name: str) -> None:
        if self._folder is None:
            return
        place = self._folder / name
        for each in (place, *list(place.parents)[: len(Path(name).parents)]):
            number = os.open(each, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)


class Upload:
    """The object appears by `finish` and not before."""

    def __init__(self, objects: Objects, name: str, writer: obstore.WritableFile) -> None:
        self._objects, self._name, self._writer = objects, name, writer

    def write(self, content: bytes) -> None:
        self._writer.write(content)

    def finish(self) -> None:
        self._writer.close()
        self._objects._make_durable(self._name)
