"""What a report says of a run or a study, as plain data: sentences, tables, figures, configuration, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from lab.door import files, jsons
from lab.door.yamls import MOST_BYTES
from lab.errors import UserError
from lab.reports import style
from lab.reports.along import Along
from lab.reports.along import along as along_steps
from lab.reports.blocks import Block, Table
from lab.reports.drawing import OWN, draw_runs
from lab.reports.measured import measured_words, read_measured
from lab.reports.missing import LeftOut, Skip, missing
from lab.reports.runs import RunData, read_run
from lab.reports.study import StudyData, phrase, read_study, words
from lab.reports.study_figures import study_figures
from lab.reports.style import Saved
from lab.reports.swing_words import swing_words
from lab.reports.words import ABSENT, fmt, span
from lab.training import plugins
from lab.training.findings import Finding, LogColumns, watch_of
from lab.training.run import CONFIG, PROVENANCE, Run

_EVALUATION = "evaluation/"


@dataclass(frozen=True)
class Section:
    """One run or study of a report, or a comparison of some.

    Attributes:
        title: its heading.
        kind: "run", "study", or of a comparison what it compares.
        summary: paragraphs.
        findings: signs of trouble that a run shows; None where nobody looks for any.
        tables: scores, arms, comparisons.
        figures: in the order of reading.
        verdict: a study's, in one word or two; empty where there is none.
        sentence: what was found, in words.
        lead: the picture of it, above everything else.
        config: the complete configuration, as YAML.
        provenance: name and value of everything known about how it was made.
        blocks: parts under headings of their own, between tables and figures.
        along: its run, or runs beside each other, along their steps.
        missing: what the directory of a run lacks, and what is left out for damaged files.
        narrow: whether the first cells of its tables may break, for they are long.
    """

    title: str
    kind: str
    summary: Sequence[str]
    tables: Sequence[Table]
    figures: Sequence[Saved]
    verdict: str = ""
    sentence: str = ""
    lead: Saved | None = None
    config: str = ""
    provenance: Sequence[tuple[str, str]] = ()
    findings: Sequence[Finding] | None = None
    blocks: Sequence[Block] = ()
    along: Along | None = None
    missing: Sequence[str] = ()
    narrow: bool = False


def section_of(path: Path, along: bool = True) -> Section:
    """Describe the run or the study in a directory; its figures are drawn anew.

    Args:
        path: the directory.
        along: whether a run is shown along its steps; not where it is beside others.

    Raises:
        UserError: it is neither.
    """
    if (path / "summary.json").is_file():
        return study_section(path)
    if (path / CONFIG).is_file():
        return run_section(path, along)
    raise UserError(f"{path}: is neither a run (no {CONFIG}) nor a finished study (no summary.json)")


def run_section(path: Path, along: bool = True) -> Section:
    """What a report says of one run."""
    run = read_run(path)
    provenance = Run.open(path).provenance
    left = LeftOut()
    figures = draw_runs([path], path / "figures", skip=left)
    stability = _stability(run, [saved for saved in figures if saved.path.stem in OWN], left)
    steps = along_steps([run], left) if along else None
    return Section(
        title=run.name,
        kind="run",
        summary=[_made(run, provenance), _reached(run)],
        findings=_findings(run),
        tables=[table] if (table := _scores(run)).rows else [],
        missing=[*missing(run), *left.sentences(run.path)],
        blocks=[stability] if stability else [],
        along=steps,
        figures=[saved for saved in figures if saved.path.stem not in OWN],
        config=files.read_text(path / CONFIG, MOST_BYTES),
        provenance=flat(provenance),
    )


def _made(run: RunData, provenance: Mapping[str, Any]) -> str:
    plugin = plugins.trainer(run.trainer)
    preset = f", preset {provenance['preset']}" if provenance.get("preset") else ""
    on = f" on {provenance['device_name']} ({provenance['device']})" if provenance.get("device") else ""
    seconds = _seconds(run.path)
    took = f" in {_duration(seconds)}" if seconds else ""
    done = f"{run.last_step:,} {plugin.step_unit}s"
    state = "all of those planned" if run.finished else f"of {run.steps:,} planned: the run is not finished"
    return f"Trainer {run.trainer} ({plugin.summary}){preset}, seed {run.seed}: {done}{took}{on}, {state}."


def _reached(run: RunData) -> str:
    headline = [c for c in run.plugin.headline if len(run.series(c)[0])]
    ends = [f"{phrase(c)} {fmt(run.series(c)[1][-1])}" for c in headline]
    return f"At its last step: {'; '.join(ends)}." if ends else "It has no scores yet."


def _findings(run: RunData) -> Sequence[Finding] | None:
    watch = watch_of(run.plugin)
    return None if watch is None else watch(LogColumns(run.metrics.rows).columns(), run.config)


def _stability(run: RunData, figures: Sequence[Saved], skip: Skip) -> Block | None:
    """What swings in the log, and what was measured of the game; None where there is nothing of either."""
    said, tables = swing_words(run)
    try:
        found = read_measured(run.path)
    except UserError as error:
        skip("what was measured of its game", error)
        found = None
    if found is not None:
        said += measured_words(found, run.last_step, run.plugin.step_unit)
    return Block("Stability", said, tables, figures) if said else None


def _seconds(path: Path) -> float:
    """Time spent training, over all of the run's processes: each counts its own seconds from zero."""
    total = last = 0.0
    for row, _ in jsons.lines(path / "timing.jsonl", _timed):
        now = row["seconds"]
        total, last = (total + last, now) if now < last else (total, now)
    return total + last


def _timed(value: Any) -> dict[str, Any]:
    row = jsons.row(value)
    return {**row, "seconds": jsons.finite(row.get("seconds", 0.0))}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _scores(run: RunData) -> Table:
    names = [name for name in run.metrics.names() if name.startswith(_EVALUATION)]
    rows = [
        [words(name.removeprefix(_EVALUATION)), last_cycle_mean(run, name), fmt(run.series(name)[1][-1])]
        for name in names
    ]
    return Table(
        "Scores: the mean over the last whole cycle favours no phase of it", ["score", "last cycle", "last step"], rows
    )


def last_cycle_mean(run: RunData, name: str) -> str:
    """A column's mean over the last whole cycle, for a table."""
    try:
        return fmt(run.metrics.over_last_cycle(name, run.clock, run.last_step))
    except UserError:  # no evaluation fell into that cycle
        return ABSENT


def study_section(path: Path) -> Section:
    """What a report says of one study, its trainer's figures of all arms included where the runs are there."""
    study = read_study(path)
    runs = [run for of_arm in study.runs().values() for run in of_arm]
    left = LeftOut()
    with style.writing(path / "figures"):
        figures = study_figures(path, path / "figures")
    if runs:  # apart from the study's own, which are its results
        figures += draw_runs(runs, path / "figures" / "runs", skip=left)
    return Section(
        title=study.title,
        kind="study",
        verdict=str(study.summary.get("verdict") or ""),
        sentence=_sentence(study),
        lead=figures[0] if figures else None,
        summary=_study_words(study),
        missing=left.sentences(),
        tables=[table for table in (_arms_table(study), _comparisons_table(study), _failures(study)) if table.rows],
        figures=figures[1:],
        config=_text(path / "study.yaml"),
        provenance=flat(_provenance(path / PROVENANCE)),
    )


def _study_words(study: StudyData) -> list[str]:
    summary = study.summary
    trials = summary.get("trials", {})
    planned = f"{len(study.arms)} arms of trainer {summary['trainer']} (preset {summary['preset']})"
    paragraphs = [
        f"Hypothesis, stated before the runs: {' '.join(str(summary['hypothesis']).split())}",
        f"{planned}, {len(summary.get('seeds', []))} seeds each: {trials.get('finished', ABSENT)} of "
        f"{trials.get('planned', ABSENT)} trials finished. The metric is {words(study.metric)}; "
        f"{summary.get('direction', 'higher')} is better.",
    ]
    return [*paragraphs, *map(str, summary.get("cautions", []))]


def _sentence(study: StudyData) -> str:
    """What was found, in words; a record of an earlier version has its parts only."""
    if study.summary["sentence"] or not study.comparisons:
        return str(study.summary["sentence"])
    first = study.comparisons[0]
    return f"{first['verdict'].capitalize()}: {first['treatment']} against {first['control']}: {first['reason']}."


def _arms_table(study: StudyData) -> Table:
    others = [column for column in study.columns if column != study.metric]
    level = f"{100 * (1 - float(study.summary.get('alpha', 0.05))):.0f} %"
    header = ["arm", "seeds", f"{words(study.metric)}: mean", "IQM", *(words(column) for column in others)]
    rows = []
    for arm, columns in study.arms.items():
        scored = columns.get(study.metric)
        cells = (
            [str(scored["n"]), _with_interval(scored, "mean"), _with_interval(scored, "iqm")]
            if scored
            else ["0", ABSENT, ABSENT]
        )
        rows.append([arm, *cells, *(_with_interval(columns[c], "mean") if c in columns else ABSENT for c in others)])
    return Table(f"Arms: means over seeds, in brackets {level} bootstrap intervals", header, rows)


def _comparisons_table(study: StudyData) -> Table:
    rows = [
        [
            f"{c['treatment']} − {c['control']}",
            str(c["pairs"]),
            f"{fmt(c['difference'])}{span(c['interval'])}",
            fmt(c["p"]),
            fmt(c["p_holm"]),
            c["verdict"],
        ]
        for c in study.comparisons
    ]
    header = ["comparison", "pairs", "mean difference", "p (one-sided)", "p (Holm)", "verdict"]
    return Table(f"Comparisons of {words(study.metric)}, seed by seed", header, rows)


def _failures(study: StudyData) -> Table:
    failed = study.summary.get("trials", {}).get("failed", [])
    rows = [[str(t["arm"]), str(t["seed"]), str(t["status"]), str(t["error"])] for t in failed]
    return Table("Trials without a score", ["arm", "seed", "status", "why"], rows)


def _with_interval(column: Mapping[str, Any], key: str) -> str:
    return f"{fmt(column[key])}{span(column.get(f'{key}_interval'))}"


def _text(path: Path) -> str:
    return files.read_text(path, MOST_BYTES) if path.exists() else ""


def flat(data: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested records as lines: ``packages.torch``, ``sessions.0.command``."""
    lines: list[tuple[str, str]] = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            lines += flat({str(index): item for index, item in enumerate(value)}, f"{prefix}{key}.")
        else:
            lines.append((f"{prefix}{key}", ABSENT if value is None else str(value)))
    return lines


class _Anything(BaseModel):
    """Any JSON object."""

    model_config = ConfigDict(extra="allow")


def _provenance(path: Path) -> dict[str, Any]:
    return jsons.read(path, _Anything).model_dump() if path.exists() else {}
