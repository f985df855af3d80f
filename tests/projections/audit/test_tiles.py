"""Tiles tell the same tree as the frontier, name their files as everybody does, and notice when one is wrong."""

from __future__ import annotations

import contextlib
from hashlib import sha256

import pytest

from projections.audit._tiles import Edge, Place, TileRefused, Tiles, edge_places, full_places
from projections.audit._tree import Frontier, check_inclusion, inclusion_proof
from tests.projections.audit.growing import LEAVES, SIZES, root, subtree

MANY = 70_000


class Folder(dict[str, bytes]):
    """Tiles by their path, as a disk would hold them."""

    def read(self, place: Place) -> bytes:
        try:
            return self[place.path]
        except KeyError as fault:
            raise TileRefused(place.path) from fault


def grown(leaves: list[bytes]) -> tuple[Folder, Frontier]:
    folder, edge, frontier = Folder(), Edge(), Frontier()
    for leaf in leaves:
        frontier.append(leaf)
        for tile in edge.append(leaf):
            folder[tile.place.path] = tile.hashes
    for tile in edge.partials():
        folder[tile.place.path] = tile.hashes
    return folder, frontier


@pytest.fixture(scope="module")
def large() -> tuple[Folder, Frontier]:
    return grown([sha256(b"\0%d" % number).digest() for number in range(MANY)])


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Place(0, 0), "tile/0/000"),
        (Place(0, 67, 5), "tile/0/067.p/5"),
        (Place(3, 1234067), "tile/3/x001/x234/067"),
        (Place(1, 1000, 255), "tile/1/x001/000.p/255"),
    ],
)
def test_tiles_have_the_paths_that_everybody_gives_them(place: Place, path: str) -> None:
    assert place.path == path


def test_tiles_of_every_size_have_the_root_of_the_tree() -> None:
    for size in SIZES:
        folder, _ = grown(LEAVES[:size])
        tiles = Tiles(size, folder.read)
        assert tiles.root() == root(0, size)
        assert set(folder) == {place.path for place in (*full_places(size), *edge_places(size))}


def test_a_large_tree_has_the_same_root_by_both_ways(large: tuple[Folder, Frontier]) -> None:
    folder, frontier = large
    tiles = Tiles(MANY, folder.read)
    assert tiles.root() == frontier.root()
    assert tuple(tiles.peaks()) == frontier.peaks
    for place in full_places(MANY):
        tiles.check_full(place)
    assert sum(place.level == 1 for place in full_places(MANY)) == 1


def test_a_proof_is_made_from_a_few_tiles(large: tuple[Folder, Frontier]) -> None:
    folder, frontier = large
    asked: list[Place] = []

    def read(place: Place) -> bytes:
        asked.append(place)
        return folder.read(place)

    for index in (0, 255, 256, 65_535, 65_536, MANY - 1):
        tiles = Tiles(MANY, read)
        proof = inclusion_proof(tiles.subtree, index, MANY)
        check_inclusion(tiles.leaf(index), index, MANY, proof, frontier.root())
    assert len({place.path for place in asked}) < 12


def test_an_edge_goes_on_from_its_partial_tiles() -> None:
    for size in (0, 1, 255, 256, 257, 299):
        folder, _ = grown(LEAVES[:size])
        partials = [b""] * 2
        for place in edge_places(size):
            partials[place.level] = folder[place.path]
        edge = Edge(size, partials)
        for leaf in LEAVES[size:]:
            for tile in edge.append(leaf):
                folder[tile.place.path] = tile.hashes
        for tile in edge.partials():
            folder[tile.place.path] = tile.hashes
        assert Tiles(len(LEAVES), folder.read).root() == root(0, len(LEAVES))


def test_only_what_is_new_is_named_as_new() -> None:
    assert list(full_places(1_024, 600)) == [Place(0, 2), Place(0, 3)]
    assert list(full_places(65_536, 65_535)) == [Place(0, 255), Place(1, 0)]
    assert list(full_places(300, 300)) == []


@pytest.mark.parametrize("path", ["tile/0/000", "tile/1/000.p/1", "tile/0/001.p/44"])
def test_a_tile_that_was_changed_cut_or_lost_is_noticed(path: str) -> None:
    folder, frontier = grown(LEAVES[:300])

    def sound() -> bool:
        tiles = Tiles(300, folder.read)
        for place in full_places(300):
            tiles.check_full(place)
        return tiles.root() == frontier.root()

    assert sound()
    whole = folder[path]
    folder[path] = whole[:-1] + bytes([whole[-1] ^ 1])
    with contextlib.suppress(TileRefused):
        assert not sound()
    for cut in (whole[:-32], whole + whole[:32]):
        folder[path] = cut
        with pytest.raises(TileRefused):
            sound()
    del folder[path]
    with pytest.raises(TileRefused):
        sound()


def test_a_tile_beyond_the_edge_is_not_there() -> None:
    folder, _ = grown(LEAVES[:10])
    with pytest.raises(TileRefused, match="no tile"):
        Tiles(10, folder.read).leaf(256)
    assert Tiles(10, folder.read).subtree(3, 0) == subtree(3, 0)
