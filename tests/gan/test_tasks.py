"""Data that comes class by class or mode by mode, and what is replayed of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.config import GanConfig
from gan.data.mixture import Mixture
from gan.data.ring import RingData
from gan.data.source import Endless, Shuffled, to_unit
from gan.data.tasks import InTasks, TasksConfig, in_tasks
from gan.floquet import Cycle
from gan.nearest import find
from gan.trainer import GanTrainer
from gan.watch import findings
from lab.errors import UserError
from lab.supervised import datasets
from lab.training import checkpoints

Make = Callable[..., GanTrainer]
SMALL = ("steps=24", "batch_size=20", "evaluation_samples=64", "clock.period=4", "snapshot_every=24")
IN_TASKS = (*SMALL, "tasks={number: 4, buffer_size: 30}", "voices.rehearsal.share=0.13")
CENTERS = RingData().centers()
CPU = torch.device("cpu")


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ring(number: int, buffer_size: int = 0, steps: int = 40) -> InTasks:
    source = Endless(Mixture(CENTERS, 0.02), rng(0))
    tasks = TasksConfig(number=number, buffer_size=buffer_size)
    return in_tasks(source, tasks, steps, "ring", CPU, rng(1), rng(2))


def modes(samples: torch.Tensor) -> list[int]:
    return torch.cdist(samples, CENTERS).argmin(dim=1).tolist()


def test_each_task_has_its_modes_for_its_share_of_the_steps() -> None:
    data = ring(4)
    for step in range(40):
        data.begin(step, 0.0)
        task = step // 10
        assert set(modes(data.batch(50))) == {2 * task, 2 * task + 1}
        assert data.row() == {"task": task}


def test_each_task_has_its_classes_and_every_sample_of_them_once_an_epoch() -> None:
    samples, classes = torch.arange(60.0)[:, None], torch.arange(60) % 6
    source = Shuffled(samples, CPU, rng(0), torch.eye(6)[classes])
    data = in_tasks(source, TasksConfig(number=3), 30, "digits", CPU, rng(1), rng(2))
    for task in range(3):
        data.begin(10 * task, 0.0)
        found, labels = data.labelled(20)
        assert sorted(found[:, 0].tolist()) == [n for n in range(60) if n % 6 in (2 * task, 2 * task + 1)]
        assert torch.equal(labels.argmax(dim=1), found[:, 0].long() % 6)


def test_the_gate_says_how_much_is_replayed_and_nothing_of_it_is_lost() -> None:
    data, shares = ring(2, buffer_size=16), np.random.default_rng(0).uniform(0, 1, 40)
    for step, share in enumerate(shares):
        data.begin(step, float(share))
        assert len(data.batch(10)) == 10
        # Of the first batch nothing can be: nothing was met before it.
        assert data.row()["rehearsal/replayed"] == np.floor(10 * shares[1 : step + 1].sum() + 1e-6)
    assert data.row()["rehearsal/held"] == 16


def test_a_share_of_one_replays_and_learns_nothing_new() -> None:
    data = ring(2, buffer_size=16)
    data.batch(100)
    data.begin(20, 1.0)
    for _ in range(20):
        assert max(modes(data.batch(10))) < 4
    data.begin(20, 0.0)
    assert min(modes(data.batch(10))) >= 4


def test_replayed_samples_are_of_all_tasks_before() -> None:
    data = ring(4, buffer_size=200)
    counts = np.zeros(8)
    for step in range(40):
        data.begin(step, 0.5)
        batch = modes(data.batch(20))
        if step >= 30:
            counts += np.bincount(batch, minlength=8)
    assert (counts[:6] > 0).all()
    assert counts[6:].sum() >= 100


@pytest.mark.parametrize("name", ["ring", "digits"])
def test_a_resumed_run_ends_bit_identical_whatever_the_task(make: Make, tmp_path: Path, name: str) -> None:
    sets = IN_TASKS if name == "ring" else (*IN_TASKS, "tasks.number=2")
    whole = make(name, *sets)
    for step in (0, 5, 12, 13):
        whole.advance(step)
        checkpoints.save(tmp_path / f"at-{step}", step, whole.state_dict())
    whole.advance(24)
    for step in (0, 5, 12, 13):
        resumed = make(name, *sets)
        resumed.advance(2)
        resumed.load_state_dict(checkpoints.load_newest(tmp_path / f"at-{step}")[1])
        resumed.advance(24)
        for part in ("generator", "discriminator", "ema"):
            ends = [trainer.state_dict()[part] for trainer in (whole, resumed)]
            assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0]), (step, part)
        assert resumed.metrics()["rehearsal/replayed"] == 59


def test_conditional_players_are_told_the_classes_of_replayed_samples(make: Make) -> None:
    trainer = make("digits", *IN_TASKS, "tasks.number=5", "steps=20", "conditional=true", "voices.rehearsal.share=0.5")
    trainer.advance(19)
    samples, labels = trainer.data.labelled(20)
    assert samples.shape == (20, 1, 8, 8)
    classes = labels.argmax(dim=1).tolist()
    new = [number for number in classes if number >= 8]
    assert 10 <= len(new) < 20
    judge = nearest_class(samples)
    assert sum(a == b for a, b in zip(judge, classes, strict=True)) == 20


def nearest_class(samples: torch.Tensor) -> list[int]:
    """Labels of the digits that these pictures are."""
    whole = datasets.digits(Path())
    places = torch.cdist(samples.flatten(1), to_unit(whole.inputs).flatten(1)).argmin(dim=1)
    return whole.labels[places].tolist()


def test_new_and_replayed_samples_are_shuffled_so_that_packs_and_workers_have_both() -> None:
    data = ring(2, buffer_size=100)
    data.batch(100)
    data.begin(20, 0.5)
    batch = torch.tensor(modes(data.batch(400))) >= 4
    assert 150 < int(batch.sum()) < 250
    halves = batch.view(2, 200).float().mean(dim=1)
    assert bool(((halves > 0.35) & (halves < 0.65)).all())
    packs = batch.view(-1, 2)
    assert 60 < int((packs[:, 0] != packs[:, 1]).sum()) < 140


def test_what_is_held_goes_on_on_the_device_of_the_run() -> None:
    data = ring(2, buffer_size=10)
    data.batch(20)
    source = Endless(Mixture(CENTERS, 0.02), rng(0))
    elsewhere = in_tasks(
        source, TasksConfig(number=2, buffer_size=10), 40, "ring", torch.device("meta"), rng(1), rng(2)
    )
    elsewhere.load_state_dict(data.state_dict())
    assert [column.device.type for column in elsewhere._reservoir.columns] == ["meta"]


def test_who_looks_at_a_kept_run_draws_from_the_task_that_is_on(make: Make) -> None:
    whole = make("ring", *IN_TASKS, "voices.rehearsal.share=0.5")
    whole.advance(20)
    kept = make("ring", *IN_TASKS, "voices.rehearsal.share=0.5")
    kept.load_state_dict(whole.state_dict())
    drawn = modes(kept.data.batch(200))
    assert 80 <= sum(mode >= 6 for mode in drawn) < 200
    assert kept.metrics()["task"] == 3


def test_the_watch_takes_no_task_for_a_collapse() -> None:
    step = np.arange(1.0, 31) * 100
    columns = {"step": step, "evaluation/modes": np.ones(30), "loss/discriminator": np.full(30, 1.38)}
    assert [found.kind for found in findings(columns, {})] == ["collapsed"]
    assert findings(columns, {"tasks": {"number": 8}}) == []


def test_the_multipliers_of_a_cycle_are_those_of_one_game(make: Make) -> None:
    trainer = make("ring", *IN_TASKS)
    with pytest.raises(UserError, match="not measured with data that comes in tasks"):
        Cycle(trainer, 4)


def test_a_task_without_samples_is_refused() -> None:
    source = Shuffled(torch.zeros(4, 2), CPU, rng(0), torch.eye(4)[[0, 1, 1, 0]])
    with pytest.raises(UserError, match="tasks: classes 2 to 3 have no samples"):
        in_tasks(source, TasksConfig(number=2), 4, "mine", CPU, rng(1), rng(2))


def test_a_source_of_ones_own_keeps_what_it_does_in_tasks() -> None:
    class Doubled(Shuffled):
        def batch(self, n: int) -> torch.Tensor:
            return 2 * super().batch(n)

    source = Doubled(torch.ones(4, 2), CPU, rng(0), torch.eye(2)[[0, 1, 1, 0]])
    data = in_tasks(source, TasksConfig(number=2), 4, "mine", CPU, rng(1), rng(2))
    assert data.batch(2).tolist() == [[2, 2], [2, 2]]


def test_tasks_are_laid_out_by_the_steps_so_that_no_shorter_run_is_a_part(preset: Callable[..., GanConfig]) -> None:
    assert preset("ring", *IN_TASKS).paced_by_steps() == ("tasks",)
    assert preset("ring", *SMALL).paced_by_steps() == ()


def test_what_is_replayed_comes_in_the_pulses_of_the_gate(make: Make) -> None:
    sets = (
        "voices.lr.generator={wave: cosine, low: 1.0e-4, high: 1.0e-3}",
        "voices.rehearsal.share={wave: pulse, low: 0, high: 0.8}",
    )
    trainer = make("ring", *IN_TASKS, *sets)
    before = 0.0
    for step in range(24):
        trainer.advance(step + 1)
        replayed = trainer.metrics()["rehearsal/replayed"]
        assert (replayed > before) == (step > 0 and trainer.config.parsed_voices()["rehearsal.share"](step) > 0)
        before = replayed


def test_samples_of_tasks_to_come_are_no_sign_of_overfitting(make: Make) -> None:
    assert not any(name.startswith("overfitting") for name in make("digits", *IN_TASKS, "tasks.number=2").evaluate())


@pytest.mark.parametrize(
    ("name", "sets", "message"),
    [
        (
            "ring",
            ("tasks.number=3", "steps=24"),
            "tasks.number: 3 does not divide 8 classes or modes of 'ring'; 2, 4, 8",
        ),
        ("spiral", ("tasks.number=2",), "tasks: 'spiral' tells of no two classes or modes"),
        ("digits", ("tasks={number: 2, buffer_size: 2000}",), "tasks.buffer_size: 2,000 is not accepted; at most 1,"),
    ],
)
def test_data_that_cannot_be_divided(make: Make, name: str, sets: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(name, *IN_TASKS, *sets)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (("tasks.number=5",), "steps: 24 is not accepted; 5 equally long tasks take a multiple of 5, such as 25"),
        (("tasks.buffer_size=0",), r"voices.rehearsal.share: nothing is held to be replayed; tasks with a buffer_size"),
        (("tasks=null",), r"voices.rehearsal.share: nothing is held to be replayed; tasks with a buffer_size"),
        (("voices.rehearsal.share=1.1",), "voices.rehearsal.share"),
        (("tasks.number=1",), "tasks.number"),
        (("capture=on",), "capture: 'on' is not accepted, since tasks choose real samples on the host"),
    ],
)
def test_settings_that_do_not_fit(preset: Callable[..., GanConfig], sets: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        preset("ring", *IN_TASKS, *sets)


def test_a_clock_too_slow_to_tell_phase_from_time_is_warned_of(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("ring", *IN_TASKS)
    assert "tasks: each has 6 steps, fewer than two cycles of 4" in capsys.readouterr().err
    make("ring", *IN_TASKS, "clock.period=3")
    assert capsys.readouterr().err == ""


def test_a_buffer_without_a_gate_is_refused(preset: Callable[..., GanConfig]) -> None:
    with pytest.raises(UserError, match=r"tasks.buffer_size: 30 is not accepted without a voice rehearsal.share"):
        preset("ring", *SMALL, "tasks={number: 4, buffer_size: 30}")


def test_a_run_goes_on_only_with_tasks_of_the_same_length(make: Make) -> None:
    state = make("ring", *IN_TASKS).state_dict()
    with pytest.raises(UserError, match="steps: 48 is not accepted; 24 is, as the run's tasks were laid out by it"):
        make("ring", *IN_TASKS, "steps=48").load_state_dict(state)


def test_copies_are_not_looked_for_where_it_is_not_known_what_was_learned_from(
    preset: Callable[..., GanConfig], tmp_path: Path
) -> None:
    config = preset("digits", *IN_TASKS, "tasks.number=2")
    with pytest.raises(UserError, match="tasks: which images a run in tasks has learned from is not known"):
        find(config, np.zeros((4, 8, 8), np.uint8), tmp_path, k=1, shown=1)
