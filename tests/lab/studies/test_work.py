"""A trial is begun or gone on with, whatever else happens at that instant: a dying process of before, Ctrl-C."""

import shutil
from pathlib import Path

import pytest

from lab.errors import Interrupted
from lab.studies.conduct import Conditions, conduct
from lab.studies.engines import LocalEngine
from lab.studies.model import load_study
from lab.studies.trials import plan
from lab.studies.work import run_trial
from lab.training import plugins
from lab.training.metrics import Metrics
from lab.training.run import Run


def test_a_run_that_a_dying_process_makes_at_its_very_end_is_gone_on_with(
    tiny: None, study_file: Path, tmp_path: Path, monkeypatch
) -> None:
    study = load_study(study_file, ["seeds=1"])
    trial = plan(study, plugins.trainer("tiny"), tmp_path / "runs")[0]
    make = Run.create

    def made_a_moment_before(*words: object) -> Run:
        make(*words)
        return make(*words)

    monkeypatch.setattr(Run, "create", made_a_moment_before)
    run_trial(trial.path.parent, "tiny", study.preset, trial, None)
    assert Metrics.read(trial.path).series("evaluation/closeness")[0][-1] == trial.config.steps


class StoppedEarly(LocalEngine):
    """Ctrl-C arrives while it still looks how many trials there is room for, as a cluster far away lets it."""

    def at_once(self, jobs: int | None) -> int:
        raise KeyboardInterrupt


def test_ctrl_c_before_the_first_trial_is_an_interrupt_and_leaves_earlier_calls_as_they_were(
    tiny: None, study_file: Path, tmp_path: Path
) -> None:
    study = load_study(study_file, ["seeds=1", "set.steps=20"])
    stopped = Conditions("lab study descent", tmp_path, engine=StoppedEarly())
    with pytest.raises(Interrupted, match="0 of 2 trials done; the same command goes on"):
        conduct(study, stopped)
    conduct(study, Conditions("lab study descent", tmp_path, jobs=1))
    before = (tmp_path / "descent" / "provenance.json").read_bytes()
    shutil.rmtree(tmp_path / "runs" / "descent" / "fast-s0")
    with pytest.raises(Interrupted, match="1 of 2 trials done"):
        conduct(study, stopped)
    assert (tmp_path / "descent" / "provenance.json").read_bytes() == before
