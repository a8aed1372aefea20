import pytest

from lab.errors import UserError
from lab.training.config import load_yaml, resolve
from lab.training.metrics import Metrics
from rl.config import RlConfig
from rl.plugin import PLUGIN

PRESETS = sorted(PLUGIN.presets.glob("*.yaml"))


def test_the_names_others_rely_on_exist():
    assert {"cartpole", "mountain-car", "pendulum", "mountain-car-half-power"} <= {path.stem for path in PRESETS}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_a_whole_configuration_and_evaluations_fall_on_whole_rollouts(path):
    try:
        config = resolve(RlConfig, load_yaml(path))
    except UserError as error:
        if "needs the extra" not in str(error):
            raise
        pytest.skip(str(error))
    agent = config.agent
    rollout = config.n_envs * (agent.n_steps if agent.has_rollouts else agent.train_freq)
    assert config.evaluate_every % rollout == 0 or config.evaluate_every > 2 * rollout


def train(preset, tmp_path, *changes):
    from lab.cli.main import main

    sets = [argument for change in changes for argument in ("--set", change)]
    assert main(["rl", "train", preset, "--results", str(tmp_path), "--name", "run", "--quiet", *sets]) == 0
    return Metrics.read(tmp_path / "runs" / "run")


@pytest.mark.slow
def test_cartpole_is_solved(tmp_path):
    _, returns = train("cartpole", tmp_path, "steps=40960").series("evaluation/return")  # of 102400
    assert returns.max() >= 475.0


@pytest.mark.slow
def test_with_half_the_power_a_curriculum_reaches_the_flag_within_40_000_steps(tmp_path):
    metrics = train("mountain-car-half-power", tmp_path, "steps=40960", "curriculum.stop=30000", "evaluate_every=40960")
    assert metrics.last("evaluation/success") >= 0.5
