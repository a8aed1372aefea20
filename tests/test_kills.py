"""Ten kills at random instants in each trainer, ten endings that are bit-identical to a run that was never killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAB = [sys.executable, "-m", "lab.cli.main"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
TRAININGS = {
    "gan": ["gan", "train", "ring", "--set", "steps=900", "--set", "log_every=10", "--set", "evaluate_every=90"],
    "rl": ["rl", "train", "mountain-car", "--set", "steps=36864", "--set", "evaluate_every=8192"],
}
CHECKPOINTS = {"gan": "checkpoint_every=60", "rl": "checkpoint_every=2048"}


def command(trainer: str, results: Path, name: str) -> list[str]:
    arguments = [*LAB, *TRAININGS[trainer], "--set", CHECKPOINTS[trainer]]
    return [*arguments, "--results", str(results), "--name", name, "--threads", "1", "--quiet"]


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
def test_ten_kills_ten_identical_endings(trainer: str, tmp_path: Path) -> None:
    rng = random.Random(20_26)
    started = time.monotonic()
    subprocess.run(command(trainer, tmp_path, "whole"), check=True, env=ENVIRONMENT)
    whole = tmp_path / "runs" / "whole"
    expected = ending(whole)
    training_time = time.monotonic() - started - start_up_time()

    survived = []
    for kill in range(10):
        name = f"killed-{kill}"
        process = subprocess.Popen(command(trainer, tmp_path, name), env=ENVIRONMENT, start_new_session=True)
        run = tmp_path / "runs" / name
        while not run.exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, training_time))
        os.killpg(process.pid, signal.SIGKILL)
        survived.append(process.wait() == 0)
        subprocess.run([*LAB, "resume", str(run), "--quiet"], check=True, env=ENVIRONMENT)
        found = ending(run)
        assert found.keys() == expected.keys()
        different = [file for file in expected if found[file] != expected[file]]
        assert not different, f"kill {kill}: {different} differ from the run that was never killed"
    assert sum(survived) <= 3, "most kills came after the end: the instants do not cover the training"


def start_up_time() -> float:
    """Seconds that a process needs before it trains, mostly the import of torch."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch, stable_baselines3"], check=True, env=ENVIRONMENT)
    return time.monotonic() - started
