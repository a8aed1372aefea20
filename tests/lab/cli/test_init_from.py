"""`lab NAME train --init-from RUN@STEP`, of every trainer of this repository."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.cli.main import main
from lab.training import checkpoints
from lab.training.checkpoints import paths
from lab.training.run import Run

SMALL = ["n_envs=4", "agent.n_steps=32", "agent.batch_size=32"]
SHORT = {
    "supervised": ["digits", "steps=20", "checkpoint_every=10"],
    "gan": ["ring", "steps=20", "checkpoint_every=10", "evaluate_every=20", "evaluation_samples=50", "batch_size=32"],
    "rl": ["cartpole", "steps=256", "checkpoint_every=128", "evaluate_every=256", *SMALL],
}
NETWORKS = {"supervised": ["network"], "gan": ["generator", "discriminator"], "rl": ["policy"]}
OTHER = {
    "supervised": ("network.hidden=[64]", "network.body.1.weight is float32[128, 64] there and float32[64, 64] here"),
    "gan": ("generator.width=32", "generator."),
    "rl": ("agent.policy_kwargs={net_arch: [8]}", "policy."),
}


def train(root: Path, trainer: str, name: str, *more: str, sets: tuple[str, ...] = ()) -> int:
    preset, *short = SHORT[trainer]
    changes = [word for text in (*short, "keep_checkpoints=9", *sets) for word in ("--set", text)]
    return main([trainer, "train", preset, *changes, "--name", name, "--results", str(root), "--quiet", *more])


def state(root: Path, name: str, step: int) -> dict[str, Any]:
    return checkpoints.load(paths(root / "runs" / name / "checkpoints")[step]).state


@pytest.mark.parametrize("trainer", list(SHORT))
def test_every_trainer_begins_with_the_weights_of_a_run(
    trainer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, trainer, "source") == 0
    middle, end = list(paths(tmp_path / "runs" / "source" / "checkpoints"))
    for asked, step in (("source", end), (f"source@{middle}", middle)):
        assert train(tmp_path, trainer, f"tuned-{step}", "--init-from", asked, sets=("seed=7",)) == 0
        first, theirs = state(tmp_path, f"tuned-{step}", 0), state(tmp_path, "source", step)
        for name in NETWORKS[trainer]:
            assert all(torch.equal(tensor, first[name][key]) for key, tensor in theirs[name].items())
        run = Run.open(tmp_path / "runs" / f"tuned-{step}")
        assert run.config["init_from"] == {"run": "source", "step": step, "fresh": []}
    capsys.readouterr()
    change, words = OTHER[trainer]
    assert train(tmp_path, trainer, "other", "--init-from", "source", sets=(change,)) == 2
    told = capsys.readouterr().err
    assert "is of another architecture: " + words in told
    assert told.count("\n") == 1
    assert not (tmp_path / "runs" / "other").exists()


def test_a_policy_sees_as_it_was_trained_to_see(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, "rl", "source") == 0
    assert train(tmp_path, "rl", "tuned", "--init-from", "source") == 0
    first, last = state(tmp_path, "tuned", 0)["normaliser"], state(tmp_path, "source", 256)["normaliser"]
    assert first["observations"]["count"] > last["observations"]["count"] > 256  # what was seen there, and first here
    blind = ("normalise_observations=false",)
    assert train(tmp_path, "rl", "blind", "--init-from", "source", sets=blind) == 2
    assert "sees standardised observations and this one raw; accepted: normalise_observations: true" in (
        capsys.readouterr().err
    )


def test_an_average_and_the_points_of_lookahead_begin_there_too(tmp_path: Path) -> None:
    ahead = ("lookahead={every: 7}",)
    assert train(tmp_path, "gan", "source", sets=ahead) == 0
    assert train(tmp_path, "gan", "tuned", "--init-from", "source", sets=ahead) == 0
    first = state(tmp_path, "tuned", 0)
    assert all(torch.equal(first["ema"][name], tensor) for name, tensor in first["generator"].items())
    assert torch.equal(first["lookahead"][0], next(iter(first["generator"].values())))


def test_a_run_goes_on_for_longer_without_its_source(tmp_path: Path) -> None:
    assert train(tmp_path, "supervised", "source") == 0
    assert train(tmp_path, "supervised", "tuned", "--init-from", "source") == 0
    shutil.rmtree(tmp_path / "runs" / "source")
    tuned = tmp_path / "runs" / "tuned"
    (tuned / "config.yaml").write_text((tuned / "config.yaml").read_text().replace("steps: 20\n", "steps: 30\n"))
    assert main(["resume", str(tuned), "--quiet"]) == 0
    assert list(paths(tuned / "checkpoints")) == [0, 10, 20, 30]


@pytest.mark.parametrize("trainer", ["supervised", "gan"])
def test_a_sparse_run_goes_on_with_the_weights_that_the_other_had(trainer: str, tmp_path: Path) -> None:
    sets = {
        "supervised": ("techniques=[average, sparsity]", "voices.sparsity=0.8"),
        "gan": ("techniques={generator: [sparsity], discriminator: [sparsity]}",
                "voices.sparsity.generator=0.8", "voices.sparsity.discriminator=0.8"),
    }[trainer]  # fmt: skip
    assert train(tmp_path, trainer, "source", sets=sets) == 0
    assert train(tmp_path, trainer, "tuned", "--init-from", "source", sets=(*sets, "seed=7")) == 0
    first, theirs = state(tmp_path, "tuned", 0), state(tmp_path, "source", 20)
    for name in NETWORKS[trainer]:
        assert all(torch.equal(tensor, first[name][key]) for key, tensor in theirs[name].items())


def test_samples_that_are_held_out_from_one_seed_and_learned_by_another_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_out = ("validation=100", "seed=0")
    assert train(tmp_path, "supervised", "source", sets=held_out) == 0
    for name, sets, warned in (
        ("same", held_out, 0),
        ("other", ("validation=100", "seed=7"), 1),
        ("none", ("seed=7",), 0),
    ):
        capsys.readouterr()
        assert train(tmp_path, "supervised", name, "--init-from", "source", sets=sets) == 0
        told = "validation: run source at step 20 has learned from most of the 100 samples that are held out here"
        assert capsys.readouterr().err.count(told) == warned
