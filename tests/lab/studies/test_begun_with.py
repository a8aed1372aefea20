"""A study whose trials begin with the trials of another: each with the one of its own offset and seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.cli.main import main
from lab.training.run import Run

BEFORE = """
hypothesis: the end of the cycle is seen in the scores
trainer: supervised
preset: digits
seeds: [4]
set:
  steps: 16
  evaluate_every: 4
  clock: {period: 8}
  network.hidden: [8]
  voices.lr: {wave: cosine, low: 1.0e-3, high: 1.0e-2}
response: {voice: lr, offsets: 3}
metric: accuracy
direction: higher
"""
AFTER = BEFORE.replace("hypothesis: the", "hypothesis: after fine-tuning too, the").replace(
    "response: {voice: lr, offsets: 3}",
    "response: {voice: lr, offsets: 3, init_from: 'before/{arm}-s{seed}'}",
)


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    (tmp_path / "before.yaml").write_text(BEFORE)
    (tmp_path / "after.yaml").write_text(AFTER)
    return tmp_path


def study(root: Path, name: str, *words: str) -> int:
    return main(["study", str(root / f"{name}.yaml"), "--results", str(root / "results"), "--jobs", "2", *words])


def test_each_trial_begins_with_its_own(studies: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert study(studies, "after", "--dry-run") == 0
    capfd.readouterr()
    assert study(studies, "after") == 2
    told = capfd.readouterr().err
    assert "arm 'offset-0': init_from: no run 'before/offset-0-s4', neither a path nor the name of one beside" in told
    assert told.count("\n") == 1
    assert not (studies / "results" / "after").exists()
    assert study(studies, "before") == 0
    assert study(studies, "after") == 0
    for arm in ("offset-0", "offset-0.3333", "offset-0.6667"):
        run = Run.open(studies / "results" / "runs" / "after" / f"{arm}-s4")
        assert Path(run.provenance["init_from"]["run"]).parts[-2:] == ("before", f"{arm}-s4")
    summary = json.loads((studies / "results" / "after" / "summary.json").read_text())
    assert summary["response"]["voice"] == "lr in the run begun with"
    assert study(studies, "after") == 0  # all of it is done already


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("response.init_from=before/offset-0-s{seed}", "is the same for every offset; accepted: a name with {arm} in"),
        ("set.init_from.step=7", "init_from.run: missing"),
    ],
)
def test_what_says_no_run_is_one_line(change: str, said: str, studies: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name = "after" if change.startswith("response") else "before"
    assert study(studies, name, "--dry-run", "--set", change) == 2
    told = capfd.readouterr().err
    assert said in told
    assert told.count("\n") == 1
