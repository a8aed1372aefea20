"""The figure of all phase responses: a panel a study, with what was shown marked and nothing else."""

import numpy as np
import pytest

from lab.errors import UserError
from lab.reports.claims import draw_responses, responses_figure
from lab.studies.curves import Curve


def curve(name: str, supported: bool = True, expected: float | None = 0.25) -> Curve:
    offsets = np.arange(8) / 8
    means = 2 * np.cos(2 * np.pi * (offsets - 0.3))
    return Curve(
        name=name, metric="ema/good", offsets=offsets, means=means, intervals=np.stack([means - 1, means + 1], axis=1),
        amplitude=2.0, phase=0.3, phase_interval=(0.2, 0.4), p=0.001, supported=supported, expected=expected,
    )  # fmt: skip


@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_study_has_a_panel_and_the_lowest_of_each_column_says_what_the_axis_is(number: int) -> None:
    figure = responses_figure([curve(f"study-{place}") for place in range(number)])
    drawn = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in drawn] == [f"study-{place}" for place in range(number)]
    assert sum(bool(axes.get_xlabel()) for axes in drawn) == min(number, 2)
    assert all(axes.get_xlabel() for axes in drawn[-2:])


def test_the_best_phase_is_marked_only_where_it_was_shown() -> None:
    shown, not_shown = responses_figure([curve("one"), curve("two", supported=False)]).axes
    labels = [axes.get_legend_handles_labels()[1] for axes in (shown, not_shown)]
    assert "best phase, interval" in labels[0]
    assert "best phase, interval" not in labels[1]


def test_the_fitted_line_is_the_harmonic_and_the_circle_closes() -> None:
    (axes,) = (axes for axes in responses_figure([curve("one")]).axes if axes.get_visible())
    lines = {line.get_label(): line for line in axes.get_lines()}
    x, y = lines["first harmonic"].get_data()
    assert y == pytest.approx(2 * np.cos(2 * np.pi * (np.asarray(x) - 0.3)))
    assert lines["mean over seeds"].get_xdata()[-1] == 1
    assert lines["mean over seeds"].get_ydata()[-1] == lines["mean over seeds"].get_ydata()[0]
    assert lines["expected"].get_xdata() == [0.25]


def test_it_is_saved_with_words_for_those_who_cannot_see_it(tmp_path) -> None:
    saved = draw_responses([curve("one"), curve("two", supported=False)], tmp_path / "out")
    assert saved.path == tmp_path / "out" / "responses.png"
    assert saved.path.stat().st_size > 1000
    assert "one: 4.0 standard deviations from trough to peak, p = 0.001, best at 0.30" in saved.alt
    with pytest.raises(UserError, match="no phase response has been run"):
        draw_responses([], tmp_path)
