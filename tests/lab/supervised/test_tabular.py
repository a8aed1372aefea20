"""Shuttle and Letter from UCI's text files and from R's: the same samples, in UCI's own parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "door"))
from rsave import saved

from lab.errors import UserError
from lab.supervised import tabular
from lab.supervised.data import DATA
from lab.supervised.datasets import Labelled

RANDOM = np.random.default_rng(0)
SHUTTLE = np.column_stack([RANDOM.integers(-50, 100, (80, 9)), np.arange(80) % 7 + 1])
LETTERS = np.column_stack([RANDOM.integers(0, 16, (130, 16)), np.arange(130) % 26])


def shuttle_texts(root: Path) -> None:
    for name, rows in (("shuttle.trn", SHUTTLE[:60]), ("shuttle.tst", SHUTTLE[60:])):
        (root / "shuttle" / name).write_text("".join(f"{' '.join(map(str, row))} \n" for row in rows.tolist()))


def shuttle_frame(root: Path) -> None:
    columns = {f"V{place}": SHUTTLE[:, place].astype(float).tolist() for place in range(9)}
    factor = (SHUTTLE[:, 9].tolist(), tabular.SHUTTLE_NAMES)
    (root / "shuttle" / "Shuttle.rda").write_bytes(saved("Shuttle", {**columns, "Class": factor}))


def letter_text(root: Path) -> None:
    lines = (f"{tabular.LETTERS[row[-1]]},{','.join(map(str, row[:-1]))}\n" for row in LETTERS.tolist())
    (root / "letter" / "letter-recognition.data").write_text("".join(lines))


def letter_frame(root: Path) -> None:
    columns = {f"x{place}": LETTERS[:, place].astype(float).tolist() for place in range(16)}
    factor = ((LETTERS[:, 16] + 1).tolist(), tabular.LETTERS)
    (root / "letter" / "LetterRecognition.rda").write_bytes(saved("LetterRecognition", {"lettr": factor, **columns}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("shuttle", "letter"):
        (tmp_path / name).mkdir()
    return tmp_path


def opened(name: str, root: Path) -> Labelled:
    return DATA.validate(name).open(root, pytest.fail)


@pytest.mark.parametrize(
    ("name", "rows", "cut", "writers"),
    [
        ("shuttle", SHUTTLE, 60, (shuttle_texts, shuttle_frame)),
        ("letter", LETTERS, 104, (letter_text, letter_frame)),
    ],
    ids=["shuttle", "letter"],
)
def test_both_forms_are_the_same_samples_in_the_published_parts(
    name: str, rows: np.ndarray, cut: int, writers: tuple[Callable[[Path], None], ...], root: Path
) -> None:
    features, labels = rows[:, :-1].astype(float), rows[:, -1] - (name == "shuttle")
    found = []
    for write in writers:
        write(root)
        found.append(opened(name, root))
        for path in (root / name).iterdir():
            path.unlink()
    for data in found:
        mean, deviation = features[:cut].mean(axis=0), features[:cut].std(axis=0)
        torch.testing.assert_close(data.inputs, torch.tensor((features[:cut] - mean) / deviation).float())
        torch.testing.assert_close(data.test_inputs, torch.tensor((features[cut:] - mean) / deviation).float())
        assert data.labels.tolist() == labels[:cut].tolist()
        assert data.test_labels.tolist() == labels[cut:].tolist()
        assert data.classes == {"shuttle": 7, "letter": 26}[name]


@pytest.mark.parametrize("name", ["shuttle", "letter"])
def test_an_absent_file_is_one_line_that_says_what_to_put_where(name: str, root: Path) -> None:
    with pytest.raises(
        UserError, match=rf"{name}: {name.title()} is not there and is not downloaded; put .* or "
    ) as told:
        opened(name, root)
    for word in {"shuttle": ("shuttle.trn", "Shuttle.rda"), "letter": ("letter-recognition.data",)}[name]:
        assert word in str(told.value)


@pytest.mark.parametrize(
    ("write", "change", "complaint"),
    [
        (letter_text, lambda text: "", "it has no rows"),
        (letter_text, lambda text: text + "A,1,2\n", "row 131 has 3 cells; 17 are expected"),
        (letter_text, lambda text: text + "A" + ",1" * 17 + "\n", "row 131 has more than 17 cells"),
        (letter_text, lambda text: text.replace("B,", "b,", 1), "a class is 'b'; A to Z are expected"),
        (letter_text, lambda text: "A,nan" + ",1" * 15 + "\n" + text, "a feature is missing, or not finite"),
        (letter_text, lambda text: "A,1e40" + ",1" * 15 + "\n" + text, "a feature is missing, or not finite"),
        (letter_text, lambda text: "A,one" + ",1" * 15 + "\n" + text, "a feature is no number"),
        (letter_text, lambda text: "".join(line for line in text.splitlines(True) if line[0] != "C"),
         "no sample of class 2"),
    ],
)  # fmt: skip
def test_what_is_not_the_data(
    write: Callable[[Path], None], change: Callable[[str], str], complaint: str, root: Path
) -> None:
    write(root)
    path = root / "letter" / "letter-recognition.data"
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=complaint) as told:
        opened("letter", root)
    assert "\n" not in str(told.value)


def test_another_frame_is_not_the_data(root: Path) -> None:
    (root / "shuttle" / "Shuttle.rda").write_bytes(saved("Shuttle", {"V1": [1.0], "Class": ([1], ["Low"])}))
    with pytest.raises(UserError, match=r"Shuttle\.rda: 1 columns of numbers and 1 factors are not the 9 features"):
        opened("shuttle", root)


def test_a_feature_that_never_changes_becomes_zero() -> None:
    part = tabular.Table(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([0, 1]))
    data = tabular.standardised(part, part, 2, "here")
    assert data.inputs.tolist() == [[-1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("shuttle", [34108, 37, 132, 6748, 2458, 6, 11], [11478, 13, 39, 2155, 809, 4, 2]), ("letter", 16000, 4000)],
)
def test_the_published_files_have_their_published_sizes(name: str, train: object, test: object) -> None:
    root = Path(os.environ.get("LAB_DATA", ".")).expanduser()
    if not (root / name).is_dir():
        pytest.skip(f"needs {name}/ in $LAB_DATA")
    data = opened(name, root)
    counts = [torch.bincount(labels).tolist() for labels in (data.labels, data.test_labels)]
    assert (counts if name == "shuttle" else [sum(each) for each in counts]) == [train, test]
