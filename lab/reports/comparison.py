"""The section of a report that sets runs of one trainer side by side: scores, differing settings, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import UserError
from lab.reports import style
from lab.reports.along import MOST_RUNS, along
from lab.reports.blocks import Table
from lab.reports.drawing import OWN
from lab.reports.missing import LeftOut
from lab.reports.panels import Line, Panel, stack, with_bands
from lab.reports.runs import Arm, RunData, arms, names, read_run
from lab.reports.sections import Section, flat, last_cycle_mean
from lab.reports.study import words
from lab.reports.style import Saved
from lab.reports.words import ABSENT, capital, fmt
from lab.training import plugins
from lab.training.run import CONFIG, Run

MOST_CURVES = 6
TALL = 1.9
"""Curves that lie over each other need more height than those of one run."""


def comparisons(paths: Sequence[Path]) -> list[Section]:
    """A section for each trainer that at least two of these runs are of; directories of studies are left out."""
    several = _several(paths)
    return [_section(trainer, [read_run(path) for path in of], len(several) > 1) for trainer, of in several.items()]


def side_by_side(paths: Sequence[Path]) -> set[Path]:
    """The runs, as resolved paths, that a comparison shows along their steps beside each other."""
    return {path.resolve() for of in _several(paths).values() for path in of[:MOST_RUNS]}


def _several(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """The runs of each trainer that at least two of these are of."""
    runs = {path.resolve(): path for path in paths if not (path / "summary.json").is_file()}.values()
    by_trainer: dict[str, list[Path]] = {}
    for path in runs:
        if (path / CONFIG).is_file():
            run = Run.open(path)
            by_trainer.setdefault(plugins.kind(run.trainer, run.config), []).append(path)
    return {trainer: of for trainer, of in by_trainer.items() if len(of) > 1}


def _section(trainer: str, runs: Sequence[RunData], named: bool) -> Section:
    scores = {
        column: lower
        for column, lower in plugins.scores(plugins.trainer(trainer)).items()
        if any(len(run.series(column)[0]) for run in runs)
    }
    groups = arms(runs)
    tables = [_scores_table(runs, scores), _settings_table(groups)]
    beside = groups[0].first.path / "figures" / "compared"
    left = LeftOut()
    own: list[Saved] = []
    with style.writing(beside):
        curves = _curves(trainer, groups, list(scores)[:MOST_CURVES], beside)
        for name, draw in OWN.items():
            try:
                own += draw(groups, beside)
            except UserError as error:
                left(f"the figure {name}", error)
    steps = along(runs, left)
    return Section(
        title=f"Comparison: {trainer}" if named else "Comparison",
        kind=f"{len(runs)} runs of {trainer}",
        summary=[_differ(groups)],
        tables=[table for table in tables if table.rows],
        figures=[*([curves] if curves else []), *own],
        along=steps,
        missing=left.sentences(),
        narrow=True,
    )


def _differ(groups: Sequence[Arm]) -> str:
    if len(groups) == 1:
        return f"{len(groups[0].runs)} runs that differ only in their seed."
    seeds = max(len(arm.runs) for arm in groups)
    if seeds == 1:
        caution = "One seed of each: a difference may be no more than that of two seeds."
    else:
        caution = f"At most {seeds} seeds of each; nothing is tested here."
    return f"{len(groups)} configurations. {caution} What a study states beforehand, lab study tests."


def _scores_table(runs: Sequence[RunData], scores: Mapping[str, bool]) -> Table:
    """A row a run: how far it is, and of each score the mean over the last whole cycle, and the best with its step."""
    header = ["run"]
    for column, lower in scores.items():
        name = words(column.removeprefix(plugins.EVALUATION))
        header += [name, f"{'lowest' if lower else 'highest'} (at step)"]
    rows = []
    for run in runs:
        cells = [run.name]
        for column, lower in scores.items():
            there = len(run.series(column)[0])
            cells += [last_cycle_mean(run, column), _best(run, column, lower)] if there else [ABSENT, ABSENT]
        rows.append([*cells, f"{run.last_step:,}" if run.finished else f"{run.last_step:,}\u00a0of\u00a0{run.steps:,}"])
    return Table(
        "Scores: means over the last whole cycle, and the best of all evaluations", [*header, "last step"], rows
    )


def _best(run: RunData, column: str, lower: bool) -> str:
    try:
        step, value = run.metrics.best(column, lower)
    except UserError:  # no value is finite
        return ABSENT
    return f"{fmt(value)}\u00a0({step:,})"


def _settings_table(groups: Sequence[Arm]) -> Table:
    """A row a setting that is not the same for all, a column an arm."""
    values = [[dict(flat(run.config)) for run in arm.runs] for arm in groups]
    rows = []
    for key in sorted({key for arm in values for config in arm for key in config}):
        cells = [", ".join(dict.fromkeys(config.get(key, ABSENT) for config in arm)) for arm in values]
        if len({config.get(key, ABSENT) for arm in values for config in arm}) > 1:
            rows.append([key, *cells])
    return Table("Settings in which they differ", ["setting", *(arm.label for arm in groups)], rows)


def _curves(trainer: str, groups: Sequence[Arm], columns: Sequence[str], out: Path) -> Saved | None:
    """The scores over steps, drawn over each other; beside the figures of the first run, as `lab plot` does."""
    if not columns:
        return None
    titles = {column: words(column.removeprefix(plugins.EVALUATION)) for column in columns}
    panels = [
        Panel(capital(title), [Line(column, title, sparse=True)], height=TALL) for column, title in titles.items()
    ]
    return style.save(
        stack(groups, panels, plugins.trainer(trainer).step_unit, "Learning curves", label_ends=True),
        out,
        "learning-curves",
        "Learning curves",
        f"Line charts of {', '.join(titles.values())} over steps for {names(groups)}.",
        with_bands("The scores at each evaluation; runs that differ only in their seed are averaged.", groups),
    )
