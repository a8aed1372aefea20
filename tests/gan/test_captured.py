"""Captured steps: on a CPU, played as they stand, they are the eager steps bit for bit; on a GPU within a tolerance."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gan import captured, graphs
from gan.config import GanConfig
from gan.data.source import Endless, Indexed
from gan.table import Kind
from gan.trainer import GanTrainer
from lab.errors import UserError
from lab.training import checkpoints
from lab.training.epochs import Epochs
from lab.training.trainer import Context

Make = Callable[..., GanTrainer]
SMALL = ("steps=24", "batch_size=16", "evaluation_samples=64", "clock.period=8", "snapshot_every=6")
WAVES = ("voices.r1.weight={wave: square, low: 0, high: 0.5}", "voices.ema.decay={wave: cosine, low: 0.1, high: 0.9}")
CASES = [
    ("ring-quadrature", (*WAVES, "penalty_every=3")),
    ("ring", ("updates=extragradient", "voices.gp.weight=1", "lookahead={every: 5}", "optimizer={name: adamw}")),
    ("ring", ("updates=simultaneous", "discriminator_steps=2", "voices.noise.std={wave: square, low: 0, high: 0.3}")),
    ("digits", ("conditional=true", "batch_size=700")),  # more than an epoch
    ("digits", ("precision=bfloat16", "penalty_every=2")),
    ("ring", ("generator_steps=2",)),
    ("ring", ("voices={lr.generator: .001, lr.discriminator: .001, ema.half_life: {wave: cosine, low: 1, high: 9}}",)),
    ("digits", ("augment=[color, cutout]", "voices.augment.strength={wave: triangle, low: 0, high: 1}", "seed=3")),
]


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of a state, tensors copied."""
    if isinstance(tree, Mapping):
        return {p: leaf for key, value in tree.items() for p, leaf in flat(value, f"{path}.{key}").items()}
    return {path: tree.clone() if isinstance(tree, Tensor) else tree}


def assert_same(one: GanTrainer, two: GanTrainer, rtol: float = 0, atol: float = 0) -> None:
    """All that a checkpoint holds, and the next row of the log."""
    states = [flat(trainer.state_dict()) for trainer in (one, two)]
    rows = [flat(trainer.metrics()) for trainer in (one, two)]
    for a, b in (states, rows):
        assert a.keys() == b.keys()
        for name, value in a.items():
            if isinstance(value, Tensor) and value.is_floating_point():
                torch.testing.assert_close(
                    value, b[name], rtol=rtol, atol=atol, msg=lambda m, name=name: f"{name}: {m}"
                )
            elif isinstance(value, Tensor):
                assert torch.equal(value, b[name]), name
            else:
                assert value == pytest.approx(b[name], rel=rtol, abs=atol) if rtol else value == b[name], name


@pytest.mark.parametrize(("name", "sets"), CASES)
def test_on_a_cpu_every_bit_is_that_of_the_eager_steps(
    make: Make, tmp_path: Path, name: str, sets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured, "MOST", 7)
    played = make(name, *SMALL, *sets, "capture=on")
    played.advance(1), played.advance(13), played.metrics(), played.advance(24)
    kept = {file.name: file.read_bytes() for file in (tmp_path / "snapshots").iterdir()}
    eager = make(name, *SMALL, *sets, "capture=off")
    eager.advance(13), eager.metrics(), eager.advance(24)
    assert_same(played, eager)
    assert played.events == eager.events  # type: ignore[attr-defined]
    assert kept == {file.name: file.read_bytes() for file in (tmp_path / "snapshots").iterdir()}


@pytest.mark.parametrize(("before", "after"), [("on", "off"), ("off", "on")])
def test_a_run_goes_on_by_either_kind_of_step(make: Make, tmp_path: Path, before: str, after: str) -> None:
    whole = make("digits", *SMALL, "capture=off")
    whole.advance(24)
    first = make("digits", *SMALL, f"capture={before}")
    first.advance(11)
    checkpoints.save(tmp_path / "checkpoints", 11, first.state_dict())
    resumed = make("digits", *SMALL, f"capture={after}")
    resumed.advance(5)  # wherever it was before
    resumed.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    resumed.advance(24)
    assert_same(whole, resumed)


def test_each_kind_of_step_is_recorded_once_after_steps_of_training(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that plays the step at each replay stands in for CUDA's."""
    told: list[tuple[str, Kind]] = []

    class Recorded:
        def __init__(self, replay: Callable[[], None]) -> None:
            self.replay = replay

    class Told(graphs.Graphs):
        def __init__(self, step: Callable[[Kind], None]) -> None:
            self._step, self._recorded, self._warmed = step, {}, graphs.Counter()

        def _aside(self, kind: Kind) -> None:
            told.append(("aside", kind))
            self._step(kind)

        def _record(self, kind: Kind) -> Any:
            told.append(("record", kind))
            return Recorded(lambda: self._step(kind))

    trainer, eager = (
        make("ring", *SMALL, "penalty_every=2", "voices.r1.weight=1", f"capture={c}") for c in ("on", "off")
    )
    assert trainer._captured is not None
    trainer._captured.play = Told(trainer._captured.step)
    trainer.advance(24), eager.advance(24)
    assert_same(trainer, eager)
    lean, plain = frozenset({"r1.weight"}), frozenset[str]()
    warm = [("aside", kind) for _ in range(graphs.WARM) for kind in (lean, plain)]
    assert told == [*warm, ("record", lean), ("record", plain)]


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        (
            ("voices.lr.generator={follow: advantage, relation: anti_phase, low: 0, high: 1}",),
            "lr.generator follows what",
        ),
        (("balance=gap_aware",), "balance watches what each step measures"),
        (("optimizer=sgd",), "optimizer 'sgd' cannot be captured"),
    ],
)
def test_what_cannot_be_captured_is_refused_where_it_was_asked_for(
    preset: Callable[..., GanConfig], sets: tuple[str, ...], reason: str
) -> None:
    assert reason in str(preset("ring", *sets).obstacle())  # auto goes without
    with pytest.raises(UserError, match=f"capture: 'on' is not accepted, since .*{reason}.*; auto and off are"):
        preset("ring", *sets, "capture=on")


def test_samples_that_are_chosen_on_the_host_are_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Endless, "ahead")  # as a source of another package may be
    with pytest.raises(
        UserError, match="capture: 'on' is not accepted, since the samples of data 'ring' are chosen on"
    ):
        make("ring", *SMALL, "capture=on")
    monkeypatch.setattr("gan.data.source.fits", lambda samples, device: False)  # as a large set beside a small GPU
    elsewhere = Indexed(torch.zeros(4, 2), torch.device("meta"), Epochs(4, torch.Generator()))
    assert elsewhere.ahead(2, 2) is None


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}
"""Of weights and means after some steps on a GPU, where a kernel may sum in another order."""


@pytest.fixture
def on_gpu(preset: Callable[..., GanConfig], tmp_path: Path) -> Make:
    def build(name: str, *sets: str) -> GanTrainer:
        context = Context(torch.device("cuda"), tmp_path, tmp_path, lambda *args, **data: None)
        return GanTrainer(preset(name, *SMALL, "snapshot_every=1000", "ensemble_size=0", *sets), context)

    return build


@gpu
@pytest.mark.parametrize(("name", "sets"), CASES)
def test_on_a_gpu_replayed_steps_are_the_eager_ones(on_gpu: Make, name: str, sets: tuple[str, ...]) -> None:
    replayed, eager, resumed = (on_gpu(name, *sets, f"capture={c}") for c in ("auto", "off", "on"))
    with torch.backends.cudnn.flags(deterministic=True):
        replayed.advance(24), eager.advance(24), resumed.advance(9)
        assert_same(replayed, eager, **TOLERANCE)
        resumed.load_state_dict(copy.deepcopy(replayed.state_dict()))
        resumed.advance(48), replayed.advance(48)
    assert_same(resumed, replayed, **TOLERANCE)


@gpu
def test_no_replay_waits_for_the_gpu(on_gpu: Make) -> None:
    trainer = on_gpu("digits", "conditional=true", "log_every=5")  # the weights are looked at, too
    trainer.advance(10)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.advance(40)
    finally:
        torch.cuda.set_sync_debug_mode("default")
