"""The layers of convolutional networks are torch's own: values, gradients, and gradients of gradients."""

import pytest
import torch
from torch import Tensor, nn

from gan.networks.dcgan import DcganNetwork
from gan.networks.layers import ConvFromImage, ConvToImage, Flatten, Unflatten
from gan.step import lean
from lab.training.adam import LeanAdam

CASES = [(1, 28), (3, 32), (3, 17), (1, 8)]


def everything(layer: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Output, gradients with respect to input and parameters, and those of the squared input gradient (as R1 asks)."""
    inputs = inputs.clone().requires_grad_()
    out = layer(inputs)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    first = torch.autograd.grad((out.square() * weights).sum(), [inputs, *layer.parameters()], create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), list(layer.parameters()))
    return [out, *first, *second]


@pytest.mark.parametrize(("channels", "size"), CASES)
def test_from_an_image(channels: int, size: int) -> None:
    random = torch.Generator().manual_seed(0)
    ours, theirs = (kind(channels, 6, 4, 2, 1).double() for kind in (ConvFromImage, nn.Conv2d))
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(3, channels, size, size, generator=random, dtype=torch.float64)
    for mine, other in zip(everything(ours, image), everything(theirs, image), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("channels", "size"), CASES)
def test_from_an_image_whose_gradient_nobody_asks_for(channels: int, size: int) -> None:
    ours, theirs = (kind(channels, 6, 4, 2, 1).double() for kind in (ConvFromImage, nn.Conv2d))
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outs = [layer(image) for layer in (ours, theirs)]
    torch.testing.assert_close(*outs, rtol=1e-10, atol=1e-10)
    gradients = [
        torch.autograd.grad(out.square().sum(), list(layer.parameters()))
        for out, layer in zip(outs, (ours, theirs), strict=True)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("channels", "size"), CASES)
def test_to_an_image(channels: int, size: int, bias: bool) -> None:
    random = torch.Generator().manual_seed(0)
    ours, theirs = (kind(6, channels, 4, 2, 1, bias=bias).double() for kind in (ConvToImage, nn.ConvTranspose2d))
    theirs.load_state_dict(ours.state_dict())
    features = torch.randn(3, 6, size // 2, size // 2, generator=random, dtype=torch.float64)
    for mine, other in zip(everything(ours, features), everything(theirs, features), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kinds", [(ConvToImage, nn.ConvTranspose2d), (ConvFromImage, nn.Conv2d)])
def test_a_fused_optimiser_moves_both_alike(kinds: tuple[type[nn.Module], type[nn.Module]]) -> None:
    """The gradient of a transposed weight has other strides than it, and the fused kernel does not look at strides."""
    channels, size = (6, 14) if kinds[0] is ConvToImage else (1, 28)
    inputs = torch.randn(4, channels, size, size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    networks = [kind(channels, 7 - channels, 4, 2, 1) for kind in kinds]
    networks[1].load_state_dict(networks[0].state_dict())
    for network in networks:
        optimizer = LeanAdam(network.parameters(), lr=1e-2, fused=True)
        for _ in range(5):
            lean(network(inputs).sin().sum(), tuple(network.parameters()))
            optimizer.step()
    for mine, other in zip(*(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_is_that_of_torchs_layers(channels: int) -> None:
    part, shape = DcganNetwork(width=4), (channels, 28, 28)
    random = torch.Generator().manual_seed(0)
    builds = [lambda: part.generator(8, shape), lambda: part.discriminator(shape)]
    inputs = [torch.randn(5, *size, generator=random, dtype=torch.float64) for size in ((8,), shape)]
    for build, given in zip(builds, inputs, strict=True):
        ours = part.initialised(build, random).double()
        theirs = torchs(part.initialised(build, random)).double()
        theirs.load_state_dict(ours.state_dict())
        for mine, other in zip(everything(ours, given), everything(theirs, given), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-12)


def torchs(network: nn.Module) -> nn.Module:
    """The network, each of our layers being the one of torch's that it is a subclass of."""
    for layer in network.modules():
        if isinstance(layer, ConvFromImage | ConvToImage | Flatten | Unflatten):
            layer.__class__ = type(layer).__mro__[1]
    return network


def test_what_flows_between_convolutions_and_back_lies_by_channels_last() -> None:
    part, shape = DcganNetwork(width=4), (1, 28, 28)
    random = torch.Generator().manual_seed(0)
    seen: list[Tensor] = []

    def watch(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        seen.append(out)
        if out.requires_grad:
            out.register_hook(seen.append)

    for build, size in ((lambda: part.generator(8, shape), (8,)), (lambda: part.discriminator(shape), shape)):
        network = part.initialised(build, random)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | Unflatten | nn.BatchNorm2d):
                layer.register_forward_hook(watch)
        network(torch.randn(5, *size, generator=random)).sum().backward()
    images = [each for each in seen if each.shape[1] > 1]  # for one channel there is no other order
    assert len(images) == 12
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in images)
