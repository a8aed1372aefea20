"""`lab NAME train`, as a user types it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Lab = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.slow
def test_a_preset_trains_and_says_where_its_results_are(lab: Lab, forked_lab: Lab, tmp_path: Path) -> None:
    done = lab("toy", "train", "line", "--set", "steps=60", "--set", "voices.lr.net.offset=0.25", "--threads", "1")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "results" / "runs" / "line-s0"
    assert "line-s0: step 0/200" not in done.stderr
    assert "line-s0: step 60/60 (100%)" in done.stderr
    assert "error " in done.stdout
    assert f"results: {run}" in done.stdout
    assert "lab report line-s0" in done.stdout
    assert "offset: 0.25" in (run / "config.yaml").read_text()
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["threads"] == 1
    assert provenance["command"].endswith("toy train line --set steps=60 --set voices.lr.net.offset=0.25 --threads 1")

    again = forked_lab("toy", "train", str(run / "config.yaml"), "--name", "again", "--results", "elsewhere", "--quiet")
    assert again.returncode == 0
    assert again.stderr == ""
    twin = tmp_path / "elsewhere" / "runs" / "again"
    assert (twin / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    assert "lab report elsewhere/runs/again" in again.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lien"], "'lien' is neither a preset of toy nor a file; did you mean 'line'? (presets: line)"),
        (["line", "--set", "stepz=1"], "line.yaml: stepz: unknown key; did you mean 'steps'?"),
        (["line", "--set", "network.gain=.nan"], "network.gain: NaN is not accepted; input should be a finite number"),
        (["line", "--set", "steps=true"], "steps: true is not accepted; input should be a valid integer"),
        (["line", "--set", "voices.lr.net.wave=cosin"], "voices.lr.net.wave:"),
        (["line", "--set", "clock.period=0"], "clock.period"),
        (["line", "--set", "clock"], "--set 'clock': expected KEY=VALUE"),
        (["line", "--threads", "0"], "threads: 0 is not accepted"),
        (["line", "--name", "a/b"], "--name 'a/b'"),
        (["twice.yaml"], "twice.yaml: line 2: the key 'steps' stands twice"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(lab: Lab, tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "twice.yaml").write_text("steps: 1\nsteps: 2\n")
    done = lab("toy", "train", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.startswith("lab: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_a_nan_is_exit_status_1(lab: Lab) -> None:
    done = lab("toy", "train", "line", "--set", "break_at=30", "--quiet")
    assert done.returncode == 1
    assert done.stderr.startswith("lab: loss/net was not finite at step 30; there is no checkpoint yet")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(lab: Lab, tmp_path: Path, signum: int, status: int) -> None:
    words = ["toy", "train", "line", "--set", "steps=1000000", "--name", "long"]
    command = [sys.executable, "-m", "lab.cli.main", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=lab.env, cwd=tmp_path)  # type: ignore[attr-defined]
    assert process.stderr
    assert "step 0/1000000" in process.stderr.readline()
    process.send_signal(signum)
    said = process.stderr.read().splitlines()[-1]
    assert process.wait() == status
    assert said.startswith("lab: stopped at step ")
    assert said.endswith("lab resume long goes on")
    assert os.listdir(tmp_path / "results" / "runs" / "long" / "checkpoints")


def test_its_other_commands(lab: Lab) -> None:
    assert lab("toy", "greet").stdout == "hello\n"
    assert "presets: line" in lab("toy", "train", "--help").stdout
