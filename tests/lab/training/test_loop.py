"""The loop: what is written when, what stops a run, and what going on does to what is there."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy

from lab.errors import Interrupted, RunError, UserError
from lab.training import checkpoints
from lab.training.config import resolve
from lab.training.device import cpu_name
from lab.training.finite import NonFiniteError
from lab.training.jsonlines import read
from lab.training.loop import Outcome, make_context, train, warn
from lab.training.progress import show_progress
from lab.training.run import Run

PRESET: dict[str, Any] = {
    "steps": 60,
    "clock": {"period": 20},
    "voices": {"lr.net": {"wave": "cosine", "low": 1e-4, "high": 1e-2}},
    "log_every": 10,
    "evaluate_every": 25,
    "checkpoint_every": 20,
}


def begin(root: Path, name: str = "run", **changes: Any) -> Run:
    return Run.create(root, name, "toy", resolve(toy.ToyConfig, PRESET | changes))


def go(run: Run, plugin: Any = toy.PLUGIN, **options: Any) -> Outcome:
    config = resolve(toy.ToyConfig, run.config)
    return train(plugin, run, make_context(run, config), **options)


def bytes_of(run: Run) -> dict[str, bytes]:
    last = list(checkpoints.paths(run.checkpoints).values())[-1]
    return {file.name: file.read_bytes() for file in [*last.iterdir(), run.metrics.path, run.events.path]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = begin(tmp_path_factory.mktemp("whole"))
    go(run)
    return run


class Stops:
    """The toy, which at a step does something to its process."""

    def __init__(self, step: int, what: Any) -> None:
        self.step, self.what = step, what

    def __getattr__(self, name: str) -> Any:
        return getattr(toy.PLUGIN, name)

    def build(self, config: Any, context: Any) -> Any:
        trainer = toy.PLUGIN.build(config, context)
        advance = trainer.advance

        def advancing(until: int) -> None:
            if trainer.step < self.step <= until:
                advance(self.step)
                self.what()
            else:
                advance(until)

        trainer.advance = advancing
        return trainer


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_rows_scores_and_checkpoints_come_when_they_are_due(whole: Run) -> None:
    rows = list(read(whole.metrics.path))
    assert [row["step"] for row in rows] == [10, 20, 25, 30, 40, 50, 60]
    assert [row["step"] for row in rows if "evaluation/error" in row] == [25, 50, 60]
    assert all("loss/net" in row and "voice/lr.net" in row for row in rows)
    assert list(checkpoints.paths(whole.checkpoints)) == [20, 40, 60]
    assert [row["step"] for row in read(whole.timing.path)] == [row["step"] for row in rows]
    assert list(read(whole.events.path))[-1] == {"step": 60, "kind": "finished"}


def test_interruptions_take_no_checkpoint_away(whole: Run, tmp_path: Path) -> None:
    run = begin(tmp_path)
    for step in (21, 41, 42, 43):
        with pytest.raises(Interrupted):
            go(run, Stops(step, interrupt))
        kept = list(checkpoints.paths(run.checkpoints))
        assert kept == [*(due for due in (20, 40) if due < step), step]
    go(run)
    assert list(checkpoints.paths(run.checkpoints)) == list(checkpoints.paths(whole.checkpoints)) == [20, 40, 60]


def test_progress_is_told_the_newest_numbers(tmp_path: Path) -> None:
    told: list[tuple[int, Mapping[str, float]]] = []
    outcome = go(begin(tmp_path), progress=lambda step, row: told.append((step, dict(row))))
    steps = [step for step, _ in told]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[-1] == outcome.step == 60
    assert told[-1][1]["evaluation/error"] == outcome.row["evaluation/error"]


def test_a_finished_run_is_left_as_it_is(whole: Run) -> None:
    before = bytes_of(whole)
    outcome = go(whole)
    assert outcome.was_finished
    assert outcome.step == 60
    assert bytes_of(whole) == before


@pytest.mark.parametrize("step", [1, 20, 33])
def test_ctrl_c_saves_and_going_on_changes_no_bit(tmp_path: Path, whole: Run, step: int) -> None:
    run = begin(tmp_path)
    with pytest.raises(Interrupted, match=rf"stopped at step {step} of 60.*lab resume \S*run goes on") as caught:
        go(run, Stops(step, interrupt))
    assert caught.value.status == 130
    assert list(checkpoints.paths(run.checkpoints))[-1] == step
    assert go(run).began_at == step
    assert bytes_of(run) == bytes_of(whole)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_going_on_by_another_processor_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, told = begin(tmp_path), []
    with pytest.raises(Interrupted):
        go(run, Stops(20, interrupt))
    monkeypatch.setattr("lab.training.recovery.device_name", lambda device: "an abacus")
    go(run, warn=told.append)
    monkeypatch.undo()
    assert [line.partition(" and ")[2] for line in told] == [
        "goes on by an abacus: the last bits of its numbers may be others than without a stop"
    ]
    assert f"by {cpu_name()}" in told[0]


def test_sigterm_has_its_own_status(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        go(begin(tmp_path), Stops(7, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert caught.value.status == 143


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt) as caught:
        go(begin(tmp_path), Stops(7, twice))
    assert not isinstance(caught.value, Interrupted)


def test_half_written_lines_are_cut_off(tmp_path: Path, whole: Run) -> None:
    run = begin(tmp_path)
    with pytest.raises(Interrupted):
        go(run, Stops(35, interrupt))
    shutil.rmtree(run.checkpoints / "000000035")
    for log in (run.metrics, run.events, run.timing):
        with log.path.open("ab") as file:
            file.write(b'{"step": 3')
    assert go(run).began_at == 20
    assert bytes_of(run) == bytes_of(whole)
    assert [row["step"] for row in read(run.timing.path)] == [row["step"] for row in read(run.metrics.path)]


def test_lines_lost_from_a_log_are_told(tmp_path: Path) -> None:
    run = begin(tmp_path)
    with pytest.raises(Interrupted):
        go(run, Stops(35, interrupt))
    run.metrics.path.unlink()
    heard: list[str] = []
    go(run, warn=heard.append)
    assert heard == ["metrics.jsonl is shorter than it was at step 35: lines of it are lost"]


def run_out_on_the_host() -> None:
    torch.empty(2**50)


def run_out_in_numpy() -> None:
    np.empty(2**50)


def run_out_on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation")


@pytest.mark.parametrize("what", [run_out_on_the_host, run_out_in_numpy, run_out_on_a_gpu])
def test_no_memory_left_is_one_line(tmp_path: Path, what: Callable[[], None]) -> None:
    with pytest.raises(RunError) as stopped:
        go(begin(tmp_path), Stops(25, what))
    assert str(stopped.value).startswith("run run: cpu is out of memory; the last good checkpoint is ")
    assert str(stopped.value).endswith("000000020; begin a run that asks for less, such as a smaller batch")


def test_an_error_of_the_trainer_is_no_lack_of_memory(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2") as stopped:
        go(begin(tmp_path), Stops(25, lambda: torch.ones(2, 3) @ torch.ones(2, 3)))
    assert not isinstance(stopped.value, RunError)


def test_killed_before_the_first_checkpoint_begins_again(tmp_path: Path, whole: Run) -> None:
    run = begin(tmp_path)
    for log in (run.metrics, run.events, run.timing):
        log.append({"step": 10, "loss/net": 3.0})
        log.path.write_bytes(log.path.read_bytes() + b'{"st')
    assert go(run).began_at == 0
    assert bytes_of(run) == bytes_of(whole)


def test_a_broken_checkpoint_is_passed_over_with_a_warning(tmp_path: Path, whole: Run) -> None:
    run = begin(tmp_path)
    shutil.copytree(whole.path, run.path, dirs_exist_ok=True)
    file = run.checkpoints / "000000060" / "net.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    said: list[str] = []
    assert go(run, warn=said.append).began_at == 40
    assert said == ["checkpoint 000000060 is not used (net.safetensors is not as it was written); that of step 40 is"]
    warning = {"step": 40, "kind": "warning", "message": said[0]}
    assert warning in read(run.events.path)
    assert run.provenance["resumed"][-1]["warnings"] == said
    assert run.metrics.path.read_bytes() == whole.metrics.path.read_bytes()
    assert (run.checkpoints / "000000060" / "net.safetensors").read_bytes() == bytes_of(whole)["net.safetensors"]


def test_when_no_checkpoint_is_whole_the_run_begins_again(tmp_path: Path, whole: Run) -> None:
    run = begin(tmp_path)
    shutil.copytree(whole.path, run.path, dirs_exist_ok=True)
    for path in checkpoints.paths(run.checkpoints).values():
        (path / "manifest.json").write_text("{")
    said: list[str] = []
    assert go(run, warn=said.append).began_at == 0
    assert "no checkpoint is whole" in said[0]
    assert run.metrics.path.read_bytes() == whole.metrics.path.read_bytes()


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["metrics.jsonl", "events.jsonl"])
def test_a_log_with_a_flipped_bit_is_made_again_from_a_checkpoint_before_it(
    tmp_path: Path, whole: Run, name: str
) -> None:
    run = begin(tmp_path)
    shutil.copytree(whole.path, run.path, dirs_exist_ok=True)
    flip(run.path / name, -5)
    said: list[str] = []
    assert go(run, warn=said.append).began_at == 40
    assert said == [f"checkpoint 000000060 is not used ({name} is not as it was then); that of step 40 is"]
    assert run.metrics.path.read_bytes() == whole.metrics.path.read_bytes()


def test_a_bit_flipped_before_every_checkpoint_is_refused_and_deleting_the_log_goes_on(
    tmp_path: Path, whole: Run
) -> None:
    run = begin(tmp_path)
    shutil.copytree(whole.path, run.path, dirs_exist_ok=True)
    flip(run.metrics.path, 12)
    before = bytes_of(run)
    with pytest.raises(UserError, match=r"metrics\.jsonl: is not as it was at any checkpoint; .* delete it to go on"):
        go(run)
    assert bytes_of(run) == before
    run.metrics.path.unlink()
    assert go(run, warn=lambda _: None).was_finished


def test_checkpoints_of_a_version_without_sums_are_still_used(tmp_path: Path, whole: Run) -> None:
    run = begin(tmp_path)
    with pytest.raises(Interrupted):
        go(run, Stops(33, interrupt))
    for path in checkpoints.paths(run.checkpoints).values():
        found = checkpoints.load(path)
        about = {key: value for key, value in found.about.items() if key != "sums"}
        checkpoints.save(run.checkpoints, found.step, found.state, about)
    known = json.loads((run.path / "provenance.json").read_text())
    (run.path / "provenance.json").write_text(json.dumps({k: known[k] for k in known if k not in ("sha256", "config")}))
    assert go(Run.open(run.path)).began_at == 33
    assert bytes_of(run) == bytes_of(whole)


def test_a_configuration_changed_before_there_is_a_checkpoint_is_refused(tmp_path: Path) -> None:
    run = begin(tmp_path)
    with pytest.raises(UserError, match=r"config\.yaml: was changed since the run was made; restore it"):
        go(edit(run, "seed: 0", "seed: 2"))
    said: list[str] = []
    edit(run, "seed: 2", "seed: 0")
    go(edit(run, "steps: 60", "steps: 70"), warn=said.append)
    assert said == [f"{run.path / 'config.yaml'} now asks for 70 steps, not 60"]


def test_a_provenance_with_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    run = begin(tmp_path)
    path = run.path / "provenance.json"
    path.write_text(path.read_text().replace('"toy"', '"tov"'))
    with pytest.raises(UserError, match=r"provenance\.json: is not as it was written"):
        go(run)


def edit(run: Run, old: str, new: str) -> Run:
    path = run.path / "config.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return Run.open(run.path)


def test_an_altered_configuration_is_refused_and_each_difference_listed(tmp_path: Path) -> None:
    run = begin(tmp_path)
    go(run)
    changed = edit(edit(run, "batch: 32", "batch: 16"), "low: 0.0001", "low: 0.0002")
    before = bytes_of(run)
    with pytest.raises(UserError) as caught:
        go(changed)
    assert "(voices.lr.net.low: 0.0001 → 0.0002; batch: 32 → 16)" in str(caught.value)
    assert f"lab toy train {run.path / 'config.yaml'}" in str(caught.value)
    assert bytes_of(run) == before


def test_more_steps_train_a_finished_run_for_longer(tmp_path: Path) -> None:
    run = begin(tmp_path)
    go(run)
    assert go(edit(run, "steps: 60", "steps: 90")).began_at == 60
    longer = begin(tmp_path, "longer", steps=90)
    go(longer)
    assert bytes_of(run)["net.safetensors"] == bytes_of(longer)["net.safetensors"]
    with pytest.raises(UserError, match="steps: 90 → 30"):
        go(edit(run, "steps: 90", "steps: 30"))


@pytest.mark.parametrize(("step", "saved"), [(3, None), (33, 20), (59, 40)])
def test_a_nan_stops_the_run_and_names_the_last_good_checkpoint(tmp_path: Path, step: int, saved: int | None) -> None:
    run = begin(tmp_path, break_at=step)
    with pytest.raises(NonFiniteError) as caught:
        go(run)
    where = f"the last good checkpoint is {run.checkpoints / f'{saved:09d}'}" if saved else "there is no checkpoint yet"
    assert f"loss/net was not finite at step {step}; {where}" in str(caught.value)
    assert list(checkpoints.paths(run.checkpoints)) == list(range(20, (saved or 0) + 1, 20))
    assert all(row["step"] <= step for row in read(run.metrics.path))
    assert list(read(run.events.path))[-1] == {"step": step, "kind": "non_finite", "quantity": "loss/net"}


def test_no_checkpoint_after_a_nan_even_on_ctrl_c(tmp_path: Path) -> None:
    run = begin(tmp_path, break_at=3)
    with pytest.raises(NonFiniteError):
        go(run, Stops(5, interrupt))
    assert not checkpoints.paths(run.checkpoints)


def test_a_non_finite_column_stops_the_run(tmp_path: Path) -> None:
    class Undefined(Stops):
        def build(self, config: Any, context: Any) -> Any:
            trainer = toy.PLUGIN.build(config, context)
            trainer.metrics = lambda: {"explained": float("nan")}
            return trainer

    with pytest.raises(NonFiniteError, match="explained was nan at step 10"):
        go(begin(tmp_path), Undefined(0, None))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("explained", 1e101, "explained is 1e+101 at step 10; a number of at most 1e+100 is expected"),
        ("explained", True, "explained is True at step 10; a number of at most"),
        ("explained", np.float32(1), "explained is 1.0 at step 10; a number of at most"),
        ("two\nlines", 1.0, "the metric 'two\\\\nlines' cannot be logged; a name has at most 200 printable"),
    ],
)
def test_what_a_log_could_not_be_read_back_with_stops_the_run(tmp_path: Path, name: str, value: Any, told: str) -> None:
    class Odd(Stops):
        def build(self, config: Any, context: Any) -> Any:
            trainer = toy.PLUGIN.build(config, context)
            trainer.metrics = lambda: {name: value}
            return trainer

    run = begin(tmp_path)
    with pytest.raises(RunError, match=re.escape(told)):
        go(run, Odd(0, None))
    assert not list(read(run.metrics.path))


def test_two_processes_cannot_train_one_run(tmp_path: Path) -> None:
    run = begin(tmp_path)
    code = (
        "import sys; from pathlib import Path; from lab.training.run import Run\n"
        "with Run.open(sys.argv[1]).lock():\n    print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "mine\n"
    with pytest.raises(RunError, match=f"run run is in use by process {other.pid}"):
        go(run)
    other.kill()
    other.wait()
    assert go(run).step == 60


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_the_last_checkpoint_stays_good(tmp_path: Path, whole: Run) -> None:
    """The system itself refuses to let a file grow: the metrics log hits the limit in the middle of a line."""
    run = begin(tmp_path)
    limit = whole.metrics.path.stat().st_size - 40
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import test_loop as t\n"
        "run = t.Run.open(sys.argv[2]); inf = resource.RLIM_INFINITY\n"
        "t.go(run, t.Stops(45, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), inf))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(run.path), str(limit)],
        capture_output=True,
        text=True,
    )
    assert "lab.errors.RunError: run run: the file size limit is reached" in done.stderr
    assert f"the last good checkpoint is {run.checkpoints / '000000040'}" in done.stderr
    assert list(checkpoints.paths(run.checkpoints)) == [20, 40]
    assert not run.metrics.path.read_bytes().endswith(b"\n")
    assert go(run).began_at == 40
    assert bytes_of(run) == bytes_of(whole)


def mounted(path: Path) -> bool:
    path.mkdir()
    return (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(path)], capture_output=True).returncode
        == 0
    )


def test_a_disk_that_fills_up_while_a_checkpoint_is_written(tmp_path: Path, whole: Run) -> None:
    """A real file system of 96 KiB, where one may be mounted."""
    disk = tmp_path / "disk"
    if not mounted(disk):
        pytest.skip("cannot mount a file system here")
    try:
        run = begin(disk, steps=2000, network={"widths": [16, 16]})
        with pytest.raises(RunError, match=r"run run: the disk is full; the last good checkpoint is .*; free some"):
            go(run)
        found = checkpoints.newest(run.checkpoints)
        assert found is not None
        assert not found.rejected
        assert not list(run.checkpoints.glob(".*"))
    finally:
        run.metrics.close()
        subprocess.run(["umount", str(disk)], check=True)


def test_provenance_tells_of_every_process(tmp_path: Path) -> None:
    run = begin(tmp_path)
    with pytest.raises(Interrupted):
        go(run, Stops(5, interrupt))
    go(run)
    found = json.loads((run.path / "provenance.json").read_text())
    assert found["trainer"] == "toy"
    assert found["seed"] == 0
    assert found["packages"]["torch"]
    assert found["device"] == "cpu"
    assert found["threads"] >= 1
    (resumed,) = found["resumed"]
    assert resumed["from_step"] == 5
    assert resumed.keys() >= {"command", "started", "version", "git", "python", "platform", "device_name", "data_dir"}


@pytest.mark.parametrize("what", ["moved", "deleted"])
def test_a_directory_that_is_moved_or_deleted_in_training_stops_the_run(what: str, tmp_path: Path) -> None:
    """Its rows would go with it, and its checkpoints stay in a new one."""
    run = begin(tmp_path)

    def away() -> None:
        if what == "moved":
            run.path.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(run.path)

    with pytest.raises(RunError, match="was moved or deleted while it trained"):
        go(run, Stops(45, away))
    assert not run.path.exists()
    if what == "moved":
        moved = Run.open(tmp_path / "elsewhere")
        assert list(checkpoints.paths(moved.checkpoints)) == [20, 40]
        go(moved)
        assert list(checkpoints.paths(moved.checkpoints)) == [20, 40, 60]


class Gone:
    """A terminal that has been closed, or a pipe whose reader has."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    def isatty(self) -> bool:
        return False


def test_a_reader_that_goes_away_is_no_reason_not_to_train(
    tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tmp_path)
    monkeypatch.setattr(sys, "stderr", Gone())
    with show_progress("run", 60, []) as progress:
        assert go(run, progress=progress).step == 60
    warn("nobody hears this")
    assert bytes_of(run)["metrics.jsonl"] == bytes_of(whole)["metrics.jsonl"]
