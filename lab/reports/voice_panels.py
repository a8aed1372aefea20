"""Panels of voices: which of them share one, and how each is named and coloured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lab.phase import Constant, Voice
from lab.reports import style
from lab.reports.panels import Line, Panel
from lab.reports.runs import Arm, RunData
from lab.reports.words import capital

NAMES: Mapping[str, str] = {
    "lr": "learning rate",
    "learning_rate": "learning rate",
    "clip_range": "clip range",
    "ent_coef": "entropy coefficient",
    "vf_coef": "value-loss coefficient",
    "target_kl": "target KL",
    "r1": "R1 penalty",
    "ema": "average of weights (EMA)",
    "weight_decay": "weight decay",
    "batchnorm": "BatchNorm",
}
"""Words for the first part of a voice's name; a name that is not here is its own word."""


def voice_panels(voices: Mapping[str, Voice], logged: Sequence[str] = ()) -> list[Panel]:
    """A panel for each family of voices (``lr.generator`` and ``lr.discriminator`` share one), learning rates first.

    Args:
        voices: name -> voice of the clock; drawn from its schedule, so also where a run has not been yet.
        logged: more names, of voices that follow a measurement; they are drawn from the log.
    """
    families: dict[str, list[str]] = {}
    for name in dict.fromkeys([*voices, *logged]):
        families.setdefault(name.split(".")[0], []).append(name)
    order = sorted(families, key=lambda family: family not in ("lr", "learning_rate"))
    return [_panel(family, sorted(families[family], key=_by_role), voices) for family in order]


def run_panels(run: RunData) -> list[Panel]:
    """The voice panels of one run."""
    return voice_panels(
        run.voices, [name.removeprefix("voice/") for name in run.metrics.names() if name.startswith("voice/")]
    )


def shared_voice_panels(groups: Sequence[Arm]) -> list[Panel]:
    """The voice panels of all arms, each once; of those that never change anywhere only the learning rates."""
    panels: dict[str, Panel] = {}
    for arm in groups:
        for panel in run_panels(arm.first):
            panels.setdefault(panel.title, panel)
    return [
        p
        for p in panels.values()
        if p.title.startswith("Learning rate") or any(_moves(groups, line) for line in p.lines)
    ]


def _moves(groups: Sequence[Arm], line: Line) -> bool:
    """Whether a voice changes in any arm, by its schedule or, where it has none, by the log."""
    name = line.source.removeprefix("voice/")
    for arm in groups:
        if name in arm.first.voices:
            if not isinstance(arm.first.voices[name], Constant):
                return True
        elif np.unique(arm.first.series(f"voice/{name}")[1]).size > 1:
            return True
    return False


def _by_role(name: str) -> int:
    roles = list(style.ROLES)
    return min((roles.index(word) for word in name.split(".") if word in roles), default=len(roles))


def _panel(family: str, names: Sequence[str], voices: Mapping[str, Voice]) -> Panel:
    words = NAMES.get(family, family.replace("_", " "))
    lines = _lines(names, voices)
    if len(lines) == 1 and "." in names[0]:
        words = f"{words}, {lines[0].label}"  # alone in its panel it has no legend to say which part it is
    return Panel(capital(words), lines, height=0.9)


def _lines(names: Sequence[str], voices: Mapping[str, Voice]) -> list[Line]:
    colors = [style.role_color(name) for name in names]
    if len(set(colors)) < len(colors):  # parts of the family without a role: tell them apart as arms are
        colors = [style.look(place).color for place in range(len(names))]
    return [
        Line(
            source=name if name in voices else f"voice/{name}",
            label=name.partition(".")[2].replace("_", " ") or NAMES.get(name, name),
            color=color,
            kind="voice" if name in voices else "column",
            dashed=place % 2 == 1,
        )
        for place, (name, color) in enumerate(zip(names, colors, strict=True))
    ]
