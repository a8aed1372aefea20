"""Techniques on the players of a game: sparse generators and discriminators, exact in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan.stack import stack_key
from gan.trainer import GanTrainer
from lab.errors import UserError
from lab.training import checkpoints

Make = Callable[..., GanTrainer]
SMALL = ("steps=24", "batch_size=16", "evaluation_samples=64", "clock.period=8", "snapshot_every=6")
RIGL = "{name: sparsity, drop_at: 0.25, grow_at: 0.75, of: clock}"
SET = "{name: sparsity, drop_at: 0.25, grow_at: 0.75, of: clock, grow: random}"
SPARSE = (
    f"techniques={{generator: [{RIGL}], discriminator: [{SET}]}}",
    "voices.sparsity.generator=0.8",
    "voices.sparsity.discriminator={wave: cosine, low: 0.5, high: 0.7}",
    "voices.sparsity.drop_fraction.discriminator=0.2",
)
GAMES = [
    (),
    ("updates=extragradient",),
    ("discriminator_steps=2", "lookahead={every: 3, alpha: 0.5}"),
    ("discriminator={network: mlp, width: 128, depth: 2, spectral: true}",),
]


def kept(trainer: GanTrainer, player: str) -> dict[str, torch.Tensor]:
    masks = trainer.state_dict()["techniques"][player]["sparsity"]["masks"]
    return {name: mask["kept"] for name, mask in masks.items()}


@pytest.mark.parametrize("sets", GAMES)
def test_weights_that_are_not_there_are_zero_in_players_and_average(make: Make, sets: tuple[str, ...]) -> None:
    trainer = make("ring", *SMALL, *SPARSE, *sets)
    for step in range(1, 25):
        trainer.advance(step)
        for player in ("generator", "discriminator"):
            networks = [trainer.players.networks[player]]
            networks += [trainer.average.network] if player == "generator" else []
            for network in networks:
                weights = dict(network.named_parameters())
                for name, mask in kept(trainer, player).items():
                    assert bool((weights[name][~mask] == 0).all()), (step, player, name)
    row = trainer.metrics()
    assert row["sparsity/density/generator"] == pytest.approx(0.2, abs=1e-3)
    assert row["sparsity/mean_density/generator"] < row["sparsity/density/generator"]
    assert row["sparsity/dropped/discriminator"] > 0
    assert trainer.evaluate()


@pytest.mark.parametrize("sets", GAMES)
@pytest.mark.parametrize("at", [11, 14])
def test_a_resumed_run_ends_bit_identical(make: Make, tmp_path: Path, sets: tuple[str, ...], at: int) -> None:
    whole = make("ring", *SMALL, *SPARSE, *sets)
    whole.advance(at)
    checkpoints.save(tmp_path / "checkpoints", at, whole.state_dict())
    whole.advance(24)
    resumed = make("ring", *SMALL, *SPARSE, *sets)
    resumed.advance(2)
    resumed.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    resumed.advance(24)
    for part in ("generator", "discriminator", "ema"):
        one, other = whole.state_dict()[part], resumed.state_dict()[part]
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
    for player in ("generator", "discriminator"):
        one, other = kept(whole, player), kept(resumed, player)
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert whole.metrics() == resumed.metrics()


def test_at_sparsity_0_the_game_is_that_without_masks(make: Make) -> None:
    masked = make("digits", *SMALL, "techniques={generator: [sparsity]}", "voices.sparsity.generator=0")
    plain = make("digits", *SMALL)
    for trainer in (masked, plain):
        trainer.advance(12)
    for part in ("generator", "discriminator", "ema"):
        one, other = plain.state_dict()[part], masked.state_dict()[part]
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert "techniques" not in plain.state_dict()


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (("techniques={generator: [average]}",), "techniques.generator.average: it is scored as a classifier is"),
        (("techniques={generator: [sparsity]}",), "techniques.generator: voices.sparsity.generator: missing"),
        (("techniques={generator: [sparsity]}", "voices.sparsity=0.5"), "voices.sparsity: no such voice"),
        ((*SPARSE, "voices.sparsity.generator=1.0"), "voices.sparsity.generator: 1 is not accepted; 0 to below 1"),
        ((*SPARSE, "steps=5"), "techniques.generator.sparsity: grow_at: 0.75 of 'clock' never comes in the 5 steps"),
        ((*SPARSE, "capture=on"), "capture: 'on' is not accepted, since techniques.generator act on the host"),
        (("techniques={critic: [sparsity]}",), "techniques.critic: unknown key"),
    ],
)
def test_a_mistake_is_one_line(make: Make, sets: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        make("ring", *SMALL, *sets)
    assert "\n" not in str(error.value)


def test_sparse_runs_are_not_stacked(make: Make) -> None:
    assert stack_key(make("ring", *SMALL).config)
    assert stack_key(make("ring", *SMALL, *SPARSE).config) is None


def test_weights_decay_by_their_players_own_rate(make: Make) -> None:
    plain, decaying = (
        make("ring", *SMALL, *sets)
        for sets in (
            (),
            ("techniques={generator: [{name: weight_decay, power: 2}]}", "voices.weight_decay.generator=20"),
        )
    )
    for trainer in (plain, decaying):
        trainer.advance(24)
    norms = [
        {
            name: sum(float(p.detach().square().sum()) for p in net.parameters())
            for name, net in trainer.players.networks.items()
        }
        for trainer in (plain, decaying)
    ]
    assert norms[1]["generator"] < 0.95 * norms[0]["generator"]
    assert norms[1]["discriminator"] > 0.95 * norms[0]["discriminator"]
