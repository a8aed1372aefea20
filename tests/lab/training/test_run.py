"""A run directory: its name, its content, how it is found, and that it is there whole or not at all."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
import toy

from lab.errors import RunError, UserError
from lab.training.config import resolve
from lab.training.files import replace_file
from lab.training.run import Run, resolve_run

CONFIG = resolve(toy.ToyConfig, {"steps": 5, "seed": 3, "clock": {"period": 5}, "voices": {"lr.net": 0.1}})


def make(root: Path, name: str | None = None, **options: Any) -> Run:
    return Run.create(root, name, "toy", CONFIG, **options)


def test_names_count_up_where_none_was_chosen(tmp_path: Path) -> None:
    assert [make(tmp_path, preset="line").name for _ in range(3)] == ["line-s3", "line-s3-2", "line-s3-3"]
    assert make(tmp_path).name == "toy-s3"


def test_a_chosen_name_is_never_shared(tmp_path: Path) -> None:
    make(tmp_path, "mine")
    with pytest.raises(UserError, match=r"--name mine: .*/mine exists already; 'lab resume mine'"):
        make(tmp_path, "mine")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "/abs"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="one word without '/'"):
        make(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_it(tmp_path: Path) -> None:
    run = make(tmp_path, preset="line")
    assert sorted(os.listdir(run.path)) == ["checkpoints", "config.yaml", "figures", "provenance.json", "snapshots"]
    assert resolve(toy.ToyConfig, run.config) == CONFIG
    assert run.trainer == "toy"
    assert run.provenance.items() >= {"trainer": "toy", "preset": "line", "seed": 3}.items()


def test_what_a_killed_creation_leaves_is_no_run(tmp_path: Path) -> None:
    half = tmp_path / "runs" / ".mine.99.new"
    half.mkdir(parents=True)
    (half / "config.yaml").write_text("steps: 5\n")
    with pytest.raises(UserError, match=r"runs: none"):
        resolve_run("mine", tmp_path)
    with pytest.raises(UserError, match=r"is no run directory \(it has no provenance.json\)"):
        Run.open(half)


def test_a_run_is_found_by_path_and_by_name(tmp_path: Path) -> None:
    run = make(tmp_path / "runs", "mine")
    assert resolve_run(str(run.path)).path == run.path
    assert resolve_run("mine", tmp_path).path == run.path
    with pytest.raises(UserError) as caught:
        resolve_run("mien", tmp_path)
    assert "did you mean 'mine'? (runs: mine)" in str(caught.value)


def test_a_place_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make a run here: Not a directory"):
        make(tmp_path / "file", "mine")


def test_the_lock_is_let_go_of(tmp_path: Path) -> None:
    run = make(tmp_path, "mine")
    with (
        run.lock(),
        pytest.raises(RunError, match=f"mine is in use by process {os.getpid()}"),
        Run.open(run.path).lock(),
    ):
        pass
    with run.lock():
        pass


def test_whoever_only_looks_at_the_lock_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path, "mine")
    assert run.owner is None
    assert not (run.path / "lock").exists()
    with run.lock():
        assert Run.open(run.path).owner == str(os.getpid())
    looking = os.open(run.path / "lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda seconds: os.close(looking))
    with run.lock():
        pass


def test_a_link_beside_a_file_that_is_replaced_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for link in (tmp_path / ".file.new", tmp_path / "file"):
        link.symlink_to(victim)
    replace_file(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
