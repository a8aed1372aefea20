from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from gan.balance.closed_loop import ClosedLoop
from gan.balance.gap_aware import GapAware
from gan.losses import NonSaturating
from gan.losses.wasserstein import Wasserstein

LOSS = NonSaturating()
IDEAL = math.log(4)


@pytest.mark.parametrize(
    ("loss", "factor"),
    [
        (IDEAL, 1.0),
        (1.05 * IDEAL, math.sqrt(2.0)),
        (1.1 * IDEAL, 2.0),
        (9.0, 2.0),
        (0.95 * IDEAL, math.sqrt(0.1)),
        (0.9 * IDEAL, 0.1),
        (0.0, 0.1),
    ],
)
def test_the_gap_aware_factor(loss: float, factor: float) -> None:
    control = GapAware(decay=0.0).control(LOSS)
    control.observe({"loss/discriminator": loss})
    assert control.discriminator == pytest.approx(factor)
    assert (control.generator, control.shift) == (1.0, 0.0)


def test_the_gap_is_of_a_moving_average() -> None:
    control = GapAware().control(LOSS)
    control.observe({"loss/discriminator": 0.0})
    assert control.state_dict() == {"loss": pytest.approx(0.95 * IDEAL)}


def test_a_loss_without_a_scale_has_no_gap() -> None:
    with pytest.raises(
        ValueError, match="'gap_aware' needs a loss whose ideal value is known and not 0; 'wasserstein'"
    ):
        GapAware().check(Wasserstein(), has_wave=True)


def fed(control: Any, accuracy: float, steps: int) -> Any:
    for _ in range(steps):
        control.observe({"accuracy/discriminator": accuracy})
    return control


def test_the_closed_loop_slows_the_winner_and_never_hurries_anybody() -> None:
    config = ClosedLoop(target=0.6, gain=0.1, limit=2.0)
    winning, losing = fed(config.control(LOSS), 1.0, 10), fed(config.control(LOSS), 0.5, 10)
    assert (winning.generator, winning.discriminator) == (1.0, pytest.approx(math.exp(-0.4)))
    assert (losing.generator, losing.discriminator) == (pytest.approx(math.exp(-0.1)), 1.0)


def test_the_closed_loop_does_not_wind_up() -> None:
    control = fed(ClosedLoop(target=0.6, gain=0.1, limit=2.0).control(LOSS), 1.0, 10_000)
    assert control.discriminator == pytest.approx(math.exp(-2.0))
    fed(control, 0.5, 201)
    assert control.discriminator == 1.0, "as long to come back as the limit says, however long it stood there"


def test_the_closed_loop_may_follow_the_gap_of_the_loss() -> None:
    config = ClosedLoop(follows="gap", gap=0.2, gain=0.1)
    winning, losing = config.control(LOSS), config.control(LOSS)
    winning.observe({"loss/discriminator": 0.5 * IDEAL})
    losing.observe({"loss/discriminator": 1.3 * IDEAL})
    assert (winning.generator, winning.discriminator) == (1.0, pytest.approx(math.exp(-0.1 * 0.3)))
    assert (losing.generator, losing.discriminator) == (pytest.approx(math.exp(-0.1 * 0.5)), 1.0)
    with pytest.raises(ValueError, match="'gap' needs a loss with an ideal value that is not 0; 'wasserstein'"):
        config.check(Wasserstein(), has_wave=True)


def test_the_closed_loop_may_move_the_phase() -> None:
    control = fed(ClosedLoop(moves="offset", target=0.6, gain=0.1, limit=0.5).control(LOSS), 1.0, 3)
    assert (control.generator, control.discriminator) == (1.0, 1.0)
    assert control.shift == pytest.approx(0.12)


@pytest.mark.parametrize("part", [ClosedLoop(), ClosedLoop(follows="gap"), GapAware()])
def test_a_nan_leaves_a_control_alone(part: Any) -> None:
    control = part.control(LOSS)
    before = control.state_dict()
    control.observe({"accuracy/discriminator": math.nan, "loss/discriminator": math.nan})
    assert control.state_dict() == before


def rates(trainer: Any) -> dict[str, float]:
    return {name: optimizer.param_groups[0]["lr"] for name, optimizer in trainer.players.optimizers.items()}


def test_a_control_reaches_the_rates_of_the_next_step_and_the_log(make: Callable[..., Any]) -> None:
    trainer = make("ring", "batch_size=16", "balance={balance: closed_loop, gain: 1.0, target: 0.51}")
    trainer.advance(1)
    assert rates(trainer) == {"generator": 1e-3, "discriminator": 4e-3}
    trainer.advance(2)
    u = trainer.rates._control.u
    trainer.advance(3)
    assert rates(trainer) == {
        "generator": pytest.approx(1e-3 * math.exp(min(u, 0.0))),
        "discriminator": pytest.approx(4e-3 * math.exp(-max(u, 0.0))),
    }
    row = trainer.metrics()
    assert row["rate/discriminator"] == rates(trainer)["discriminator"]
    assert row["voice/lr.discriminator"] == 4e-3


def test_the_offset_moves_the_generators_wave(make: Callable[..., Any]) -> None:
    wave = "{wave: cosine, low: 0.0, high: 1.0e-3}"
    sets = ("clock.period=100", f"voices.lr.generator={wave}", "batch_size=16")
    trainer = make("ring", *sets, "balance={balance: closed_loop, moves: offset}")
    trainer.rates._control.u = 0.25
    trainer.advance(1)
    assert rates(trainer)["generator"] == pytest.approx(0.5e-3, abs=1e-5)
    assert trainer.metrics()["rate/shift"] == pytest.approx(0.25, abs=0.01)


def test_a_voice_may_follow_the_advantage(make: Callable[..., Any]) -> None:
    follower = "{follow: advantage, relation: anti_phase, low: 1.0e-4, high: 4.0e-3}"
    trainer = make("ring", "batch_size=64", f"voices.lr.discriminator={follower}")
    trainer.advance(1)
    assert rates(trainer)["discriminator"] == 4e-3
    trainer.advance(2)
    level = trainer.rates.levels["advantage"]
    trainer.advance(3)
    assert rates(trainer)["discriminator"] == pytest.approx(4e-3 - 3.9e-3 * level)
    assert 0 < trainer.metrics()["level/advantage"] < 1
