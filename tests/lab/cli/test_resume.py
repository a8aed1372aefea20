"""`lab resume RUN`, as a user types it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Lab = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_finished_run_says_so(forked_lab: Lab) -> None:
    forked_lab("toy", "train", "line", "--quiet")
    done = forked_lab("resume", "line-s0")
    assert done.returncode == 0
    assert "run line-s0 is finished already, at step 200; nothing to do" in done.stdout


def test_a_run_without_its_last_checkpoints_goes_on_with_a_warning(forked_lab: Lab, tmp_path: Path) -> None:
    forked_lab("toy", "train", "line", "--quiet", "--threads", "2", "--data-dir", "d")
    run = tmp_path / "results" / "runs" / "line-s0"
    metrics = (run / "metrics.jsonl").read_bytes()
    (run / "checkpoints" / "000000200" / "state.json").write_text("{}")
    done = forked_lab("resume", str(run), "--quiet")
    assert done.returncode == 0
    assert done.stderr == (
        "lab: warning: checkpoint 000000200 is not used (state.json is not as it was written); that of step 160 is\n"
    )
    assert "run line-s0: 40 steps in" in done.stdout
    assert (run / "metrics.jsonl").read_bytes() == metrics
    (resumed,) = json.loads((run / "provenance.json").read_text())["resumed"]
    assert (resumed["threads"], resumed["data_dir"]) == (2, str(tmp_path / "d"))


def test_mistakes(forked_lab: Lab, tmp_path: Path) -> None:
    done = forked_lab("resume", "nothing")
    assert done.returncode == 2
    assert done.stderr.startswith("lab: no run 'nothing', neither a path nor a name under ")
    forked_lab("toy", "train", "line", "--quiet")
    config = tmp_path / "results" / "runs" / "line-s0" / "config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 1"))
    done = forked_lab("resume", "line-s0")
    assert done.returncode == 2
    assert "config.yaml was changed since the checkpoint of step 200 (seed: 0 → 1); restore it" in done.stderr
    assert done.stderr.count("\n") == 1
