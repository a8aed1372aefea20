"""What every kind of network owes the trainer, and what sets the residual ones apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gan.networks import NETWORKS, NetworkPart
from gan.networks.residual import Residual
from gan.networks.sizes import image_base
from gan.step import lean
from gan.trainer import GanTrainer

Shape = tuple[int, int, int]
CONVOLUTIONAL = ("dcgan", "sngan", "r3gan")
NORMALISED = ("mlp", "dcgan", "sngan")
EVERY = [*((word, {"spectral": spectral}) for word in NORMALISED for spectral in (False, True)), ("r3gan", {})]
LATENT = 5


def part(word: str, **settings: Any) -> NetworkPart:
    return NETWORKS.validate({"network": word, "width": 8} | settings)


def players(part: NetworkPart, shape: Shape, seed: int = 0, latent: int = LATENT) -> tuple[nn.Module, nn.Module]:
    random = torch.Generator().manual_seed(seed)
    generator = part.initialised(partial(part.generator, latent, shape), random)
    return generator, part.constrained(part.initialised(partial(part.discriminator, shape), random), random)


def points(n: int, size: int = LATENT) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(1))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("word", ["mlp", *CONVOLUTIONAL])
def test_images_are_of_the_asked_shape_and_in_range(word: str, size: int, channels: int) -> None:
    generator, discriminator = players(part(word), (channels, size, size))
    images = generator(100 * points(3)).detach()
    assert images.shape == (3, channels, size, size)
    assert float(images.abs().max()) <= 1
    assert float(images.std()) > 1e-3
    logits = discriminator(images)
    assert logits.shape == (3,)
    assert logits.isfinite().all()


@settings(max_examples=25, deadline=None)
@given(base=st.integers(4, 7), doublings=st.integers(1, 3), word=st.sampled_from(CONVOLUTIONAL))
def test_every_size_that_is_accepted_can_be_drawn_and_judged(base: int, doublings: int, word: str) -> None:
    shape = (1, base << doublings, base << doublings)
    network = part(word)
    network.check(shape)
    assert image_base(shape[-1]) == (base, doublings)
    generator, discriminator = players(network, shape)
    assert discriminator(generator(points(2))).shape == (2,)


@pytest.mark.parametrize("word", CONVOLUTIONAL)
@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ((2,), r"samples of shape \[2\] are none; use 'mlp'"),
        ((1, 28, 32), r"samples of shape \[1, 28, 32\] are none; use 'mlp'"),
        ((3, 36, 36), r"image size 36: convolutions need 4, 5, 6 or 7 doubled"),
        ((3, 7, 7), r"image size 7: convolutions need 4, 5, 6 or 7 doubled"),
    ],
)
def test_shapes_that_convolutions_do_not_draw(word: str, shape: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        part(word).check(shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("width", [4, 20, 2048])
def test_widths_that_do_not_make_whole_groups(width: int) -> None:
    with pytest.raises(ValueError, match="width"):
        part("r3gan", width=width)


@pytest.mark.parametrize(("word", "settings"), EVERY)
def test_equal_seeds_give_equal_weights(word: str, settings: dict[str, Any]) -> None:
    before = torch.get_rng_state()
    a, b, other = (players(part(word, **settings), (1, 8, 8), seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    for mine, same, different in zip(a, b, other, strict=True):
        states = [network.state_dict() for network in (mine, same, different)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
        drawn = [name for name, tensor in states[0].items() if tensor.ndim > 1 and tensor.any()]
        assert drawn
        assert not any(torch.equal(states[0][name], states[2][name]) for name in drawn)


@pytest.mark.parametrize(("word", "settings"), EVERY)
def test_the_gradient_reaches_every_parameter(word: str, settings: dict[str, Any]) -> None:
    generator, discriminator = players(part(word, **settings), (1, 16, 16))
    for layer in (*generator.modules(), *discriminator.modules()):
        if word == "r3gan" and isinstance(layer, Residual):  # zero at first, and no gradient passes it
            nn.init.normal_(layer.branch[-1].weight, generator=torch.Generator().manual_seed(2))
    for network in (generator, discriminator):
        parameters = tuple(network.parameters())
        lean(discriminator(generator(points(16))).square().sum(), parameters)
        assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_sngan_has_the_papers_parameters() -> None:
    """Miyato et al. 2018, table 3, for CIFAR-10; counted by hand, biases and BatchNorm's pairs included."""
    conv, norm = 256 * 256 * 9 + 256, 2 * 256
    up = 2 * (conv + norm) + 256 * 256 + 256
    generator, _ = players(part("sngan", width=256), (3, 32, 32), latent=128)
    assert count(generator) == (128 + 1) * 4 * 4 * 256 + 3 * up + norm + 256 * 3 * 9 + 3 == 4_276_739

    conv, first = 128 * 128 * 9 + 128, 3 * 128 * 9 + 128
    shortcuts = (3 * 128 + 128) + (128 * 128 + 128)
    _, discriminator = players(part("sngan", width=128), (3, 32, 32))
    assert count(discriminator) == first + 7 * conv + shortcuts + 128 + 1 == 1_053_825


def test_r3gan_has_the_papers_parameters() -> None:
    """Huang et al. 2024 for CIFAR-10: 4 stages of 2 blocks, width 768, 96 groups, latent 64; counted by hand."""
    block = 2 * 768 * 1536 + 1536 * 16 * 9 + 2 * 1536
    generator, discriminator = players(part("r3gan", width=768, depth=2), (3, 32, 32), latent=64)
    groups = {m.groups for m in generator.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)}
    assert groups == {96}
    assert count(generator) == 8 * block + 64 * 768 + 768 * 4 * 4 + 768 * 3 + 3
    assert count(discriminator) == 8 * block + 3 * 768 + 768 + 768 * 4 * 4 + 768


def test_the_depth_of_r3gan_is_blocks_a_stage() -> None:
    for depth in (1, 3):
        for network in players(part("r3gan", depth=depth), (1, 28, 28)):
            assert sum(isinstance(module, Residual) for module in network.modules()) == 3 * depth


def test_a_fresh_r3gan_is_the_same_at_any_depth() -> None:
    """Fix-up: a block adds nothing at first, so that images keep their spread however deep the network is."""
    generator, _ = players(part("r3gan", width=32, depth=8), (3, 16, 16), latent=64)
    blocks = [module for module in generator.modules() if isinstance(module, Residual)]
    features = torch.randn(2, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    assert all(torch.equal(block(features), features) for block in blocks)
    inner = blocks[0].branch[2].weight
    expected = math.sqrt(2 / (1 + 0.2**2)) * len(blocks) ** -0.25 / math.sqrt(16 * 9)
    assert float(inner.detach().std()) == pytest.approx(expected, rel=0.05)
    assert 0.2 < float(generator(points(16, 64)).detach().std()) < 0.8


def test_sngans_order_of_resampling_and_one_by_one_convolutions_makes_no_difference() -> None:
    layer = nn.Conv2d(4, 6, 1).double()
    image = torch.randn(2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for resample in (nn.Upsample(scale_factor=2), nn.AvgPool2d(2)):
        torch.testing.assert_close(layer(resample(image)), resample(layer(image)))


@pytest.mark.parametrize("word", CONVOLUTIONAL)
def test_a_discriminator_judges_each_image_by_itself(word: str) -> None:
    _, discriminator = players(part(word), (1, 8, 8))
    discriminator.eval()
    images = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))


@pytest.mark.slow
@pytest.mark.parametrize("word", ["sngan", "r3gan"])
def test_digits_become_like_digits(word: str, make: Callable[..., GanTrainer], pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--exhaustive"):
        pytest.skip("half a minute for both: pass --exhaustive")
    rates = ("voices.lr.generator=5e-4", "voices.lr.discriminator=1e-3")
    trainer = make("digits", f"generator={word}", f"discriminator={word}", "steps=300", *rates)
    before = trainer.evaluate()["evaluation/frechet"]
    trainer.advance(300)
    assert trainer.evaluate()["evaluation/frechet"] < 0.3 * before


def test_an_mlps_activation_is_the_one_asked_for() -> None:
    mlp = NETWORKS.validate({"network": "mlp", "activation": "tanh", "width": 4, "depth": 3})
    layers = [type(layer).__name__ for layer in mlp.generator(2, (2,))]
    assert layers == ["Linear", "Tanh"] * 3 + ["Linear"]
