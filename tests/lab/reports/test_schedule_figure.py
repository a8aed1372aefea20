"""The picture of a schedule file: the same signs and colours as a run's figures, for any clock and any voices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lab.phase.parsing import parse_schedule
from lab.reports import style
from lab.reports.axes import MOST_POINTS
from lab.reports.schedule import schedule_figure

COSINE = {"wave": "cosine", "low": 0, "high": 1}
PLAYERS = {"lr.discriminator": COSINE, "lr.generator": {"follow": "lr.discriminator", "relation": "anti_phase"}}


def drawn(voices: dict[str, Any], clock: dict[str, Any] | None = None, steps: int = 4000) -> Figure:
    return schedule_figure(parse_schedule({"steps": steps, "clock": clock or {"period": 1000}, "voices": voices}), "a")


def told(figure: Figure) -> str:
    return "\n".join(text.get_text() for legend in figure.legends for text in [legend.get_title(), *legend.get_texts()])


def test_the_players_have_the_colours_and_marks_that_a_runs_figures_give_them() -> None:
    (axes,) = drawn(PLAYERS).axes
    colors = {str(line.get_label()): line.get_color() for line in axes.lines}
    assert colors["generator"] == style.ROLES["generator"]
    assert colors["discriminator"] == style.ROLES["discriminator"]
    crests = {
        line.get_color(): np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_marker() == "^"
    }
    assert crests[style.ROLES["discriminator"]] == [0, 1000, 2000, 3000]
    assert crests[style.ROLES["generator"]] == [500, 1500, 2500, 3500]
    assert [patch.get_x() for patch in axes.patches] == [1000, 3000]


def test_voices_of_one_family_are_told_apart_and_one_alone_is_named_in_the_title() -> None:
    together, alone = drawn({"beta.first": COSINE, "beta.second": 0.5, "ema.decay": COSINE}).axes
    assert (
        len({(line.get_color(), str(line.get_linestyle())) for line in together.lines[:1] + together.lines[-1:]}) == 2
    )
    assert "decay" in alone.get_title(loc="left")


def test_what_the_clock_does_not_move_is_told_in_words() -> None:
    figure = drawn({"lr": COSINE, "clip": 0.2, "ent": {"follow": "difficulty", "low": 0, "high": 1}})
    assert len(figure.axes) == 1
    assert "clip: constant 0.2" in told(figure)
    assert "ent: follows difficulty" in told(figure)


def test_no_sign_is_explained_that_is_not_there() -> None:
    assert told(drawn({"clip": 0.2})).strip() == "clip: constant 0.2"
    assert "crest" not in told(drawn({"lr": COSINE}, {"period": 10}))


def test_a_clock_rests_unshaded() -> None:
    (axes,) = drawn({"lr": COSINE}, {"period": 1000, "cycles": 2}).axes
    assert [(patch.get_x(), patch.get_width()) for patch in axes.patches] == [(1000, 1000)]


@pytest.mark.timeout(60)  # all its cycles one by one would take days
def test_cycles_too_fast_to_see_cost_nothing_and_do_not_beat_with_the_picture() -> None:
    (axes,) = drawn({"lr": COSINE}, {"period": 10}, steps=(MOST_POINTS - 2) * 10**9).axes
    assert not axes.patches
    values = np.asarray(axes.lines[0].get_ydata())
    for part in np.array_split(values, 20):  # every stretch shows the whole range, crest to trough
        assert part.min() < 0.05
        assert part.max() > 0.95
