"""Several runs on one page: their scores, the settings in which they differ, and their curves over each other."""

from pathlib import Path
from typing import Any

import pytest
from synthetic import GAN_CONFIG, gan_run, rl_run, write_run, write_study

from lab.errors import UserError
from lab.reports.comparison import comparisons, side_by_side
from lab.reports.html import render, report
from lab.reports.sections import Section

ABSENT = "–"
CONSTANT = {"voices": {**GAN_CONFIG["voices"], "lr.generator": 5e-4}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two arms of a GAN, one of them with two seeds and one not finished."""
    root = tmp_path_factory.mktemp("runs")
    return [
        gan_run(root / "quadrature-s0"),
        gan_run(root / "quadrature-s1", seed=1),
        gan_run(root / "constant-s0", until=3000, **CONSTANT),
    ]


@pytest.fixture(scope="module")
def section(runs: list[Path]) -> Section:
    (found,) = comparisons(runs)
    return found


def table(section: Section, caption: str) -> dict[str, dict[str, str]]:
    """A table of the section: first cell of a row -> header -> cell."""
    (found,) = [table for table in section.tables if table.caption.startswith(caption)]
    return {row[0]: dict(zip(found.header[1:], row[1:], strict=True)) for row in found.rows}


def test_a_row_a_run_with_its_scores(section: Section, runs: list[Path]) -> None:
    found = table(section, "Scores")
    assert list(found) == ["quadrature-s0", "quadrature-s1", "constant-s0"]
    assert found["quadrature-s0"]["last step"] == "4,000"
    assert found["constant-s0"]["last step"].split() == ["3,000", "of", "4,000"]
    # Modes reach 8 of 8 at step 2,200; the last whole cycle has no others.
    assert found["quadrature-s0"]["modes, EMA"] == "8"


def test_only_the_settings_in_which_they_differ(section: Section) -> None:
    found = table(section, "Settings")
    assert found == {
        "seed": {"quadrature (2 seeds)": "0, 1", "constant-s0": "0"},
        "voices.lr.generator": {"quadrature (2 seeds)": ABSENT, "constant-s0": "0.0005"},
        "voices.lr.generator.follow": {"quadrature (2 seeds)": "lr.discriminator", "constant-s0": ABSENT},
        "voices.lr.generator.relation": {"quadrature (2 seeds)": "quadrature", "constant-s0": ABSENT},
    }


def test_one_figure_has_all_arms(section: Section) -> None:
    figure, swings = section.figures
    assert "quadrature (2 seeds), constant-s0" in swings.alt
    assert "quadrature (2 seeds), constant-s0" in figure.alt
    assert "modes, EMA, good, EMA" in figure.alt
    assert figure.path.read_bytes().startswith(b"\x89PNG")
    assert figure.path.parent.name == "compared"


def test_runs_are_shown_along_their_steps_beside_each_other_and_not_again(section: Section, runs: list[Path]) -> None:
    assert section.along is not None
    assert [column.label for column in section.along.columns] == ["quadrature-s0", "quadrature-s1", "constant-s0"]
    assert all(column.trail and len(column.frames) >= 6 for column in section.along.columns)
    stops = [int(step) for step in section.along.stops.split(",")]
    assert stops == sorted(stops)
    assert (stops[0], stops[-1]) == (0, 4000)
    assert side_by_side(runs) == {run.resolve() for run in runs}
    assert side_by_side([*runs, runs[0].parent / "other", runs[0]]) == side_by_side(runs)


def test_less_is_better_of_a_distance(tmp_path: Path) -> None:
    def run(name: str, values: list[float]) -> Path:
        rows = [{"step": 10 * n, "evaluation/ema/frechet": value} for n, value in enumerate(values, 1)]
        return write_run(tmp_path / name, "gan", {"steps": 40, "clock": {"period": 20}, "voices": {}}, rows)

    (found,) = comparisons([run("a", [90.0, 41.5, 50.0, 60.0]), run("b", [9.0, 8.0, 7.0, 6.0])])
    assert table(found, "Scores") == {
        "a": {"frechet, EMA": "55", "lowest (at step)": "41.5\u00a0(20)", "last step": "40"},
        "b": {"frechet, EMA": "6.5", "lowest (at step)": "6\u00a0(40)", "last step": "40"},
    }


def test_a_comparison_for_each_trainer_that_has_two(runs: list[Path], tmp_path: Path) -> None:
    cars = [rl_run(tmp_path / f"car-s{seed}", seed=seed, steps=100_000) for seed in range(2)]
    found = comparisons([runs[0], cars[0], runs[2], cars[1]])
    assert [(each.title, each.kind) for each in found] == [
        ("Comparison: gan", "2 runs of gan"), ("Comparison: rl", "2 runs of rl"),
    ]  # fmt: skip
    assert found[1].summary == ["2 runs that differ only in their seed."]
    assert [each.title for each in comparisons([*runs, cars[0]])] == ["Comparison"]


def test_no_comparison_of_one_run_or_of_studies(runs: list[Path], tmp_path: Path) -> None:
    studies: list[Any] = [write_study(tmp_path, {"a": 0.5, "b": 0.6}, name=name) for name in ("one", "two")]
    assert comparisons([runs[0], *studies]) == []
    assert comparisons([runs[0], runs[1] / ".." / runs[0].name]) == []


@pytest.mark.slow
def test_it_stands_first_on_the_page_and_not_in_its_title(runs: list[Path], tmp_path: Path) -> None:
    page = report([runs[0], runs[2]], tmp_path / "page.html").read_text()
    assert "<title>quadrature-s0, constant-s0</title>" in page
    assert page.index('<h2 id="title-1">Comparison</h2>') < page.index("quadrature-s0</h2>")
    assert "voices.<wbr>lr.<wbr>generator.<wbr>follow" in page
    assert page.count("<article") == 3


def test_names_and_values_are_never_markup(tmp_path: Path) -> None:
    pair = [gan_run(tmp_path / f"<b>bold{seed}.", seed=seed, data={"name": f"<i>{seed}"}) for seed in range(2)]
    page = render(comparisons(pair), "both")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;bold0.<wbr>" in page


def test_a_run_that_is_damaged_is_one_line(runs: list[Path], tmp_path: Path) -> None:
    bad = gan_run(tmp_path / "bad")
    (bad / "metrics.jsonl").write_text("{\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl: line 1 cannot be read"):
        comparisons([runs[0], bad])
