"""The classifier's figures, read from run directories: schedules and losses over steps, and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.reports import style
from lab.reports.panels import CYCLES, Line, Panel, stack, with_bands
from lab.reports.runs import Arm, Draw, drawing, heading, names
from lab.reports.style import Saved
from lab.reports.voice_panels import shared_voice_panels
from lab.reports.words import fmt
from lab.supervised.metrics import column_words
from lab.supervised.recall_figure import draw_recall
from lab.supervised.task_figures import draw_tasks

UNIT = "update"
LEARNING = (
    Panel("Training loss", [Line("train/loss", "loss", style.INK)]),
    Panel("Training accuracy", [Line("train/accuracy", "accuracy", style.INK)], limits=(None, 1.0)),
    Panel("Gradient norm", [Line("train/gradient", "gradient", style.INK)]),
    Panel("Accuracy lost to BatchNorm's running statistics", [Line("batchnorm/gap", "gap", style.INK)], levels=(0.0,)),
)
SCORES = {
    "accuracy": "Accuracy",
    "nll": "Negative log-likelihood",
    "nll_scaled": "Negative log-likelihood at the best temperature",
    "brier": "Brier score",
    "ece": "Expected calibration error",
    "ece_scaled": "Calibration error at the best temperature",
    "balanced_accuracy": "Balanced accuracy",
    "average_accuracy": "Average accuracy of the tasks so far",
    "forgetting": "Forgetting",
    "backward_transfer": "Backward transfer",
    "min_accuracy": "Worst accuracy of earlier tasks",
    "worst_case_accuracy": "Worst-case accuracy",
    "macro_f1": "Macro F1",
    "worst_recall": "Worst recall of a class",
    "head_accuracy": "Accuracy of the most frequent third of the classes",
    "medium_accuracy": "Accuracy of the middle third of the classes",
    "tail_accuracy": "Accuracy of the rarest third of the classes",
    "disagreement": "Disagreement of an ensemble's members",
    "kl": "Divergence between members (nats)",
    "error_correlation": "Correlation of members' errors",
}
"""Scores and their words; one that is not here is drawn under its own name."""
DEPLOYED = "deployed"
"""Whose scores are those of another word, which is drawn."""
HUES = (style.VERMILION, style.GREEN, style.BLUE, style.PURPLE, style.ORANGE, style.SKY)


def _draw_dynamics(groups: Sequence[Arm], out: Path) -> list[Saved]:
    saved = style.save(
        stack(groups, [*shared_voice_panels(groups), *LEARNING], UNIT, heading(groups, "schedules and learning")),
        out,
        "dynamics",
        "Schedules and learning",
        f"Stacked line charts of {names(groups)} over updates: the scheduled quantities, and below them loss, accuracy "
        "and gradient norm of the training batches.",
        with_bands(CYCLES, groups),
    )
    return [saved]


def _draw_scores(groups: Sequence[Arm], out: Path) -> list[Saved]:
    columns = [name for arm in groups for run in arm.runs for name in run.metrics.names()]
    found = [column_words(name) for name in columns if name.startswith("evaluation/")]
    words = list(dict.fromkeys(word for word, _ in found if word != DEPLOYED))
    own = {name for _, name in found if "/" not in name}  # classes and tasks have figures of their own
    panels = [
        Panel(
            SCORES.get(name, name),
            [
                Line("/".join(["evaluation", *([word] if word else []), name]), word or "network", hue, sparse=True)
                for word, hue in zip(words, HUES, strict=False)
            ],
            legend=not place,  # the same words in all: the first has room for them beside its title
        )
        for place, name in enumerate([*(name for name in SCORES if name in own), *sorted(own - set(SCORES))])
    ]
    if not panels:
        return []
    saved = style.save(
        stack(groups, panels, UNIT, heading(groups, "scores")),
        out,
        "scores",
        "Evaluation scores",
        "Line charts of the evaluation scores over updates: " + "; ".join(map(_ending, groups)) + ".",
        "Scores of held-out samples, of the network and of what its techniques made of it. A score in mid-cycle is "
        "taken at a high learning rate; compare runs at a trough, or by their mean over a whole cycle.",
    )
    return [saved]


def _ending(arm: Arm) -> str:
    values = arm.first.series("evaluation/accuracy")[1]
    return f"{arm.label} ends with an accuracy of {fmt(values[-1])}" if len(values) else f"{arm.label} has none yet"


FIGURES: Mapping[str, Draw] = {
    "dynamics": _draw_dynamics,
    "scores": _draw_scores,
    "recall": draw_recall,
    "tasks": draw_tasks,
}
"""By the name that ``lab plot --only`` takes, in the order of reading."""

draw = drawing(FIGURES)
"""Draws them from run directories."""
