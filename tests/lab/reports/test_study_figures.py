"""A study's figures: every seed a dot, the verdict beside its difference, curves from the arms' runs."""

import json
from pathlib import Path

import pytest
from synthetic import gan_run, write_study

from lab.errors import UserError
from lab.reports.study import read_study, words
from lab.reports.study_figures import _drawn, arms_figure, differences_figure, study_figures

ARMS = {"constant": 0.7, "quadrature": 0.82, "in-phase": 0.65}


def test_every_seed_of_every_arm_is_a_dot(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path, ARMS, seeds=5))
    axes = arms_figure(study, ["ema/good"]).axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) == 5]
    assert len(dots) == 3
    assert [label.get_text() for label in axes.get_yticklabels()] == list(ARMS)


def test_differences_say_verdict_and_p(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path, ARMS, seeds=8))
    texts = [text.get_text() for text in differences_figure(study, study.comparisons).axes[0].texts]
    assert texts[0].startswith("quadrature − constant: supported (p = ")
    assert texts[1].startswith("in-phase − constant: not supported")


def test_curves_are_drawn_only_where_runs_are(tmp_path: Path) -> None:
    path = write_study(tmp_path, ARMS, seeds=2)
    assert [saved.path.stem for saved in study_figures(path, path / "figures")] == ["arms", "differences"]
    gan_run(tmp_path / "runs" / "ring" / "quadrature-s0", seed=0)
    assert len(study_figures(path, path / "figures")) == 2, "a curve of one of two seeds would pass for that of both"
    gan_run(tmp_path / "runs" / "ring" / "quadrature-s1", seed=1)
    drawn = study_figures(path, path / "figures")
    assert [saved.path.stem for saved in drawn] == ["arms", "differences", "curves"]
    assert all(saved.path.is_file() and saved.alt and saved.caption for saved in drawn)


def test_one_evaluation_is_no_curve(tmp_path: Path) -> None:
    path = write_study(tmp_path, ARMS, seeds=1)
    log = gan_run(tmp_path / "runs" / "ring" / "quadrature-s0", seed=0) / "metrics.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    scored = [place for place, row in enumerate(rows) if "evaluation/ema/good" in row]
    assert len(scored) > 1
    log.write_text("".join(json.dumps(row) + "\n" for row in rows[: scored[0] + 1]))
    assert [saved.path.stem for saved in study_figures(path, path / "figures")] == ["arms", "differences"]


@pytest.mark.parametrize(("arms", "panels"), [(3, 6), (14, 3), (29, 2)])
def test_many_arms_leave_room_for_few_scores(tmp_path: Path, arms: int, panels: int) -> None:
    path = write_study(tmp_path, {f"arm-{place}": 0.7 for place in range(arms)}, seeds=2)
    columns = ["ema/good", *(f"score-{place}" for place in range(8))]
    assert _drawn(read_study(path), columns) == columns[:panels]


def test_of_very_many_arms_those_compared_have_curves(tmp_path: Path) -> None:
    arms = ARMS | {f"arm-{place}": 0.7 for place in range(20)}
    path = write_study(tmp_path, arms, seeds=2)
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps(summary | {"comparisons": summary["comparisons"][:1]}))
    for name in ("constant", "quadrature", "arm-3"):
        for seed in range(2):
            gan_run(tmp_path / "runs" / "ring" / f"{name}-s{seed}", seed=seed)
    gan_run(tmp_path / "runs" / "ring" / "arm-4-s0", seed=0)  # one run of two, of an arm that is not drawn
    curves = next(saved for saved in study_figures(path, path / "figures") if saved.path.stem == "curves")
    assert curves.alt.endswith("for the arms constant, quadrature.")


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write_study(tmp_path, ARMS)
    first, second = (
        [saved.path.read_bytes() for saved in study_figures(path, tmp_path / out)] for out in ("one", "two")
    )
    assert first == second


def test_a_study_without_a_summary_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="summary.json: cannot be read"):
        read_study(tmp_path)


def test_columns_are_written_in_words() -> None:
    assert words("ema/reverse_kl.last") == "reverse KL, EMA, last step"
    assert words("return/0.25") == "return at difficulty 0.25"
    assert words("success/1.00.last") == "success at difficulty 1, last step"
