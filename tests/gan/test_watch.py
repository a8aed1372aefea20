"""Each sign of the collapse watch on a log made for it, and none on a log that is healthy or merely cycles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.losses import LOSSES
from gan.watch import findings, indifferent

CONFIG = {"loss": "non_saturating"}
ROWS, EVERY, PERIOD = 80, 50, 1000
Log = dict[str, np.ndarray]
Change = Callable[[Log, np.ndarray], None]


def healthy(rows: int = ROWS, seed: int = 0) -> Log:
    """Constant rates: the losses settle, all modes are found."""
    noise = np.random.default_rng(seed).normal(0, 0.03, (6, rows))
    step = EVERY * np.arange(1, rows + 1.0)
    settling = np.exp(-step / 500)
    modes = np.full(rows, np.nan)
    modes[1::2] = np.minimum(8, step[1::2] // 100)
    return {
        "step": step,
        "clock/cycle": step // PERIOD,
        "clock/phase": step % PERIOD / PERIOD,
        "voice/lr.generator": np.full(rows, 1e-3),
        "loss/discriminator": 1.3 - 0.5 * settling + noise[0],
        "loss/generator": 0.8 + 1.5 * settling + noise[1],
        "output/real": 0.2 + 2 * settling + noise[2],
        "output/fake": -0.2 - 2 * settling + noise[3],
        "gradient/generator": 0.3 + 3 * settling + abs(noise[4]),
        "gradient/discriminator": 1 + settling + abs(noise[5]),
        "evaluation/modes": modes.copy(),
        "evaluation/ema/modes": modes,
    }


def cycling(rows: int = ROWS, seed: int = 0) -> Log:
    """Every cycle the discriminator is ahead for a while, and modes come and go; but each cycle is like the last."""
    log = healthy(rows, seed)
    level = 0.5 + 0.5 * np.cos(2 * np.pi * log["step"] / PERIOD)
    log["voice/lr.generator"] = 1e-5 + 1e-3 * level
    log["loss/discriminator"] = 0.03 + 1.3 * level**3
    log["loss/generator"] = 5 - 4 * level
    log["gradient/generator"] = 1e-3 + 10 * level**4
    for name in ("evaluation/modes", "evaluation/ema/modes"):
        log[name] = np.where(np.isnan(log[name]), np.nan, np.round(8 * level))
    return log


def discriminator_wins(log: Log, late: np.ndarray) -> None:
    log["loss/discriminator"][late] = 0.05
    log["output/real"][late], log["output/fake"][late] = 7, -6


def vanishing(log: Log, late: np.ndarray) -> None:
    log["loss/discriminator"][late] = 0.4
    log["gradient/generator"][late] = 0.01


def losing_a_mode(log: Log, late: np.ndarray) -> None:
    for name in ("evaluation/modes", "evaluation/ema/modes"):
        log[name][late & np.isfinite(log[name])] = 7


def collapsing(log: Log, late: np.ndarray) -> None:
    for name in ("evaluation/modes", "evaluation/ema/modes"):
        log[name][np.isfinite(log[name])] = np.minimum(1, log[name][np.isfinite(log[name])])


def swinging(log: Log, late: np.ndarray) -> None:
    cycle = np.ceil(log["step"] / PERIOD) - 1
    log["loss/generator"] = 2 + 0.1 * 2**cycle * np.cos(2 * np.pi * log["step"] / 500)


def jumping(log: Log, late: np.ndarray) -> None:
    log["loss/discriminator"][late] += 100 * np.exp(-np.arange(late.sum()))


def exploding(log: Log, late: np.ndarray) -> None:
    log["output/real"][late] = 1e10


def overfit(log: Log, late: np.ndarray) -> None:
    log["overfitting/r_v"] = np.where(np.isnan(log["evaluation/modes"]), np.nan, np.where(late, 0.7, 0.1))


SIGNS = {
    "discriminator_won": discriminator_wins,
    "gradients_vanish": vanishing,
    "modes_lost": losing_a_mode,
    "collapsed": collapsing,
    "oscillating": swinging,
    "jumped": jumping,
    "overflowing": exploding,
    "overfitting": overfit,
}

BELOW = {"discriminator_won", "gradients_vanish", "modes_lost", "collapsed"}
"""Signs whose value lies below their threshold."""


@pytest.mark.parametrize("made", [healthy, cycling])
@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_run_and_one_that_merely_cycles_show_nothing(made: Callable[..., Log], seed: int) -> None:
    assert findings(made(seed=seed), CONFIG) == []


def test_a_cycle_as_such_would_show_where_nobody_knew_of_it() -> None:
    log = cycling()
    log["voice/lr.generator"][:] = 1e-3
    assert {found.kind for found in findings(log, CONFIG)} >= {"discriminator_won", "gradients_vanish", "modes_lost"}


@pytest.mark.parametrize(("kind", "change"), SIGNS.items())
def test_each_sign_shows_on_a_log_made_for_it_and_no_other_does(kind: str, change: Change) -> None:
    log = healthy()
    late = log["step"] > 2000
    change(log, late)
    (found,) = findings(log, CONFIG)
    assert found.kind == kind
    assert kind == "collapsed" or found.step > 2000
    assert found.step <= log["step"][-1]
    assert found.sentence.endswith(".")
    assert found.advice.endswith(".")
    assert (found.value <= found.threshold) == (kind in BELOW)


@pytest.mark.parametrize("kind", ["discriminator_won", "gradients_vanish", "modes_lost"])
def test_what_lasts_less_than_a_cycle_counts_only_where_nothing_cycles(kind: str) -> None:
    constant, moving = healthy(), healthy()
    moving["voice/lr.generator"] = 1e-3 * (1 + 0.1 * np.sin(moving["step"]))
    for log in (constant, moving):
        SIGNS[kind](log, (log["step"] > 2000) & (log["step"] <= 2800))
    assert [found.kind for found in findings(constant, CONFIG)] == [kind]
    assert findings(moving, CONFIG) == []


def test_a_growing_cycle_is_found_and_an_equal_one_is_not() -> None:
    log = cycling()
    cycle = np.ceil(log["step"] / PERIOD) - 1
    for factor, kinds in ((1.0, []), (2.0, ["oscillating"])):
        log["loss/generator"] = 2 + 0.1 * factor**cycle * np.cos(2 * np.pi * log["step"] / PERIOD)
        assert [found.kind for found in findings(log, CONFIG)] == kinds
    assert findings(log, CONFIG)[0].step == 4000
    assert "0.2, 0.4, 0.79 in the last 4 cycles" in findings(log, CONFIG)[0].sentence


def test_small_gradients_at_the_equilibrium_are_no_finding() -> None:
    log = healthy()
    log["gradient/generator"][log["step"] > 2000] = 1e-3
    assert findings(log, CONFIG) == []
    log["gradient/generator"][log["step"] > 2000] = 0
    assert [found.kind for found in findings(log, CONFIG)] == ["gradients_vanish"]


@pytest.mark.parametrize("loss", sorted(LOSSES.listed))
def test_small_gradients_at_the_equilibrium_of_any_loss_are_no_finding(loss: str) -> None:
    log = healthy()
    late = log["step"] > 2000
    log["gradient/generator"][late] = 1e-3
    log["loss/discriminator"][:] = indifferent(loss)
    assert findings(log, {"loss": loss}) == []
    log["loss/discriminator"] -= 0.02  # where Wasserstein's lies below 0, as it should
    assert findings(log, {"loss": loss}) == []
    collapsing(log, late)
    assert "faster discriminator" in findings(log, {"loss": loss})[0].advice


def test_pictures_that_are_all_alike_are_a_collapse() -> None:
    log = {name: values for name, values in healthy().items() if "modes" not in name}
    late = log["step"] > 2000
    log["evaluation/ema/spread"] = np.where(log["step"] % 100 == 0, 0.8, np.nan)
    assert findings(log, CONFIG) == []
    log["evaluation/ema/spread"][late & (log["step"] % 100 == 0)] = 0.01
    (found,) = findings(log, CONFIG)
    assert (found.kind, found.step) == ("collapsed", 2300)
    assert "since step 2,100 its samples have had at most 1.0% of the real ones' variance" in found.sentence


def test_one_mode_of_a_thousand_may_be_missing() -> None:
    log = healthy()
    log["evaluation/ema/modes"] *= 125
    late = (log["step"] > 2000) & np.isfinite(log["evaluation/ema/modes"])
    log["evaluation/ema/modes"][late] = 990
    assert findings(log, CONFIG) == []
    log["evaluation/ema/modes"][late] = 900
    assert "900 at most since step 2,100, after 1000" in findings(log, CONFIG)[0].sentence


@pytest.mark.parametrize(
    ("loss", "level"),
    [
        ("non_saturating", np.log(4)),
        ({"loss": "hinge"}, 2.0),
        ("least_squares", 0.25),
        ("relativistic", np.log(2)),
        ("wasserstein", 0.0),
        ("no_such_loss", 0.0),
        (7, 0.0),
        ({"loss": "hinge", "margin": 2}, 0.0),
        ({"loss": "hinge", "at": date(2020, 1, 1)}, 0.0),
        ("their.losses:Mine", 0.0),
    ],
)
def test_the_discriminator_is_measured_by_the_loss_of_one_that_cannot_tell(loss: object, level: float) -> None:
    assert indifferent(loss) == pytest.approx(level)


def test_nothing_is_found_in_a_log_without_columns_or_rows() -> None:
    assert findings({"step": np.arange(50.0)}, {}) == []
    assert findings({name: values[:0] for name, values in healthy().items()}, CONFIG) == []


def test_advice_goes_by_who_is_ahead() -> None:
    log = healthy()
    collapsing(log, log["step"] > 2000)
    assert "faster discriminator" in findings(log, CONFIG)[0].advice
    discriminator_wins(log, log["step"] > 0)
    won, collapsed = findings(log, CONFIG)
    assert (won.kind, collapsed.kind) == ("discriminator_won", "collapsed")
    assert "slower discriminator" in collapsed.advice


@pytest.mark.filterwarnings("error")
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(0, 60), constant=st.booleans())
def test_a_log_of_any_numbers_is_looked_at(seed: int, rows: int, constant: bool) -> None:
    """A log may come from anywhere; the door lets numbers up to 1e100, infinities and NaN through."""
    random = np.random.default_rng(seed)
    numbers = [np.nan, np.inf, -np.inf, 0.0, 1.0, 1e-100, 1e100, -1e100, 0.01, 2.0**62]
    log = {name: random.choice(numbers, rows) for name in healthy(1)}
    log["step"] = random.choice([0.0, 1.0, 50.0, 2.0**62], rows)
    if constant:
        log |= {name: np.ones(rows) for name in ("clock/cycle", "clock/phase", "voice/lr.generator")}
    for found in findings(log, CONFIG):
        assert found.sentence


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_found_at_a_step_depends_on_no_later_row(data: st.DataObject) -> None:
    log = data.draw(st.sampled_from([healthy, cycling]))(rows=60, seed=data.draw(st.integers(0, 9)))
    for kind in data.draw(st.sets(st.sampled_from(sorted(SIGNS)), max_size=3)):
        begin = data.draw(st.integers(0, 3000))
        SIGNS[kind](log, (log["step"] > begin) & (log["step"] < begin + data.draw(st.integers(100, 3000))))
    whole = findings(log, CONFIG)
    length = data.draw(st.integers(0, 60))
    part = {name: values[:length] for name, values in log.items()}
    assert findings(part, CONFIG) == [found for found in whole if length and found.step <= part["step"][-1]]
