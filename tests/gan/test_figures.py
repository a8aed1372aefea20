"""The GAN's figures, from runs made up here: finished, cut short, with holes, alone and together."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "lab" / "reports"))
from synthetic import gan_run, write_run

from gan.figures import draw
from gan.sample_figures import tile
from lab.errors import UserError
from lab.reports.portrait import portrait
from lab.reports.runs import arms, read_run

CONSTANT = {"lr.generator": 5e-4, "lr.discriminator": 5e-4}


def stems(*runs: Path, out: Path) -> list[str]:
    saved = draw(runs, out)
    assert all(figure.path.stat().st_size > 5000 and figure.alt and figure.caption for figure in saved)
    return [figure.path.stem for figure in saved]


def test_a_run_has_dynamics_portrait_samples_and_scores(tmp_path: Path) -> None:
    assert stems(gan_run(tmp_path / "run"), out=tmp_path / "out") == ["dynamics", "portrait", "samples", "scores"]


def test_each_of_several_arms_has_its_samples(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / "a"), gan_run(tmp_path / "b", voices=CONSTANT, images=True)]
    found = stems(*runs, out=tmp_path / "out")
    assert [stem for stem in found if stem.startswith("samples")] == ["samples-a", "samples-b"]


def test_figures_are_the_same_bytes_again(tmp_path: Path) -> None:
    run = gan_run(tmp_path / "run")
    first, second = ([saved.path.read_bytes() for saved in draw([run], tmp_path / out)] for out in ("one", "two"))
    assert first == second


def test_a_run_of_one_row_is_drawn(tmp_path: Path) -> None:
    assert "dynamics" in stems(gan_run(tmp_path / "run", until=50), out=tmp_path / "out")


def test_missing_columns_and_nan_are_drawn_around(tmp_path: Path) -> None:
    path = gan_run(tmp_path / "run")
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["gradient/generator"]
        row["loss/discriminator"] = float("nan")
        row.pop("evaluation/good", None)
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert stems(path, out=tmp_path / "out") == ["dynamics", "samples", "scores"]


def test_a_run_without_metrics_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", "gan", {"clock": {"period": 10}, "voices": {}, "steps": 10}, [])
    with pytest.raises(UserError, match="no rows yet"):
        draw([path], tmp_path / "out")


def test_runs_before_and_after_their_first_cycle_fit_in_one_portrait(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / "short", until=600), gan_run(tmp_path / "long", voices=CONSTANT)]
    figure = portrait(arms([read_run(run) for run in runs]), "loss/generator", "loss/discriminator", "g", "d")
    assert figure is not None
    left, right = figure.axes[0].get_xlim()
    losses = read_run(runs[0]).series("loss/generator")[1]
    assert left < np.median(losses) < right
    assert [len(axes.get_legend().get_texts()) for axes in figure.axes[:2]] == [2, 2]


def test_a_second_cycle_that_has_hardly_begun_does_not_become_the_whole_portrait(tmp_path: Path) -> None:
    run = gan_run(tmp_path / "run", until=1200)
    figure = portrait(arms([read_run(run)]), "loss/generator", "loss/discriminator", "g", "d")
    assert figure is not None
    left, right = figure.axes[0].get_xlim()
    losses = read_run(run).series("loss/generator")[1]
    assert np.mean((losses > left) & (losses < right)) > 0.9


def test_images_are_tiled_in_reading_order() -> None:
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    picture = tile(images)
    assert picture.shape == (5, 5)
    assert [int(picture[y, x]) for y, x in ((0, 0), (0, 3), (3, 0), (3, 3))] == [0, 1, 2, 3]
