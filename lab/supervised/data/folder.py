"""Images in folders, one subfolder a class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from lab.errors import UserError
from lab.supervised.data.part import DataPart
from lab.supervised.datasets import Labelled
from lab.supervised.images import read
from lab.supervised.splits import fixed_split

MOST_CLASSES = 10_000


class FolderData(DataPart):
    """Every image under a folder's subfolders, in the order of their names, cropped to a centred square and resized.

    Where no folder holds the test part, a share of each class is held out, drawn by a fixed seed, the same in every
    run.
    """

    name: Literal["folder"] = "folder"
    path: str = Field(min_length=1, description="the folder; each of its subfolders holds one class")
    test_path: str = Field("", description="a folder with the same subfolders, of the test part")
    test_share: float = Field(0.2, gt=0, lt=1, description="share of each class that is the test part otherwise")
    size: int = Field(32, ge=4, le=256, description="height and width after resizing, in pixels")
    channels: Literal[1, 3] = Field(3, description="3 for colour, 1 for grey")

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """Read all images; a warning for each class names the broken files that are left out.

        Raises:
            UserError: a folder is absent, has fewer than two subfolders, or one that holds no readable image.
        """
        folder = Path(self.path).expanduser()
        classes = subfolders(folder)
        if self.test_path:
            test_folder = Path(self.test_path).expanduser()
            if (found := subfolders(test_folder, "data.test_path")) != classes:
                differing = min(set(found) ^ set(classes))
                raise UserError(f"data.test_path: only one of the two folders has a subfolder {differing[:60]!r}")
            inputs, labels = self._read(folder, classes, 1, warn)
            test_inputs, test_labels = self._read(test_folder, classes, 1, warn)
        else:
            all_inputs, all_labels = self._read(folder, classes, 2, warn)
            test = fixed_split(all_labels, self.test_share)
            inputs, labels, test_inputs, test_labels = (
                all_inputs[~test],
                all_labels[~test],
                all_inputs[test],
                all_labels[test],
            )
            if not len(test_labels):
                raise UserError(f"data.test_share: {self.test_share:g} of each class leaves no test image")
            if empty := sorted(set(range(len(classes))) - set(labels.tolist())):
                raise UserError(
                    f"data.test_share: {self.test_share:g} leaves no training image of {classes[empty[0]][:60]!r}"
                )
        return Labelled(inputs, labels, test_inputs, test_labels, len(classes))

    def _read(self, folder: Path, classes: list[str], least: int, warn: Callable[[str], None]) -> tuple[Tensor, Tensor]:
        """Images uint8[n, channels, size, size] and labels int64[n]."""
        parts = []
        for name in classes:
            found = read(folder / name, self.size, self.channels, least)
            if found.broken:
                warn(found.told(str(folder / name)))
            parts.append(found.images)
        counts = torch.tensor([len(part) for part in parts])
        return torch.cat(parts), torch.arange(len(parts)).repeat_interleave(counts)


def subfolders(folder: Path, field: str = "data.path") -> list[str]:
    """The names of a folder's subfolders in order, hidden ones left out.

    Raises:
        UserError: it is none, or has fewer than two of them, or very many.
    """
    if not folder.is_dir():
        raise UserError(f"{field}: {str(folder)!r} is not a folder")
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not 2 <= len(found) <= MOST_CLASSES:
        wanted = f"2 to {MOST_CLASSES:,}, one a class, are needed"
        raise UserError(f"{field}: {str(folder)!r} has {len(found):,} subfolders; {wanted}")
    return found
