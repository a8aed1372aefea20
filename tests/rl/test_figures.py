"""The RL figures, from runs made up here: one agent, several seeds and arms, and runs without a curriculum."""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "lab" / "reports"))
from synthetic import rl_run

from lab.reports.heatmap import table_of
from lab.reports.runs import arms, read_run
from rl.figures import alignment_figure, draw


def test_a_run_has_alignment_heatmap_target_and_diagnostics(tmp_path: Path) -> None:
    saved = draw([rl_run(tmp_path / "run")], tmp_path / "out")
    assert [figure.path.stem for figure in saved] == ["alignment", "heatmap", "target", "diagnostics"]
    assert all(figure.path.stat().st_size > 5000 and figure.alt and figure.caption for figure in saved)


def test_learning_rate_and_difficulty_share_the_axis_of_steps(tmp_path: Path) -> None:
    figure = alignment_figure(arms([read_run(rl_run(tmp_path / "run"))]))
    rate, difficulty = figure.axes
    assert rate.get_xlim() == difficulty.get_xlim() == (0.0, 301056.0)
    falls, rises = (np.asarray(axes.lines[0].get_ydata()) for axes in (rate, difficulty))
    assert falls[0] > falls[-1]
    assert (rises[0], rises[-1]) == (0.0, 1.0)


def test_the_heatmap_holds_the_mean_return_of_every_difficulty(tmp_path: Path) -> None:
    (arm,) = arms([read_run(rl_run(tmp_path / f"mc-s{seed}", seed=seed)) for seed in range(2)])
    table = table_of(arm, "evaluation/return/")
    assert table is not None
    np.testing.assert_allclose(table.levels, [0.0, 0.25, 0.5, 0.75, 1.0])
    hardest = [run.series("evaluation/return/1.00")[1] for run in arm.runs]
    np.testing.assert_allclose(table.values[-1], np.mean(hardest, axis=0))


def test_arms_with_and_without_a_curriculum_are_drawn_together(tmp_path: Path) -> None:
    runs = [rl_run(tmp_path / f"curriculum-s{seed}", seed=seed) for seed in range(2)]
    plain = rl_run(tmp_path / "plain-s0", voices={"learning_rate": 1e-3})
    rows = [json.loads(line) for line in (plain / "metrics.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in row.items() if not k.startswith(("curriculum/", "evaluation/return/"))} for row in rows]
    (plain / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    saved = draw([*runs, plain], tmp_path / "out")
    assert [figure.path.stem for figure in saved] == ["alignment", "heatmap", "target", "diagnostics"]
    assert "curriculum (2 seeds)" in saved[0].alt
    assert "plain-s0" in saved[0].alt
