"""The shipped studies, and what `lab study` says about them before anything runs."""

import pytest

from lab.cli.main import main
from lab.studies.model import SHIPPED, find_study, load_study
from lab.studies.statistics import smallest_p
from lab.training.plugins import trainer

NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_study_resolves_in_all_its_arms(name, capsys, tmp_path):
    status = main(["study", name, "--dry-run", "--results", str(tmp_path)])
    printed, told = capsys.readouterr()
    if status and "needs the extra" in told:
        pytest.skip(told)
    assert status == 0
    study = load_study(find_study(name))
    assert f"{len(study.arms)} arms x {len(study.seeds)} seeds" in printed
    assert all(f"  {arm}: " in printed for arm in study.arms)


@pytest.mark.parametrize("name", ["ring", "curriculum"])
def test_the_full_studies_can_reach_a_verdict(name):
    study = load_study(find_study(name))
    assert smallest_p(len(study.seeds), len(study.compare)) < study.alpha


@pytest.mark.parametrize("name", ["ring", "ring-response", "stability-map"])
def test_arms_of_the_ring_have_one_mean_learning_rate(name, tmp_path):
    from lab.studies.trials import plan

    study = load_study(find_study(name))
    for trial in plan(study, trainer("gan"), tmp_path):
        voices = trial.config.parsed_voices()
        for player in ("lr.generator", "lr.discriminator"):
            assert voices[player].table(trial.config.steps).mean() == pytest.approx(5e-4), trial.key


@pytest.mark.parametrize(
    ("name", "stop", "mean", "teacher"),
    [
        ("curriculum", 200_000, 1e-3, None),
        ("curriculum-weak", 68_266, 1e-3, None),
        ("curriculum-demo", 27_306, 7.4e-4, None),
        ("rl-alignment-mountain-car", 68_266, 1e-3, 2 / 3),
        ("rl-alignment-acrobot", 68_266, 1e-3, 2 / 3),
        ("rl-alignment-acrobot-high", 68_266, 1e-3, 0.77),
        ("rl-alignment-car-continuous", 68_266, 1e-3, 2 / 3),
        ("rl-alignment-gate", 273_066, 1e-3, 2 / 3),
        ("rl-alignment-lunar-lander", 196_608, 3e-4, 0.62),
    ],
)
def test_arms_of_the_curriculum_have_one_mean_learning_rate(name, stop, mean, teacher, tmp_path):
    """In the mean over rollouts, at whose starts it is set; after a teacher as far as its level has the stated mean."""
    from lab.phase import Follower
    from lab.studies.trials import plan

    if name == "rl-alignment-lunar-lander":
        pytest.importorskip("Box2D")
    study = load_study(find_study(name))
    tuned = {"plain-third", "plain-triple", "plain-ten"}  # which are there to show that another rate is no better
    for trial in [trial for trial in plan(study, trainer("rl"), tmp_path) if trial.arm not in tuned]:
        config = trial.config
        starts = range(0, config.steps, config.n_envs * config.agent.n_steps)
        voice = config.parsed_voices()["learning_rate"]
        if not isinstance(voice, Follower):
            values = [voice(step) for step in starts]
        elif voice.source == "frontier":
            values = [voice.value(teacher)]
        else:
            values = [voice.value(min(1.0, step / stop)) for step in starts]
        assert sum(values) / len(values) == pytest.approx(mean, rel=3e-2), trial.key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rings", "shipped are continual, curriculum, curriculum-demo, "),
        ("no/such.yaml", "neither a study file"),
    ],
)
def test_an_unknown_study_is_told_what_there_is(text, words, capsys):
    assert main(["study", text]) == 2
    assert words in capsys.readouterr().err


def test_a_broken_study_file_is_named(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("hypothesis: [")
    assert main(["study", str(path)]) == 2
    shown = capsys.readouterr().err
    assert str(path) in shown
    assert shown.count("\n") == 1
