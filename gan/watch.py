"""The collapse watch: signs of trouble in the metrics log of a GAN run, in words, with the number behind each.

A sign counts only when it lasts: where voices move, for a whole cycle of the clock, because a cycle by itself makes
losses swing and lets each player be ahead for a while; where all are constant, for some rows of the log. What is found
at a step depends on no later row. A column that the log lacks is a sign that is not looked for.

The thresholds were chosen on 269 runs, and no others were kept to test them: 232 of the presets' studies and of the
ring's phase response, and 37 short ones, most of them made to fail (``lab gan train ring --set steps=1500``, 3 seeds
each, and ``digits`` with ``steps=1000``: one rate times 20 or next to 0, both high, a generator of width 2 or 1, the
hinge loss, Adam's beta1 at 0.95, no R1). ``python tests/gan/confusion.py RUNS…`` counts; it says what "well" means:

    ========  ====  ======  ====================================================================================
    end       runs  warned  of them by
    ========  ====  ======  ====================================================================================
    well       185       0
    middling    32      15  modes_lost 13, collapsed 3
    failed      52      40  modes_lost 20, collapsed 18, discriminator_won 8, gradients_vanish 4, oscillating 1
    ========  ====  ======  ====================================================================================

Failed runs were first warned at 45 % of their steps (median; quartiles 25 % and 67 %). ``jumped`` and ``overflowing``
showed in none, so that all that is known of them is that they raise no false alarm; ``overfitting`` had no column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gan.windows import ROWS, Floats, Rows, amplitudes, held, rows_with
from lab.training.findings import Columns, Finding

LOSSES = ("loss/discriminator", "loss/generator")
OUTPUTS = ("output/real", "output/fake")

WON = 0.25
"""The discriminator has won below this share of the loss that it has where it cannot tell."""
SURE = 0.5
"""Below this share it is surer than it should be of a good generator."""
VANISHED = 0.1
"""Gradients have vanished below this share of the highest median that the norm has held."""
NO_GRADIENT = 1e-7
"""A gradient's norm that is none, whatever it was before; float32 resolves no less beside weights of order one."""
COLLAPSED = 0.05
"""A generator of pictures whose modes nobody knows has collapsed below this share of the real pictures' variance."""
EVALUATIONS = 3
"""Evaluations in a row that must show what is said of modes."""
ALONE = 10
"""Evaluations in a row with at most one mode."""
LOST = 0.02
"""Modes are lost where more than this share of those held is missing: one of eight, but not one of a thousand."""
GROWTH, STRETCHES = 1.35, 4
"""The amplitude of a loss grows by this factor from stretch to stretch, over so many of them."""
VISIBLE = 0.1
"""An amplitude below this share of the loss itself is noise."""
JUMP = 20.0
"""A row of the log jumps where a loss is so many times the highest before it."""
LARGE = 1e9
"""No healthy loss, output or gradient is larger; at 1.8e19 its square, which Adam keeps, overflows float32."""
OVERFIT = 0.5
"""Validation samples look this much like generated ones to the discriminator: half of the way from training samples."""


@np.errstate(all="ignore")  # a log from elsewhere may hold any numbers: what is compared with NaN is no sign
def findings(columns: Columns, config: Mapping[str, Any]) -> list[Finding]:
    """What a run shows, in the order in which it appeared, at most one finding a kind.

    Args:
        columns: the metrics log, float64[rows] a column, NaN where a row lacks it; ``step`` is one of them.
        config: the run's configuration as plain data; of it the loss is looked at, and whether the data come in tasks.
    """
    level = indifferent(config.get("loss", "non_saturating"))
    whole = config.get("tasks") is None  # else the data themselves lack modes, and those of before may be forgotten
    found = [
        discriminator_won(columns, level),
        gradients_vanish(columns, level),
        modes_lost(columns, level) if whole else None,
        collapsed(columns, level) if whole else None,
        oscillating(columns),
        jumped(columns),
        overflowing(columns),
        overfitting(columns),
    ]
    return sorted((each for each in found if each is not None), key=lambda each: each.step)


def indifferent(loss: Any) -> float:
    """The discriminator's loss where it cannot tell, by :meth:`gan.losses.part.Loss.ideal`: log 4 of the logistic loss.

    0 where that says nothing (Wasserstein), of settings that are none, and of a loss of another package, for a report
    imports no code that a file names.
    """
    from gan.losses import LOSSES

    word = loss.get("loss") if isinstance(loss, Mapping) else loss
    if not isinstance(word, str) or word not in LOSSES.listed:
        return 0.0
    try:
        return LOSSES.validate(loss).ideal() or 0.0
    except (ValueError, TypeError):  # settings that are none, or not even JSON
        return 0.0


def discriminator_won(columns: Columns, level: float) -> Finding | None:
    """The discriminator's loss stays below ``WON`` of ``level``, its loss where it cannot tell.

    Of the logistic loss that is 0.35: it gives the right answer a probability of 84 % (the geometric mean), and the
    generator's gradient says little (Arjovsky & Bottou 2017, arXiv 1701.04862, theorems 2.4 and 2.5).
    """
    rows = rows_with(columns, LOSSES[0], *OUTPUTS)
    loss, limit = rows.values.get(LOSSES[0], np.empty(0)), WON * level
    place = rows.first_lasting(loss < limit) if level > 0 and len(rows) else None
    if place is None:
        return None
    begin, at = place
    worst = float(loss[begin : at + 1].max())
    real, fake = (float(rows.values[name][at]) for name in OUTPUTS)
    return Finding(
        "discriminator_won",
        int(rows.step[at]),
        f"The discriminator has won: since step {rows.step[begin]:,} its loss has been at most {worst:.2g}, where "
        f"{level:.3g} is that of one that cannot tell; its mean output is {real:.2g} for real and {fake:.2g} for "
        "generated samples.",
        worst,
        limit,
        "a lower voices.lr.discriminator or a higher voices.lr.generator (most presets have two to four times its rate "
        "for the discriminator), a voice r1.weight of 0.1 to 10, or a smaller discriminator.",
    )


def gradients_vanish(columns: Columns, level: float) -> Finding | None:
    """The generator's gradient norm stays below ``VANISHED`` of what it was, while the discriminator is sure.

    What it was is the highest median over windows of ``ROWS`` rows. Near an equilibrium gradients become small as well,
    but there the discriminator cannot tell: so its loss must be below ``SURE`` of ``level``, where that is known. A
    norm below ``NO_GRADIENT`` counts in any case.
    """
    name = "gradient/generator"
    rows = rows_with(columns, name, LOSSES[0])
    if len(rows) < ROWS:
        return None
    norm = rows.values[name]
    before = _highest_median(norm)
    small = (norm < VANISHED * before) & _sure(rows.values[LOSSES[0]], level)
    place = rows.first_lasting(small | (norm < NO_GRADIENT))
    if place is None:
        return None
    begin, at = place
    worst, limit = float(norm[begin : at + 1].max()), max(VANISHED * float(before[at]), NO_GRADIENT)
    return Finding(
        "gradients_vanish",
        int(rows.step[at]),
        f"The generator's gradients have vanished: since step {rows.step[begin]:,} their norm has been at most "
        f"{worst:.2g}, after {before[at]:.2g} before; it learns nothing any more.",
        worst,
        limit,
        "a lower voices.lr.discriminator, a voice r1.weight, or another loss (non_saturating keeps a gradient where "
        "the discriminator is sure); this run will hardly recover by itself.",
    )


def _highest_median(values: Floats) -> Floats:
    """The highest median of ``ROWS`` values in a row, up to each place; 0 before the first."""
    medians = np.median(sliding_window_view(values, ROWS), axis=1)
    return np.concatenate([np.zeros(ROWS - 1), np.maximum.accumulate(medians)])


def modes_lost(columns: Columns, level: float) -> Finding | None:
    """A number of modes that ``EVALUATIONS`` in a row had is not reached by any of as many later, nor in a whole cycle.

    Of the averaged generator where it is scored, for its scores swing less. The cycle, where voices move, is because
    modes that come and go with it are not lost. A share of ``LOST`` may be missing.
    """
    rows, modes = _modes(columns)
    most = held(modes, EVALUATIONS)
    place = rows.first_lasting((modes < (1 - LOST) * most) & (most > 1), EVALUATIONS)
    if place is None:
        return None
    begin, at = place
    now = float(modes[begin : at + 1].max())
    return Finding(
        "modes_lost",
        int(rows.step[at]),
        f"Modes are being lost: {now:.0f} at most since step {rows.step[begin]:,}, after {most[at]:.0f} that were held "
        "before.",
        now,
        float(most[at]),
        f"{_pace(columns, level, int(rows.step[at]))}, a voice r1.weight of 0.1 to 10, or a larger batch_size.",
    )


def collapsed(columns: Columns, level: float) -> Finding | None:
    """At most one mode is covered in ``ALONE`` evaluations in a row, and for a whole cycle where voices move.

    Where no modes are known: samples differ from one another by less than ``COLLAPSED`` of what real ones do.
    """
    rows, modes = _modes(columns)
    place = rows.first_lasting(modes <= 1, ALONE)
    if place is None:
        return _alike(columns, level)
    begin, at = place
    most = float(modes[begin : at + 1].max())
    return Finding(
        "collapsed",
        int(rows.step[at]),
        f"The generator has collapsed: it has covered {'one mode at most' if most else 'no mode'} since step "
        f"{rows.step[begin]:,}.",
        most,
        1.0,
        f"{_pace(columns, level, int(rows.step[at]))}, both rates halved, or another seed, to see whether it is "
        "the seed alone.",
    )


def _alike(columns: Columns, level: float) -> Finding | None:
    name = "evaluation/ema/spread" if "evaluation/ema/spread" in columns else "evaluation/spread"
    rows = rows_with(columns, name)
    spread = rows.values.get(name, np.empty(0))
    place = rows.first_lasting(spread < COLLAPSED, EVALUATIONS)
    if place is None:
        return None
    begin, at = place
    most = float(spread[begin : at + 1].max())
    return Finding(
        "collapsed",
        int(rows.step[at]),
        f"The generator has collapsed: since step {rows.step[begin]:,} its samples have had at most {most:.1%} of the "
        "real ones' variance.",
        most,
        COLLAPSED,
        f"{_pace(columns, level, int(rows.step[at]))}, both rates halved, or another seed.",
    )


def _sure(loss: Floats, level: float) -> NDArray[np.bool_]:
    """Where the discriminator is surer than it should be of a good generator; nowhere, where the loss does not tell."""
    return (loss < SURE * level) & (level > 0)


def _pace(columns: Columns, level: float, step: int) -> str:
    """Which player should be faster: the advice goes by how sure the discriminator was last."""
    rows = rows_with(columns, LOSSES[0])
    before = rows.values.get(LOSSES[0], np.empty(0))[rows.step <= step]
    if _sure(before[-1:], level).any():
        return "a slower discriminator, which is too sure (a lower voices.lr.discriminator)"
    return "a faster discriminator (voices.lr.discriminator at two to four times voices.lr.generator)"


def _modes(columns: Columns) -> tuple[Rows, Floats]:
    name = "evaluation/ema/modes" if "evaluation/ema/modes" in columns else "evaluation/modes"
    rows = rows_with(columns, name)
    return rows, rows.values.get(name, np.empty(0))


def oscillating(columns: Columns) -> Finding | None:
    """A loss swings more from cycle to cycle: its amplitude grew by ``GROWTH`` at each of the last ``STRETCHES``.

    The amplitude is √2 times the standard deviation around a straight line, over a whole cycle of the clock: a clock
    whose cycles are alike makes the same amplitude in each. Where no voice moves, stretches of rows take the place of
    cycles. Growing swings are what simultaneous steps, or a clock in resonance with the game, do to a zero-sum game.
    """
    for name in LOSSES:
        rows = rows_with(columns, name)
        if not len(rows):
            continue
        begins, counts, known = rows.stretches()
        values = rows.values[name]
        sizes = amplitudes(rows.step, values, begins, counts)
        if len(sizes) < STRETCHES:
            continue
        grown = sliding_window_view(sizes[1:] > GROWTH * sizes[:-1], STRETCHES - 1).all(axis=1)
        for last in np.flatnonzero(grown) + STRETCHES - 1:
            if sizes[last] > VISIBLE * np.abs(values[begins[last] :][: counts[last]]).mean():
                return _oscillation(name, int(rows.step[known[last]]), sizes[last - STRETCHES + 1 : last + 1])
    return None


def _oscillation(name: str, step: int, sizes: Floats) -> Finding:
    listed = ", ".join(f"{size:.2g}" for size in sizes)
    return Finding(
        "oscillating",
        step,
        f"The {name.partition('/')[2]}'s loss swings more and more: amplitudes {listed} in the last "
        f"{len(sizes)} cycles or stretches.",
        float(sizes[-1]),
        GROWTH * float(sizes[-2]),
        "both rates lower, updates: alternating, a lower optimizer.beta1, a voice r1.weight; where voices cycle, "
        "another clock.period or a narrower range.",
    )


def jumped(columns: Columns) -> Finding | None:
    """The larger of both losses, of a row, is ``JUMP`` times the highest of all rows before; ``ROWS`` go before."""
    rows = rows_with(columns, *LOSSES)
    if len(rows) <= ROWS:
        return None
    size = np.maximum(*(np.abs(rows.values[name]) for name in LOSSES))
    before = np.concatenate([[np.inf], np.maximum.accumulate(size)[:-1]])
    found = np.flatnonzero((size > JUMP * before) & (np.arange(len(rows)) >= ROWS))
    if not len(found):
        return None
    at = int(found[0])
    return Finding(
        "jumped",
        int(rows.step[at]),
        f"The losses jumped: to {size[at]:.3g} at step {rows.step[at]:,}, after {before[at]:.3g} at most before.",
        float(size[at]),
        JUMP * float(before[at]),
        "lower rates, at the crest of a cycle above all (high: of the voices lr.*), or a voice r1.weight; compare the "
        "samples before and after this step.",
    )


def overflowing(columns: Columns) -> Finding | None:
    """A loss, a mean output or a gradient norm is larger than ``LARGE``."""
    names = [*LOSSES, *OUTPUTS, "gradient/generator", "gradient/discriminator"]
    sizes = {name: np.abs(columns[name]) for name in names if name in columns}
    places = {name: np.flatnonzero(size > LARGE) for name, size in sizes.items()}
    found = {name: int(place[0]) for name, place in places.items() if len(place)}
    if not found:
        return None
    name = min(found, key=lambda each: found[each])
    step, size = int(columns["step"][found[name]]), float(sizes[name][found[name]])
    return Finding(
        "overflowing",
        step,
        f"Numbers are about to overflow: {name} is {size:.2g} at step {step:,}.",
        size,
        LARGE,
        "much lower rates; a voice r1.weight where it is the discriminator; the run will stop at the first number that "
        "is not finite.",
    )


def overfitting(columns: Columns) -> Finding | None:
    """The discriminator knows its training samples: ``overfitting/r_v`` stays above ``OVERFIT``.

    r_v = (E D(train) − E D(validation)) / (E D(train) − E D(generated)), 0 where both kinds of real samples look alike
    to it and 1 where validation samples look generated (Karras et al. 2020, arXiv 2006.06676, equation 1).
    """
    name = "overfitting/r_v"
    rows = rows_with(columns, name)
    share = rows.values.get(name, np.empty(0))
    place = rows.first_lasting(share > OVERFIT, EVALUATIONS)
    if place is None:
        return None
    begin, at = place
    least = float(share[begin : at + 1].min())
    return Finding(
        "overfitting",
        int(rows.step[at]),
        f"The discriminator overfits: since step {rows.step[begin]:,} real samples that it was not trained on have "
        f"looked to it {least:.0%} of the way from its training samples to generated ones, or more.",
        least,
        OVERFIT,
        "more data, augmentation, a smaller discriminator, a stronger voice r1.weight, or an earlier end.",
    )
