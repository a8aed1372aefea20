"""Sparse training in the classifier's trainer: true densities, moments of the clock, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.densities import counts
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [32]},
    "optimizer": {"name": "sgd"},
    "batch_size": 32,
    "clock": {"period": 8},
    "voices": {"lr": {"wave": "cosine", "low": 1e-3, "high": 1e-1}, "sparsity": 0.8},
}
SHAPES = [(32, 64), (10, 32)]
SIZE = 64 * 32 + 32 * 10
THERE = sum(counts(SHAPES, 1 - 0.8, "erdos_renyi_kernel"))
RIGL = {"name": "sparsity", "drop_at": "crest", "grow_at": "crest", "of": "lr"}


RISING = {"wave": "cubic", "inverted": True, "low": 0.0, "high": 0.8, "clock": {"period": 40, "cycles": 1}}


class Run:
    """A trainer whose events are kept."""

    def __init__(self, tmp_path: Path, *techniques: Any, **changes: Any) -> None:
        self.events: list[dict[str, Any]] = []

        def event(kind: str, step: int, **data: Any) -> None:
            self.events.append({"kind": kind, "step": step, **data})

        config = resolve(SupervisedConfig, BASE, {"techniques": list(techniques), **changes})
        self.trainer = SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, event))

    def weights(self) -> list[Tensor]:
        return [p for p in self.trainer.network.parameters() if p.ndim > 1]

    def present(self) -> int:
        """How many weights are not 0; one that has just grown is not counted before its first step."""
        return sum(int(weight.count_nonzero()) for weight in self.weights())

    def changes(self) -> list[tuple[int, int, int]]:
        return [(e["step"], e["dropped"], e["grown"]) for e in self.events if e["kind"] == "masks"]


def test_at_sparsity_0_the_run_is_that_without_masks_bit_for_bit(tmp_path: Path) -> None:
    plain = Run(tmp_path, voices={"lr": BASE["voices"]["lr"]})
    masked = Run(tmp_path, "sparsity", **{"voices.sparsity": 0})
    for run in (plain, masked):
        run.trainer.advance(40)
    assert all(torch.equal(a, b) for a, b in zip(plain.weights(), masked.weights(), strict=True))
    assert plain.trainer.evaluate() == masked.trainer.evaluate()
    assert masked.trainer.metrics()["sparsity/density"] == 1.0


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("grow", ["gradient", "random"])
def test_the_density_is_the_true_one_after_every_step(optimizer: str, grow: str, tmp_path: Path) -> None:
    run = Run(tmp_path, {**RIGL, "grow": grow}, optimizer={"name": optimizer})
    for step in range(1, 41):
        run.trainer.advance(step)
        row = run.trainer.metrics()
        assert row["sparsity/density"] == row["sparsity/mean_density"] == THERE / SIZE
        assert run.present() <= THERE
        assert all(bool(weight.isfinite().all()) for weight in run.weights())
    # ten pixels or more are always 0: weights that grow there at random never leave 0
    assert run.present() > 0.17 * SIZE
    assert [step for step, _, _ in run.changes()] == [0, 8, 16, 24, 32]
    assert all(dropped == grown > 0 for _, dropped, grown in run.changes())
    assert row["sparsity/dropped"] == sum(dropped for _, dropped, _ in run.changes())
    assert row["sparsity/density"] < row["sparsity/explored"] < 1


def test_a_static_mask_stays_as_it_was_drawn(tmp_path: Path) -> None:
    run = Run(tmp_path, "sparsity")
    before = [weight != 0 for weight in run.weights()]
    run.trainer.advance(40)
    assert all(bool((weight[~there] == 0).all()) for weight, there in zip(run.weights(), before, strict=True))
    assert run.trainer.metrics()["sparsity/explored"] == run.trainer.metrics()["sparsity/density"]
    assert run.changes() == []


def test_dropping_at_the_trough_and_growing_at_the_crest_lowers_the_mean_density(tmp_path: Path) -> None:
    run = Run(tmp_path, {"name": "sparsity", "drop_at": "trough", "grow_at": "crest", "of": "lr"}, steps=40)
    densities = []
    for step in range(1, 41):
        run.trainer.advance(step)
        densities.append(run.trainer.metrics()["sparsity/density"])
    assert run.trainer.metrics()["sparsity/mean_density"] == pytest.approx(sum(densities) / 40)
    full, granted = THERE / SIZE, run.trainer.metrics()["sparsity/mean_density"]
    assert granted == pytest.approx(full * (1 - 0.3 / 2), rel=0.01)
    assert [step for step, _, _ in run.changes()] == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]
    assert densities[3] == pytest.approx(full)
    assert densities[4] == pytest.approx(0.7 * full, rel=0.01)


def test_gradual_pruning_ends_at_its_sparsity(tmp_path: Path) -> None:
    voices = {
        "lr": 0.05,
        "sparsity": {"wave": "cubic", "inverted": True, "low": 0, "high": 0.9, "clock": {"period": 30, "cycles": 1}},
        "sparsity.drop_fraction": 0,
    }
    run = Run(tmp_path, {"name": "sparsity", "drop_at": [0.0, 0.5]}, voices=voices)
    run.trainer.advance(20)
    middle = run.trainer.metrics()["sparsity/density"]
    assert middle == pytest.approx(1 - 0.9 * (1 - (1 - 16 / 30) ** 3), abs=1e-3)  # the last was at step 16
    run.trainer.advance(40)
    assert run.present() == sum(counts(SHAPES, 1 - 0.9, "erdos_renyi_kernel"))
    assert [step for step, _, _ in run.changes()] == list(range(0, 40, 4))
    assert all(grown == 0 for _, _, grown in run.changes())


def test_the_drop_fraction_is_a_voice(tmp_path: Path) -> None:
    falling = {"wave": "sawtooth", "low": 0, "high": 0.5, "clock": {"period": 16, "cycles": 1}}
    run = Run(tmp_path, RIGL, **{"voices.sparsity.drop_fraction": falling})
    run.trainer.advance(40)
    assert [dropped for _, dropped, _ in run.changes()] == pytest.approx([0.5 * THERE, 0.25 * THERE, 0, 0, 0], abs=2)


def test_what_grows_has_the_largest_gradient_of_the_step(tmp_path: Path) -> None:
    """The gradient of a step is that of the batch it learns from, at the weights before it, of all weights."""
    run, twin = Run(tmp_path, RIGL), Run(tmp_path, RIGL)
    for each in (run, twin):
        each.trainer.advance(8)
    trainer = twin.trainer
    batch = trainer._samples.batch(32, trainer.step)
    trainer.network.zero_grad()
    torch.nn.functional.cross_entropy(trainer.network(batch.inputs), batch.labels).backward()
    masks = trainer.techniques.each["sparsity"]._masks  # type: ignore[attr-defined]
    run.trainer.advance(9)
    mine = run.trainer.techniques.each["sparsity"]._masks  # type: ignore[attr-defined]
    for weight, before, after in zip(masks.weights, masks.kept, mine.kept, strict=True):
        count = int(before.sum())
        keep = weight.abs().masked_fill(~before, -1).flatten().topk(count - int(0.3 * count)).indices
        left = torch.zeros(weight.numel(), dtype=torch.bool)
        left[keep] = True
        grown = weight.grad.abs().flatten().masked_fill(left, -1).topk(int(0.3 * count)).indices
        left[grown] = True
        assert torch.equal(left.view_as(after), after)


def test_an_average_loses_what_the_network_drops(tmp_path: Path) -> None:
    for order in (["average", RIGL], [RIGL, "average"]):
        run = Run(tmp_path, *order, **{"voices.average.decay": 0.9})
        run.trainer.advance(33)
        average = run.trainer.techniques.each["average"]._average.network  # type: ignore[attr-defined]
        masks = run.trainer.techniques.each["sparsity"]._masks  # type: ignore[attr-defined]
        weights = [p for p in average.parameters() if p.ndim > 1]
        assert all(bool((weight[~kept] == 0).all()) for weight, kept in zip(weights, masks.kept, strict=True))


@pytest.mark.parametrize(
    ("techniques", "changes", "words"),
    [
        (["sparsity"], {"voices": {"lr": 0.1}}, "voices.sparsity: missing; give the share of the weights"),
        (["sparsity"], {"voices.sparsity": 1.0}, "techniques.sparsity: voices.sparsity: 1 is not accepted; 0 to below"),
        (["sparsity"], {"voices.sparsity": -0.1}, "voices.sparsity: -0.1 is not accepted; 0 to 1 is"),
        (["sparsity"], {"voices.sparsity": float("nan")}, "voices.sparsity"),
        ([RIGL], {"voices.sparsity.drop_fraction": 1.1}, "voices.sparsity.drop_fraction: 1.1 is not accepted; 0 to 1"),
        (["sparsity"], {"voices.sparsity": {"wave": "cosine", "low": 0.5, "high": 0.9}}, "neither drop_at nor grow_at"),
        ([{"name": "sparsity", "grow_at": "crest"}], {}, "grow_at: nothing can grow where nothing is dropped"),
        ([{"name": "sparsity", "drop_at": "crest"}], {}, "drop_at: what is dropped beyond the sparsity never grows"),
        ([{**RIGL, "drop_at": []}], {}, "drop_at"),
        ([{"name": "sparsity", "of": "lr"}], {}, "of: .* without drop_at and grow_at"),
        ([{"name": "sparsity", "grow_at": "crest"}], {"voices.sparsity": RISING}, "never falls below where it begins"),
        (
            [{"name": "sparsity", "drop_at": "crest"}],
            {"voices.sparsity": {**RISING, "inverted": False}, "voices.sparsity.drop_fraction": 0},
            "drop_at: nothing is dropped, as the sparsity does not rise and drop_fraction is 0",
        ),
        ([RIGL], {"voices.sparsity.drop_fraction": 0}, "drop_at: nothing is dropped"),
        ([{**RIGL, "drop_at": "top"}], {}, "drop_at"),
        ([{**RIGL, "drop_at": 1.0}], {}, "drop_at"),
        ([{**RIGL, "distribution": "erk"}], {}, "distribution"),
        ([{**RIGL, "of": "rate"}], {}, "drop_at: 'rate' is no voice of this run.*accepted: clock, lr"),
        ([{**RIGL, "of": "sparsity"}], {}, "drop_at: 'crest' of 'sparsity' never comes .*a constant has none"),
        ([{**RIGL, "grow_at": 0.75}], {"steps": 5}, "grow_at: 0.75 of 'lr' never comes in the 5 steps of the run"),
        ([{**RIGL, "dense": ["body*", "readout*"]}], {}, "the network has no weights to mask"),
        ([{**RIGL, "dense": ["conv"]}], {}, "dense: 'conv' fits no weight; there are body.1.weight, readout.weight"),
    ],
)
def test_a_mistake_is_one_line_before_training(
    techniques: list[Any], changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words) as error:
        Run(tmp_path, *techniques, **changes)
    assert "\n" not in str(error.value)
    assert "techniques" in str(error.value) or "voices" in str(error.value)


@pytest.mark.parametrize("pruned", [False, True])
def test_a_training_that_begins_anew_has_masks_of_its_own(pruned: bool, tmp_path: Path) -> None:
    part = {"name": "sparsity", **({"drop_at": 0.9} if pruned else {})}
    voices = {"voices.sparsity": {**RISING, "clock": {"period": 20}}, "voices.sparsity.drop_fraction": 0}
    run = Run(tmp_path, part, "reset", **{"clock": {"period": 20}, **(voices if pruned else {})})
    masks = run.trainer.techniques.each["sparsity"]._masks  # type: ignore[attr-defined]
    run.trainer.advance(20)
    before, present = [kept.clone() for kept in masks.kept], sum(masks.active)
    assert present < 0.3 * SIZE
    run.trainer.advance(21)
    assert sum(masks.active) == (SIZE if pruned else present)
    assert not any(torch.equal(kept, old) for kept, old in zip(masks.kept, before, strict=True))


def test_with_images_in_unit_range_no_connection_goes_to_a_blank_border(tmp_path: Path) -> None:
    """Where blank is −1 its weights have the gradient of a bias, and grow; where it is 0 they have none."""
    grown = {}
    for unit_range in (False, True):
        run = Run(tmp_path, RIGL, **{"network.unit_range": unit_range, "voices.sparsity.drop_fraction": 0.5})
        blank = (run.trainer.data.inputs == 0).all(dim=0).flatten()
        masks = run.trainer.techniques.each["sparsity"]._masks  # type: ignore[attr-defined]
        before = masks.kept[0].clone()
        run.trainer.advance(40)
        grown[unit_range] = int((masks.kept[0] & ~before)[:, blank].sum())
    assert blank.any()
    assert grown[True] == 0 < grown[False]


def test_weights_drawn_anew_are_as_sparse_as_those_before(tmp_path: Path) -> None:
    run = Run(tmp_path, "reset", "sparsity", **{"voices.sparsity": 0.8})
    run.trainer.advance(9)
    assert [e["step"] for e in run.events if e["kind"] == "reset"] == [8]
    assert run.present() <= THERE


def test_a_frozen_layer_keeps_its_weights_until_it_thaws(tmp_path: Path) -> None:
    late = {"wave": "square", "inverted": True, "low": 0, "high": 1, "clock": {"period": 40, "cycles": 1}}
    run = Run(tmp_path, RIGL, groups={"body": ["body.*"]}, **{"voices.gate.body": late})
    before, head = (weight.clone() for weight in run.weights())
    run.trainer.advance(20)
    frozen, learned = run.weights()
    assert torch.equal(frozen, before)
    assert not torch.equal(learned != 0, head != 0)
    run.trainer.advance(40)
    assert not torch.equal(frozen != 0, before != 0)
    assert run.present() <= THERE


def test_the_mean_of_weights_loses_what_the_network_drops(tmp_path: Path) -> None:
    """As the moving average does: otherwise it would have all weights that were ever there."""
    run = Run(
        tmp_path, {"name": "swa", "update_bn": 1}, {**RIGL, "of": "clock"}, **{"voices.sparsity.drop_fraction": 0.5}
    )
    run.trainer.advance(40)
    swa = run.trainer.techniques.each["swa"]
    mean = swa._average.module  # type: ignore[attr-defined]
    assert sum(int(weight.count_nonzero()) for weight in mean.parameters() if weight.ndim > 1) <= THERE
