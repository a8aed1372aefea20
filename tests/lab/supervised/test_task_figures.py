"""Tasks × steps as pictures: what is in them, and what is told where a study has nothing to draw."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from synthetic import write_run, write_study

from lab.cli.main import main
from lab.reports.runs import arms, read_run
from lab.studies.model import Study
from lab.studies.result import TrialResult
from lab.studies.summary import summarise
from lab.supervised.figures import draw
from lab.supervised.task_figures import accuracies, tasks_figure

OFFSETS = 4


def task_run(path: Path, offset: float = 0.0, seed: int = 0, tasks: int = 3) -> Path:
    """A run of 300 steps whose tasks fade once they have been learned."""
    config = {
        "seed": seed,
        "steps": 300,
        "clock": {"period": 40},
        "voices": {
            "lr": {"wave": "cosine", "low": 0.0, "high": 1e-3},
            "rehearsal.share": {"wave": "pulse", "low": 0.0, "high": 0.8, "offset": offset},
        },
    }
    rows = []
    for step in range(20, 301, 20):
        seen = -(-step * tasks // 300)
        own = {f"evaluation/task/{k}/accuracy": 1.0 / (seen - k) for k in range(seen)}
        rows.append({"step": step, "evaluation/accuracy": 0.5, "evaluation/average_accuracy": 0.5, **own})
    return write_run(path, "supervised", config, rows)


def response_study(results: Path, run_arms: Sequence[str] = ("offset-0", "offset-0.50")) -> Path:
    """A finished phase-response study; the best offset is 0, the worst 0.5."""
    study = Study.model_validate(
        {
            "name": "rehearsal", "title": "Rehearsal around the cycle", "hypothesis": "It matters when.",
            "trainer": "supervised", "preset": "split-mnist", "seeds": [0, 1, 2],
            "response": {"voice": "rehearsal.share", "offsets": OFFSETS},
            "metric": "average_accuracy", "direction": "higher",
        }
    )  # fmt: skip
    trials = [
        TrialResult(arm, seed, "finished", scores={"average_accuracy": 0.5 + 0.1 * np.cos(turn) + 0.01 * seed})
        for arm, turn in zip(study.arms, np.linspace(0, 2 * np.pi, OFFSETS, endpoint=False), strict=True)
        for seed in study.seeds
    ]
    path = results / "rehearsal"
    path.mkdir(parents=True)
    (path / "summary.json").write_text(json.dumps(summarise(study, trials).to_json()))
    for arm in run_arms:
        for seed in study.seeds:
            task_run(results / "runs" / "rehearsal" / f"{arm}-s{seed}", float(arm.split("-")[1]), seed)
    return path


def test_a_run_with_tasks_has_a_matrix_above_its_gate(tmp_path: Path) -> None:
    (arm,) = arms([read_run(task_run(tmp_path / "one", offset=0.5))])
    table = accuracies(arm)
    assert table is not None
    assert table.levels.tolist() == [0, 1, 2]
    assert np.isnan(table.values[1, table.steps <= 100]).all()
    assert table.values[:, -1].tolist() == pytest.approx([1 / 3, 1 / 2, 1])
    matrix, _, gate, *_ = tasks_figure([(arm, table)], "one").axes
    assert matrix.get_ylim() == (3.5, 0.5), "the first task is on top"
    heights = gate.collections[0].get_paths()[0].vertices
    assert heights[:, 1].max() == pytest.approx(0.8)


def test_every_figure_of_a_run_with_tasks_is_drawn(tmp_path: Path) -> None:
    run = task_run(tmp_path / "one")
    assert [saved.path.stem for saved in draw([run], tmp_path / "out")] == ["dynamics", "scores", "tasks"]
    config: dict[str, Any] = {"seed": 0, "steps": 20, "clock": {"period": 10}, "voices": {"lr": 1e-3}}
    plain = write_run(tmp_path / "two", "supervised", config, [{"step": 20, "evaluation/accuracy": 0.5}])
    assert [saved.path.stem for saved in draw([plain], tmp_path / "out")] == ["dynamics", "scores"]


def test_the_command_draws_the_curve_beside_best_and_worst(tmp_path: Path, capsys: Any) -> None:
    path = response_study(tmp_path)
    assert main(["supervised", "rehearsal", "rehearsal", "--results", str(tmp_path)]) == 0
    picture = path / "figures" / "rehearsal.png"
    assert capsys.readouterr().out.strip() == str(picture)
    assert picture.stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arms", "told"),
    [((), "no run of 'offset-0' beside it that learned tasks"), (("offset-0",), "no run of 'offset-0.50' beside it")],
)
def test_a_study_whose_runs_are_gone_is_told_so(tmp_path: Path, capsys: Any, arms: Sequence[str], told: str) -> None:
    response_study(tmp_path, arms)
    assert main(["supervised", "rehearsal", "rehearsal", "--results", str(tmp_path)]) == 2
    assert told in capsys.readouterr().err


def test_a_study_without_a_response_is_told_what_would_have_one(tmp_path: Path, capsys: Any) -> None:
    write_study(tmp_path, {"plain": 0.5}, seeds=2)
    assert main(["supervised", "rehearsal", "ring", "--results", str(tmp_path)]) == 2
    assert (
        "it has no phase response; a study with response: {voice: rehearsal.share} at its end"
        in capsys.readouterr().err
    )
