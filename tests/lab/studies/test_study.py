"""A study from its file to its verdict, with a real trainer in real processes."""

import csv
import json
import multiprocessing
import shutil
from pathlib import Path

import pytest
import yaml

from lab.cli.main import main
from lab.studies import conduct
from lab.training import plugins
from lab.training.integrity import mark, sealed

PRESETS = Path(__file__).parent / "plugin" / "presets"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results" / "descent"


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "results" / "runs" / "descent"


def rows(out):
    with (out / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def logs(runs):
    return {path.parent.name: path.read_bytes() for path in runs.glob("*/metrics.jsonl")}


def test_a_study_ends_with_a_verdict_and_all_its_files(lab_study, out, runs):
    status, printed, _ = lab_study()
    assert status == 0
    assert "Supported: fast against slow" in printed
    assert str(out / "summary.md") in printed
    trials = rows(out)
    assert [(t["arm"], t["seed"]) for t in trials] == [(arm, str(s)) for s in range(5) for arm in ("slow", "fast")]
    assert {t["status"] for t in trials} == {"finished"}
    assert {t["threads"] for t in trials} == {"1.0"}
    summary = json.loads((out / "summary.json").read_text())
    assert summary["verdict"] == "supported"
    assert summary["comparisons"][0]["p"] == 2**-5
    page = (out / "summary.md").read_text()
    assert "a hundred times the learning rate" in page
    assert "lab study" in page
    assert yaml.safe_load((out / "study.yaml").read_text())["seeds"] == [0, 1, 2, 3, 4]
    assert json.loads((out / "provenance.json").read_text())["packages"]["torch"]
    assert {path.name for path in runs.glob("*-s*")} == {f"{arm}-s{s}" for arm in ("slow", "fast") for s in range(5)}
    assert not multiprocessing.active_children()


def test_scores_are_means_over_the_last_cycle_and_the_last_value(lab_study, out, runs):
    lab_study("--set", "seeds=1")
    log = [json.loads(line) for line in (runs / "fast-s0" / "metrics.jsonl").read_text().splitlines()]
    inside = [row["evaluation/closeness"] for row in log if row["step"] > 100 and "evaluation/closeness" in row]
    trial = next(t for t in rows(out) if t["arm"] == "fast")
    assert len(inside) == 5
    assert float(trial["closeness"]) == pytest.approx(sum(inside) / 5)
    assert float(trial["closeness.last"]) == inside[-1]


def test_finished_trials_never_run_again_and_missing_ones_do(lab_study, out, runs):
    lab_study()
    table, before = (out / "trials.csv").read_bytes(), logs(runs)
    stamp = (runs / "fast-s1" / "metrics.jsonl").stat().st_mtime_ns
    shutil.rmtree(runs / "fast-s0")
    assert lab_study()[0] == 0
    assert (out / "trials.csv").read_bytes() == table
    assert logs(runs) == before
    assert (runs / "fast-s1" / "metrics.jsonl").stat().st_mtime_ns == stamp
    sessions = json.loads((out / "provenance.json").read_text())["sessions"]
    assert [session["trials"] for session in sessions] == [10, 1]


def test_more_seeds_run_only_the_new_trials(lab_study, out):
    lab_study("--set", "seeds=1")
    lab_study("--set", "seeds=2")
    assert [session["trials"] for session in json.loads((out / "provenance.json").read_text())["sessions"]] == [2, 2]


def test_trials_of_a_version_that_lacked_a_field_stand(lab_study, out):
    lab_study("--set", "seeds=1")
    for run in out.parent.glob("runs/descent/*-s0"):
        config = run / "config.yaml"
        assert "\nnan_at: null\n" in config.read_text()
        config.write_text(config.read_text().replace("\nnan_at: null\n", "\n"))
        provenance = run / "provenance.json"
        made = json.loads(provenance.read_text()) | {"config": mark(yaml.safe_load(config.read_text()))}
        provenance.write_text(json.dumps(sealed(made)))
    status, _, shown = lab_study("--set", "seeds=1")
    assert status == 0, shown
    assert len(json.loads((out / "provenance.json").read_text())["sessions"]) == 1, "nothing ran again"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("nan_at: 30", "loss is nan at step 30"),
        ("bug_at: 30", "KeyError: 'forgotten'"),
        ("crash_at: 30", "SIGKILL"),
    ],
)
def test_a_failed_trial_is_reported_and_not_fatal(lab_study, study_file, out, change, words):
    study_file.write_text(study_file.read_text().replace("fast: {", f"fast: {{{change}, "))
    status, printed, shown = lab_study("--set", "seeds=2")
    assert status == 0
    assert "Unclear: fast against slow: no seed finished in both arms" in printed
    assert words in shown
    failed = [t for t in rows(out) if t["arm"] == "fast"]
    assert [t["status"] for t in failed] == ["failed", "failed"]
    assert words in failed[0]["error"]
    assert words in (out / "summary.md").read_text()
    assert {t["status"] for t in rows(out) if t["arm"] == "slow"} == {"finished"}
    stamp = json.loads((out / "provenance.json").read_text())
    lab_study("--set", "seeds=2")
    assert json.loads((out / "provenance.json").read_text()) == stamp, "failed trials stay failed unless asked for"
    lab_study("--set", "seeds=2", "--retry-failed")
    assert json.loads((out / "provenance.json").read_text())["sessions"][-1]["trials"] == 2


def test_a_trial_whose_process_dies_once_goes_on_and_changes_nothing(lab_study, study_file, out):
    assert lab_study("--set", "seeds=2")[0] == 0
    whole = (out / "trials.csv").read_bytes()
    shutil.rmtree(out.parent)
    study_file.write_text(study_file.read_text().replace("fast: {", "fast: {signal_at: 30, "))
    assert lab_study("--set", "seeds=2")[0] == 0
    assert (out / "trials.csv").read_bytes() == whole


def test_a_trial_that_is_stopped_is_no_failure_and_there_is_no_verdict_without_it(lab_study, study_file, out):
    assert lab_study("--set", "seeds=2")[0] == 0
    whole = (out / "trials.csv").read_bytes()
    shutil.rmtree(out.parent)
    study_file.write_text(study_file.read_text().replace("fast: {", "fast: {signal_at: 30, signal: 15, "))
    status, _, shown = lab_study("--set", "seeds=2")
    assert status == 1
    assert (
        "trial fast-s0 was stopped; the same command goes on with it" in shown or "trial fast-s1 was stopped" in shown
    )
    assert not (out / "summary.md").exists()
    assert lab_study("--set", "seeds=2")[0] == 0
    assert (out / "trials.csv").read_bytes() == whole


def test_a_study_of_which_nothing_finished_says_so_by_its_status(lab_study):
    status, _, shown = lab_study("--set", "seeds=1", "--set", "set.nan_at=30")
    assert status == 1
    assert "loss is nan at step 30" in shown


def test_a_study_goes_on_where_it_was_committed(lab_study, study_file, out, runs):
    lab_study("--set", "seeds=1")
    before, first = rows(out), json.loads((out / "provenance.json").read_text())
    assert (out / "figures" / "curves.png").exists()
    shutil.rmtree(runs)
    lab_study("--set", "seeds=2", "--keep")
    assert "curves" not in (out / "summary.md").read_text(), "curves of some seeds would pass for those of all"
    assert not (out / "figures" / "curves.png").exists()
    assert rows(out)[:2] == before
    assert not (runs / "slow-s0").exists(), "what was kept is not run again"
    stamp = json.loads((out / "provenance.json").read_text())
    assert [session["trials"] for session in stamp["sessions"]] == [2, 2]
    assert stamp["version"] == first["version"]
    lab_study("--set", "seeds=2", "--keep")
    assert json.loads((out / "provenance.json").read_text()) == stamp
    shutil.rmtree(runs)
    study_file.write_text(study_file.read_text().replace("fast: {", "fast: {bug_at: 3000, "))
    status, _, shown = lab_study("--set", "seeds=2", "--keep")
    assert status == 2
    assert "--keep: arms changed since the trials in" in shown


def test_without_keep_a_clone_runs_everything_again(lab_study, out, runs):
    lab_study("--set", "seeds=1")
    shutil.rmtree(runs)
    lab_study("--set", "seeds=1")
    assert (runs / "slow-s0").exists()


def test_scores_of_runs_that_were_deleted_are_not_taken_for_those_of_new_ones(lab_study, out, runs, monkeypatch):
    lab_study("--set", "seeds=1")
    shutil.rmtree(runs)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(conduct, "_run", killed)
        lab_study("--set", "seeds=1", "--set", "set.noise=5.0")
    assert {row["status"] for row in rows(out)} == {"missing"}


def test_keep_refuses_trials_of_another_preset(lab_study, study_file, runs, tmp_path):
    mine = tmp_path / "mine.yaml"
    shutil.copy(PRESETS / "parabola.yaml", mine)
    text = study_file.read_text()
    study_file.write_text(text.replace("preset: parabola", f"preset: {mine}"))
    lab_study("--set", "seeds=1")
    shutil.rmtree(runs)
    lab_study("--set", "seeds=2", "--keep")
    assert not (runs / "slow-s0").exists()
    shutil.rmtree(runs)
    mine.write_text(mine.read_text().replace("steps: 200", "steps: 20000"))
    status, _, shown = lab_study("--set", "seeds=3", "--keep")
    assert (status, "--keep: preset changed since the trials in" in shown) == (2, True)
    study_file.write_text(text)
    status, _, shown = lab_study("--set", "seeds=3", "--keep")
    assert (status, "--keep: preset changed since the trials in" in shown) == (2, True)


def test_what_is_committed_holds_no_path_of_this_machine(lab_study, study_file, out, tmp_path):
    study_file.write_text(study_file.read_text().replace("fast: {", "fast: {bug_at: 30, "))
    lab_study("--set", "seeds=1")
    for path in out.iterdir():
        if path.is_file():
            assert str(tmp_path) not in path.read_text(), path.name
    (failed,) = [t for t in rows(out) if t["arm"] == "fast"]
    assert "see results/runs/descent/logs/fast-s0.log" in failed["error"]
    assert "lab study descent.yaml --set seeds=1" in (out / "summary.md").read_text()


def test_provenance_is_that_of_the_trials_not_of_the_last_look(lab_study, out, runs):
    lab_study("--set", "seeds=1")
    for path, commit in zip(sorted(runs.glob("*-s0/provenance.json")), ("a" * 40, "b" * 40), strict=True):
        made = json.loads(path.read_text())
        path.write_text(json.dumps(sealed(made | {"git": {"commit": commit, "dirty": commit[0] == "b"}})))
    lab_study("--set", "seeds=1")
    found = json.loads((out / "provenance.json").read_text())
    assert {git["commit"] for git in found["git"]} == {"a" * 40, "b" * 40}
    assert isinstance(found["version"], str)
    assert "aaaaaaaaaa" in (page := (out / "summary.md").read_text())
    assert "bbbbbbbbbb with changes" in page


def test_results_without_their_runs_are_made_and_told_anew(lab_study, out, runs):
    """As in a fresh clone, which has the committed results and no run directories."""
    lab_study("--set", "seeds=1")
    shutil.rmtree(runs)
    lab_study("--set", "seeds=1")
    assert [session["trials"] for session in json.loads((out / "provenance.json").read_text())["sessions"]] == [2]


@pytest.mark.parametrize(("name", "content"), [("trials.csv", "who,what\n1,2\n"), ("provenance.json", "{}")])
def test_a_result_file_that_was_spoilt_is_named(lab_study, out, name, content):
    lab_study("--set", "seeds=1")
    (out / name).write_text(content)
    status, _, shown = lab_study("--set", "seeds=1")
    assert status == 2
    assert f"{name}: cannot be read: " in shown
    assert shown.count("\n") == 1


def test_changed_settings_are_refused_and_listed(lab_study, study_file, runs):
    lab_study("--set", "seeds=1")
    before = logs(runs)
    status, _, shown = lab_study("--set", "seeds=1", "--set", "set.noise=0.5")
    assert status == 2
    assert "noise: 0.1 -> 0.5" in shown
    assert str(runs) in shown
    assert logs(runs) == before


def test_a_hypothesis_cannot_change_after_the_runs(lab_study):
    lab_study("--set", "seeds=1")
    status, _, shown = lab_study("--set", "seeds=1", "--set", "direction=lower")
    assert status == 2
    assert "direction: 'higher' -> 'lower'" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "arms.fast.nosie=1"], "arm 'fast': nosie: unknown key; did you mean 'noise'?"),
        (["--set", "set.steps=0"], "steps"),
        (["--set", "set.evaluate_every=0"], "evaluate_every"),
        (["--set", "set.steps=250", "--set", "set.evaluate_every=250"], "no evaluation falls in the last whole cycle"),
        (["--set", "trainer=tyni"], "'tyni' is not known"),
        (["--set", "preset=parabla"], "did you mean 'parabola'"),
        (["--set", "hypothesis=''"], "hypothesis"),
        (["--set", "metrik=x"], "did you mean 'metric'?"),
        (["--set", "seeds=[1, 1]"], "distinct"),
        (["--set", "seeds=0"], "seeds"),
        (["--set", "compare=[[fast, fats]]"], "no arm is called 'fats'"),
        (["--set", "compare=[[fast, slow], [fast, slow]]"], "names a pair twice"),
        (["--set", "seeds=true"], "seeds"),
        (["--set", "arms={}"], "arms"),
        (["--set", "set.seed=3"], "seeds"),
        (["--set", "direction=up"], "direction"),
        (["--set", "alpha=5"], "alpha"),
        (["--set", "name=runs"], "'runs' is the folder"),
        (["--set", "name=../elsewhere"], "names a folder"),
        (["--jobs", "0"], "--jobs is 0"),
        (["--engine", "stacked", "--set", "trainer=rl"], "runs of the trainer 'rl' cannot be stacked"),
        (["--engine", "stacked", "--stack", "0"], "--stack is 0"),
        (["--stack", "4"], "needs --engine stacked"),
    ],
)
def test_a_mistake_costs_one_line_and_no_run(lab_study, runs, words, message):
    status, _, shown = lab_study(*words)
    assert status == 2
    assert message in shown
    assert shown.count("\n") == 1
    assert not runs.exists()
    assert not (runs.parents[1] / runs.name).exists()


def test_a_run_that_lies_where_the_trials_belong_is_left_alone(lab_study, runs, tmp_path, capfd):
    assert main(["tiny", "train", "parabola", "--results", str(tmp_path / "results"), "--name", "descent"]) == 0
    capfd.readouterr()
    status, _, shown = lab_study()
    assert status == 2
    assert "a run has the study's name" in shown
    assert not list(runs.glob("*-s*"))


def test_a_misspelt_metric_is_told_with_what_there_is(lab_study, runs):
    status, _, shown = lab_study("--set", "metric=clossness", "--set", "seeds=1")
    assert status == 2
    assert "no score is called 'clossness'" in shown
    assert "closeness.last" in shown
    assert lab_study("--set", "seeds=1")[0] == 0


def test_dry_run_writes_nothing_and_tells_what_the_study_can_show(lab_study, tmp_path):
    status, printed, _ = lab_study("--dry-run", "--set", "seeds=4")
    assert status == 0
    assert "2 arms x 4 seeds = 8 trials" in printed
    assert "CANNOT" in printed
    assert not (tmp_path / "results").exists()


def test_json_prints_the_summary_and_nothing_else(lab_study, out):
    _, printed, _ = lab_study("--json", "--set", "seeds=1")
    assert json.loads(printed) == json.loads((out / "summary.json").read_text())


def test_trials_are_ordinary_runs_to_a_report(lab_study, tmp_path):
    from lab.training.run import resolve_run

    lab_study("--set", "seeds=1")
    run = resolve_run("descent/fast-s0", tmp_path / "results")
    assert (run.trainer, run.config["voices"]["lr"]) == ("tiny", 0.1)


def test_seeds_added_after_looking_are_marked_in_the_verdict(lab_study, out):
    lab_study("--set", "seeds=5")
    _, printed, _ = lab_study("--set", "seeds=6")
    told = "Seeds were changed after results had been seen (5 added)"
    assert told in " ".join(printed.split())
    assert told in (out / "summary.md").read_text()
    assert json.loads((out / "summary.json").read_text())["late_seeds"] == {"added": [5], "dropped": []}
    _, printed, _ = lab_study("--set", "seeds=[0, 1, 2, 4, 6]")
    assert "(6 added; 3 dropped)" in " ".join(printed.split()), "it remembers what was stated first"
    assert "Seeds were changed" not in lab_study("--set", "seeds=5")[1]


def test_a_preset_of_the_users_own_is_copied_and_the_copy_runs(
    lab_study, study_file, out, tmp_path, monkeypatch, capfd
):
    own = tmp_path / "elsewhere" / "mine.yaml"
    own.parent.mkdir()
    own.write_text((plugins.trainer("tiny").presets / "parabola.yaml").read_text().replace("high: 0.1", "high: 0.2"))
    assert lab_study("--set", f"preset={own}", "--set", "seeds=1")[0] == 0
    assert (out / "preset.yaml").read_text() == own.read_text()
    assert yaml.safe_load((out / "study.yaml").read_text())["preset"] == "preset.yaml"
    for path in out.glob("*.*"):
        assert str(own) not in path.read_text(), path.name
    own.unlink()
    before = (out / "trials.csv").read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main(["study", str(out / "study.yaml"), "--results", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "descent" / "trials.csv").read_bytes() == before


def test_a_single_evaluation_in_the_last_cycle_is_a_warning(lab_study, out):
    status, _, shown = lab_study("--dry-run", "--set", "set.evaluate_every=100", "--set", "seeds=1")
    assert status == 0
    assert shown.startswith("lab: warning: One evaluation falls in the last whole cycle (every arm)")
    lab_study("--set", "set.evaluate_every=100", "--set", "seeds=1")
    assert "One evaluation falls in the last whole cycle" in (out / "summary.md").read_text()
    assert "warning" not in lab_study("--dry-run", "--set", "set.evaluate_every=50", "--set", "name=b")[2]
