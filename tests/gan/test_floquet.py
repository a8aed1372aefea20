"""A cycle as a map is the run's own steps, and its multipliers are those of the dense Jacobian of that map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from gan.config import PLAYERS
from gan.floquet import Cycle, multipliers
from gan.optimizers.adam import AdamOptimizer, AdamWOptimizer
from gan.optimizers.sgd import SgdOptimizer
from gan.trainer import GanTrainer
from lab.errors import UserError

TINY = (
    "generator={network: mlp, width: 3, depth: 1}",
    "discriminator={network: mlp, width: 3, depth: 1}",
    "batch_size=32",
)
WAVES = (
    "clock={period: 20}",
    "voices.lr.generator={wave: cosine, low: 0.001, high: 0.04, offset: 0.25}",
    "voices.lr.discriminator={wave: cosine, low: 0.001, high: 0.08}",
)
RUNS = {
    "sgd": ("optimizer={name: sgd}",),
    "momentum": ("optimizer={name: sgd, momentum: -0.4}", "updates=simultaneous"),
    "adam": ("optimizer={name: adam}",),
    "adam-r1": ("optimizer={name: adamw, weight_decay: 0.1}", "voices.r1.weight=0.5", "penalty_every=4"),
    "two-discriminators": ("optimizer={name: sgd}", "discriminator_steps=2"),
    "three-generators": ("optimizer={name: adam}", "generator_steps=3"),
    "gp": (
        "optimizer={name: sgd}",
        "voices.gp.weight=0.5",
        "discriminator={network: mlp, width: 2, depth: 1, activation: tanh}",
    ),
}


@pytest.fixture(params=RUNS)
def trainer(request: pytest.FixtureRequest, make: Callable[..., GanTrainer]) -> GanTrainer:
    found = make("ring", *TINY, *WAVES, *RUNS[request.param])
    found.advance(40)
    return found


def test_the_cycle_is_the_runs_own_steps(trainer: GanTrainer) -> None:
    random = {use: generator.get_state() for use, generator in trainer._random.items()}
    cycle = Cycle(trainer, 20)
    ended, _ = cycle.play(cycle.start, np.zeros(len(cycle.start)))
    for use, generator in trainer._random.items():
        generator.set_state(random[use])
    trainer.advance(60)
    for name in PLAYERS:
        theirs = torch.nn.utils.parameters_to_vector(trainer.players.game[name].parameters)
        assert torch.allclose(cycle._parted(ended)[name][0].float(), theirs, atol=1e-5)


def test_a_cycle_is_one_map_however_often_it_is_played(trainer: GanTrainer) -> None:
    cycle = Cycle(trainer, 5)
    along = np.random.default_rng(0).normal(size=len(cycle.start))
    first, second = (cycle.play(cycle.start, along) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_what_becomes_of_a_deviation_is_what_the_map_makes_of_it(trainer: GanTrainer) -> None:
    cycle, random = Cycle(trainer, 20), np.random.default_rng(0)
    still = np.zeros(len(cycle.start))
    for _ in range(2):
        # Squared gradients are small and must stay positive, so that each number moves by a share of itself.
        direction = random.normal(size=len(still)) * np.abs(cycle.start)
        ends = [cycle.play(cycle.start + shift * direction, still)[0] for shift in (1e-6, -1e-6)]
        expected = (ends[0] - ends[1]) / 2e-6
        assert np.allclose(
            cycle.play(cycle.start, direction)[1], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max()
        )


@pytest.mark.slow
def test_arnoldi_finds_the_largest_of_them(make: Callable[..., GanTrainer]) -> None:
    for name in ("sgd", "adam"):
        trainers = [make("ring", *TINY, *WAVES, *RUNS[name]) for _ in range(2)]
        for trainer in trainers:
            trainer.advance(40)
        found = multipliers(trainers[0], count=3)
        cycle = Cycle(trainers[1], 20)
        dense = cycle.operator().matmat(np.eye(len(cycle.start)))
        expected = np.sort(np.abs(np.linalg.eigvals(dense)))[::-1][:3]
        assert np.allclose(np.abs(found.values), expected, rtol=1e-4)
        assert found.period == 20
        assert found.growth_per_step == pytest.approx(expected[0] ** (1 / 20) - 1, abs=1e-6)


@pytest.mark.parametrize(
    "part",
    [
        AdamOptimizer(name="adam"),
        AdamWOptimizer(name="adamw", weight_decay=0.1),
        SgdOptimizer(name="sgd"),
        SgdOptimizer(name="sgd", momentum=-0.4),
    ],
    ids=["adam", "adamw", "sgd", "momentum"],
)
def test_the_pure_update_is_the_optimisers(part) -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(20, generator=random, dtype=torch.float64))
    value, kept = weight.detach().clone(), {name: torch.zeros(20, dtype=torch.float64) for name in part.memories}
    optimizer = part.build([weight], 0.01)
    for step in range(1, 30):
        weight.grad = torch.randn(20, generator=random, dtype=torch.float64)
        optimizer.param_groups[0]["lr"] = 0.01 * step
        value, kept = part.update(value, weight.grad, kept, 0.01 * step, step)
        optimizer.step()
        assert torch.allclose(value, weight.detach(), rtol=1e-10)


def test_a_weight_that_never_had_a_gradient_has_a_derivative_all_the_same() -> None:
    part, zeros = AdamOptimizer(name="adam"), torch.zeros(3, dtype=torch.float64)
    kept = {"exp_avg": zeros, "exp_avg_sq": zeros}

    def update(weight, square):
        return part.update(weight, zeros, {**kept, "exp_avg_sq": square}, 0.01, 5)[0]

    after, moved = torch.func.jvp(update, (zeros + 1, zeros), (zeros + 2, zeros + 3))
    assert torch.equal(after, zeros + 1)
    assert torch.equal(moved, zeros + 2)


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (("updates=extragradient",), "extragradient"),
        (("balance=gap_aware",), "follow the game"),
        (("voices.noise.std=0.1",), "noisy"),
        (("discriminator={network: mlp, width: 2, depth: 1, spectral: true}",), "spectral norm"),
    ],
)
def test_what_is_more_than_a_map_of_the_state_is_refused(make: Callable[..., GanTrainer], sets, told) -> None:
    with pytest.raises(UserError, match=told):
        multipliers(make("ring", *TINY, *sets))
