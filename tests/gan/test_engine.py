"""Trials of small rings, each alone and stacked: scores that differ by rounding, the same files, the same failures."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gan.plugin import PLUGIN
from lab.cli.main import main
from lab.studies.model import load_study
from lab.studies.trials import Trial, plan, scores
from lab.studies.work import run_trial, run_trials
from lab.training.finite import NonFiniteError

STUDY = """
hypothesis: a faster generator is found by both engines
trainer: gan
preset: ring
seeds: 2
set:
  device: cpu
  steps: 20
  log_every: 5
  evaluate_every: 10
  checkpoint_every: 10
  snapshot_every: 10
  evaluation_samples: 100
  batch_size: 16
  generator.width: 8
  discriminator.width: 8
  clock.period: 10
arms:
  slow: {voices.lr.generator: 0.001}
  waving: {voices.lr.generator: {wave: cosine, low: 0.001, high: 0.003}}
  broken: {voices.lr.generator: 1.0e+30}
metric: ema/reverse_kl
direction: lower
compare: [[waving, slow]]
"""


BROKEN = ("broken-s0", "broken-s1")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("engines") / "rings.yaml"
    file.write_text(STUDY)
    return file


def planned(study: Path, place: str) -> list[Trial]:
    return plan(load_study(study), PLUGIN, study.with_name(place))


@pytest.fixture(scope="module")
def alone(study: Path) -> tuple[Sequence[Trial], dict[str, str]]:
    """The trials, and the error of each that failed."""
    trials, errors = planned(study, "alone"), {}
    for trial in trials:
        try:
            run_trial(trial.path.parent, "gan", "ring", trial, None)
        except NonFiniteError as error:
            errors[trial.key] = str(error)
    return trials, errors


@pytest.fixture(scope="module")
def stacked(study: Path) -> tuple[Sequence[Trial], dict[str, str]]:
    """The same of the same trials in one stack."""
    trials = planned(study, "stacked")
    return trials, {
        key: str(error) for key, error in run_trials(trials[0].path.parent, "gan", "ring", trials, None).items()
    }


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_scores_are_equal_but_for_rounding(alone: Any, stacked: Any) -> None:
    for one, other in zip(alone[0], stacked[0], strict=True):
        if one.key not in BROKEN:
            assert scores(other) == pytest.approx(scores(one), rel=1e-3, abs=1e-4)


def test_a_member_that_overflows_fails_alone_and_as_it_does_alone(alone: Any, stacked: Any) -> None:
    place, other = (str(trials[0].path.parents[1]) for trials, _ in (alone, stacked))
    assert stacked[1].keys() == set(BROKEN)
    assert {key: error.replace(other, place) for key, error in stacked[1].items()} == alone[1]


def test_runs_leave_the_same_files_with_the_same_columns(alone: Any, stacked: Any) -> None:
    for one, other in zip(alone[0], stacked[0], strict=True):
        names = [sorted(str(path.relative_to(t.path)) for path in t.path.rglob("*")) for t in (one, other)]
        assert names[0] == names[1]
        assert json.loads((other.path / "provenance.json").read_text())["together"] == 6
        for log in one.path.glob("*.jsonl"):
            mine, theirs = rows(log), rows(other.path / log.name)
            assert [(row["step"], row.keys()) for row in mine] == [(row["step"], row.keys()) for row in theirs]


@pytest.mark.slow
def test_a_study_finds_the_same_by_both_engines(study: Path) -> None:
    found = {}
    for engine, jobs in (("local", "2"), ("stacked", "1")):
        results = study.with_name(engine)
        assert main(["study", str(study), "--results", str(results), "--jobs", jobs, "--engine", engine]) == 0
        with (results / "rings" / "trials.csv").open() as file:
            found[engine] = {f"{row['arm']}-s{row['seed']}": row for row in csv.DictReader(file)}
    assert found["local"].keys() == found["stacked"].keys()
    for key, row in found["local"].items():
        other = found["stacked"][key]
        assert {name: row[name] for name in ("status", "error")} == {name: other[name] for name in ("status", "error")}
        assert row["status"] == ("failed" if key in BROKEN else "finished")
        numbers = row.keys() - {"arm", "seed", "status", "error"}
        if row["status"] == "finished":
            assert {n: float(other[n]) for n in numbers} == pytest.approx(
                {n: float(row[n]) for n in numbers}, rel=1e-3, abs=1e-4
            )
