"""A study that is killed leaves no process behind, and goes on to the end it would have had."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.cli.main import main
from lab.errors import RunError
from lab.training.run import Run

pytestmark = pytest.mark.slow
DEADLINE = 120.0
LONG = {"steps": 8_000, "log_every": 100, "evaluate_every": 100, "checkpoint_every": 1_000}
"""Trials of a second or two, with checkpoints on the way."""


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def words(study_file):
    """What comes after ``lab`` for the study in a directory of results."""

    def words_for(results: Path, *more: str) -> list[str]:
        sets = ["seeds=1", *(f"set.{key}={n}" for key, n in LONG.items())]
        return [
            "study",
            str(study_file),
            "--results",
            str(results),
            "--jobs",
            "2",
            *(f"--set={s}" for s in sets),
            *more,
        ]

    return words_for


@pytest.fixture
def start(tiny_package, words):
    """Starts ``lab study`` as a process of its own; whatever is left of it at the end is killed."""
    started = []

    def run(results: Path, *more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.cli.main", *words(results, *more)],
            env={**os.environ, "PYTHONPATH": f"{tiny_package}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def begun(results: Path) -> list[Path]:
    """Run directories with a checkpoint."""
    return [path.parents[2] for path in results.glob("runs/descent/*/checkpoints/*/manifest.json")]


def rows_logged(results: Path) -> int:
    """By all trials so far."""
    return sum(log.read_bytes().count(b"\n") for log in results.glob("runs/descent/*/metrics.jsonl"))


def is_free(path: Path) -> bool:
    try:
        with Run.open(path).lock():
            return True
    except RunError:
        return False


def wait_for_trials(process: subprocess.Popen[str], results: Path) -> None:
    def has_two() -> bool:
        assert process.poll() is None, process.communicate()
        return len(set(begun(results))) >= 2

    wait_until(has_two, "two trials under way")


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("engine", [(), ("--engine", "stacked")], ids=["local", "stacked"])
def test_killed_and_started_again_it_ends_as_if_it_had_not_been(start, words, tmp_path, engine, pytestconfig):
    if engine and not pytestconfig.getoption("--exhaustive"):
        pytest.skip("as the local engine does: pass --exhaustive")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(words(whole)) == 0
    process = start(cut, *engine)
    wait_for_trials(process, cut)
    process.kill()
    running = set(begun(cut))
    wait_until(lambda: all(is_free(path) for path in running), "the trials of the killed study to end")
    assert not (cut / "descent" / "summary.json").exists()
    assert main(words(cut, *engine)) == 0
    for name in ("trials.csv", "summary.json"):
        assert (cut / "descent" / name).read_bytes() == (whole / "descent" / name).read_bytes()
    for log in whole.glob("runs/descent/*/metrics.jsonl"):
        assert (cut / log.relative_to(whole)).read_bytes() == log.read_bytes()


@pytest.mark.usefixtures("tiny")
def test_killed_at_five_random_instants_it_ends_as_if_it_had_not_been(forker, tiny_package, words, tmp_path):
    env = {**os.environ, "PYTHONPATH": f"{tiny_package}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    whole, cut, more = tmp_path / "whole", tmp_path / "cut", ("--set", "seeds=3")
    assert forker.start(words(whole, *more), env).wait() == 0
    rows, rng, cut_short = rows_logged(whole), random.Random(2026), 0
    for _ in range(5):
        # By what was trained: no clock tells how fast the machine will be. At most 5/7 of all in five calls.
        enough, later = rows_logged(cut) + rng.randrange(rows // 7), rng.uniform(0, 0.1)
        process = forker.start(words(cut, *more), env)
        while process.poll() is None and rows_logged(cut) < enough:
            time.sleep(0.005)
        instant = time.monotonic() + later
        while process.poll() is None and time.monotonic() < instant:
            time.sleep(0.005)
        if process.poll() is None:
            cut_short += 1
            process.kill()
        assert process.wait() in (0, -signal.SIGKILL)
    assert cut_short >= 3, "most kills came after the end"
    assert main(words(cut, *more)) == 0
    for name in ("trials.csv", "summary.json"):
        assert (cut / "descent" / name).read_bytes() == (whole / "descent" / name).read_bytes()


def test_no_second_process_runs_a_study_and_ctrl_c_saves_every_trial(start, tmp_path):
    long = ("--set", "set.steps=1000000")
    process = start(tmp_path, *long)
    wait_for_trials(process, tmp_path)
    second = start(tmp_path, *long)
    _, refused = second.communicate(timeout=DEADLINE)
    assert second.returncode == 1
    assert f"pid {process.pid}" in refused
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    _, shown = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "the same command goes on" in shown
    assert "Traceback" not in shown
    assert "failed" not in shown
    assert all(is_free(path) for path in begun(tmp_path))
    assert any('"interrupted"' in (path / "events.jsonl").read_text() for path in begun(tmp_path))
