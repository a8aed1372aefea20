"""What `lab stability RUN --keep` left beside a run: drawn, said in its report, and read with limits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from synthetic import gan_run

from lab.errors import UserError
from lab.reports.drawing import draw_runs
from lab.reports.measured import FILE
from lab.reports.sections import run_section

KEPT: dict[str, Any] = {
    "step": 4000,
    "moves": [[0.02, 0.09], [0.02, -0.09], [2.2, 0.0]],
    "rotation_period": 68.43,
    "period": 1000,
    "multipliers": [[1.2e8, 0.0], [0.5, 0.5], [0.5, -0.5]],
    "growth_per_step": 0.0188,
    "verdict": "unstable",
    "safe_periods": {"low": 300, "high": 900, "why": "cycles this slow are safe."},
    "unsaid": None,
    "measured": {"period": 1000, "multipliers": [[0.4, 0.0]], "growth_per_step": -0.0009},
}


def kept(path: Path, **changes: Any) -> Path:
    run = gan_run(path)
    (run / FILE).write_text(json.dumps(KEPT | changes))
    return run


def test_the_report_says_what_was_measured(tmp_path: Path) -> None:
    (block,) = run_section(kept(tmp_path / "run")).blocks
    words = " ".join(block.sentences)
    assert "Measured at step 4,000: at the run's mean rates the game turns once in 68.4 generator updates" in words
    assert (
        "For what turns in it, a cycle of 1,000 steps is predicted to be unstable: a small deviation grows by" in words
    )
    assert "grows by 1.88 % a step, were the game to stay as it was there." in words
    assert "Safe periods: 300 to 900 steps: cycles this slow are safe." in words
    assert "Measured through its next 1,000 steps as they are: a small deviation shrinks by 0.09 % a step." in words
    assert [saved.path.name for saved in block.figures] == ["swings.png", "floquet.png"]


def test_a_run_that_is_unstable_where_it_does_not_turn_is_told(tmp_path: Path) -> None:
    drifting, settled = (
        " ".join(run_section(kept(tmp_path / str(drift), drift_per_step=drift)).blocks[0].sentences)
        for drift in (0.0123, -0.1)
    )
    assert "At step 4,000 a direction that does not turn grows by 1.23 % a step: it is unstable." in drifting
    assert "equilibrium" not in drifting
    assert "does not turn" not in settled


def test_a_run_that_has_gone_on_since_is_told(tmp_path: Path) -> None:
    (block,) = run_section(kept(tmp_path / "run", step=2000)).blocks
    assert "step 2,000 (the run has gone on to 4,000 since)" in " ".join(block.sentences)


def test_what_was_not_measured_is_not_said(tmp_path: Path) -> None:
    bare = dict.fromkeys(("rotation_period", "growth_per_step", "verdict", "safe_periods", "measured"))
    run = kept(tmp_path / "run", **bare, multipliers=[], unsaid="both rates are constant")
    words = " ".join(run_section(run).blocks[0].sentences)
    assert "the game does not turn" in words
    assert "Nothing is predicted of its cycle: both rates are constant." in words
    assert "predicted to be" not in words
    assert "Safe periods" not in words


def test_of_what_was_predicted_other_periods_may_be_unknown(tmp_path: Path) -> None:
    run = kept(tmp_path / "run", safe_periods=None, unsaid="the game does not turn")
    words = " ".join(run_section(run).blocks[0].sentences)
    assert "a cycle of 1,000 steps is predicted to be unstable" in words
    assert "Nothing is predicted of other periods: the game does not turn." in words


def test_what_is_neutral_neither_grows_nor_shrinks(tmp_path: Path) -> None:
    run = kept(tmp_path / "run", verdict="neutral", growth_per_step=3e-12, measured=None)
    words = " ".join(run_section(run).blocks[0].sentences)
    assert "predicted to be neutral: a small deviation stays as it is, were the game to stay as it was" in words
    assert "e-10" not in words


def test_a_cycle_that_was_asked_about_is_not_the_runs(tmp_path: Path) -> None:
    run = kept(tmp_path / "run", asked=True)
    words = " ".join(run_section(run).blocks[0].sentences)
    assert "a cycle of 1,000 steps, asked about and not the run's own, is predicted to be unstable" in words


def vermilion(picture: Path) -> int:
    """Pixels of the colour of what grows."""
    with Image.open(picture) as opened:
        apart = np.abs(np.asarray(opened.convert("RGB"), dtype=int) - (0xD5, 0x5E, 0x00))
    return int((apart.max(axis=2) < 45).sum())  # a point lets a little of its paper through


def test_the_figure_shows_what_grows(tmp_path: Path) -> None:
    settings = {
        "far": {"moves": [[0.02, 0.09]]},
        "step": {"multipliers": [[0.5, 0.0]], "moves": [[-0.4, 0.0], [0.02, 0.09]]},
        "none": {"multipliers": [[0.5, 0.0]], "moves": [[0.02, 0.09]]},
    }
    (far, step, none) = (
        draw_runs([kept(tmp_path / name, **changes)], tmp_path / f"{name}-out", ["floquet"])[0]
        for name, changes in settings.items()
    )
    assert "the largest is 0.984 of a step, 1.2e+08 of a cycle, predicted, 0.4 of a cycle, measured" in far.alt
    legend = vermilion(none.path)
    assert vermilion(far.path) > legend + 100
    assert vermilion(step.path) > legend + 100


def test_runs_are_compared_where_any_is_measured(tmp_path: Path) -> None:
    runs = [kept(tmp_path / "a"), gan_run(tmp_path / "b", batch_size=8)]
    (saved,) = draw_runs(runs, tmp_path / "out", ["floquet"])
    assert "a: the largest" in saved.alt
    assert "b: the largest" not in saved.alt
    with pytest.raises(UserError, match="--only floquet: b has nothing to draw for it"):
        draw_runs(runs[1:], tmp_path / "out", ["floquet"])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"step": -1}, "step"),
        ({"step": 1.5}, "step"),
        ({"moves": [[0.0, 0.0]] * 1001}, "moves"),
        ({"moves": [[1.0]]}, "moves.0"),
        ({"growth_per_step": "much"}, "growth_per_step"),
        ({"verdict": "fine"}, "verdict"),
        ({"asked": "yes"}, "asked"),
        ({"safe_periods": {"low": 1, "high": 2, "why": "x" * 3000}}, "safe_periods.why"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_one_line(changes: Any, complaint: str, tmp_path: Path) -> None:
    run = kept(tmp_path / "run", **changes)
    with pytest.raises(UserError) as told:
        draw_runs([run], tmp_path / "out", ["floquet"])
    assert str(told.value).startswith(f"{run / FILE}: cannot be read: {complaint}")
    assert "\n" not in str(told.value)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    run = gan_run(tmp_path / "run")
    (run / FILE).write_text('{"step": 1, "growth_per_step": NaN}')
    with pytest.raises(UserError, match="growth_per_step"):
        draw_runs([run], tmp_path / "out", ["floquet"])
    assert "growth_per_step" in run_section(run).missing[-1]
