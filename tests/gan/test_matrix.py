"""Whatever can be combined trains, and goes on bit for bit from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan.losses import LOSSES
from gan.optimizers import OPTIMIZERS
from gan.trainer import GanTrainer
from lab.training import checkpoints

SETTINGS = (
    "steps=50",
    "batch_size=32",
    "generator.width=16",
    "discriminator.width=16",
    "clock.period=16",
    "snapshot_every=1000",
)
PENALTIES: dict[str, tuple[str, ...]] = {
    "none": (),
    "r1": ("voices.r1.weight=0.1",),
    "r1-r2": ("voices.r1.weight=0.1", "voices.r2.weight=0.1", "penalty_every=3"),
    "gp": ("voices.gp.weight=10",),
}
MOVERS: dict[str, tuple[str, ...]] = {
    **{name: (f"optimizer={name}",) for name in OPTIMIZERS.listed},
    "negative-momentum": ("optimizer={name: sgd, momentum: -0.3}",),
    "extragradient": ("updates=extragradient",),
    "lookahead": ("lookahead={every: 4}", "updates=simultaneous"),
}
OTHERS = {
    "packing": ("packing=4", "voices.r1.weight=0.1"),
    "noise": ("voices.noise.std={wave: cosine, low: 0.0, high: 0.1}",),
    "gap-aware": ("balance=gap_aware",),
    "generator-steps": ("generator_steps=2", "voices.r1.weight=0.1"),
    "tasks": (
        "tasks={number: 2, buffer_size: 20}",
        "voices.rehearsal.share={wave: triangle, low: 0, high: 0.5}",
    ),
    "closed-loop": ("balance=closed_loop",),
    "closed-loop-gap": ("balance={balance: closed_loop, follows: gap}",),
    "phase": (
        "balance={balance: closed_loop, follows: phase, moves: offset, gain: 0.5}",
        "voices.lr.generator={wave: cosine, low: 1.0e-5, high: 1.0e-3}",
    ),
    "follower": ("voices.lr.discriminator={follow: advantage, relation: anti_phase, low: 1e-4, high: 4e-3}",),
    "offset": (
        "balance={balance: closed_loop, moves: offset, gain: 0.1, limit: 0.5}",
        "voices.lr.generator={wave: cosine, low: 1.0e-5, high: 1.0e-3}",
    ),
}


def weights(trainer: GanTrainer) -> list[torch.Tensor]:
    networks = (trainer.generator, trainer.discriminator, trainer.average.network)
    return [tensor for network in networks for tensor in network.state_dict().values()]


def assert_resumes(make: Callable[..., GanTrainer], folder: Path, *sets: str, steps: int = 50) -> None:
    whole = make("ring", *SETTINGS, *sets)
    middle = steps // 2 + 1
    whole.advance(middle)
    checkpoints.save(folder, middle, whole.state_dict())
    whole.advance(steps)
    resumed = make("ring", *SETTINGS, *sets)
    resumed.load_state_dict(checkpoints.load_newest(folder)[1])
    resumed.advance(steps)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert whole.metrics() == resumed.metrics()


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES.listed)
def test_every_loss_penalty_and_optimiser(
    make: Callable[..., GanTrainer], tmp_path: Path, loss: str, pytestconfig: pytest.Config
) -> None:
    """All of them with ``--exhaustive``; otherwise every loss with every penalty, the optimisers in turn."""
    place, movers, everything = list(LOSSES.listed).index(loss), list(MOVERS), pytestconfig.getoption("--exhaustive")
    for number, penalty in enumerate(PENALTIES):
        for mover in movers if everything else [movers[(place + number) % len(movers)]]:
            sets = (f"loss={loss}", *PENALTIES[penalty], *MOVERS[mover])
            assert_resumes(make, tmp_path / penalty / mover, *sets, steps=50 if everything else 20)


@pytest.mark.parametrize("other", OTHERS)
def test_what_else_has_a_state(make: Callable[..., GanTrainer], tmp_path: Path, other: str) -> None:
    assert_resumes(make, tmp_path, *OTHERS[other])
