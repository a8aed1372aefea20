"""Data frames of R's: as they were written, packed or not; whatever else R can save is refused in one line."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from rsave import ATTRIBUTES, NIL, OBJECT, PAIRLIST, TAG, VECTOR, Writer, saved, whole

from lab.door import frames
from lab.errors import UserError

COLUMNS = {"x": [1.5, -2.0, float("nan")], "n": [3, -(2**31), 7], "class": ([2, 1, 2], ["low", "high"])}
CONTENT = saved("D", COLUMNS)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress
}  # fmt: skip


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("version", [2, 3])
def test_a_frame_is_read_as_it_was_written(tmp_path: Path, packing: str, version: int) -> None:
    path = tmp_path / "D.rda"
    path.write_bytes(PACKINGS[packing](saved("D", COLUMNS, version)))
    found = frames.read(path, "D")
    assert list(found.numbers) == ["x", "n"]
    np.testing.assert_array_equal(found.numbers["x"], COLUMNS["x"])
    np.testing.assert_array_equal(found.numbers["n"], [3, np.nan, 7])
    assert found.factors["class"].levels == ("low", "high")
    assert found.factors["class"].codes.tolist() == [1, 0, 1]


def named(name: str, value: bytes) -> bytes:
    """A file with one object of any kind."""
    return (
        b"RDX2\nX\n" + whole(2, 0x40000, 0x20300) + whole(PAIRLIST | TAG) + Writer().symbol(name) + value + whole(NIL)
    )


def frame_of(*columns: bytes, names: list[str] | bytes | None = None) -> bytes:
    write = Writer()
    write.symbol("D")
    head = whole(VECTOR | OBJECT | ATTRIBUTES, len(columns)) + b"".join(columns)
    return head + write.pairs({"names": names or list("abc"[: len(columns)]), "class": ["data.frame"]})


ENVIRONMENT, CLOSURE, LANGUAGE, PROMISE, BYTECODE, ALTREP, PACKAGE, NAMESPACE = 4, 3, 6, 5, 21, 238, 250, 249


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "does not begin"),
        (b"RDX2\nA\n", "does not begin"),
        (b"RDX2\nX\n" + whole(4, 0, 0), "its version is 4"),
        (CONTENT[:-1], "cut short"),
        (CONTENT + b"x", "something follows"),
        (saved("E", COLUMNS), "it holds no D"),
        (named("D", Writer().numbers([1.0])), "no data frame"),
        (named("D", whole(14, -1, 0, 1)), "says that -1 values follow"),
        (named("D", whole(14, 2**31 - 1)), "says that 2147483647 values follow"),
        (named("D", whole(13, 10)), "says that 10 values follow"),
        *((named("D", whole(kind)), f"type {kind} is not accepted")
          for kind in (ENVIRONMENT, CLOSURE, LANGUAGE, PROMISE, BYTECODE, ALTREP, PACKAGE, NAMESPACE)),
        (named("D", whole(VECTOR, 1) * 17 + whole(NIL)), "more than 16 levels"),
        (named("D", frame_of(Writer().words(["a"]))), "holds no numbers and no factor"),
        (named("D", frame_of(Writer().numbers([1.0]), Writer().numbers([1.0, 2.0]))), "differ in length"),
        (named("D", frame_of(Writer().numbers([1.0]), names=["a", "b"])), "1 columns have 2 names"),
        (named("D", frame_of()), "0 columns have 0 names"),
        (named("D", frame_of(Writer().numbers([1.0]), names=whole(VECTOR, 1) + whole(NIL))), "where str belongs"),
        (saved("D", {"f": ([3], ["a", "b"])}), "codes that are none of its 2 levels"),
        (saved("D", {"f": ([0], ["a", "b"])}), "codes that are none of its 2 levels"),
        (named("D", whole(7 << 8 | 255)), "refers to symbol 7 of 1"),
        (b"RDX2\nX\n" + whole(2, 0, 0) + whole(PAIRLIST) + whole(NIL) * 2, "without names"),
        (b"RDX2\nX\n" + whole(2, 0, 0) + Writer().numbers([1.0]), "no named objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_frame(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "D.rda").write_bytes(content)
    with pytest.raises(UserError, match=rf"D\.rda: is no data frame of R's \(.*{complaint}") as caught:
        frames.read(tmp_path / "D.rda", "D")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz"])
def test_packed_content_that_is_cut_or_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: str
) -> None:
    path = tmp_path / "D.rda"
    path.write_bytes(PACKINGS[packing](CONTENT)[:-9])
    with pytest.raises(UserError, match="no data frame of R's"):
        frames.read(path, "D")
    monkeypatch.setattr(frames, "MOST_BYTES", 1 << 20)
    path.write_bytes(PACKINGS[packing](CONTENT + bytes(40 << 20)))
    tracemalloc.start()
    with pytest.raises(UserError, match="unpacks to more than 1,048,576 bytes"):
        frames.read(path, "D")
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
    tracemalloc.stop()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4), st.integers(0, 2000))
@example([], 30)
def test_a_spoiled_frame_is_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(CONTENT)
    for at, value in changes:
        data[at % len(data)] = value
    for spoiled in (bytes(data), bytes(data[:cut])):
        with contextlib.suppress(ValueError):
            found = frames.parse(spoiled, "D")
            assert all(column.dtype == np.float64 for column in found.numbers.values())
            assert all(factor.codes.max(initial=0) < len(factor.levels) for factor in found.factors.values())
