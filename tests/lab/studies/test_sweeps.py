"""Sweeps and successive halving, from the study file to the page."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from lab.cli.main import main
from lab.errors import UserError
from lab.reports.study import read_study
from lab.reports.study_figures import study_figures
from lab.studies.halving import best
from lab.studies.model import load_study
from lab.studies.page import markdown
from lab.studies.result import TrialResult
from lab.studies.sentences import record, verdict_line
from lab.studies.store import Store
from lab.studies.summary import summarise
from lab.studies.sweeps import Halving, Quantity, arms_of
from lab.studies.swept import sweep_over
from lab.training.config import dump, load_yaml

SWEEP = """
hypothesis: the rate matters
trainer: tiny
preset: parabola
seeds: 6
set: {device: cpu, noise: 0.5, steps: 90, evaluate_every: 10, log_every: 10, checkpoint_every: 30, clock: {period: 10}}
sweep: {voices.lr: {low: 0.001, high: 0.1, points: 9, scale: log}}
metric: closeness
direction: higher
"""


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    path = tmp_path / "rates.yaml"
    path.write_text(SWEEP)
    return path


def words(file: Path, tmp_path: Path, *changes: str) -> list[str]:
    sets = [word for change in changes for word in ("--set", change)]
    return ["study", str(file), "--results", str(tmp_path / "results"), "--jobs", "2", *sets]


def test_every_combination_is_an_arm_and_the_record_reads_back(sweep_file: Path, tmp_path: Path) -> None:
    study = load_study(sweep_file, ["sweep={voices.lr.offset: [0, 0.5], clock.period: {low: 10, high: 30, points: 3}}"])
    assert list(study.arms) == [
        f"offset-{offset}_period-{period}" for offset in ("0", "0.5") for period in (10, 20, 30)
    ]
    assert study.arms["offset-0.5_period-20"] == {"voices.lr.offset": 0.5, "clock.period": 20}
    assert isinstance(study.arms["offset-0.5_period-20"]["clock.period"], int)
    (tmp_path / "again.yaml").write_text(dump(study))
    assert load_yaml(tmp_path / "again.yaml")["arms"] == study.arms
    assert load_study(tmp_path / "again.yaml") == study


def test_one_quantity_may_set_several_keys_each_by_a_line_of_its_own() -> None:
    amplitude = Quantity.model_validate(
        {"values": [0.0, 0.4], "keys": {"voices.lr.low": {"plus": 1, "times": -1}, "voices.lr.high": {"plus": 1}}}
    )
    assert arms_of({"amplitude": amplitude}) == {
        "amplitude-0": {"voices.lr.low": 1, "voices.lr.high": 1},
        "amplitude-0.4": {"voices.lr.low": 0.6, "voices.lr.high": 1.4},
    }
    both = Quantity.model_validate({"values": [5, 50], "keys": ["a.period", "b.period"]})
    assert arms_of({"period": both})["period-50"] == {"a.period": 50, "b.period": 50}
    assert Quantity.model_validate({"low": 1e-4, "high": 1e-2, "points": 3, "scale": "log"}).all() == [1e-4, 1e-3, 1e-2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sweep.voices.lr=[0.1]", "at least two different values"),
        ("sweep={voices.lr: {low: 0, high: 1, points: 3, scale: log}}", "must be positive and rise"),
        ("sweep={}", "sweep: {} is not accepted"),
        (
            "sweep={peak: {values: [0.1, 0.2], keys: [voices.lr]}, voices.lr: [0.3, 0.4]}",
            "voices.lr is set by two quantities",
        ),
        ("sweep.voices.lr=[0.1, 0.10000000000001]", "two combinations are called 'lr-0.1'"),
        ("sweep={voices.lr: {low: 0, high: 1}}", "a list of values, or low, high and points"),
        ("sweep={voices.lr: [1, 2], steps: [3, 4], noise: [0, 1]}", "sweep"),
        ("arms={a: {}}", "leave response, arms and compare out"),
        ("sweep={voices.rl: [0.1, 0.2]}", "voices.rl: no such voice"),
        ("criterion={name: success, at: 0.5}", "leave criterion out"),
        ("halving={factor: 2, rungs: 3}", "steps (90) is no multiple of 4"),
        ("halving={factor: 3, rungs: 4}", "no multiple of 27"),
    ],
)
def test_what_cannot_be_swept_is_one_line(
    change: str, said: str, sweep_file: Path, tiny: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(sweep_file, tmp_path, change), "--dry-run"]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_rung_that_is_no_fair_beginning_of_a_run_is_refused(
    sweep_file: Path, tiny: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    decay = "set={device: cpu, steps: 90, evaluate_every: 10, clock: {period: 90, cycles: 1}}"
    swept = "sweep={voices.lr: {keys: {voices.lr: {}}, values: [0.1, 0.2]}}"
    waves = "sweep={high: {keys: [voices.lr.high], values: [0.1, 0.2]}}"
    wave = "set.voices.lr={wave: cosine, low: 0.0, high: 0.1}"
    halving = "halving={factor: 3, rungs: 2}"
    assert main([*words(sweep_file, tmp_path, decay, swept, halving), "--dry-run"]) == 0
    capfd.readouterr()
    assert main([*words(sweep_file, tmp_path, decay, wave, waves, halving), "--dry-run"]) == 2
    assert "the voice 'lr' has the mean" in capfd.readouterr().err
    without = sweep_file.with_name("without.yaml")
    without.write_text(SWEEP.replace("sweep:", "arms: {a: {}} #") + halving.replace("=", ": ") + "\n")
    with pytest.raises(UserError, match="give a sweep"):
        load_study(without)


def results(study, values) -> list[TrialResult]:
    return [
        TrialResult(arm, seed, "finished", scores={"closeness": float(value)})
        for arm, of in zip(study.arms, values, strict=True)
        for seed, value in enumerate(of)
        if value is not None
    ]


def test_the_test_of_a_sweep_holds_its_level_and_finds_what_is_there() -> None:
    rng = np.random.default_rng(0)
    null = [sweep_over(rng.normal(size=(5, 1)) + rng.normal(size=(5, 4)), rng=rng).p for _ in range(200)]
    assert np.mean(np.array(null) < 0.05) < 0.1
    assert abs(np.mean(null) - 0.5) < 0.07
    found = sweep_over(np.array([0.0, 0.0, 2.0, 0.0]) + 0.1 * rng.normal(size=(6, 4)), rng=rng)
    assert (found.best, found.seeds) == (2, 6)
    assert found.p < 0.01


def drawn(study, found, tmp_path: Path):
    store = Store(tmp_path / "shown" / study.name)
    store.path.mkdir(parents=True)
    summary = summarise(study, found)
    store.write_json("summary.json", record(summary))
    return summary, {saved.path.name: saved for saved in study_figures(store.path, store.path / "figures")}


def test_a_curve_and_a_map_with_their_tables_and_a_failed_arm(sweep_file: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    curve = load_study(sweep_file, ["seeds=4"])
    values = [math.exp(-((place - 5) ** 2) / 8) + 0.05 * rng.normal(size=4) for place in range(9)]
    summary, figures = drawn(curve, results(curve, values), tmp_path)
    assert any("sweep" in name for name in figures)
    assert verdict_line(summary).startswith("Supported: closeness depends on lr (p =")
    assert "chosen among 9" in verdict_line(summary)
    page = markdown(summary, "lab study rates", [], "")
    assert "| lr | closeness: mean |" in page
    assert page.count("\n| 0.0") >= 8

    both = load_study(sweep_file, ["name=both", "seeds=4", "sweep={voices.lr: [0.1, 0.2, 0.3], noise: [0.0, 0.5]}"])
    cells = [[0.1, 0.2, 0.3, 0.4], [None] * 4, *([[0.5, 0.6, 0.7, 0.8]] * 4)]
    summary, figures = drawn(both, results(both, cells), tmp_path)
    assert verdict_line(summary) == "Unclear: no seed has a score in every arm."
    page = markdown(summary, "lab study both", [], "")
    assert "| lr \\ noise | 0 | 0.5 |" in page
    assert "| 0.1 | 0.25 [" in page
    assert read_study(tmp_path / "shown" / "both").summary["sweep"]["values"] == [[0.1, 0.2, 0.3], [0.0, 0.5]]
    assert any("sweep" in name for name in figures)


def test_budgets_and_numbers_of_a_halving() -> None:
    assert Halving(factor=3, rungs=3).budgets(900) == [100, 300, 900]
    assert Halving(factor=3, rungs=3).kept(10) == [10, 4, 2]
    assert Halving(factor=2, rungs=4).kept(3) == [3, 2, 1, 1]


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_an_arm_that_failed_in_a_seed_does_not_go_on_for_the_luck_of_the_others(direction, sweep_file: Path) -> None:
    study = load_study(sweep_file, ["seeds=2", f"direction={direction}", "sweep={voices.lr: [0.1, 0.2, 0.3, 0.4]}"])
    sign = 1 if direction == "higher" else -1
    found = results(study, [[9 * sign, None], [None, None], [1 * sign, 2 * sign], [3 * sign, 3 * sign]])
    arms = list(study.arms)
    assert best(study, found, arms, 1) == [arms[3]]
    assert best(study, found, arms, 3) == [arms[0], arms[2], arms[3]]
    assert best(study, found, arms, 4) == [arms[0], arms[2], arms[3]]


@pytest.mark.slow
def test_halving_trains_the_best_on_to_what_they_would_have_become_and_says_no_verdict(
    sweep_file: Path, tiny: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    halved = words(sweep_file, tmp_path, "seeds=2", "halving={factor: 3, rungs: 3}")
    assert main(halved) == 0
    assert main(words(sweep_file, tmp_path, "seeds=2", "name=whole")) == 0
    out, whole = tmp_path / "results" / "rates", tmp_path / "results" / "whole"
    study = load_study(sweep_file)
    found, full = Store(out).trials(), {(t.arm, t.seed): t for t in Store(whole).trials()}
    steps = {arm: {int(t.scores["steps"]) for t in found if t.arm == arm} for arm in study.arms}
    assert sorted(n for (n,) in steps.values()) == [10] * 6 + [30] * 2 + [90]

    def mean(arm, table):
        return np.mean([t.scores["closeness"] for t in table if t.arm == arm])

    first = Store(out).trials("rung-10.csv")
    ranked = sorted(study.arms, key=lambda arm: -mean(arm, first))
    assert {arm for arm, n in steps.items() if n != {10}} == set(ranked[:3])
    (last,) = [arm for arm, n in steps.items() if n == {90}]
    for trial in found:
        if trial.arm == last:
            assert trial.scores["closeness"] == full[trial.arm, trial.seed].scores["closeness"]
            run = f"runs/{{}}/{last}-s{trial.seed}/metrics.jsonl"
            logs = [(tmp_path / "results" / run.format(name)).read_text() for name in ("rates", "whole")]
            ends = [json.loads(log.splitlines()[-1])["evaluation/closeness"] for log in logs]
            assert ends[0] == ends[1]
    page = (out / "summary.md").read_text()
    assert "No verdict: which arms were trained to the end was decided by the same seeds" in page
    assert f"| 90 | {last} |" in page
    before = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    assert main(halved) == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == before
    assert len(json.loads((out / "provenance.json").read_text())["sessions"]) == 3


@pytest.mark.slow
def test_a_halving_whose_runs_were_deleted_begins_anew(sweep_file: Path, tiny: None, tmp_path: Path) -> None:
    place, fresh = tmp_path / "results", tmp_path / "fresh"
    sets = ("seeds=1", "halving={factor: 3, rungs: 2}")
    assert main(words(sweep_file, tmp_path, *sets)) == 0
    shutil.rmtree(place / "runs")
    assert main(words(sweep_file, tmp_path, *sets, "set.noise=0.1")) == 0
    assert main(words(sweep_file, fresh, *sets, "set.noise=0.1")) == 0
    tables = [
        {path.name: path.read_bytes() for path in (at / "rates").glob("*.csv")} for at in (place, fresh / "results")
    ]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_a_halving_that_was_cut_short_ends_as_one_that_was_not(sweep_file: Path, tiny: None, tmp_path: Path) -> None:
    halved = words(sweep_file, tmp_path, "seeds=2", "halving={factor: 3, rungs: 2}")
    assert main(halved) == 0
    out = tmp_path / "results" / "rates"
    whole = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    rows = (out / "rung-90.csv").read_text().splitlines(keepends=True)
    (out / "rung-90.csv").write_text("".join(rows[:3]))  # as if killed once two trials of the second rung were noted
    (out / "trials.csv").unlink()
    arm = rows[-1].split(",")[0]
    shutil.rmtree(tmp_path / "results" / "runs" / "rates" / f"{arm}-s1" / "checkpoints" / "000000090")
    assert main(halved) == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == whole
