"""Each worker's own voices: derived, so that these are tests before anything is a study."""

import numpy as np
import pytest
from few_workers import configured
from hypothesis import given
from hypothesis import strategies as st

from lab.distributed.clocks import of_mean, of_rank
from lab.distributed.config import DistributedConfig, of_worker


def rates(config: DistributedConfig, name: str = "lr", steps: int = 40) -> np.ndarray:
    """What each worker's voice says, float64[workers, steps]."""
    each = [of_worker(config, of_rank(config, rank)).parsed_voices()[name] for rank in range(config.workers.count)]
    return np.stack([voice.table(steps) for voice in each])  # type: ignore[union-attr]


@given(st.sampled_from((2, 4, 8, 16)), st.sampled_from(("cosine", "triangle", "sawtooth")))
def test_cosines_spread_over_the_cycle_have_exactly_a_constant_mean(count: int, wave: str) -> None:
    sets = {"workers.count": count, "workers.offsets": "spread", "voices.lr.wave": wave, "voices.sync_every": 8}
    found = rates(configured("supervised", sets), steps=64)
    if wave != "sawtooth":  # whose mean is a saw of a K-th of the height
        np.testing.assert_allclose(found.mean(axis=0), 0.1, atol=1e-15)
    np.testing.assert_allclose(found.mean(axis=1), found[0].mean(), rtol=1e-12)
    assert len({row.tobytes() for row in found}) == count


def test_both_players_of_a_game_are_shifted_and_what_follows_them_too() -> None:
    sets = {
        "workers.offsets": [0, 0.125, 0.25, 0.5],
        "voices.lr.generator": {"follow": "lr.discriminator", "relation": "shifted", "offset": 0.25},
        "voices.noise.std": {"follow": "lr.generator", "relation": "anti_phase", "low": 0.0, "high": 0.1},
        "voices.augment.strength": {"wave": "cosine", "low": 0.0, "high": 1.0},
        "voices.sync_every": 8,
        "data.name": "ring",
    }
    del sets["voices.augment.strength"]
    config = configured("gan", sets)
    for name in ("lr.generator", "lr.discriminator", "noise.std"):
        found = rates(config, name, 64)
        for rank, steps in enumerate((0, 2, 4, 8)):
            np.testing.assert_allclose(found[rank][:40], found[0][steps : steps + 40], atol=1e-15)


def test_other_voices_stay_with_the_master_clock() -> None:
    sets = {
        "workers.offsets": "spread",
        "workers.cooldown": 0.5,
        "voices.average.decay": {"wave": "cosine", "low": 0.5, "high": 0.9},
        "voices.sync_every": 8,
    }
    found = rates(configured("supervised", sets), "average.decay")
    assert (found == found[0]).all()


def test_in_a_cooldown_all_fall_together_from_the_mean_to_zero() -> None:
    found = rates(
        configured("supervised", {"workers.offsets": "spread", "workers.cooldown": 0.25, "voices.sync_every": 8})
    )
    assert np.ptp(found[:, :30], axis=0).max() > 0.1
    np.testing.assert_allclose(found[:, 30:], np.broadcast_to(0.1 * (1 - np.arange(10) / 10), (4, 10)), atol=1e-15)


def test_a_constant_rate_cools_down_as_well() -> None:
    found = rates(configured("supervised", {"voices.lr": 0.1, "workers.cooldown": 0.25, "voices.sync_every": 8}))
    assert (found[:, :30] == 0.1).all()
    assert found[0, -1] == pytest.approx(0.01)


def test_what_follows_a_rate_that_follows_another_voice_is_shifted_too() -> None:
    sets = {
        "voices.average.decay": {"wave": "cosine", "low": 0.5, "high": 0.9},
        "voices.lr": {"follow": "average.decay", "low": 0, "high": 0.1},
        "techniques": ["average", "weight_decay"],
        "voices.weight_decay": {"follow": "lr", "relation": "anti_phase", "low": 0, "high": 0.5},
        "workers.offsets": [0, 0.25, 0.5, 0.75],
        "voices.sync_every": 8,
    }
    config = configured("supervised", sets)
    for name in ("lr", "weight_decay"):
        found = rates(config, name)
        np.testing.assert_allclose(found[1][:36], found[0][4:], atol=1e-15)
    cooled = rates(configured("supervised", sets | {"workers.cooldown": 0.25}), "weight_decay")
    np.testing.assert_allclose(cooled[:, :30], rates(config, "weight_decay")[:, :30], atol=1e-15)


def test_the_mean_of_the_workers_has_their_cooldown_and_no_offset() -> None:
    sets = {"workers.offsets": "spread", "workers.cooldown": 0.25, "voices.sync_every": 8}
    alike = configured("supervised", sets | {"workers.offsets": 0.0})
    found = of_worker(alike, of_mean(configured("supervised", sets))).parsed_voices()["lr"]
    np.testing.assert_array_equal(found.table(40), rates(alike)[0])  # type: ignore[union-attr]


def test_without_offsets_and_cooldown_every_worker_has_the_trainers_own_configuration() -> None:
    config = configured("gan", {"voices.sync_every": 8})
    assert of_rank(config, 3) == config.plain()
    assert set(config.plain()["voices"]) == {"lr.generator", "lr.discriminator"}
