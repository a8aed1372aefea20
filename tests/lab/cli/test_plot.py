"""`lab plot` as typed: files named, runs found by name, mistakes answered in one line."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from synthetic import gan_run, rl_run, write_run

from lab.cli.main import main
from lab.reports.drawing import draw_runs, figure_names
from lab.training import plugins
from lab.training.run import Run


def test_figures_land_in_the_run_and_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gan_run(tmp_path / "runs" / "ring-s0")
    assert main(["plot", "ring-s0", "--results", str(tmp_path)]) == 0
    printed = [Path(line.split("  ")[0]) for line in capsys.readouterr().out.splitlines()]
    assert printed
    assert all(path.is_file() and path.parent == tmp_path / "runs" / "ring-s0" / "figures" for path in printed)


def test_several_runs_are_drawn_into_the_folder_asked_for(tmp_path: Path) -> None:
    runs = [str(gan_run(tmp_path / f"ring-s{seed}", seed=seed)) for seed in range(2)]
    assert main(["plot", *runs, "--out", str(tmp_path / "both")]) == 0
    assert (tmp_path / "both" / "dynamics.png").is_file()


def test_only_the_figures_named_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gan_run(tmp_path / "ring-s0")
    assert main(["plot", str(run), "--only", "scores,portrait"]) == 0
    assert {path.name for path in (run / "figures").iterdir()} == {"scores.png", "portrait.png"}
    assert len(capsys.readouterr().out.splitlines()) == 2
    complaint = mistake(capsys, "plot", str(run), "--only", "scores,losses")
    assert complaint == (
        "lab: --only 'losses': there is no such figure; those of gan are dynamics, portrait, weights, singular-values, "
        "samples, scores, swings, floquet"
    )
    assert "alignment, heatmap" in mistake(capsys, "plot", str(rl_run(tmp_path / "r")), "--only", "scores")
    assert "has nothing to draw for it" in mistake(capsys, "plot", str(run), "--only", "floquet")


def test_every_figure_of_a_trainer_can_be_asked_for(tmp_path: Path) -> None:
    for run in (gan_run(tmp_path / "g", weights=True), rl_run(tmp_path / "r")):
        trainer = plugins.trainer(Run.open(run).trainer)
        for name in figure_names(trainer):
            (saved,) = draw_runs([run], tmp_path / name, [name])
            assert saved.path.name == f"{name}.png"


def mistake(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_mistakes_exit_2_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = write_run(tmp_path / "empty", "gan", {"clock": {"period": 10}, "steps": 10, "voices": {}}, [])
    assert "no rows yet" in mistake(capsys, "plot", str(empty))
    assert "no run 'nobody'" in mistake(capsys, "plot", "nobody", "--results", str(tmp_path))
    pair = [str(gan_run(tmp_path / "g")), str(rl_run(tmp_path / "r"))]
    assert "different trainers" in mistake(capsys, "plot", *pair)
    (tmp_path / "file").write_text("")
    assert "cannot be written" in mistake(capsys, "plot", pair[0], "--out", str(tmp_path / "file" / "sub"))
