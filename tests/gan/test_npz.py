from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan.config import GanConfig
from gan.data.npz import NpzData
from gan.data.source import to_bytes
from gan.trainer import GanTrainer
from lab.cli.main import main
from lab.errors import UserError
from lab.training.config import as_mapping, resolve

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)


def stored(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def opened(path: Path, key: str = "images") -> tuple[torch.Tensor, list[str]]:
    """All samples of an array, in the order of their first value, and the warnings."""
    said: list[str] = []
    data = NpzData(path=str(path), key=key)
    random = torch.Generator().manual_seed(0)
    samples = data.open(path.parent, said.append).source(CPU, random, random).batch(5)
    assert samples.shape == (5, *data.shape)
    assert samples.dtype == torch.float32
    return samples[samples.flatten(1)[:, 0].argsort()], said


def images(*shape: int) -> np.ndarray:
    array = RANDOM.integers(0, 256, (5, *shape), np.uint8)
    array.reshape(5, -1)[:, 0] = range(5)
    return array


@pytest.mark.parametrize("color", [1, 3])
def test_every_layout_of_images_means_the_same(tmp_path: Path, color: int) -> None:
    array = images(color, 8, 12)
    first, last = (
        stored(tmp_path / "a.npz", images=array),
        stored(tmp_path / "b.npz", images=array.transpose(0, 2, 3, 1)),
    )
    paths = [first, last, *([stored(tmp_path / "c.npz", images=array[:, 0])] if color == 1 else [])]
    for path in paths:
        samples, said = opened(path)
        np.testing.assert_array_equal(to_bytes(samples).numpy(), array)
        assert not said


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f8"])
def test_points_of_any_precision(tmp_path: Path, dtype: str) -> None:
    points = np.sort(RANDOM.normal(size=(5, 2)), axis=0).astype(dtype)
    samples, said = opened(stored(tmp_path / "a.npz", points=points, other=np.array([None])), "points")
    np.testing.assert_allclose(samples.numpy(), points.astype(np.float32))
    assert not said


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.zeros((5, 2), int), r"holds 'images' as int64\[5, 2\]; accepted are uint8\[n, h, w\].*or points float"),
        (np.zeros((5, 3)), r"float64\[5, 3\]; accepted"),
        (np.zeros((5, 8, 8)), r"float64\[5, 8, 8\]; accepted"),
        (np.zeros((5, 8, 8, 2), np.uint8), r"uint8\[5, 8, 8, 2\]; accepted"),
        (np.zeros(5, np.uint8), r"uint8\[5\]; accepted"),
        (np.array(["word"]), "no plain numbers"),
        (np.array([None]), "no plain numbers"),
        (np.zeros((2, 1025, 4), np.uint8), r"samples of shape \[1, 1025, 4\]; accepted are sides of 4 to 1024"),
        (np.zeros((2, 1, 16), np.uint8), r"samples of shape \[1, 1, 16\]; accepted are sides of 4 to 1024"),
        (np.zeros((2, 0, 4), np.uint8), r"samples of shape \[1, 0, 4\]"),
        (np.zeros((1, 8, 8), np.uint8), r"has 1 samples of shape \[1, 8, 8\]; at least two"),
        (np.zeros((0, 2)), r"has 0 samples of shape \[2\]; at least two"),
        (np.full((5, 2), np.nan), "points that are not finite"),
        (np.full((5, 2), 1e300), "points that are not finite"),
    ],
)
def test_an_array_that_is_neither_is_one_line(tmp_path: Path, array: np.ndarray, complaint: str) -> None:
    path = stored(tmp_path / "a.npz", images=array)
    with pytest.raises(ValueError, match=complaint) as caught:
        NpzData(path=str(path)).open(tmp_path, print)
    assert "\n" not in str(caught.value).partition(" [type=")[0].strip().removeprefix(
        "1 validation error for NpzData\n"
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("{name: npz, path: none.npz}", r"none\.npz: cannot be read: No such file"),
        ("{name: npz, path: junk.npz}", r"junk\.npz: is no archive of plain arrays \(File is not a zip file\)"),
        ("{name: npz, path: ., key: x}", r"cannot be read: Is a directory"),
        ("{name: npz, path: a.npz, key: nope}", r"'a\.npz' holds no array 'nope'; it holds images, a\\nb"),
        ("{name: npz}", r"data\.path: missing"),
        ("{name: npz, path: a.npz, key: 3}", r"data\.key: 3 is not accepted"),
        (
            "{name: npz, path: a.npz, sample: [3, 4]}",
            r"\[3, 4\] is not accepted; \[2\] or \[1 or 3, height, width\] with sides of at least 4 is",
        ),
        ("{name: npz, path: a.npz, sample: word}", r"data\.sample: .*word.* is not accepted"),
    ],
)
def test_mistakes_in_a_configuration_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: Callable[..., GanConfig], change: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "a.npz", images=images(8, 8), **{"a\nb": np.zeros(3)})
    (tmp_path / "junk.npz").write_bytes(b"junk")
    with pytest.raises(UserError, match=complaint) as caught:
        preset("digits", f"data={change}")
    assert "\n" not in str(caught.value)


def test_the_configuration_remembers_the_shape_and_holds_the_file_to_it(
    tmp_path: Path, preset: Callable[..., GanConfig]
) -> None:
    path = stored(tmp_path / "a.npz", images=images(8, 8, 3))
    config = preset("digits", f"data={{name: npz, path: {path}}}")
    assert config.data.shape == (3, 8, 8)
    path.unlink()
    assert resolve(GanConfig, as_mapping(config)) == config
    stored(path, images=images(16, 16, 3))
    with pytest.raises(UserError, match=r"5 samples of shape \[3, 16, 16\]; at least two of shape \[3, 8, 8\]"):
        config.data.open(tmp_path, print)


def test_images_train_and_are_scored(tmp_path: Path, make: Callable[..., GanTrainer]) -> None:
    path = stored(tmp_path / "a.npz", images=images(8, 8, 3))
    sets = (f"data={{name: npz, path: {path}}}", "batch_size=4", "evaluation_samples=20", "snapshot_samples=4")
    trainer = make("digits", *sets, "generator.width=4", "discriminator.width=4")
    trainer.advance(2)
    names = ("frechet", "frechet_pixels", "spread")
    assert trainer.evaluate().keys() == {f"evaluation/{place}{name}" for place in ("", "ema/") for name in names}


@pytest.mark.slow
def test_points_without_a_score_go_through_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_RESULTS", str(tmp_path))
    path = stored(tmp_path / "a.npz", points=RANDOM.normal(size=(50, 2)))
    changes = ["steps=8", "log_every=2", "evaluate_every=4", "checkpoint_every=4", "snapshot_every=8", "batch_size=8",
               "snapshot_samples=9", "evaluation_samples=20", "clock={period: 4}", "device=cpu"]  # fmt: skip
    changes.append(f"data={{name: npz, path: {path}, key: points}}")
    assert main(["gan", "train", "ring", "--name", "p", *(w for c in changes for w in ("--set", c))]) == 0
    assert main(["gan", "evaluate", "p", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]).keys() == {"step", "weights", "samples"}
    assert main(["gan", "evaluate", "p"]) == 0
    assert "no score" in capsys.readouterr().out
    assert main(["plot", "p"]) == 0
    assert main(["report", "p"]) == 0
    assert main(["runs"]) == 0
    figures = {figure.stem for figure in (tmp_path / "runs" / "p" / "figures").glob("*.png")}
    assert "samples" in figures
    assert "scores" not in figures
    assert "It has no scores yet" not in (tmp_path / "runs" / "p" / "report.html").read_text()
    path.unlink()
    assert main(["gan", "sample", "p", "--n", "5", "--out", str(tmp_path / "x.npz")]) == 0
    capsys.readouterr()
    assert main(["gan", "evaluate", "p"]) == 2
    assert "a.npz: cannot be read: No such file" in capsys.readouterr().err
