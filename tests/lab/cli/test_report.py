"""`lab report` as typed: runs and studies found by name, one page of several, mistakes answered in one line."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from synthetic import gan_run, write_study

from lab.cli.main import main
from lab.cli.report import default_page


def test_a_run_and_a_study_are_found_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gan_run(tmp_path / "runs" / "ring-s0")
    write_study(tmp_path, {"constant": 0.7, "quadrature": 0.8})
    assert main(["report", "ring-s0", "--results", str(tmp_path)]) == 0
    assert main(["report", "ring", "ring-s0", "--results", str(tmp_path), "--out", str(tmp_path / "all.html")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(tmp_path / "runs" / "ring-s0" / "report.html"), str(tmp_path / "all.html")]
    assert (tmp_path / "all.html").read_text().count("<article") == 2


def test_a_page_of_several_leaves_that_of_the_first_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (gan_run(tmp_path / "runs" / name) for name in ("ring-s0", "ring-s1"))
    assert main(["report", str(first)]) == 0
    own = (first / "report.html").read_bytes()
    assert main(["report", str(first), str(second)]) == 0
    assert (first / "report.html").read_bytes() == own
    assert Path(capsys.readouterr().out.splitlines()[-1]) == first / "report-with-ring-s1.html"
    assert not (second / "report.html").exists()
    assert main(["report", str(second), str(second)]) == 0  # one run, named twice
    assert (second / "report.html").exists()


def test_a_page_of_many_has_a_name_that_a_file_can_have() -> None:
    paths = [Path(f"/somewhere/a-run-with-quite-a-name-s{seed}") for seed in range(20)]
    assert default_page(paths) == paths[0] / "report-with-a-run-with-quite-a-name-s1-and-18-more.html"
    assert len(default_page([Path("a"), Path("界" * 80)]).name.encode()) < 255


def test_an_unknown_name_exits_2_and_lists_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(tmp_path, {"constant": 0.7})
    assert main(["report", "rng", "--results", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'rng'" in line
    assert "finished studies: ring" in line
