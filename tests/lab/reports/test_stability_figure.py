"""The picture of a stability map: what it marks, in which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.diagnostics.floquet import PLAIN
from lab.diagnostics.games import Bilinear, Dirac, Linear
from lab.reports.stability import Setting, save, stability_figure

SETTING = Setting(lr=0.1, modulation=0.8, period=31, offset=0.5)


def words(figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts} | {
        text.get_text() for legend in figure.legends for text in legend.get_texts()
    }


def test_tongues_and_the_cycle_asked_about_are_marked():
    figure = stability_figure(Bilinear(), SETTING, PLAIN, "Bilinear")
    upper, lower = figure.axes[:2]
    assert {"½", "1", "1½", "2", "rotations a cycle", "the cycle asked about"} <= words(figure)
    assert "grows by more than 1 % a rotation inside" in words(figure)
    tongues = [line for line in upper.lines if len(line.get_xdata()) > 1]
    assert len(tongues) == 4
    for k, line in enumerate(tongues, start=1):  # in phase, at the lower and the upper edge, half of T₀ = 62.8 steps
        assert line.get_xdata()[[0, -1]] == pytest.approx(k * np.pi / 0.1)
    markers = [(line.get_xdata()[0], line.get_ydata()[0]) for axes in (upper, lower) for line in axes.lines[-1:]]
    assert markers == [(31, 0.5), (31, 0.8)]


def test_a_stable_game_shows_where_it_turns_unstable():
    assert "unstable inside" in words(stability_figure(Dirac(0.3), SETTING))


def test_a_game_that_does_not_turn_has_no_tongues():
    figure = stability_figure(Dirac(3.0), Setting(0.1, 0.05, 31, 0.0))
    assert not any("rotations" in text for text in words(figure))


def test_a_cycle_beyond_the_picture_is_not_marked():
    assert "the cycle asked about" not in words(stability_figure(Bilinear(), Setting(0.1, 0.8, 100_000, 0.5)))


def test_a_game_in_which_nothing_moves_has_a_picture():
    stability_figure(Linear(np.zeros((2, 2)), 1), SETTING)


def test_the_same_map_is_the_same_file(tmp_path: Path):
    first, second = (save(Bilinear(), SETTING, PLAIN, tmp_path / name, "x") for name in ("a.png", "b.png"))
    assert first.read_bytes() == second.read_bytes()
