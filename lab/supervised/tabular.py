"""Shuttle and Letter, tables of numbers with unequal classes (UCI; Statlog, Michie et al. 1994), from published files.

Nothing is downloaded. Read are UCI's own text files, or those of R's package mlbench, which have the same rows in the
same order. Features are standardised by mean and deviation of the training part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lab.door import frames, tables
from lab.errors import UserError
from lab.supervised.datasets import Labelled

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SHUTTLE = tuple("1234567")
SHUTTLE_NAMES = ("Rad.Flow", "Fpv.Close", "Fpv.Open", "High", "Bypass", "Bpv.Close", "Bpv.Open")
LETTER_FEATURES, SHUTTLE_FEATURES = 16, 9


@dataclass(frozen=True)
class Table:
    """Features float64[n, d] with labels int64[n] in 0 … classes−1."""

    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]

    def parted(self, share: float) -> tuple[Table, Table]:
        """The first share of the rows, and the others."""
        cut = round(share * len(self.labels))
        return Table(self.features[:cut], self.labels[:cut]), Table(self.features[cut:], self.labels[cut:])


def shuttle(data_dir: Path) -> Labelled:
    """Statlog Shuttle: 9 features, 7 classes of which the first has 34,108 and the sixth 6 of 43,500 training samples.

    Looked for under ``shuttle/`` of the data directory: ``shuttle.trn`` and ``shuttle.tst`` (UCI), or ``Shuttle.rda``
    (mlbench). The split is UCI's own: 43,500 and 14,500, in mlbench's file one after the other.

    Raises:
        UserError: neither is there, or what is there is something else.
    """
    folder = data_dir / "shuttle"
    parts = [folder / "shuttle.trn", folder / "shuttle.tst"]
    if any(path.exists() for path in parts):
        train, test = (_from_text(path, SHUTTLE, SHUTTLE_FEATURES, None, label_first=False) for path in parts)
    elif (path := folder / "Shuttle.rda").exists():
        train, test = _from_frame(path, "Shuttle", SHUTTLE_NAMES, SHUTTLE_FEATURES).parted(0.75)
    else:
        raise _absent(folder, "Shuttle", "shuttle.trn (unpacked) and shuttle.tst", "Shuttle.rda")
    return standardised(train, test, len(SHUTTLE), str(folder))


def letter(data_dir: Path) -> Labelled:
    """Letter Recognition (Frey & Slate 1991): 16 features of printed capitals, 26 classes of about 770 each.

    Looked for under ``letter/`` of the data directory: ``letter-recognition.data`` (UCI), or ``LetterRecognition.rda``
    (mlbench). The split is UCI's own: the first 16,000 rows, and the last 4,000.

    Raises:
        UserError: neither is there, or what is there is something else.
    """
    folder = data_dir / "letter"
    if (path := folder / "letter-recognition.data").exists():
        table = _from_text(path, LETTERS, LETTER_FEATURES, ",", label_first=True)
    elif (path := folder / "LetterRecognition.rda").exists():
        table = _from_frame(path, "LetterRecognition", LETTERS, LETTER_FEATURES)
    else:
        raise _absent(folder, "Letter", "letter-recognition.data", "LetterRecognition.rda")
    return standardised(*table.parted(0.8), len(LETTERS), str(path))


def standardised(train: Table, test: Table, classes: int, where: str) -> Labelled:
    """Both parts, each feature less the training part's mean and divided by its deviation; float32[n, d].

    A feature that never changes becomes 0.

    Raises:
        UserError: a class has no training sample, or the test part is empty.
    """
    if empty := sorted(set(range(classes)) - set(train.labels.tolist())):
        raise UserError(f"{where}: its training part has no sample of class {empty[0]} (of 0 to {classes - 1})")
    if not len(test.labels):
        raise UserError(f"{where}: its test part is empty")
    mean, deviation = train.features.mean(axis=0), train.features.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    inputs, test_inputs = (
        torch.from_numpy(((part.features - mean) / scale).astype(np.float32)) for part in (train, test)
    )
    return Labelled(inputs, torch.from_numpy(train.labels), test_inputs, torch.from_numpy(test.labels), classes)


def _from_text(path: Path, classes: tuple[str, ...], features: int, delimiter: str | None, label_first: bool) -> Table:
    rows = tables.read_rows(path, features + 1, delimiter)
    words = [row[0 if label_first else -1] for row in rows]
    if unknown := set(words) - set(classes):
        raise UserError(f"{path}: a class is {min(unknown)[:60]!r}; {classes[0]} to {classes[-1]} are expected")
    try:
        numbers = np.array([row[1:] if label_first else row[:-1] for row in rows], np.float64)
    except ValueError as error:
        raise UserError(f"{path}: a feature is no number ({error})") from None
    places = {word: place for place, word in enumerate(classes)}
    return _checked(path, numbers, np.array([places[word] for word in words], np.int64))


def _from_frame(path: Path, name: str, classes: tuple[str, ...], features: int) -> Table:
    frame = frames.read(path, name)
    factors = list(frame.factors.values())
    if len(factors) != 1 or len(frame.numbers) != features or factors[0].levels != classes:
        raise UserError(
            f"{path}: {len(frame.numbers)} columns of numbers and {len(factors)} factors are not the {features} "
            f"features and the {len(classes)} classes of {name}"
        )
    return _checked(path, np.column_stack(list(frame.numbers.values())), factors[0].codes)


def _checked(path: Path, features: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Table:
    if not (np.abs(features) < 1e30).all():  # NaN is not either
        raise UserError(f"{path}: a feature is missing, or not finite")
    return Table(features, labels)


def _absent(folder: Path, what: str, of_uci: str, of_mlbench: str) -> UserError:
    return UserError(
        f"{folder}: {what} is not there and is not downloaded; put {of_uci} of the UCI repository, or {of_mlbench} "
        "of R's package mlbench there, or give --data-dir"
    )
