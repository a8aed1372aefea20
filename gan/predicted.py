"""What the spectrum of a study's constant runs predicts of its cycles, beside what its runs showed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gan.config import GanConfig
from gan.cosines import Cosines, cosines, cycle_at, rates_over
from gan.foretelling import method_of, obstacle, rotations
from gan.kept import newest
from gan.spectrum import GameSpectrum, measure
from lab.diagnostics.stability import growth_at_constant, stability_map
from lab.errors import UserError
from lab.reports.study import StudyData
from lab.reports.study import words as score_words
from lab.reports.style import Saved
from lab.reports.words import ABSENT, fmt
from lab.training.config import resolve
from lab.training.run import Run

Floats = NDArray[np.float64]

RESAMPLES = 9_999


@dataclass(frozen=True)
class Cell:
    """One cycle of a study.

    Attributes:
        arm: whose rates it is.
        cycle: modulation 0 where they are constant.
        predicted: growth per step by the spectrum of each seed's constant run, float64[seeds]; NaN where nothing turns.
        observed: the study's metric of the arm's run of each of these seeds, float64[seeds].
    """

    arm: str
    cycle: Cosines
    predicted: Floats
    observed: Floats


@dataclass(frozen=True)
class Predicted:
    """A study's cycles, and what is predicted of them.

    Attributes:
        cells: in the order of the study's arms, the constant one first.
        spectra: of the constant runs by seed; the seeds that every cell has a score of.
        left: why an arm, or a seed, is left out, by its name.
    """

    cells: Sequence[Cell]
    spectra: Mapping[int, GameSpectrum]
    left: Mapping[str, str]


@dataclass(frozen=True)
class Agreement:
    """How well the prediction orders the cycles.

    Attributes:
        rho: Spearman's rank correlation over the cycles, of the median predicted growth and the mean observed score.
        low, high: its 95 % percentile interval over resampled seeds; NaN for a single seed.
        cycles, seeds: how many of each.
    """

    rho: float
    low: float
    high: float
    cycles: int
    seeds: int


def predict(study: StudyData) -> Predicted:
    """The cycles of a study, from the spectra of its runs at constant rates.

    Raises:
        UserError: no arm, or more than one, has constant rates; its runs are not beside the study, or are of a game
            that the reference games are no model of.
    """
    runs = {arm: [Run.open(path) for path in paths] for arm, paths in study.runs().items()}
    configs = {arm: _config(found[0]) for arm, found in runs.items() if found}
    waves = {arm: cosines(config, 0) for arm, config in configs.items()}
    constant = [arm for arm, wave in waves.items() if wave is not None and wave.modulation == 0]
    if len(constant) != 1:
        named = ", ".join(constant) or "none"
        raise UserError(f"{study.path}: one arm of constant rates is needed, with its runs beside it; found: {named}")
    config = configs[constant[0]]
    if why := obstacle(config):
        raise UserError(f"{study.path}: arm {constant[0]!r} is of another game than the map's ({why})")
    left = {arm: "its runs are not beside the study" for arm, found in runs.items() if not found}
    left |= {arm: why for arm, other in configs.items() if (why := _difference(other, config))}
    cycles = {constant[0]: waves[constant[0]]} | waves
    kept = {arm: wave for arm, wave in cycles.items() if wave is not None and arm not in left}
    seeds = [run.config["seed"] for run in runs[constant[0]]]
    scored = [seed for seed in seeds if all(str(seed) in _scores(study, arm) for arm in kept)]
    left |= {f"seed {seed}": "not every arm has a score of it" for seed in seeds if seed not in scored}
    if not scored:
        raise UserError(f"{study.path}: no seed of arm {constant[0]!r} has a score in every arm")
    spectra = {run.config["seed"]: measure(newest(run)) for run in runs[constant[0]] if run.config["seed"] in scored}
    found = [
        Cell(
            arm,
            wave,
            np.array([_growth(config, spectrum, wave) for spectrum in spectra.values()]),
            np.array([_scores(study, arm)[str(seed)] for seed in spectra]),
        )
        for arm, wave in kept.items()
    ]
    return Predicted(found, spectra, left)


def _difference(config: GanConfig, constant: GanConfig) -> str:
    """Why the constant arm's game says nothing of an arm; empty where it does."""
    if cosines(config, 0) is None:
        return "its rates are no two cosines of one modulation"
    return "" if _game(config) == _game(constant) else "it differs from the constant arm in more than its waves"


def _game(config: GanConfig) -> dict[str, Any]:
    """What two runs must have in common for one to say something of the other: all but seed, clock and waves."""
    steps = cycle_at(config, 0)
    means = {name: float(f"{rates.mean():.6g}") for name, rates in rates_over(config, steps or range(1)).items()}
    other = {name: value for name, value in config.voices.items() if not name.startswith("lr.")}
    return config.model_dump(mode="json", exclude={"seed", "clock", "voices", "device"}) | {
        "mean": means,
        "voices": other,
    }


def agreement(found: Sequence[Cell], rng: np.random.Generator) -> Agreement:
    """The rank correlation over the cycles, and its interval: whole seeds are resampled, of spectra and scores alike.

    Args:
        found: cycles; those of constant rates are left out.
        rng: the only source of randomness.

    Raises:
        UserError: fewer than three cycles.
    """
    cycles = [cell for cell in found if cell.cycle.modulation > 0]
    if len(cycles) < 3:
        raise UserError(f"{len(cycles)} cycles have no rank correlation; at least 3 are needed")
    predicted, observed = (np.stack([getattr(cell, of) for cell in cycles]) for of in ("predicted", "observed"))
    seeds = predicted.shape[1]
    rho = float(_rho(predicted[:, None], observed[:, None])[0])
    low = high = float("nan")
    if seeds > 1:
        picks = rng.integers(0, seeds, size=(RESAMPLES, seeds))
        rhos = _rho(predicted[:, picks], observed[:, picks])
        if np.isfinite(rhos).any():
            low, high = np.nanquantile(rhos, [0.025, 0.975])
    return Agreement(rho, float(low), float(high), len(cycles), seeds)


def _rho(predicted: Floats, observed: Floats) -> Floats:
    """Spearman's, float64[samples], of arrays [cycles, samples, seeds]; NaN where all cycles are alike."""
    ranks = [rankdata(of, axis=0) for of in (np.nanmedian(predicted, axis=2), np.nanmean(observed, axis=2))]
    mine, theirs = (each - each.mean(axis=0) for each in ranks)
    with np.errstate(invalid="ignore"):
        found: Floats = (mine * theirs).sum(axis=0) / np.sqrt((mine**2).sum(axis=0) * (theirs**2).sum(axis=0))
    return found


def _growth(config: GanConfig, spectrum: GameSpectrum, wave: Cosines) -> float:
    if not len(spectrum.turning):
        return float("nan")
    game, method = rotations(config, spectrum), method_of(config)
    if wave.modulation == 0:
        return growth_at_constant(game, 1.0, method)
    return float(stability_map(game, 1.0, [wave.modulation], [wave.period], [wave.offset], method).growth[0, 0, 0])


def _scores(study: StudyData, arm: str) -> Mapping[str, float]:
    values: Mapping[str, float] = study.arms[arm].get(study.metric, {}).get("values", {})
    return values


def _config(run: Run) -> GanConfig:
    return resolve(GanConfig, run.config, source=str(run.path / "config.yaml"))


def sentence(found: Agreement, study: StudyData) -> str:
    """What the agreement says, in words."""
    better = study.summary.get("direction", "higher") == "higher"
    span = f" [{fmt(found.low)}, {fmt(found.high)}]" if np.isfinite(found.low) else ""
    wanted = found.high < 0 if better else found.low > 0
    against = found.low > 0 if better else found.high < 0
    verdict = "orders" if wanted else "orders the other way round" if against else "was not shown to order"
    rho = fmt(found.rho if np.isfinite(found.rho) else None)
    return (
        f"Over {found.cycles} cycles and {found.seeds} seeds, the rank correlation of predicted growth and observed "
        f"{score_words(study.metric)} is {rho}{span}: the map {verdict} the cycles."
    )


def page(study: StudyData, found: Predicted, said: str, figure: Saved) -> str:
    """The page stability.md, whose figure lies in figures/."""
    score = score_words(study.metric)
    rows = [["arm", "period", "offset", "modulation", "predicted growth a step", score], ["---"] * 6]
    for cell in found.cells:
        cycle = [f"{cell.cycle.period:,}", fmt(cell.cycle.offset)] if cell.cycle.modulation else [ABSENT, ABSENT]
        growth, mean = 100 * float(np.nanmedian(cell.predicted)), float(np.nanmean(cell.observed))
        rows.append([cell.arm, *cycle, fmt(cell.cycle.modulation), f"{growth:+.2f} %", fmt(mean)])
    drawn = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    turns = ", ".join(fmt(spectrum.period) for spectrum in found.spectra.values())
    step = next(iter(found.spectra.values())).step
    left = "".join(f"- Left out: {name}, as {why}.\n" for name, why in found.left.items())
    drawn = f"{left}\n{drawn}" if left else drawn
    return (
        f"# {study.title}: predicted and observed\n\n{said}\n\n"
        f"The spectrum is that of the game of the runs with constant rates, at step {step:,}; its fastest "
        f"rotations take {turns} steps. Of its eigenvalues those that turn make a linear game, whose growth per step "
        "under each cycle is the prediction (median over these runs); what was observed is the mean over seeds. The "
        f"interval is of resampled seeds.\n\n{drawn}\n\n![{figure.alt}](figures/{figure.path.name})\n\n"
        f"Made by `lab gan stability {study.name}`; every seed's numbers are in stability.csv.\n"
    )


def csv(found: Predicted) -> str:
    """Every cycle and seed on a line, below a line of headings."""
    lines = ["arm,period,offset,modulation,seed,predicted,observed"]
    for cell in found.cells:
        cycle = f"{cell.arm},{cell.cycle.period},{cell.cycle.offset:g},{cell.cycle.modulation:.4g}"
        for seed, *numbers in zip(found.spectra, cell.predicted, cell.observed, strict=True):
            lines.append(",".join([cycle, str(seed), *(f"{number:.6g}" for number in numbers)]))
    return "\n".join(lines) + "\n"
