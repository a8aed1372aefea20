"""What a stacked figure shows: markers where the schedule says, cycles shaded, one look for one arm."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from synthetic import GAN_CONFIG, gan_run

from lab.reports import style
from lab.reports.axes import step_text, wide_axis
from lab.reports.panels import PANEL, Line, Panel, stack, with_bands
from lab.reports.runs import arms, read_run
from lab.reports.voice_panels import run_panels

LOSS = Panel("Loss", [Line("loss/generator", "generator"), Line("loss/discriminator", "discriminator")])
CONSTANT = {"lr.generator": 5e-4, "lr.discriminator": 5e-4}


def drawn(*runs: Path) -> Figure:
    groups = arms([read_run(path) for path in runs])
    return stack(groups, [*run_panels(groups[0].first), LOSS], "generator update")


def panel(figure: Figure, title: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(title))


def markers(axes: Axes, marker: str) -> list[list[float]]:
    return [sorted(np.asarray(line.get_xdata())) for line in axes.lines if line.get_marker() == marker]


def test_crests_and_troughs_are_marked_at_the_steps_of_the_schedule(tmp_path: Path) -> None:
    axes = panel(drawn(gan_run(tmp_path / "run")), "Learning rate")
    # The discriminator's wave has its crest at phase 0; the generator runs a quarter, 250 steps, ahead.
    assert markers(axes, "^") == [[750, 1750, 2750, 3750], [0, 1000, 2000, 3000]]
    assert markers(axes, "v") == [[250, 1250, 2250, 3250], [500, 1500, 2500, 3500]]


def test_a_constant_has_neither_crests_nor_troughs(tmp_path: Path) -> None:
    figure = drawn(gan_run(tmp_path / "run", voices=CONSTANT))
    axes = panel(figure, "Learning rate")
    assert markers(axes, "^") == markers(axes, "v") == []
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["every second cycle"]


def test_every_second_cycle_is_shaded_in_every_panel(tmp_path: Path) -> None:
    figure = drawn(gan_run(tmp_path / "run"))
    for axes in figure.axes:
        spans = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches)
        assert spans == [(1000.0, 2000.0), (3000.0, 4000.0)]


def test_panels_share_the_axis_of_steps_even_where_the_run_is_not_finished(tmp_path: Path) -> None:
    figure = drawn(gan_run(tmp_path / "run", until=1200))
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 4000.0)}


def test_seeds_of_one_configuration_become_one_curve_with_a_band(tmp_path: Path) -> None:
    figure = drawn(*(gan_run(tmp_path / f"ring-s{seed}", seed=seed) for seed in range(3)))
    loss = panel(figure, "Loss")
    assert len(loss.lines) == 2
    assert len(loss.collections) == 2


def test_several_arms_get_a_panel_for_each_quantity_and_one_legend(tmp_path: Path) -> None:
    figure = drawn(gan_run(tmp_path / "a"), gan_run(tmp_path / "b", voices=CONSTANT))
    assert len(panel(figure, "Loss, generator").lines) == 2
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["a", "b"]
    styles = {(line.get_color(), str(line.get_linestyle())) for line in panel(figure, "Loss, generator").lines}
    assert len(styles) == 2


def test_arms_with_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / "one" / "a"), gan_run(tmp_path / "two" / "a", voices=CONSTANT)]
    assert [arm.label for arm in arms([read_run(path) for path in runs])] == ["one/a", "two/a"]


def test_a_voice_that_follows_a_measurement_is_drawn_from_the_log(tmp_path: Path) -> None:
    voices = {
        **GAN_CONFIG["voices"],
        "r1.weight": {"follow": "difficulty", "relation": "in_phase", "low": 0, "high": 1},
    }
    path = gan_run(tmp_path / "run", voices=voices)
    log = path / "metrics.jsonl"
    log.write_text(log.read_text().replace('{"step"', '{"voice/r1.weight": 0.5, "step"'))
    figure = drawn(path)
    assert np.asarray(panel(figure, "R1 penalty").lines[0].get_ydata()).max() == 0.5


@pytest.mark.parametrize(("trainer", "level"), [("gan", "advantage"), ("supervised", "plateau")])
def test_whatever_a_trainer_measures_a_voice_may_follow(trainer: str, level: str, tmp_path: Path) -> None:
    follower = {"follow": level, "relation": "anti_phase", "low": 0, "high": 1}
    path = gan_run(tmp_path / "run", voices={**GAN_CONFIG["voices"], "r1.weight": follower})
    stated = path / "provenance.json"
    stated.write_text(stated.read_text().replace('"trainer": "gan"', f'"trainer": "{trainer}"'))
    assert set(read_run(path).voices) == set(GAN_CONFIG["voices"])


def test_an_arm_whose_seeds_stop_early_ends_there_and_says_so(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / f"ring-s{seed}", seed=seed, until=1000 if seed else None) for seed in range(2)]
    groups = arms([read_run(path) for path in runs])
    curve = [Line("evaluation/ema/good", "good", sparse=True)]
    (axes,) = stack(groups, [Panel("Good", curve)], "generator update").axes
    assert max(axes.lines[0].get_xdata()) == 1000
    said = with_bands("A caption.", groups)
    assert said.endswith("is drawn to step 1,000, where the first of its 2 seeds ended.")


def test_the_label_of_a_line_that_ends_in_no_number_stands_at_its_last_one(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / name, voices=voices) for name, voices in (("a", GAN_CONFIG["voices"]), ("b", CONSTANT))]
    log = runs[0] / "metrics.jsonl"
    *rows, last = log.read_text().splitlines()
    row = {**json.loads(last), "evaluation/ema/good": math.nan}
    log.write_text("\n".join([*rows, json.dumps(row)]) + "\n")
    groups = arms([read_run(path) for path in runs])
    figure = stack(groups, [Panel("Good", [Line("evaluation/ema/good", "good", sparse=True)])], "step", label_ends=True)
    (axes,) = figure.axes
    ends = [text.xy[1] for text in axes.texts]
    assert len(ends) == 2
    assert all(0 < end <= 1 for end in ends)


def test_steps_are_short_on_an_axis() -> None:
    assert [step_text(step) for step in (0, 500, 2000, 12_500, 3e6)] == ["0", "500", "2k", "12.5k", "3M"]


def test_values_far_apart_have_a_logarithmic_axis_where_a_panel_allows_it(tmp_path: Path) -> None:
    groups = arms([read_run(gan_run(tmp_path / f"ring-s{seed}", seed=seed)) for seed in range(2)])
    curve = [Line("evaluation/ema/good", "good", sparse=True)]
    for wide, levels, kind in ((True, [0.001], "log"), (False, [0.001], "linear"), (True, [0.0], "linear")):
        (axes,) = stack(groups, [Panel("Good", curve, levels, wide=wide)], "generator update").axes
        assert axes.get_yscale() == kind


@pytest.mark.parametrize("decades", [1.4, 2.0, 3.0, 5.0])
def test_numbers_beside_a_logarithmic_axis_stay_apart(decades: float) -> None:
    figure = Figure(figsize=(style.WIDTH, PANEL))
    axes = figure.subplots()
    axes.plot(2e-5 * np.logspace(0, decades, 50))
    assert wide_axis(axes)
    figure.draw_without_rendering()
    low, high = axes.get_ylim()
    labels = zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
    boxes = [label.get_window_extent() for label, at in labels if low <= at <= high]
    assert len(boxes) >= 2
    assert all(below.y1 <= above.y0 for below, above in pairwise(boxes))
