"""`lab supervised evaluate`: every predictor's scores, and what an answer of it costs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lab.cli.main import main

SHORT = [
    "steps=48", "clock={period: 12}", "voices.lr={wave: anneal, low: 0, high: 0.01}", "network.hidden=[64]",
    "techniques=[average, snapshots, swa]",
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    sets = [word for text in SHORT for word in ("--set", text)]
    assert main(["supervised", "train", "digits", *sets, "--name", "short", "--results", str(tmp_path)]) == 0
    capsys.readouterr()
    return tmp_path / "runs" / "short"


def test_samples_are_counted_of_the_tasks_that_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["steps=40", "tasks={name: split, number: 5}", "clock={period: 8}", "voices.lr=1.0e-3"]
    words = [word for text in sets for word in ("--set", text)]
    begun = ["supervised", "train", "digits", *words, "--set", "checkpoint_every=8", "--name", "short"]
    assert main([*begun, "--set", "validation=0", "--results", str(tmp_path)]) == 0
    for late in sorted((tmp_path / "runs" / "short" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(late)
    capsys.readouterr()
    assert main(["supervised", "evaluate", str(tmp_path / "runs" / "short")]) == 0
    step, _, samples = capsys.readouterr().out.splitlines()[0].partition(", ")
    assert (step, samples) == ("step 24", "221 samples")


def test_every_predictor_has_scores_and_a_cost(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logged = (run / "metrics.jsonl").read_text()
    assert main(["supervised", "evaluate", str(run), "--json"]) == 0
    rows = {row["weights"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == {"network", "average", "ensemble", "swa", "snapshots"}
    costs = {word: row.get("milliseconds_per_1000") for word, row in rows.items()}
    assert costs["snapshots"] is None  # says how its members differ, and answers nothing
    assert all(costs[word] > 0 for word in rows.keys() - {"snapshots"})
    assert costs["ensemble"] > 2 * costs["network"]  # four passes for one
    assert json.loads(logged.splitlines()[-1])["evaluation/ensemble/nll"] == rows["ensemble"]["nll"]
    assert "milliseconds" not in logged
    assert main(["supervised", "evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    assert "ms per 1000" in printed
    assert "disagreement" in printed
