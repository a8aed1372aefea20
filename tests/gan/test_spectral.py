"""Spectral normalisation: singular values of 1, vectors that train, rest and resume, and a trainer that takes it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized

from gan.networks import NETWORKS
from gan.networks.layers import ConvFromImage
from gan.networks.spectral import normalised
from gan.trainer import GanTrainer
from lab.training import checkpoints

WORDS = ("mlp", "dcgan", "sngan")
SMALL = ("steps=12", "batch_size=8", "evaluation_samples=16", "snapshot_every=100", "snapshot_samples=4")
Make = Callable[..., GanTrainer]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data set of sixteen pictures, 8×8 pixels of noise."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, values in enumerate(np.random.default_rng(0).integers(0, 256, (16, 8, 8), np.uint8)):
        Image.fromarray(values).save(folder / f"{number}.png")
    return f"data={{name: folder, path: {folder}, size: 8, channels: 1}}"


def discriminator(word: str, size: int = 16, seed: int = 0, channels: int = 1) -> nn.Module:
    part = NETWORKS.validate({"network": word, "width": 8, "spectral": True})
    random = torch.Generator().manual_seed(seed)
    shape = (channels, size, size)
    return part.constrained(part.initialised(partial(part.discriminator, shape), random), random)


def images(n: int = 4, size: int = 16, channels: int = 1) -> Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(1))


def layers(network: nn.Module) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]


def vectors(network: nn.Module) -> dict[str, Tensor]:
    return {name: vector.clone() for name, vector in network.named_buffers()}


@pytest.mark.parametrize("word", WORDS)
def test_every_weights_largest_singular_value_becomes_one(word: str) -> None:
    network = discriminator(word)
    for _ in range(100):
        network(images())
    network.eval()
    found = layers(network)
    assert all(is_parametrized(layer, "weight") for layer in found)
    values = [float(torch.linalg.matrix_norm(layer.weight.flatten(1), 2).detach()) for layer in found]
    assert values == pytest.approx([1.0] * len(found), rel=0.01)


@pytest.mark.parametrize("word", WORDS)
def test_the_image_of_a_normalised_network_is_that_of_its_weights_divided(word: str) -> None:
    """Against a plain network whose weights an exact decomposition has divided."""
    network = discriminator(word)
    for _ in range(200):
        network(images())
    part = NETWORKS.validate({"network": word, "width": 8, "spectral": False})
    plain = part.initialised(partial(part.discriminator, (1, 16, 16)), torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in layers(plain):
            layer.weight /= torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    torch.testing.assert_close(network.eval()(images()), plain(images()), rtol=0.02, atol=1e-3)


def test_a_training_pass_is_one_power_iteration_and_evaluation_none() -> None:
    random = torch.Generator().manual_seed(0)
    layer = normalised(nn.Linear(6, 5), random)
    weight, before = layer.parametrizations.weight.original.detach(), vectors(layer)  # type: ignore[union-attr]
    layer(torch.randn(3, 6, generator=random))
    u = functional.normalize(weight @ before["parametrizations.weight.0._v"], dim=0)
    after = vectors(layer)
    torch.testing.assert_close(after["parametrizations.weight.0._u"], u)
    torch.testing.assert_close(after["parametrizations.weight.0._v"], functional.normalize(weight.T @ u, dim=0))
    layer.eval()(torch.randn(3, 6, generator=random))
    assert all(torch.equal(vectors(layer)[name], vector) for name, vector in after.items())


def test_vectors_come_from_the_passed_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = vectors(discriminator("dcgan"))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    second, other = vectors(discriminator("dcgan")), vectors(discriminator("dcgan", seed=1))
    assert len(first) == 2 * 3
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if first[name].numel() > 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_layer_at_the_image_is_torchs_own_under_it(channels: int) -> None:
    """Values, gradients, and gradients of gradients, where the image asks for a gradient and where it does not."""
    ours, theirs = (kind(channels, 6, 4, 2, 1).double() for kind in (ConvFromImage, nn.Conv2d))
    theirs.load_state_dict(ours.state_dict())
    for layer in (ours, theirs):
        normalised(layer, torch.Generator().manual_seed(0))
    for asked in (True, False):
        found = []
        for layer in (ours, theirs):
            image = images(2, 28, channels).double().requires_grad_(asked)
            out = layer(image)
            total = out.square().sum()
            if asked:
                (gradient,) = torch.autograd.grad(out.sin().sum(), image, create_graph=True)
                total = total + gradient.square().sum()
            found.append([out, *torch.autograd.grad(total, list(layer.parameters())), *layer.buffers()])
        for mine, other in zip(*found, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "sets",
    [(), ("voices.r1.weight=0.5", "penalty_every=2"), ("updates=extragradient", "loss=hinge", "voices.r2.weight=0.1")],
)
@pytest.mark.parametrize("word", WORDS)
def test_a_resumed_run_ends_bit_identical(
    make: Make, tmp_path: Path, pictures: str, word: str, sets: tuple[str, ...]
) -> None:
    networks = tuple(f"{player}={{network: {word}, width: 8}}" for player in ("generator", "discriminator"))
    words = ("digits", *SMALL, pictures, *networks, "discriminator.spectral=true", "voices.r1.weight=0", *sets)
    whole = make(*words)
    whole.advance(5)
    checkpoints.save(tmp_path / "checkpoints", 5, whole.state_dict())
    whole.advance(12)
    resumed = make(*words)
    resumed.advance(2)  # wherever it was before
    resumed.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    resumed.advance(12)
    for part in ("generator", "discriminator", "ema"):
        mine, other = whole.state_dict()[part], resumed.state_dict()[part]
        assert [name for name in mine if not torch.equal(mine[name], other[name])] == []
    assert any(name.endswith("_u") for name in whole.state_dict()["discriminator"])
    assert whole.metrics() == resumed.metrics()


@pytest.mark.parametrize("sets", [(), ("voices.r1.weight=0.5",)])
def test_training_moves_what_is_normalised(make: Make, sets: tuple[str, ...]) -> None:
    trainer = make("ring", *SMALL, "discriminator.spectral=true", *sets)
    before = copy.deepcopy(dict(trainer.discriminator.named_parameters()))
    trainer.advance(3)
    assert all(not torch.equal(before[name], now) for name, now in trainer.discriminator.named_parameters())
    assert trainer.metrics()["gradient/discriminator"] > 0


def test_it_is_a_setting_of_the_discriminator_alone(make: Make, pictures: str) -> None:
    both = tuple(f"{player}={{network: sngan, width: 8}}" for player in ("generator", "discriminator"))
    trainer = make("digits", *SMALL, *both, pictures)
    assert not any(is_parametrized(layer) for layer in trainer.generator.modules())
    assert all(is_parametrized(layer) for layer in layers(trainer.discriminator))
    plain = make("digits", *SMALL, *both, pictures, "discriminator.spectral=false")
    assert not any(is_parametrized(layer) for layer in plain.discriminator.modules())
