"""The spectrum of a trained GAN is that of its own losses, and predicts what its own steps do."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gan.optimizers.adam import AdamOptimizer, AdamWOptimizer
from gan.optimizers.sgd import SgdOptimizer
from gan.spectrum import GameSpectrum, measure
from gan.trainer import GanTrainer

SMALL = ("generator={network: mlp, width: 6, depth: 1}", "discriminator={network: mlp, width: 6, depth: 1}")
SGD = ("optimizer={name: sgd}", "voices.lr.generator=0.05", "voices.lr.discriminator=0.1")
GAMES = {
    "plain": (),
    "r1": ("voices.r1.weight=0.3",),
    "relativistic": ("loss=relativistic", "voices.r1.weight=0.3", "voices.r2.weight=0.3"),
    "momentum": ("optimizer={name: sgd, momentum: -0.3}",),
    "two-discriminators": ("discriminator_steps=2",),
    "two-generators": ("generator_steps=2",),
}


def dense(trainer: GanTrainer, samples: int) -> np.ndarray:
    """The Jacobian of both players' gradients, row by row, in double precision, on what ``measure`` would draw."""
    players = trainer.game.generator, trainer.game.discriminator
    networks = [copy.deepcopy(player.network).double() for player in players]
    parameters = [list(network.parameters()) for network in networks]
    real, _ = trainer.game.real(samples)
    real, noise = real.double().requires_grad_(), trainer.game.noise(samples).double()
    fake = networks[0](noise)
    real_out, fake_out = networks[1](real).flatten(), networks[1](fake).flatten()
    part = trainer.config.loss
    losses = [
        part.generator_against(fake_out, real_out) if part.relative else part.generator(fake_out),
        part.discriminator(real_out, fake_out),
    ]
    voices = trainer.config.parsed_voices()
    for name, samples_of, outputs in (("r1", real, real_out), ("r2", fake, fake_out)):
        weight = voices.get(f"{name}.weight")
        if weight is not None and weight(0) > 0:
            (slope,) = torch.autograd.grad(outputs.sum(), samples_of, create_graph=True)
            losses[1] = losses[1] + weight(0) / 2 * slope.square().sum(dim=1).mean()
    everything = parameters[0] + parameters[1]
    rows = []
    for loss, own in zip(losses, parameters, strict=True):
        for slope in torch.autograd.grad(loss, own, create_graph=True, materialize_grads=True):
            for number in slope.flatten():
                found = torch.autograd.grad(number, everything, retain_graph=True, materialize_grads=True)
                rows.append(torch.cat([row.flatten() for row in found]))
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("game", GAMES)
def test_eigenvalues_are_those_of_the_dense_jacobian_of_the_same_losses(make: Callable[..., GanTrainer], game) -> None:
    trainers = [make("ring", *SMALL, *SGD, *GAMES[game]) for _ in range(2)]
    for trainer in trainers:
        trainer.advance(30)
    found = measure(trainers[0], samples=64, count=4)
    matrix = dense(trainers[1], 64)
    expected = np.linalg.eigvals(matrix)
    expected = expected[np.argsort(-np.abs(expected))][:4]
    assert np.allclose(np.abs(found.field), np.abs(expected), rtol=1e-5)
    momentum = 1 / 1.3 if game == "momentum" else 1.0
    own = sum(parameter.numel() for parameter in trainers[1].game.generator.parameters)
    of_generator, of_discriminator = {"two-discriminators": (1, 2), "two-generators": (2, 1)}.get(game, (1, 1))
    sizes = np.where(np.arange(len(matrix)) < own, 0.05 * of_generator, 0.1 * of_discriminator) * momentum
    moved = np.linalg.eigvals(sizes[:, None] * matrix)
    fastest = np.sort(np.abs(moved.imag))[::-1][:4]
    assert np.allclose(np.abs(found.moves[:4].imag), fastest, rtol=1e-5, atol=1e-9)
    assert found.moves.real.min() == pytest.approx(moved.real.min(), rel=1e-5)  # what drives away is among them
    assert np.abs(found.moves).max() == pytest.approx(np.abs(moved).max(), rel=1e-5)
    for name, block in (("generator", matrix[:own, :own]), ("discriminator", matrix[own:, own:])):
        assert found.curvature[name] == pytest.approx(np.linalg.eigvalsh((block + block.T) / 2)[-1], rel=1e-3)


@pytest.mark.parametrize("part", [AdamOptimizer(name="adam"), AdamWOptimizer(name="adamw", weight_decay=0.0)])
def test_adams_step_is_what_its_size_makes_of_a_small_lasting_gradient(part) -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(50, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=1e-3, betas=(part.beta1, part.beta2), eps=part.eps)
    for _ in range(200):
        weight.grad = torch.randn(50, dtype=torch.float64, generator=random)
        optimizer.step()
    small = 1e-6 * torch.randn(50, dtype=torch.float64, generator=random)
    for _ in range(60):  # until only this one is left in the mean of gradients
        before, weight.grad = weight.detach().clone(), small
        optimizer.step()
    expected = 1e-3 * part.size(weight.detach(), optimizer.state[weight]) * small
    assert torch.allclose(before - weight.detach(), expected, rtol=1e-9)


def test_sgds_momentum_lengthens_its_steps_and_a_negative_one_shortens_them() -> None:
    weight = torch.ones(3)
    assert torch.allclose(SgdOptimizer(name="sgd", momentum=0.5).size(weight, {}), torch.full((3,), 2.0))
    assert torch.allclose(SgdOptimizer(name="sgd", momentum=-0.5).size(weight, {}), torch.full((3,), 2 / 3))


def test_measuring_leaves_the_networks_alone(make: Callable[..., GanTrainer]) -> None:
    trainer = make("ring", *SMALL)
    trainer.advance(20)
    before = copy.deepcopy(trainer.discriminator.state_dict())
    found = measure(trainer, samples=32)
    assert all(torch.equal(before[name], value) for name, value in trainer.discriminator.state_dict().items())
    assert found.step == 20
    assert found.period >= 2.0
    assert set(found.curvature) == {"generator", "discriminator"}


def test_what_turns_does_not_count_as_drift() -> None:
    turning, straight = np.array([-0.01 + 0.1j, -0.01 - 0.1j]), np.array([-0.002 + 0j, 0.5 + 0j])
    assert GameSpectrum(0, turning, turning, {}).drift == 0.0
    assert GameSpectrum(0, turning, np.concatenate([turning, straight]), {}).drift == pytest.approx(0.002)
