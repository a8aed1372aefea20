"""The path of a run: from the weights of its seed to its checkpoint, through the gradients of both players' losses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.config import PLAYERS
from gan.kept import begun, newest
from gan.path import path_of, weights
from gan.spectrum import Still
from gan.trainer import GanTrainer
from lab.cli.main import main
from lab.training.run import Run

SMALL = "{network: mlp, width: 3, depth: 1}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("path")
    sets = ("steps=60", "clock={period: 20}", f"generator={SMALL}", f"discriminator={SMALL}", "batch_size=32",
            "evaluate_every=60", "checkpoint_every=60", "device=cpu", "voices.r1.weight=0.5")  # fmt: skip
    words = [word for each in sets for word in ("--set", each)]
    assert main(["gan", "train", "ring", *words, "--quiet", "--results", str(place), "--name", "r"]) == 0
    return Run.open(place / "runs" / "r")


def test_the_field_at_the_end_is_both_players_gradient_there(run: Run) -> None:
    step, found = path_of(run, samples=64, alphas=np.array([0.0, 1.0]))
    assert step == 60
    trainer = newest(run)
    still = Still(trainer, 64, torch.float64)
    losses = still.losses()
    slopes = [
        torch.autograd.grad(losses[name], still.parameters[name], retain_graph=True, materialize_grads=True)
        for name in PLAYERS
    ]
    slope = np.concatenate([each.numpy().ravel() for part in slopes for each in part])
    line = weights(trainer) - weights(begun(run))
    assert found.norm[1] == pytest.approx(np.linalg.norm(slope))
    assert found.angle[1] == pytest.approx(slope @ line / np.linalg.norm(slope) / np.linalg.norm(line))


def test_the_command_draws_it_and_answers_in_numbers(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert main(["gan", "path", str(run.path), "--out", str(tmp_path / "p.png"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["alpha"]) == len(found["angle"]) == len(found["norm"]) == 81
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_only_pngs_are_drawn(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["gan", "path", str(run.path), "--out", str(tmp_path / "p.jpg")]) == 2
    assert "expected a file name that ends in .png" in capsys.readouterr().err


def test_the_field_is_one_function_though_penalties_draw(make: Callable[..., GanTrainer]) -> None:
    still = Still(make("ring", "voices.gp.weight=5", f"discriminator={SMALL}"), 64, torch.float64)
    first, second = (still.losses()["discriminator"] for _ in range(2))
    assert first == second


def test_weights_that_never_moved_have_no_path(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    sets = ("steps=20", "checkpoint_every=20", "voices.lr.generator=0", "voices.lr.discriminator=0")
    words = [word for each in sets for word in ("--set", each)]
    assert main(["gan", "train", "ring", *words, "--quiet", "--results", str(tmp_path), "--name", "r"]) == 0
    assert main(["gan", "path", "r", "--results", str(tmp_path), "--out", str(tmp_path / "p.png")]) == 2
    assert "its weights at step 20 are those it began with" in capsys.readouterr().err


def test_a_convolutional_run_has_a_path_too(tmp_path: Path) -> None:
    sets = ("steps=2", "generator.width=4", "discriminator.width=4", "batch_size=8", "evaluation_samples=20",
            "evaluate_every=2", "checkpoint_every=2", "device=cpu", "clock={period: 2}")  # fmt: skip
    words = [word for each in sets for word in ("--set", each)]
    assert main(["gan", "train", "digits", *words, "--quiet", "--results", str(tmp_path), "--name", "d"]) == 0
    step, found = path_of(Run.open(tmp_path / "runs" / "d"), samples=16, alphas=np.array([0.0, 1.0]))
    assert step == 2
    assert np.isfinite(found.norm).all()
