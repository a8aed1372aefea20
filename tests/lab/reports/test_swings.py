"""What a report says of swings: the period, growth and lag that were put into a log, and what cannot be told of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import GAN_CONFIG, gan_run, rl_run, write_run

from lab.reports import style
from lab.reports.drawing import draw_runs
from lab.reports.html import render
from lab.reports.panels import looks
from lab.reports.runs import Arm, RunData, arms, read_run
from lab.reports.sections import run_section
from lab.reports.swing_figure import _of_one, _of_several
from lab.reports.swing_words import swing_words
from lab.reports.swings import followings, swing

PERIOD, EVERY = 1000, 50
Wave = Callable[[np.ndarray], np.ndarray]


def turning(steps: np.ndarray, after: float = 0.0, period: float = PERIOD) -> np.ndarray:
    """A cosine whose crest comes this part of a cycle after the beginning of each."""
    return np.cos(2 * np.pi * (steps / period - after))


def logged(path: Path, generator: Wave, cycles: int = 8, noise: float = 0.01, **columns: Wave) -> RunData:
    """A run that logs the mean of the generator's loss over the steps since the row before, and the rate at the row."""
    random = np.random.default_rng(0)
    rows: list[Mapping[str, Any]] = []
    for step in range(EVERY, cycles * PERIOD + 1, EVERY):
        since = np.arange(step - EVERY + 1, step + 1)
        row = {
            "voice/lr.generator": 1e-3 * (1 + turning(np.array([step]))[0]),
            "loss/generator": generator(since).mean() + random.normal(0, noise),
            "loss/discriminator": random.normal(0, 1),
        }
        row |= {name: float(column(np.array([step]))[0]) for name, column in columns.items()}
        rows.append({"step": step, **row})
    return read_run(write_run(path, "gan", {**GAN_CONFIG, "steps": cycles * PERIOD}, rows))


def said(run: RunData) -> str:
    return " ".join(swing_words(run)[0])


def test_a_loss_that_follows_its_schedule_by_a_quarter_is_said_to(tmp_path: Path) -> None:
    run = logged(tmp_path / "run", lambda steps: 1 + 0.3 * turning(steps, after=0.25))
    found = swing(run, "loss/generator")
    assert found.found is not None
    assert found.clocked
    assert found.found.amplitude == pytest.approx(0.3, rel=0.05)
    (following,) = followings(run, ["loss/generator"])
    assert following.found.lag == pytest.approx(0.25, abs=0.002)  # half a row, 0.025 of a cycle, is accounted for
    assert following.found.coherence > 0.99
    words = said(run)
    assert "The generator loss swings at the pace of the clock, whose cycle is 1,000 generator updates" in words
    assert re.search(r"It is high 2(49|50|51) generator updates, 0.25 of a cycle, after lr.generator is", words)
    assert "phase-locking value 1.00" in words
    assert "The discriminator loss cannot be told to follow lr.generator: coherence" in words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (0.0, "It is high when lr.generator is (a lag of"),
        (0.5, "It is high when lr.generator is low (a lag of"),
        (-0.2, "0.20 of a cycle, before lr.generator is"),
    ],
)
def test_lags_in_words(after: float, words: str, tmp_path: Path) -> None:
    assert words in said(logged(tmp_path / "run", lambda steps: turning(steps, after)))


def test_swings_that_grow_and_die_away(tmp_path: Path) -> None:
    def growing(rate: float) -> Wave:
        return lambda steps: 5 + 0.1 * np.exp(rate * steps / PERIOD) * turning(steps)

    assert "Its swings grow (+35\u00a0% a swing" in said(logged(tmp_path / "up", growing(0.3), noise=1e-3))
    assert "Its swings die away (−26\u00a0% a swing" in said(logged(tmp_path / "down", growing(-0.3), noise=1e-3))
    steady = logged(tmp_path / "steady", growing(0.05), noise=0.05)
    measured = swing(steady, "loss/generator").growth
    assert measured is not None
    assert measured[0] > 0 > measured[1]
    assert "Whether they grow cannot be told from so few" in said(steady)


def test_a_pace_of_its_own_is_no_pace_of_the_clock(tmp_path: Path) -> None:
    run = logged(tmp_path / "run", lambda steps: turning(steps, period=370))
    assert "The generator loss swings every 370 generator updates, 0.37 cycles of the clock: a pace of its own" in said(
        run
    )


def test_noise_is_said_to_be_no_clear_swing(tmp_path: Path) -> None:
    words = said(logged(tmp_path / "run", lambda steps: 0 * steps, noise=1.0))
    assert "swings" not in words.replace("no clear swing", "")
    assert "The generator loss cannot be told to follow lr.generator" in words


def test_several_schedules_of_one_period_share_a_sentence(tmp_path: Path) -> None:
    run = logged(
        tmp_path / "run",
        lambda steps: turning(steps, after=0.25),
        **{
            "voice/lr.discriminator": lambda steps: turning(steps, after=0.25),
            "voice/ema.decay": lambda s: 0 * s + 0.9,
        },
    )
    words = said(run)
    assert "The generator loss goes with lr.generator and lr.discriminator: coherence" in words
    assert "after lr.generator is; when lr.discriminator is (a lag" in words
    assert "ema.decay" not in words


def test_a_short_log_says_that_it_is_too_short(tmp_path: Path) -> None:
    run = read_run(gan_run(tmp_path / "three", until=150))
    assert "its log has only 3 evenly spaced rows, and 8 are needed" in said(run)
    run = read_run(gan_run(tmp_path / "one", until=50))
    assert "its log has only 1 evenly spaced row, and" in said(run)
    run = logged(tmp_path / "two-cycles", lambda steps: turning(steps), cycles=2)
    words = said(run)
    assert "The generator loss has no swing that comes back 3 times within its 40 rows" in words
    assert "whether the losses follow any cannot be told before the run is longer" in words


def test_constant_schedules_are_followed_by_nothing(tmp_path: Path) -> None:
    assert "No schedule moves in this log" in said(read_run(gan_run(tmp_path / "run")))


def test_a_loss_that_does_not_swing_follows_no_schedule(tmp_path: Path) -> None:
    run = logged(tmp_path / "run", lambda steps: 1 + 0 * steps, noise=0, **{"loss/discriminator": lambda s: 2 + 0 * s})
    assert "No loss has a swing at the period of lr.generator: none follows it." in said(run)


def test_a_gap_in_the_log_leaves_the_longer_part(tmp_path: Path) -> None:
    run = logged(tmp_path / "run", lambda steps: turning(steps))
    rows = [row for row in run.metrics.rows if not 1000 < row["step"] < 2000]
    cut = read_run(write_run(tmp_path / "cut", "gan", dict(run.config), rows))
    found = swing(cut, "loss/generator")
    assert (found.even.steps[0], len(found.even.steps)) == (2050, 120)
    assert found.clocked


def test_the_losses_of_rl_are_those_its_trainer_names(tmp_path: Path) -> None:
    words = said(read_run(rl_run(tmp_path / "run")))
    for name in ("policy loss", "value loss", "entropy loss"):
        assert f"The {name} " in words
    assert "environment steps" in words


def test_a_trainer_that_names_no_columns_has_no_section(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "region", {**GAN_CONFIG}, [{"step": 50, "loss/generator": 1.0}])
    assert swing_words(read_run(run)) == ([], [])


def test_the_report_has_the_section_with_its_figure(tmp_path: Path) -> None:
    section = run_section(gan_run(tmp_path / "run"))
    (block,) = section.blocks
    assert block.title == "Stability"
    page = render([section], "run")
    assert all(f"<li>{escape(sentence)}</li>" in page for sentence in block.sentences)
    assert [saved.path.name for saved in block.figures] == ["swings.png"]
    assert block.tables[0].rows[0][0] == "Generator loss"


def test_runs_are_drawn_over_each_other_and_short_ones_not_at_all(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / "a"), gan_run(tmp_path / "b", batch_size=8)]
    (saved,) = draw_runs(runs, tmp_path / "out", ["swings"])
    assert "a, b" in saved.alt
    assert not (tmp_path / "out" / "dynamics.png").exists()
    names = {saved.path.name for saved in draw_runs([gan_run(tmp_path / "short", until=150)], tmp_path / "short-out")}
    assert "swings.png" not in names
    assert "dynamics.png" in names


def mixed(path: Path, period: float, until: int = 4000, **config: Any) -> RunData:
    """A run that logs at multiples of 50 and, at evaluations, of 84: every loss is the mean since the row before."""
    random = np.random.default_rng(0)
    rows: list[Mapping[str, Any]] = []
    before = 0
    for step in sorted({*range(50, until + 1, 50), *range(84, until + 1, 84)}):
        since = np.arange(before + 1, step + 1)
        loss = 1 + 0.3 * turning(since, period=period).mean() + random.normal(0, 0.01)
        rate = 1e-3 * (1 + turning(np.array([step]), period=period)[0])
        rows.append({"step": step, "loss/generator": loss, "voice/lr.generator": rate})
        before = step
    config = {**GAN_CONFIG, "steps": 4000, "log_every": 50, "evaluate_every": 84, **config}
    return read_run(write_run(path, "gan", config, rows))


def own_clock(period: int, **changes: Any) -> dict[str, Any]:
    """A schedule with a clock of its own."""
    return {"wave": "cosine", "low": 0.05, "high": 1.95, "mean": 5e-4, "clock": {"period": period}, **changes}


def test_rows_at_evaluations_that_fit_no_cadence_split_means(tmp_path: Path) -> None:
    run = mixed(tmp_path / "run", 500, clock={"period": 500})
    found = swing(run, "loss/generator")
    assert found.found is not None
    assert (found.even.spacing, found.even.late) == (50, True)
    assert found.even.steps.tolist() == list(range(550, 4001, 50))  # without the first cycle but for its end
    whole = [1 + 0.3 * turning(np.arange(s - 49, s + 1), period=500).mean() for s in found.even.steps]
    assert np.abs(found.even.values - whole).max() < 0.05
    assert found.clocked
    (following,) = followings(run, ["loss/generator"])
    assert following.found.lag == pytest.approx(0.0, abs=0.01)
    words = said(run)
    assert "evenly spaced" not in words
    assert "A swing shorter than 100 generator updates (two rows, see log_every) or longer than 1,167 cannot" in words
    assert "The clock's first cycle is left out" in words


def test_a_first_cycle_that_was_kept_is_not_said_to_be_left_out(tmp_path: Path) -> None:
    words = said(mixed(tmp_path / "run", 400, clock={"period": 2000}))
    assert "left out" not in words
    assert "or longer than 1,333 cannot be seen" in words
    run = read_run(gan_run(tmp_path / "gap", until=4000))
    rows = [row for row in run.metrics.rows if row["step"] not in (100, 150)]
    gap = read_run(write_run(tmp_path / "cut", "gan", {**run.config, "clock": {"period": 2000}}, rows))
    assert "left out" not in said(gap)


def test_no_range_is_empty(tmp_path: Path) -> None:
    words = said(read_run(gan_run(tmp_path / "run", until=150)))
    assert "No swing can be seen in this log: one takes at least 100 generator updates (two rows" in words
    assert "or longer than" not in words


def test_a_finer_cadence_than_the_logs_is_used(tmp_path: Path) -> None:
    rows = [
        {"step": step, "loss/generator": float(np.cos(step / 100))}
        for step in sorted({*range(84, 4001, 84), *range(1000, 4001, 1000)})
    ]
    config = {**GAN_CONFIG, "log_every": 1000, "evaluate_every": 84}
    even = swing(read_run(write_run(tmp_path / "run", "gan", config, rows)), "loss/generator").even
    assert (even.spacing, int(even.steps[-1])) == (84, 3948)


def test_a_loss_at_the_pace_of_a_schedule_with_its_own_clock_follows_it(tmp_path: Path) -> None:
    voices = {"lr.generator": own_clock(400, offset=0.5), "lr.discriminator": own_clock(400), "ema.decay": 0.995}
    run = mixed(tmp_path / "run", 400, clock={"period": 2000}, voices=voices)
    found = swing(run, "loss/generator")
    assert found.pace is not None
    assert not found.clocked
    words = said(run)
    assert (
        "The generator loss swings at the pace of lr.generator and lr.discriminator, whose cycle is 400 generator "
        "updates: it makes"
    ) in words
    assert "pace of its own" not in words
    (saved,) = draw_runs([run.path], tmp_path / "out", ["swings"])
    assert "2,000 of the clock, 400 of lr.generator and lr.discriminator. A peak there" in saved.caption
    elsewhere = mixed(tmp_path / "other", 250, clock={"period": 2000}, voices=voices)
    assert "swings every 250 generator updates, 0.125 cycles of the clock: a pace of its own" in said(elsewhere)


def test_no_pace_is_its_own_where_a_schedule_has_cycles_of_several_lengths(tmp_path: Path) -> None:
    clock = {"period": 300, "cycles": 6, "stretch": 1.5}
    voices = {"lr.generator": {**own_clock(1), "clock": clock}, "lr.discriminator": 5e-4}
    words = said(mixed(tmp_path / "run", 250, clock={"period": 2000}, voices=voices))
    assert "swings every 250 generator updates, 0.125 cycles of the clock: it makes" in words
    assert "pace of its own" not in words


def test_every_period_has_a_dashed_line(tmp_path: Path) -> None:
    voices = {"lr.generator": own_clock(400), "lr.discriminator": own_clock(700), "ema.decay": 0.995}
    first = mixed(tmp_path / "a", 400, clock={"period": 1000}, voices=voices)
    second = mixed(tmp_path / "b", 400, clock={"period": 1000}, voices={**voices, "lr.generator": own_clock(500)})
    columns = ["loss/generator"]

    def lines(groups: list[Arm]) -> list[tuple[float, str]]:
        figure = _of_one(groups[0], columns) if len(groups) == 1 else _of_several(groups, columns)
        drawn = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
        return sorted((float(np.asarray(line.get_xdata())[0]), str(line.get_color())) for line in drawn)

    assert lines(arms([first])) == [(400, style.INK), (700, style.INK), (1000, style.INK)]
    own = [look.color for look in looks(arms([first, second]))]
    assert lines(arms([first, second])) == [(400, own[0]), (500, own[1]), (700, style.INK), (1000, style.INK)]


@pytest.mark.parametrize("period", [100, 60])
def test_of_a_cycle_of_too_few_rows_no_lag_is_told(period: int, tmp_path: Path) -> None:
    """Every other row is a crest, or what seems a swing is none that was set."""
    voices = {"lr.generator": own_clock(period), "lr.discriminator": 5e-4}
    run = mixed(tmp_path / "run", period, clock={"period": 2000}, voices=voices)
    assert followings(run, ["loss/generator"]) == []
    words = said(run)
    assert "How the losses go with lr.generator cannot be told: a cycle has fewer than 3 rows of this log" in words
    assert "pace of its own" not in words
