"""What swings in a log, how long a swing takes, whether it grows, and how it lies against the clock.

Every function takes columns of equally spaced values, as a log at one cadence has them; periods are in the same unit as
``spacing``, steps for instance. Trends are taken out first: what rises or falls over the whole log is no oscillation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FEWEST = 8
"""Values below which nothing is said of a period."""
CYCLES = 3.0
"""A period counts from so many of its cycles in a log: of a single swing nobody knows whether it comes back."""
NOTHING = 1e-6
"""An amplitude below this share of a column's deviation is rounding, or the flank of a swing of another period."""
SURE = 0.95
"""What chance reaches is told as this quantile."""
DRAWS, WORK = 200, 2_000_000
"""Columns of noise that chance is judged by, fewer where together they would have more values than this."""


@dataclass(frozen=True)
class Oscillation:
    """The strongest swing of a column.

    Attributes:
        period: in steps.
        share: of the variance around the trend that lies within its peak, in [0, 1]; about 1 for a pure sine.
        amplitude: half the distance from crest to trough, by that share of the variance.
    """

    period: float
    share: float
    amplitude: float


def dominant(values: ArrayLike, spacing: float = 1.0) -> Oscillation | None:
    """The period that explains most of a column.

    The periodogram of the column without what is slower than its longest period that counts, under a Hann window; the
    peak's place is refined by a parabola through the logarithms of its neighbours. Its share and amplitude are of the
    column without what is slower than the period itself, so that a loss that falls hides no swing.

    Args:
        values: [k].
        spacing: steps between two of them, above 0.

    Returns:
        None for a column that is too short, constant or not finite, or whose strongest swing has fewer than three
        cycles in it.
    """
    column = _column(values)
    if column is None:
        return None
    least = CYCLES / len(column)
    frequency, power = _power(column - _drift(column, 1 / least))
    inside = (frequency >= least) & (power > 0)
    if not inside.any():
        return None
    peak = int(np.flatnonzero(inside)[np.argmax(power[inside])])
    if power[peak - 1] > power[peak]:  # the flank of a slower swing, which has too few cycles to count
        return None
    at = (peak + _offset(power, peak)) / len(column)
    level = column - _drift(column, max(2.0, 1 / at))
    power = _power(level)[1]
    share = min(float(power[max(peak - 2, 1) : peak + 3].sum() / power[1:].sum()), 1.0)
    return Oscillation(spacing / at, share, math.sqrt(2 * share) * float(level.std()))


def spectrum(values: ArrayLike, spacing: float = 1.0) -> tuple[Floats, Floats] | None:
    """How much of a column's variance around its trend lies at each period.

    Returns:
        Periods, float64[k], falling from the whole log to two values, and shares that sum to 1; None for a column that
        is too short, constant or not finite.
    """
    column = _column(values)
    if column is None:
        return None
    frequency, power = _power(column)
    return spacing / frequency[1:], power[1:] / power[1:].sum()


def share_by_chance(values: ArrayLike) -> float:
    """The share that the strongest swing reaches by chance in a column as long and as smooth: its 95 % quantile.

    The noise is autoregressive of first order, with the correlation that successive values of the column have around
    its trend; 0 for a column of which nothing is said.
    """
    from scipy.signal import lfilter

    column = _column(values)
    if column is None:
        return 0.0
    smooth = float(np.clip(column[1:] @ column[:-1] / (column @ column), 0.0, 0.99))
    count = max(20, min(DRAWS, WORK // len(column)))
    lead = int(5 / (1 - smooth))  # until the filter has forgotten that it began at 0
    noise = np.random.default_rng(0).standard_normal((count, lead + len(column)))
    found = [dominant(each) for each in lfilter([1.0], [1.0, -smooth], noise)[:, lead:]]
    return float(np.quantile([each.share if each else 0.0 for each in found], SURE))


def coherence_by_chance(cycles: int) -> float:
    """The coherence that two unrelated columns reach by chance over so many cycles: its 95 % quantile.

    Of independent complex normal amplitudes P(coherence > c) = (1 − c)^(cycles − 1).
    """
    return 1.0 - (1.0 - SURE) ** (1.0 / (cycles - 1)) if cycles > 1 else 1.0


@dataclass(frozen=True)
class Against:
    """How one column goes with another at a given period.

    Attributes:
        coherence: in [0, 1], 1 where one is a filtered copy of the other at that period.
        lag: cycles by which the first comes after the second, in [−0.5, 0.5).
        locking: phase-locking value in [0, 1]: 1 where the phase difference never changes, whatever the amplitudes.
    """

    coherence: float
    lag: float
    locking: float


def against(values: ArrayLike, other: ArrayLike, period: float, spacing: float = 1.0) -> Against | None:
    """Coherence, lag and phase locking of two columns at one period, cycle by cycle.

    Each whole cycle gives one complex amplitude of each column, its Fourier coefficient at the period. With a and b
    those of the two columns over the cycles,

        coherence = |Σ a b*|² / (Σ|a|² Σ|b|²)     lag = arg(Σ b a*) / 2π     locking = |mean of ab* / |ab||

    Args:
        values, other: [k], of one length.
        period: in steps; at least three cycles must lie in the columns, of two values each or more.
        spacing: steps between two values.

    Returns:
        None where there is too little to say it, or nothing swings at that period.
    """
    first, second = _column(values), _column(other)
    a = None if first is None else _amplitudes(first, period / spacing)
    b = None if second is None else _amplitudes(second, period / spacing)
    if first is None or second is None or a is None or b is None:
        return None
    a, b = a / first.std(), b / second.std()
    crossed, powers = a * b.conj(), (np.abs(a) ** 2).sum() * (np.abs(b) ** 2).sum()
    if min(np.abs(a).max(), np.abs(b).max()) < NOTHING or not np.abs(crossed).all():
        return None
    lag = -float(np.angle(crossed.sum())) / (2 * math.pi)
    return Against(
        coherence=float(np.abs(crossed.sum()) ** 2 / powers),
        lag=(lag + 0.5) % 1.0 - 0.5,
        locking=float(np.abs((crossed / np.abs(crossed)).mean())),
    )


def growth(values: ArrayLike, period: float, spacing: float = 1.0) -> tuple[float, float] | None:
    """By what the amplitude of a swing grows per step, and the standard error of it.

    The slope of the logarithm of each whole cycle's amplitude: 0.001 is 0.1 % a step; below 0 it dies away.

    Args:
        values: [k].
        period: in steps, as :func:`dominant` finds it.
        spacing: steps between two values.

    Returns:
        None where there are fewer than three whole cycles, or one without any swing.
    """
    from scipy.stats import linregress

    sizes = amplitudes(values, period, spacing)
    if sizes is None or not sizes.all():
        return None
    middle = (np.arange(len(sizes)) + 0.5) * period
    fitted = linregress(middle, np.log(sizes))
    return float(fitted.slope), float(fitted.stderr)


def amplitudes(values: ArrayLike, period: float, spacing: float = 1.0) -> Floats | None:
    """The amplitude of each whole cycle of a period, float64[cycles]; None where there are fewer than three."""
    column = _column(values)
    found = None if column is None else _amplitudes(column, period / spacing)
    return None if found is None else np.abs(found)


def _amplitudes(column: Floats, period: float) -> NDArray[np.complex128] | None:
    """The Fourier coefficient at a period of every whole cycle in a column, complex[cycles]."""
    if not period >= 2.0:
        return None
    cycles = int(len(column) / period)
    if cycles < CYCLES:
        return None
    cycle = (np.arange(len(column)) / period).astype(np.int64)
    turned = (column - _drift(column, period)) * np.exp(-2j * math.pi * np.arange(len(column)) / period)
    sums = np.array([turned[cycle == number].mean() for number in range(cycles)])
    return 2 * sums


def _drift(column: Floats, period: float) -> Floats:
    """The mean over one period around each value; where there is no whole one, at the ends, its straight continuation.

    What is slower than the period would be a slope within each cycle, which has a Fourier coefficient of its own, and
    the same phase in every cycle: a loss that falls ever more slowly would seem to keep step with any schedule.
    """
    whole = int((period - 1) / 2)
    rest = (period - 1) / 2 - whole  # of the value beyond the last whole one on each side
    weights = np.concatenate([[rest], np.ones(2 * whole + 1), [rest]]) / period
    inner = np.convolve(column, weights, mode="valid")
    reach = min(int(period), len(inner) - 1)
    before, after = (inner[reach] - inner[0]) / reach, (inner[-1] - inner[-1 - reach]) / reach
    outside = np.arange(1, whole + 2)
    return np.concatenate([inner[0] - before * outside[::-1], inner, inner[-1] + after * outside])


def _column(values: ArrayLike) -> Floats | None:
    """Without its linear trend; None where it has no oscillation to speak of."""
    from scipy.signal import detrend

    column = np.asarray(values, dtype=np.float64).ravel()
    if len(column) < FEWEST or not np.isfinite(column).all():
        return None
    level: Floats = detrend(column)
    return level if level.std() > 1e-12 * max(1.0, float(np.abs(column).max())) else None


def _power(column: Floats) -> tuple[Floats, Floats]:
    """Frequency in cycles a value, and power, of a column without trend."""
    from scipy.signal import periodogram

    frequency, power = periodogram(column, window="hann", detrend=False)
    return np.asarray(frequency), np.asarray(power)


def _offset(power: Floats, peak: int) -> float:
    """Where between its neighbours a peak truly lies, in bins."""
    if not 0 < peak < len(power) - 1:
        return 0.0
    with np.errstate(divide="ignore"):
        left, middle, right = np.log(power[peak - 1 : peak + 2])
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if np.isfinite(bend) and bend < 0 else 0.0
