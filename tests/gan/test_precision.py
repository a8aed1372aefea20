"""Passes in bfloat16: near float32's, float32 wherever slopes are differentiated, and resumed to the bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gan import bench, players, precision
from gan.config import GanConfig
from gan.region.config import RegionConfig
from gan.region.plugin import PLUGIN as REGION
from gan.stack import stack_key
from gan.trainer import GanTrainer
from lab.errors import UserError
from lab.training import checkpoints
from lab.training.config import load_yaml, resolve

Make = Callable[..., GanTrainer]
SMALL = ("batch_size=16", "evaluation_samples=16", "snapshot_every=1000", "snapshot_samples=4", "clock.period=8")
LOWER = "precision=bfloat16"
NETWORKS = {
    "mlp": ("generator=mlp", "discriminator=mlp"),
    "dcgan": (),
    "sngan": ("generator={network: sngan, width: 8}", "discriminator={network: sngan, width: 8}"),
    "r3gan": ("generator={network: r3gan, width: 8}", "discriminator={network: r3gan, width: 8}"),
    "classes": ("conditional=true", "discriminator={network: sngan, width: 8}"),
}
BITS = 2**-8
"""Half of bfloat16's last place at 1; what a number of the order of 1 may be rounded by."""


@pytest.fixture
def make(make: Make, judged: Path) -> Make:
    """Trainers that find the digits' judge."""
    return partial(make, data_dir=judged)


def measured(trainer: GanTrainer) -> dict[str, torch.Tensor]:
    """What the next step measures."""
    return dict(zip(trainer.game.columns, trainer.game.step(trainer.begin_step()), strict=True))


def tensors(trainer: GanTrainer) -> dict[str, torch.Tensor]:
    state = trainer.state_dict()
    return {f"{part} {k}": t for part in ("generator", "discriminator", "ema") for k, t in state[part].items()}


@pytest.mark.parametrize("word", NETWORKS)
def test_a_step_is_float32s_within_rounding(make: Make, word: str) -> None:
    """The same weights and draws; losses of the order of 1 differ by a few roundings of the outputs."""
    sets = (*SMALL, *NETWORKS[word], "voices.r1.weight=0")
    full, lower = (measured(make("digits", *sets, *more)) for more in ((), (LOWER,)))
    for name in ("loss/generator", "loss/discriminator", "output/real", "output/fake"):
        assert lower[name].dtype == torch.float32
        assert abs(float(lower[name] - full[name])) < 4 * BITS, name
    for player in ("generator", "discriminator"):
        assert float(lower[f"gradient/{player}"]) == pytest.approx(float(full[f"gradient/{player}"]), rel=0.05)
    assert lower["output/real"] != full["output/real"]


def test_what_a_penalty_differentiates_is_a_float32_pass(make: Make) -> None:
    """Real samples are the same in both runs: so are, to the bit, their outputs and slopes, but not those of others."""
    full, lower = (measured(make("digits", *SMALL, "voices.r1.weight=0.5", *more)) for more in ((), (LOWER,)))
    assert full["penalty/r1"] == lower["penalty/r1"] > 0
    assert full["output/real"] == lower["output/real"]
    assert full["output/fake"] != lower["output/fake"]
    assert full["loss/generator"] != lower["loss/generator"]


def test_a_penalty_with_a_pass_of_its_own_leaves_the_other_in_bfloat16(make: Make) -> None:
    game = make("digits", *SMALL, LOWER, "voices.r1.weight=0", "voices.gp.weight=1").game
    kinds = []
    last = [layer for layer in game.discriminator.network.modules() if isinstance(layer, nn.Linear)][-1]
    last.register_forward_hook(lambda layer, taken, given: kinds.append(given.dtype))
    game.step({"r1": 0.0, "gp": 1.0})
    assert kinds == [torch.bfloat16, torch.float32, torch.bfloat16]


@pytest.mark.parametrize("word", ["dcgan", "sngan", "r3gan"])
def test_thirty_steps_stay_finite_and_float32_is_what_is_kept(make: Make, word: str) -> None:
    trainer = make("digits", *SMALL, *NETWORKS[word], LOWER)
    trainer.advance(30)
    trainer.metrics()  # which stops at what is not finite
    kept = tensors(trainer)
    assert all(t.isfinite().all() for t in kept.values())
    assert {t.dtype for t in kept.values() if t.is_floating_point()} == {torch.float32}
    for optimizer in trainer.players.optimizers.values():
        assert {t.dtype for own in optimizer.state.values() for t in own.values()} == {torch.float32}


def test_power_iterations_are_float32(make: Make) -> None:
    """On a GPU an autocast would round their products, on a CPU it leaves them alone: so the autocast must be off."""
    seen = []

    class Watched(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.mv:
                seen.append(torch.is_autocast_enabled("cpu"))
            return func(*args, **(kwargs or {}))

    game = make("digits", *SMALL, *NETWORKS["sngan"], LOWER).game
    with Watched():
        game.judge(torch.zeros(2, 1, 8, 8))
    assert seen
    assert not any(seen)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("word", ["sngan", "r3gan"])
def test_a_resumed_run_ends_bit_identical(
    make: Make, tmp_path: Path, word: str, channels_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with weights in the order that a GPU gets, of which a checkpoint knows nothing."""
    if channels_last:
        monkeypatch.setattr(players, "lay_out", lambda network, *_: network.to(memory_format=torch.channels_last))
    sets = (*SMALL, *NETWORKS[word], LOWER, "penalty_every=2", "ensemble_size=1")
    whole, resumed = (make("digits", *sets) for _ in range(2))
    whole.advance(5)
    checkpoints.save(tmp_path / "checkpoints", 5, whole.state_dict())
    whole.advance(12)
    resumed.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    resumed.advance(12)
    mine, theirs = tensors(whole), tensors(resumed)
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []
    assert whole.metrics() == resumed.metrics()
    assert whole.evaluate() == resumed.evaluate()
    wide = [t for t in mine.values() if t.ndim == 4 and t.shape[1] > 1 < t.shape[-1]]
    assert {t.is_contiguous(memory_format=torch.channels_last) for t in wide} == {channels_last}


@pytest.mark.parametrize("native", [False, True])
def test_a_processor_without_bfloat16_is_told_once(
    make: Make, native: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gan.trainer.is_native", lambda device: native)
    make("digits", *SMALL)
    assert capsys.readouterr().err == ""
    make("digits", *SMALL, LOWER)
    told = capsys.readouterr().err
    assert told.count("\n") == (0 if native else 1)
    assert native or "precision: bfloat16 takes longer than float32 here" in told


def test_mistakes_are_one_line(preset: Callable[..., GanConfig]) -> None:
    with pytest.raises(UserError, match="precision: \"float16\" is not accepted.*'float32' or 'bfloat16'") as caught:
        preset("digits", "precision=float16")
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="^precision: 'bfloat16' is not accepted, as cells train in a stack; 'float32'"):
        resolve(RegionConfig, load_yaml(REGION.presets / "ring.yaml"), [LOWER])
    assert stack_key(preset("ring")) is not None
    assert stack_key(preset("ring", LOWER)) is None


@pytest.mark.parametrize("native", [False, True])
def test_the_bench_measures_it_where_it_is_native(
    native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist").mkdir()
    monkeypatch.setattr(bench, "data_root", lambda asked: tmp_path)
    monkeypatch.setattr(bench, "is_native", lambda device: native)
    monkeypatch.setattr(bench, "compare", lambda name, *_: name)
    found: dict[str, Any] = bench.measure(short=True)["workloads"]
    assert ("mnist-bfloat16" in found) == native
    assert {"ring", "digits", "mnist"} <= found.keys()


def test_a_gpu_gets_channels_last_and_a_processor_keeps_its_order() -> None:
    for kind, word, last in (("cuda", "bfloat16", True), ("cuda", "float32", False), ("cpu", "bfloat16", False)):
        layer = nn.Conv2d(2, 2, 3)
        precision.lay_out(layer, word, torch.device(kind))  # type: ignore[arg-type]
        assert layer.weight.is_contiguous(memory_format=torch.channels_last) == last
