"""Runs whose workers die: started again from the last average, they end as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from few_workers import GAME

from lab.training import manifest

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]
STEPS, EVERY = 300, 10


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts `lab` with these words; whatever still runs in the end is ended."""
    mapping = {**GAME, "steps": STEPS, "log_every": 50, "evaluate_every": 200, "checkpoint_every": 200}
    mapping["voices"] = {**GAME["voices"], "sync_every": EVERY}
    (tmp_path / "few.yaml").write_text(yaml.safe_dump({**mapping, "workers": {"count": 2, "restarts": 12}}))
    begun: list[subprocess.Popen[str]] = []

    def lab(*words: str, launcher: Sequence[str] = ()) -> subprocess.Popen[str]:
        command = [sys.executable, *launcher, "-m", "lab.cli.main", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        begun.append(
            subprocess.Popen(command, env=environment, cwd=tmp_path, text=True, start_new_session=True, **pipes)
        )
        return begun[-1]

    yield lab
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


def workers_of(run: Path) -> dict[int, int]:
    """The processes that work on a run, by rank."""
    return ranks(lambda words: b"work" in words and str(run).encode() in words)


def ranks(meant: Callable[[list[bytes]], bool]) -> dict[int, int]:
    """Those whose command lines are meant, by rank."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            if meant(words):
                variables = dict(v.split(b"=", 1) for v in (place / "environ").read_bytes().split(b"\0") if b"=" in v)
                found[int(variables[b"RANK"])] = int(place.name)
        except (OSError, KeyError):  # it has just ended, or is the launcher
            continue
    return found


def averaged(run: Path) -> int:
    """The last step that is safe."""
    return max([*manifest.paths(run / "averaged"), *manifest.paths(run / "checkpoints")], default=0)


def resumed(run: Path) -> list[dict[str, int]]:
    """What the provenance says of each process that took the run up again."""
    found: list[dict[str, int]] = json.loads((run / "provenance.json").read_text()).get("resumed", [])
    return found


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    since = time.monotonic()
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - since < 120
        time.sleep(0.02)


def log(run: Path) -> tuple[str, str]:
    return (run / "metrics.jsonl").read_text(), (run / "events.jsonl").read_text()


def test_deaths_lose_no_more_than_the_work_since_the_last_average(
    start: Start, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    runs = tmp_path / "results" / "runs"
    kills = 10 if request.config.getoption("--exhaustive") else 1
    steps = STEPS * kills
    words = ("distributed", "train", "few.yaml", "--set", f"steps={steps}", "--name")
    assert (whole := start(*words, "whole")).wait(timeout=240) == 0, whole.stderr
    killed = start(*words, "killed")
    for kill in range(kills):
        wanted = min(averaged(runs / "killed") + 2 * EVERY, steps - 2 * EVERY)
        until(lambda wanted=wanted: averaged(runs / "killed") >= wanted, killed)
        until(lambda: len(workers_of(runs / "killed")) == 2, killed)
        safe = averaged(runs / "killed")
        os.kill(workers_of(runs / "killed")[(kill + 1) % 2], signal.SIGKILL)
        until(lambda kill=kill: len(resumed(runs / "killed")) > kill, killed)
        assert resumed(runs / "killed")[kill]["from_step"] >= safe
    _, errors = killed.communicate(timeout=240)
    assert killed.returncode == 0, errors
    assert "Traceback" not in errors
    assert log(runs / "killed") == log(runs / "whole")
    assert not workers_of(runs / "killed")


def test_ctrl_c_saves_and_leaves_nothing_running_and_resume_goes_on(start: Start, tmp_path: Path) -> None:
    run = tmp_path / "results" / "runs" / "cut"
    cut = start("distributed", "train", "few.yaml", "--name", "cut", "--set", "steps=100000")
    until(lambda: averaged(run) >= 2 * EVERY, cut)
    os.kill(cut.pid, signal.SIGINT)
    _, errors = cut.communicate(timeout=60)
    assert cut.returncode == 130, errors
    assert "checkpoint written; lab resume cut goes on" in errors
    assert "Traceback" not in errors
    assert not workers_of(run)
    again = start("resume", "cut")
    until(lambda: averaged(run) >= 200, again)
    os.kill(again.pid, signal.SIGKILL)  # the launcher itself
    until_gone = time.monotonic() + 20
    while workers_of(run):
        assert time.monotonic() < until_gone, "workers outlived their launcher"
        time.sleep(0.1)


def test_a_mistake_that_only_a_worker_can_see_is_one_line(start: Start, tmp_path: Path) -> None:
    words = ("--set", "data={name: npz, path: /nowhere.npz}", "--name", "wrong")
    wrong = start("distributed", "train", "few.yaml", *words)
    _, errors = wrong.communicate(timeout=120)
    assert wrong.returncode == 2
    assert len(errors.splitlines()) == 1
    assert "/nowhere.npz" in errors
    assert not (tmp_path / "results" / "runs" / "wrong").exists()


def test_under_torchrun_a_death_goes_on_with_its_own_run_and_no_other_of_that_configuration(
    start: Start, tmp_path: Path
) -> None:
    runs, few = tmp_path / "results" / "runs", str(tmp_path / "few.yaml")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2")
    words = ("distributed", "train", few, "--set", "workers.restarts=0", "--quiet")
    process = start(*words, launcher=torchrun)
    until(lambda: averaged(runs / "few-s0") >= 2 * EVERY, process)
    another = runs / "few-s0-2"  # of the same words, begun meanwhile
    shutil.copytree(runs / "few-s0", another, ignore=shutil.ignore_patterns("checkpoints", "averaged", "*.jsonl"))
    os.kill(ranks(lambda words: few.encode() in words and b"torch.distributed.run" not in words)[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert resumed(runs / "few-s0")[0]["from_step"] >= 2 * EVERY
    assert not resumed(another)
    assert sorted(path.name for path in runs.iterdir()) == ["few-s0", "few-s0-2"]
