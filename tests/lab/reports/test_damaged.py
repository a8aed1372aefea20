"""Runs of which a file is damaged that a report can do without, and folders in whose place a file lies."""

from pathlib import Path

import pytest
from synthetic import gan_run, write_study

from lab.cli.main import main
from lab.errors import UserError
from lab.reports.comparison import comparisons
from lab.reports.drawing import draw_runs
from lab.reports.html import report
from lab.reports.measured import FILE
from lab.reports.sections import run_section, section_of
from lab.reports.style import Saved


def spoiled(path: Path, what: str = FILE) -> Path:
    run = gan_run(path)
    (run / what).write_text("junk")
    return run


SNAPSHOT = "snapshots/samples-000004000.npz"


def test_a_measurement_that_cannot_be_read_is_left_out_of_the_report(tmp_path: Path) -> None:
    section = run_section(spoiled(tmp_path / "run"))
    (left,) = [sentence for sentence in section.missing if sentence.startswith("Left out")]
    assert left.startswith(f"Left out: the figure floquet, what was measured of its game. {FILE}: cannot be read: ")
    assert [saved.path.stem for saved in section.blocks[0].figures] == ["swings"]
    assert {"dynamics", "samples"} <= {saved.path.stem for saved in section.figures}
    assert left in report([tmp_path / "run"], tmp_path / "page.html").read_text()


def test_a_plot_draws_the_rest_and_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = spoiled(tmp_path / "run")
    assert main(["plot", str(run)]) == 0
    told = capsys.readouterr()
    assert "swings.png" in told.out
    assert "floquet.png" not in told.out
    assert told.err.startswith(f"lab: warning: Left out: the figure floquet. {run / FILE}: cannot be read: ")
    assert told.err.count("\n") == 1
    assert main(["plot", str(run), "--only", "floquet"]) == 2
    assert capsys.readouterr().err.startswith(f"lab: {run / FILE}: cannot be read: ")


def test_a_snapshot_that_cannot_be_read_is_left_out_of_the_report(tmp_path: Path) -> None:
    section = run_section(spoiled(tmp_path / "run", SNAPSHOT))
    (left,) = [sentence for sentence in section.missing if sentence.startswith("Left out")]
    assert left.startswith(f"Left out: the figure samples, what it made along its steps. {SNAPSHOT}: is no archive")
    stems = [saved.path.stem for saved in section.figures]
    assert "samples" not in stems
    assert {"dynamics", "portrait", "scores"} <= set(stems)
    assert section.along is not None
    assert not section.along.columns[0].frames


def test_runs_beside_each_other_and_studies_tell_it_too(tmp_path: Path) -> None:
    study = write_study(tmp_path, {"constant": 0.7, "quadrature": 0.8})
    first = spoiled(tmp_path / "runs" / "ring" / "constant-s0", SNAPSHOT)
    (first / FILE).write_text("junk")
    (section,) = comparisons([first, gan_run(tmp_path / "b", batch_size=8)])
    told = " ".join(section.missing)
    assert f"Left out: the figure floquet. {first / FILE}: " in told
    assert f"Left out: what it made along its steps. {first / SNAPSHOT}: " in told
    assert section.along is not None
    assert [len(column.frames) for column in section.along.columns] == [0, 8]
    told = " ".join(section_of(study).missing)
    assert f"Left out: the figure samples. {first / SNAPSHOT}: " in told


class Lost:
    """A trainer of a single figure, of which nothing can be read."""

    name = "lost"

    def figures(self, runs: object, out: object) -> list[Saved]:
        raise UserError("weights.npz: is no archive")


def test_where_nothing_can_be_drawn_the_reason_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.reports.drawing.plugin_of", lambda runs: Lost())
    left: list[str] = []
    found = draw_runs([gan_run(tmp_path / "run")], tmp_path / "out", skip=lambda what, error: left.append(what))
    assert ([saved.path.stem for saved in found], left) == (["swings"], ["the figure lost"])
    with pytest.raises(UserError, match="weights.npz: is no archive"):
        draw_runs([gan_run(tmp_path / "short", until=50)], tmp_path / "out", skip=lambda what, error: None)


@pytest.mark.parametrize("place", ["figures/frames", "figures/compared", "figures"])
def test_a_file_where_a_folder_is_needed_is_one_line(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [gan_run(tmp_path / "a"), gan_run(tmp_path / "b", batch_size=8)]
    taken = runs[0] / place
    if taken.is_dir():
        taken.rmdir()
    taken.write_text("")
    asked = runs if place == "figures/compared" else runs[:1]
    assert main(["report", *map(str, asked), "--out", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err
    assert f"{taken}: figures cannot be written there: " in error
    assert error.count("\n") == 1


def test_a_file_in_place_of_a_studys_figures_is_one_line(tmp_path: Path) -> None:
    study = write_study(tmp_path, {"constant": 0.7, "quadrature": 0.8})
    (study / "figures").write_text("")
    with pytest.raises(UserError, match="figures: figures cannot be written there: "):
        section_of(study)
