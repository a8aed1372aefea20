"""Several runs in one process: each is written as if it were alone, whatever becomes of the others."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import toy

from lab.errors import Interrupted, RunError
from lab.training import checkpoints
from lab.training.config import resolve
from lab.training.finite import NonFiniteError
from lab.training.jsonlines import read
from lab.training.loop import make_context, train
from lab.training.run import Run
from lab.training.together import train_together

PRESET: dict[str, Any] = {
    "steps": 60,
    "clock": {"period": 20},
    "voices": {"lr.net": {"wave": "cosine", "low": 1e-4, "high": 1e-2}},
    "log_every": 10,
    "evaluate_every": 25,
    "checkpoint_every": 20,
}
NAMES = ("a", "b", "c")


class Stack:
    """Toys one after another: what a stack computes is tested where a trainer has one."""

    def __init__(self, trainers: Sequence[toy.ToyTrainer], after: Callable[[int], object]) -> None:
        self.trainers, self.after = trainers, after

    def advance(self, until: int) -> None:
        assert len({trainer.step for trainer in self.trainers}) == 1
        while self.trainers[0].step < until:
            for trainer in self.trainers:
                trainer.advance(trainer.step + 1)
            if self.after(self.trainers[0].step):
                return


class Plugin:
    """The toy with stacks; what is done after a step may end a portion. ``made`` are the sizes of all stacks."""

    def __init__(self, after: Callable[[int], object] = lambda step: None) -> None:
        self.after = after
        self.made: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(toy.PLUGIN, name)

    @property
    def stacks(self) -> "Plugin":
        return self

    def stack_key(self, config: toy.ToyConfig) -> str:
        return config.model_dump_json(exclude={"seed"})

    def stack(self, trainers: Sequence[toy.ToyTrainer]) -> Stack:
        self.made.append(len(trainers))
        return Stack(trainers, self.after)


def begin(root: Path, name: str, **changes: Any) -> Run:
    return Run.create(root, name, "toy", resolve(toy.ToyConfig, PRESET | {"seed": NAMES.index(name)} | changes))


def alone(run: Run) -> None:
    train(toy.PLUGIN, run, make_context(run, resolve(toy.ToyConfig, run.config)))


def sent(signum: int, at: int) -> Callable[[int], bool]:
    def after(step: int) -> bool:
        if step == at:
            os.kill(os.getpid(), signum)
        return step == at

    return after


def bytes_of(run: Run) -> dict[str, bytes]:
    kept = [file for path in checkpoints.paths(run.checkpoints).values() for file in path.iterdir()]
    files = [*kept, run.metrics.path, run.events.path]
    return {str(file.relative_to(run.path)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    root = tmp_path_factory.mktemp("whole")
    runs = {name: begin(root, name) for name in NAMES}
    for run in runs.values():
        alone(run)
    return runs


def test_each_run_is_written_as_if_it_were_alone(tmp_path: Path, whole: dict[str, Run]) -> None:
    plugin, runs = Plugin(), [begin(tmp_path, name) for name in NAMES]
    assert train_together(plugin, runs) == {}
    assert plugin.made == [3]
    for run in runs:
        assert bytes_of(run) == bytes_of(whole[run.name])
        assert [row["step"] for row in read(run.timing.path)] == [10, 20, 25, 30, 40, 50, 60]
        assert run.provenance["together"] == 3
        assert run.owner is None


def test_each_goes_on_from_its_own_checkpoint(tmp_path: Path, whole: dict[str, Run]) -> None:
    """One at step 42, one at 40, one not begun: those behind come to the others, and no bit depends on it."""
    runs = [begin(tmp_path, name) for name in NAMES]
    train_together(Plugin(sent(signal.SIGINT, 42)), runs[:2])
    shutil.rmtree(list(checkpoints.paths(runs[1].checkpoints).values())[-1])
    teams: list[tuple[int, int]] = []
    plugin = Plugin(lambda step: teams.append((plugin.made[-1], step)))
    assert train_together(plugin, runs) == {}
    assert teams == [(2, step) for step in (41, 42)] + [(3, step) for step in range(43, 61)]
    for run in runs:
        events = [line for line in read(run.events.path) if line["kind"] != "interrupted"]
        assert events == list(read(whole[run.name].events.path))
        assert run.metrics.path.read_bytes() == whole[run.name].metrics.path.read_bytes()
        assert (
            bytes_of(run)["checkpoints/000000060/net.safetensors"]
            == bytes_of(whole[run.name])["checkpoints/000000060/net.safetensors"]
        )


def test_a_run_whose_numbers_overflow_ends_alone(tmp_path: Path, whole: dict[str, Run]) -> None:
    broken = begin(tmp_path / "alone", "b", break_at=33)
    with pytest.raises(NonFiniteError) as raised:
        alone(broken)
    plugin = Plugin()
    runs = [begin(tmp_path, name, break_at=33 if name == "b" else None) for name in NAMES]
    stopped = train_together(plugin, runs)
    assert plugin.made == [3, 2]
    assert stopped.keys() == {runs[1].path}
    assert str(stopped[runs[1].path]) == str(raised.value).replace(str(broken.path), str(runs[1].path))
    assert bytes_of(runs[1]) == bytes_of(broken)
    assert all(bytes_of(run) == bytes_of(whole[run.name]) for run in (runs[0], runs[2]))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_when_asked_to_stop_every_run_saves(tmp_path: Path, signum: int) -> None:
    runs = [begin(tmp_path, name) for name in NAMES]
    stopped = train_together(Plugin(sent(signum, 27)), runs)
    assert stopped.keys() == {run.path for run in runs}
    for run in runs:
        assert isinstance(stopped[run.path], Interrupted)
        assert list(checkpoints.paths(run.checkpoints)) == [20, 27]
        assert list(read(run.events.path))[-1] == {"step": 27, "kind": "interrupted", "signal": signum}


def test_a_run_that_cannot_begin_costs_only_itself(tmp_path: Path, whole: dict[str, Run]) -> None:
    runs = [begin(tmp_path, name) for name in NAMES]
    config = runs[0].path / "config.yaml"
    config.write_text(config.read_text().replace("batch: 32", "batch: 33"))
    with Run.open(runs[1].path).lock():
        stopped = train_together(Plugin(), runs)
    assert "was changed since the run was made" in str(stopped[runs[0].path])
    assert "is in use by process" in str(stopped[runs[1].path])
    assert bytes_of(runs[2]) == bytes_of(whole["c"])


def test_what_goes_wrong_in_the_stack_stops_all_that_are_in_it(tmp_path: Path) -> None:
    def fail(step: int) -> None:
        if step == 45:
            raise MemoryError

    runs = [begin(tmp_path, name) for name in NAMES[:2]]
    stopped = train_together(Plugin(fail), runs)
    for run in runs:
        assert isinstance(stopped[run.path], RunError)
        assert f"run {run.name}: cpu is out of memory; the last good checkpoint is " in str(stopped[run.path])
        assert run.owner is None
    assert train_together(Plugin(), runs) == {}, "and they can go on"


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    runs = [begin(tmp_path, name) for name in NAMES]
    alone(runs[0])
    before, made = bytes_of(runs[0]), runs[0].provenance
    plugin = Plugin()
    assert train_together(plugin, runs) == {}
    assert plugin.made == [2]
    assert bytes_of(runs[0]) == before
    assert runs[0].provenance == made
