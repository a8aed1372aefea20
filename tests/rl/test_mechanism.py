"""Curvature along the runs of a study: what the table says of made-up runs whose answer is known."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "lab" / "reports"))
from synthetic import rl_run, write_study

from lab.cli.main import main
from lab.errors import UserError
from lab.reports.study import read_study
from rl.mechanism import MEASURES, table, tracks


def measured_run(path: Path, curvature, seed: int, difficulty: float | None = None) -> None:
    """A run that evaluates every fourth row; its difficulty rises, or stands at a level."""
    rl_run(path, seed=seed)
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for place, row in enumerate(rows):
        if difficulty is not None:
            row["curriculum/difficulty"] = difficulty
        if place % 4 == 0:
            row |= {"curvature/leading": curvature(row), "curvature/noise": 1.0 + row["step"], "curvature/signal": 1.0}
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study of which one arm curves with its difficulty and the other with nothing."""
    write_study(tmp_path, {"rising": 0.7, "still": 0.6}, seeds=2)
    for seed in range(2):
        runs = tmp_path / "runs" / "ring"
        measured_run(runs / f"rising-s{seed}", lambda row: 1.0 + 10 * row["curriculum/difficulty"], seed)
        measured_run(runs / f"still-s{seed}", lambda row: 5.0, seed, difficulty=1.0)
    return tmp_path


def test_curvature_is_paired_with_the_difficulty_it_was_measured_at(results) -> None:
    rising, still = (
        next(t for t in tracks(read_study(results / "ring")) if t.arm == arm) for arm in ("rising", "still")
    )
    assert np.allclose(rising.curvature, 1.0 + 10 * rising.difficulty)
    assert rising.changes
    assert not still.changes
    assert rising.progress[-1] == pytest.approx(1.0, abs=0.05)


def test_the_table_tells_a_curvature_that_rises_with_difficulty_from_one_that_does_not(results) -> None:
    head, rising, still = table(tracks(read_study(results / "ring")))
    of = {row[0]: dict(zip(head, row, strict=True)) for row in (rising, still)}
    assert of["rising"]["ρ with difficulty"].startswith("1 ") or of["rising"]["ρ with difficulty"].startswith("1\u00a0")
    assert float(of["rising"]["while hard"].split()[0]) > 2 * float(of["rising"]["while easy"].split()[0])
    assert of["still"]["while easy"] == of["still"]["ρ with difficulty"] == "–"
    assert of["still"]["late third"].split()[0] == "5"
    assert of["still"]["seeds"] == "2"
    assert list(of["still"]) == ["arm", "seeds", *MEASURES]


def test_the_command_writes_page_points_and_figure(results, capsys) -> None:
    assert main(["rl", "curvature", "ring", "--results", str(results), "--arms", "rising"]) == 0
    place = results / "ring"
    assert capsys.readouterr().out.strip() == str(place / "curvature.md")
    assert (place / "figures" / "curvature.png").stat().st_size > 5000
    assert "| still | 2 |" in (place / "curvature.md").read_text()
    lines = (place / "curvature.csv").read_text().splitlines()
    assert lines[0] == "arm,seed,progress,difficulty,curvature,noise"
    assert len(lines) == 1 + sum(len(track.progress) for track in tracks(read_study(place)))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent"], "absent"),
        (["ring", "--arms", "rising,other"], "--arms: 'other' measured no curvature; rising, still did"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(results, capsys, arguments, told) -> None:
    assert main(["rl", "curvature", *arguments, "--results", str(results)]) == 2
    assert told in capsys.readouterr().err


def test_a_study_without_curvature_is_told_what_would_have_it(tmp_path) -> None:
    write_study(tmp_path, {"plain": 0.5}, seeds=1)
    with pytest.raises(UserError, match="curvature: true"):
        tracks(read_study(tmp_path / "ring"))
