"""A trial is begun or gone on with, whatever a process of a killed study, just ending, still does."""

from pathlib import Path

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
