from __future__ import annotations

from collections.abc import Callable

import pytest

from gan.arms import OFFSETS, arrange
from gan.config import GanConfig
from gan.plugin import PLUGIN
from lab.errors import UserError
from lab.training.config import load_yaml, resolve
from lab.training.overrides import override

Read = Callable[..., GanConfig]
RATES = ("lr.generator", "lr.discriminator")


def arranged(name: str, arm: str) -> GanConfig:
    mapping = load_yaml(PLUGIN.presets / f"{name}.yaml")
    return resolve(GanConfig, override(GanConfig, mapping, arrange(resolve(GanConfig, mapping), arm)))


@pytest.mark.parametrize("arm", PLUGIN.arms)
@pytest.mark.parametrize("name", ["ring", "ring-quadrature", "mnist"])
def test_an_arm_changes_learning_rates_and_keeps_their_means(preset: Read, name: str, arm: str) -> None:
    before, after = resolve(GanConfig, load_yaml(PLUGIN.presets / f"{name}.yaml")), arranged(name, arm)
    own = {"voices", "balance"}
    assert before.model_dump(exclude=own) == after.model_dump(exclude=own)
    assert {k: v for k, v in before.voices.items() if k not in RATES} == {
        k: v for k, v in after.voices.items() if k not in RATES
    }
    means = [[config.parsed_voices()[rate].mean() for rate in RATES] for config in (before, after)]
    assert means[1][0] == pytest.approx(means[0][0])
    expected = 4 * means[0][0] if arm == "two-time-scales" else means[0][1]
    assert means[1][1] == pytest.approx(expected)
    assert (after.balance is not None) == (arm == "closed-loop")


@pytest.mark.parametrize("arm", OFFSETS)
def test_the_generator_runs_ahead_by_the_arms_offset(arm: str) -> None:
    voices = arranged("ring", arm).parsed_voices()
    period, ahead = 1000, int(1000 * OFFSETS[arm])
    generator, discriminator = (voices[rate].table(2 * period) for rate in RATES)
    assert 4 * generator[:period] == pytest.approx(discriminator[ahead : ahead + period])


def test_a_rate_that_follows_the_game_has_no_arm() -> None:
    follower = "voices.lr.discriminator={follow: advantage, relation: anti_phase, low: 0, high: 1.0e-3}"
    config = resolve(GanConfig, load_yaml(PLUGIN.presets / "ring.yaml"), [follower])
    with pytest.raises(UserError, match=r"--arm: voices\.lr\.discriminator follows the advantage and has no mean"):
        arrange(config, "constant")
