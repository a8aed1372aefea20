"""How trials are dealt out to processes, and that it makes no difference to what a study finds."""

import json
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.studies.engines import STACK, StackedEngine
from lab.studies.model import load_study
from lab.studies.trials import plan
from lab.studies.work import run_trial, run_trials
from lab.training import plugins


@pytest.fixture
def dealt(tiny, study_file, tmp_path):
    """Deals trials of the tiny trainer, those of one noise being stackable, those without not; returns the jobs."""

    def deal(noises, jobs, stack):
        study = load_study(study_file, ["compare=[]", f"arms={json.dumps({f'a{n}': {'noise': n} for n in noises})}"])
        trials = plan(study, plugins.trainer("tiny"), tmp_path)
        return trials, StackedEngine(stack or STACK).deal(study, trials, jobs, None)

    return deal


def test_every_trial_is_dealt_out_once_and_stacks_are_of_a_kind(dealt):
    @settings(deadline=None)
    @given(st.sets(st.integers(0, 4), min_size=1), st.integers(1, 20), st.integers(1, 20))
    def check(noises, jobs, stack):
        trials, found = dealt(noises, jobs, stack)
        keys = [key for job in found for key in job.keys]
        assert sorted(keys) == sorted(trial.key for trial in trials)
        share = min(stack, ceil(len(trials) / jobs))
        noise = {trial.key: trial.config.noise for trial in trials}
        for job in found:
            assert len(job.keys) <= share, "more would leave a process without work"
            assert len({noise[key] for key in job.keys}) == 1
            assert len(job.keys) == 1 or noise[job.keys[0]] > 0
            assert job.work is (run_trial if len(job.keys) == 1 else run_trials)

    check()


def test_stacks_are_as_large_as_keeps_all_processes_at_work(dealt):
    def sizes(jobs, stack):
        return [len(job.keys) for job in dealt({1, 2}, jobs, stack)[1]]

    assert sizes(1, None) == [5, 5]
    assert sizes(4, None) == sizes(1, 3) == [2, 2, 3, 3]
    assert sizes(10, None) == [1] * 10


def test_a_stacked_study_finds_the_same_and_says_so(lab_study, tmp_path):
    out = tmp_path / "results" / "descent"
    words = ("--set", "seeds=2", "--set", "arms.still={noise: 0.0}")
    lab_study(*words, "--set", "name=local")
    assert lab_study(*words, "--engine", "stacked", "--jobs", "1")[0] == 0
    assert (out / "trials.csv").read_bytes() == (tmp_path / "results" / "local" / "trials.csv").read_bytes()
    paths = out.parent.glob("runs/descent/*/provenance.json")
    made = {path.parent.name: json.loads(path.read_text()) for path in paths}
    assert {key: found.get("together") for key, found in made.items()} == {
        **dict.fromkeys(("slow-s0", "fast-s0", "slow-s1", "fast-s1"), 4),
        **dict.fromkeys(("still-s0", "still-s1")),
    }
    (session,) = json.loads((out / "provenance.json").read_text())["sessions"]
    assert (session["engine"], session["trials"]) == ("stacked", 6)
    page = (out / "summary.md").read_text()
    assert "scores agree with those of trials run alone within float32 rounding, not to the bit" in page
    assert "--engine stacked" in page
    assert "float32" not in (tmp_path / "results" / "local" / "summary.md").read_text()
