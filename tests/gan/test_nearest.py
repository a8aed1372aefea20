from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan import nearest
from gan.config import GanConfig
from lab.cli.main import main
from lab.supervised import datasets

Read = Callable[..., GanConfig]


def test_copies_are_found_and_told_from_held_out_images(preset: Read, judged: Path) -> None:
    digits = datasets.load("digits", judged)
    config = preset("digits")
    copied = nearest.find(config, digits.inputs[:40, 0].numpy(), judged, k=3, shown=5)
    assert copied.distances.shape == (5, 3)
    assert (copied.distances[:, 0] == 0).all()
    np.testing.assert_array_equal(copied.images[:, 0], copied.samples)
    assert "at 0.0 of 255" in copied.sentence()
    assert "copies" in copied.sentence()
    fresh = nearest.find(config, digits.test_inputs[:40, 0].numpy(), judged, k=3, shown=5)
    assert (np.diff(fresh.distances) >= 0).all()
    gaps = fresh.samples[:, None].astype(float) - fresh.images
    np.testing.assert_allclose(fresh.distances, np.sqrt((gaps**2).mean(axis=(2, 3))))
    assert "50% of pairs" in fresh.sentence()
    assert fresh.sentence().endswith("no sign of copying")


def test_the_command_draws_them(judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ("steps=2", "device=cpu", "evaluation_samples=50", "snapshot_samples=4")
    sets = [word for change in changes for word in ("--set", change)]
    rest = ["--results", str(tmp_path), "--data-dir", str(judged)]
    assert main(["gan", "train", "digits", *sets, "--quiet", "--name", "d", *rest]) == 0
    out = str(tmp_path / "near.png")
    capsys.readouterr()
    assert main(["gan", "nearest", "d", "--samples", "30", "--n", "2", "--k", "3", "--out", out, *rest]) == 0
    assert "average weights of step 2: nearest training image at" in capsys.readouterr().out
    assert min(Image.open(out).size) > 300
    for words, complaint in (
        (["--out", "a.jpg"], "--out: 'a.jpg' does not end in .png"),
        (["--out", out, "--k", "0"], "--k: 0 is not accepted"),
        (["--out", out, "--k", "9999"], "--k: 9999 is not accepted; 1,437 images were trained on"),
    ):
        assert main(["gan", "nearest", "d", *words, *rest]) == 2
        assert complaint in capsys.readouterr().err


def test_data_without_end_cannot_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["--set", "steps=1", "--set", "device=cpu", "--set", "evaluation_samples=20"]
    assert main(["gan", "train", "ring", *sets, "--quiet", "--name", "r", "--results", str(tmp_path)]) == 0
    assert main(["gan", "nearest", "r", "--out", "n.png", "--results", str(tmp_path)]) == 2
    assert "data: 'ring' is no set of images that could be copied one by one" in capsys.readouterr().err
