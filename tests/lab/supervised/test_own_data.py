"""Folders and archives of one's own: classes by name or number, a split that is the same in every run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lab.errors import UserError
from lab.supervised.data import DATA
from lab.supervised.datasets import Labelled
from lab.supervised.splits import fixed_split, stratified


def put(folder: Path, counts: dict[str, int], start: int = 0) -> Path:
    """Grey pictures, each of a level of its own, in subfolders."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (9, 7), start + number).save(folder / name / f"{number:03}.png")
    return folder


def opened(warned: list[str] | None = None, **settings: Any) -> Labelled:
    return DATA.validate(settings).open(Path(), (warned if warned is not None else []).append)


def test_subfolders_are_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    put(tmp_path, {"dog": 10, "cat": 20, ".hidden": 3})
    settings = {"name": "folder", "path": str(tmp_path), "size": 8, "channels": 1}
    data = opened(**settings)
    assert data.classes == 2
    assert data.inputs.shape == (24, 1, 8, 8)
    assert data.inputs.dtype == torch.uint8
    assert (torch.bincount(data.labels).tolist(), torch.bincount(data.test_labels).tolist()) == ([16, 8], [4, 2])
    levels = torch.cat([data.inputs, data.test_inputs])[:, 0, 0, 0]
    labels = torch.cat([data.labels, data.test_labels])
    assert sorted(levels[labels == 0].tolist()) == list(range(20))
    again = opened(**settings)
    assert torch.equal(again.test_inputs, data.test_inputs)


def test_a_test_part_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "a", {"cat": 1, "dog": 2})
    put(tmp_path / "b", {"cat": 2, "dog": 1}, start=100)
    data = opened(name="folder", path=str(tmp_path / "a"), test_path=str(tmp_path / "b"), size=4, channels=3)
    assert data.labels.tolist() == [0, 1, 1]
    assert data.test_labels.tolist() == [0, 0, 1]
    assert int(data.inputs.max()) < 100 <= int(data.test_inputs.min())


def test_what_leaves_no_test_part_is_told_by_its_field(tmp_path: Path) -> None:
    put(tmp_path / "all", {"a": 3, "b": 3})
    settings = {"name": "folder", "path": str(tmp_path / "all"), "size": 4}
    with pytest.raises(UserError, match="data.test_share: 0.01 of each class leaves no test image"):
        opened(**settings, test_share=0.01)
    with pytest.raises(UserError, match="data.test_path: .* is not a folder"):
        opened(**settings, test_path=str(tmp_path / "none"))


def test_broken_files_are_named_and_left_out(tmp_path: Path) -> None:
    put(tmp_path, {"cat": 3, "dog": 3})
    (tmp_path / "cat" / "bad.png").write_bytes(b"no picture")
    warned: list[str] = []
    data = opened(warned, name="folder", path=str(tmp_path), size=4)
    assert len(data.labels) + len(data.test_labels) == 6
    assert "1 of 4 images left out: bad.png" in warned[0]


@pytest.mark.parametrize(
    ("counts", "changes", "complaint"),
    [
        ({"cat": 3}, {}, "has 1 subfolders; 2 to 10,000, one a class, are needed"),
        ({"cat": 3, "dog": 0}, {}, "dog' holds no readable image"),
        ({"cat": 3, "dog": 1}, {}, "dog' holds one readable image"),
        ({"cat": 3, "dog": 2}, {"test_share": 0.8}, "data.test_share: 0.8 leaves no training image of 'dog'"),
        ({"cat": 3, "dog": 3}, {"test_path": "{}/cat"}, "has 0 subfolders"),
        ({"cat": 3, "dog": 3}, {"path": "{}/none"}, "none' is not a folder"),
    ],
)
def test_folders_that_are_none(counts: dict[str, int], changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    put(tmp_path, counts)
    changes = {key: value.format(tmp_path) if isinstance(value, str) else value for key, value in changes.items()}
    with pytest.raises(UserError, match=complaint) as told:
        opened(**{"name": "folder", "path": str(tmp_path), "size": 4, **changes})
    assert "\n" not in str(told.value)


def test_a_test_folder_of_other_classes(tmp_path: Path) -> None:
    put(tmp_path / "a", {"cat": 1, "dog": 2})
    put(tmp_path / "b", {"cat": 2, "eel": 1})
    with pytest.raises(UserError, match="only one of the two folders has a subfolder 'dog'"):
        opened(name="folder", path=str(tmp_path / "a"), test_path=str(tmp_path / "b"))


NUMBERS, LABELS = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 4


@pytest.mark.parametrize(
    ("inputs", "shape"),
    [
        (NUMBERS, (3,)),
        (NUMBERS.astype(np.float32).reshape(20, 1, 3), (1, 3)),
        (np.zeros((20, 5, 6), np.uint8), (1, 5, 6)),
        (np.zeros((20, 5, 6, 3), np.uint8), (3, 5, 6)),
        (np.zeros((20, 3, 5, 6), np.uint8), (3, 5, 6)),
    ],
)
def test_an_archive_holds_images_or_numbers(inputs: np.ndarray, shape: tuple[int, ...], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", inputs=inputs, labels=LABELS)
    data = opened(name="npz", path=str(tmp_path / "a.npz"))
    assert (data.inputs.shape[1:], data.classes) == (shape, 4)
    assert data.inputs.dtype == (torch.uint8 if inputs.dtype == np.uint8 else torch.float32)
    assert torch.bincount(data.test_labels).tolist() == [1, 1, 1, 1]


def test_an_archive_may_hold_its_own_test_part(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=NUMBERS, y=LABELS, test_x=NUMBERS[:4] + 9, test_y=LABELS[:4])
    data = opened(name="npz", path=str(tmp_path / "a.npz"), inputs="x", labels="y")
    torch.testing.assert_close(data.test_inputs, torch.tensor(NUMBERS[:4] + 9).float())
    assert data.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"labels": LABELS}, "holds no array 'inputs'; it holds labels"),
        ({"inputs": NUMBERS, "labels": LABELS, "test_inputs": NUMBERS}, "holds no array 'test_labels'"),
        ({"inputs": NUMBERS, "labels": LABELS * 1.0}, "an integer for each sample is expected"),
        ({"inputs": NUMBERS, "labels": LABELS[:5]}, "an integer for each sample is expected"),
        ({"inputs": NUMBERS, "labels": LABELS - 1}, "labels beyond 0"),
        ({"inputs": NUMBERS, "labels": LABELS + 10**6}, "labels beyond 0"),
        ({"inputs": NUMBERS, "labels": LABELS * 2}, "no training sample of class 1"),
        ({"inputs": NUMBERS, "labels": LABELS * 0}, "one class; at least two"),
        ({"inputs": NUMBERS * np.nan, "labels": LABELS}, "not finite"),
        ({"inputs": NUMBERS * 1e300, "labels": LABELS}, "not finite"),
        ({"inputs": NUMBERS.astype(int), "labels": LABELS}, "accepted are images uint8"),
        ({"inputs": NUMBERS, "labels": LABELS, "test_inputs": NUMBERS[:, :2], "test_labels": LABELS}, "another shape"),
        ({"inputs": np.array([{}]), "labels": LABELS}, "no plain numbers"),
    ],
)
def test_archives_that_are_none(arrays: dict[str, np.ndarray], complaint: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=complaint) as told:
        opened(name="npz", path=str(tmp_path / "a.npz"))
    assert "\n" not in str(told.value)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.floats(0, 1), st.integers(0, 9))
def test_each_class_gives_its_share(labels: list[int], share: float, seed: int) -> None:
    every, n = torch.tensor(labels), int(share * len(labels))
    chosen = stratified(every, n, torch.Generator().manual_seed(seed))
    assert int(chosen.sum()) == n
    for label in set(labels):
        expected = n * int((every == label).sum()) / len(labels)
        assert abs(int((chosen & (every == label)).sum()) - expected) <= 1


def test_the_split_is_random_and_always_the_same() -> None:
    labels = torch.arange(1000) % 10
    chosen = fixed_split(labels, 0.3)
    assert torch.equal(chosen, fixed_split(labels, 0.3))
    assert not torch.equal(chosen, stratified(labels, 300, torch.Generator().manual_seed(0)))
    assert 100 < int(chosen[:500].sum()) < 200
