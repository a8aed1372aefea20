"""An array in a file: gone on with where it is one, made anew where it is anything else."""

import errno
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from lab.door.mapped import flush, mapped


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    first = mapped(tmp_path / "a.npy", (4, 3), np.float32)
    first[2] = (1, 2, 3)
    flush(first)
    del first
    again = mapped(tmp_path / "a.npy", (4, 3), np.float32)
    assert again[2].tolist() == [1, 2, 3]
    assert np.load(tmp_path / "a.npy").sum() == 6


def test_what_was_never_written_takes_no_room(tmp_path: Path) -> None:
    mapped(tmp_path / "a.npy", (1 << 20, 64), np.float32)
    assert (tmp_path / "a.npy").stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': True, 'shape': (4, 3), }",
        b"no array",
        b"\x93NUMPY" + b"(" * 500,
    ],
)
def test_anything_else_is_written_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    found = mapped(tmp_path / "a.npy", (4, 3), np.float32)
    assert found.shape == (4, 3)
    assert not found.any()


def test_objects_and_other_shapes_are_written_over(tmp_path: Path) -> None:
    for other in (np.array([{}, []], dtype=object), np.ones((3, 4), np.float32), np.ones((4, 3))):
        np.save(tmp_path / "a.npy", other, allow_pickle=True)
        assert not mapped(tmp_path / "a.npy", (4, 3), np.float32).any()


def test_a_file_that_cannot_be_mapped_stays_as_it_is(tmp_path: Path) -> None:
    """Without memory, or without leave to write: a replay buffer of hours would be zeros."""
    path = tmp_path / "numbers.npy"
    mapped(path, (3,), np.float32)[:] = 7
    refused = OSError(errno.ENOMEM, "Cannot allocate memory")
    with mock.patch("lab.door.mapped.open_memmap", side_effect=refused), pytest.raises(OSError, match="allocate"):
        mapped(path, (3,), np.float32)
    assert np.load(path).tolist() == [7, 7, 7]


def test_a_link_is_replaced_and_what_it_leads_to_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path = tmp_path / "numbers.npy"
    path.symlink_to(victim)
    mapped(path, (3,), np.float32)[:] = 7
    assert victim.read_bytes() == b"precious"
    assert not path.is_symlink()
