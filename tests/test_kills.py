"""Kills at random instants in each trainer, and endings that are bit-identical to a run that was never killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forked import Forker

LAB = [sys.executable, "-m", "lab.cli.main"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
TRAININGS = {
    "gan": "ring steps=300 log_every=10 evaluate_every=30 checkpoint_every=20 snapshot_every=75",
    "rl": "mountain-car steps=9216 n_steps=32 log_every=512 evaluate_every=2048 checkpoint_every=512 "
    "max_episode_steps=100 axes.power.easy=8 curriculum.window=8",
    "rl sac": 'pendulum steps=1600 agent={"agent":"sac","hidden":[16],"buffer_size":900,"batch_size":32} '
    "n_envs=2 log_every=100 evaluate_every=400 checkpoint_every=100",
    "rl dqn": 'cartpole steps=6000 agent={"agent":"dqn","hidden":[16],"buffer_size":3000,"learning_starts":50} '
    'voices={"learning_rate":1e-3} n_envs=2 log_every=400 evaluate_every=2000 checkpoint_every=400',
    "supervised replay": 'split-mnist data={"name":"digits"} network.hidden=[32] steps=2000 clock.period=100 '
    'techniques=[{"name":"rehearsal","buffer_size":100}] log_every=100 evaluate_every=200 checkpoint_every=100',
    "supervised sparse": 'digits network={"network":"mlp","hidden":[64]} steps=2000 clock.period=100 validation=0 '
    'techniques=["average","snapshots",{"name":"sparsity","drop_at":"crest","grow_at":"crest","of":"lr"}] '
    'voices={"lr":{"wave":"cosine","low":0,"high":0.01},"sparsity":0.8,"sparsity.drop_fraction":0.3} '
    "log_every=100 evaluate_every=500 checkpoint_every=100",
}
"""A preset and what is set: some seconds, fifteen checkpoints or more; replay buffers that are written over, a
difficulty that rises half of the way, kills in the middle of cycles that replay, regrow and keep snapshots."""


def words(trainer: str, results: Path, name: str) -> list[str]:
    preset, *changes = TRAININGS[trainer].split()
    sets = [word for change in changes for word in ("--set", change)]
    return [
        trainer.split()[0],
        "train",
        preset,
        *sets,
        "--results",
        str(results),
        "--name",
        name,
        "--threads",
        "1",
        "--quiet",
    ]


def ending(run: Path) -> dict[str, bytes]:
    """Every byte that a user would compare: the last checkpoint, the logs of metrics and events."""
    last = max((run / "checkpoints").iterdir())
    files = [*sorted(last.iterdir()), run / "metrics.jsonl"]
    return {
        f"{file.parent.name}/{file.name}" if file.parent == last else file.name: file.read_bytes() for file in files
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("trainer", TRAININGS)
def test_killed_runs_end_identically(trainer: str, tmp_path: Path, forker: Forker, pytestconfig: pytest.Config) -> None:
    """Ten kills with ``--exhaustive``; otherwise three."""
    exhaustive = pytestconfig.getoption("--exhaustive")
    kills = 10 if exhaustive else 3
    rng = random.Random(20_26)
    began = time.monotonic()
    assert forker.start(words(trainer, tmp_path, "whole")).wait() == 0
    training_time = time.monotonic() - began
    expected = ending(tmp_path / "runs" / "whole")
    if exhaustive:
        subprocess.run([*LAB, *words(trainer, tmp_path, "alone")], check=True, env=ENVIRONMENT)
        assert ending(tmp_path / "runs" / "alone") == expected, "a forked process trains otherwise than one of its own"

    survived = 0
    for kill in range(kills):
        run = tmp_path / "runs" / f"killed-{kill}"
        victim = forker.start(words(trainer, tmp_path, run.name))
        while not run.exists():
            assert victim.poll() is None
            time.sleep(0.005)
        began = time.monotonic()
        instant = began + rng.uniform(0.0, training_time)
        while victim.poll() is None and time.monotonic() < instant:
            time.sleep(0.005)
        if victim.poll() is None:
            victim.kill()
        elif victim.poll() == 0:
            survived += 1
            training_time = min(training_time, time.monotonic() - began)  # the machine has become faster
        assert victim.wait() in (0, -signal.SIGKILL)
        assert forker.start(["resume", str(run), "--quiet"]).wait() == 0
        found = ending(run)
        assert found.keys() == expected.keys()
        different = [file for file in expected if found[file] != expected[file]]
        assert not different, f"kill {kill}: {different} differ from the run that was never killed"
    assert survived <= kills // 3, "most kills came after the end: the instants do not cover the training"
