"""Voices of regularisation move without a recompilation: graphs are counted, and numbers are those of eager code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.nn import functional

from lab.techniques.augmentation import augmented
from lab.techniques.augmentations import AUGMENTATIONS
from lab.techniques.batchnorm import BatchNorm1d, TensorMomentum, with_tensor_momenta
from lab.techniques.dropout import Dropout, with_tensor_rates
from lab.techniques.smoothing import smoothed
from lab.techniques.weight_decay import shrink

STEPS = 6


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))


def test_a_whole_loss_with_every_voice_compiles_once() -> None:
    net = network()
    norms, drops = with_tensor_momenta(net), with_tensor_rates(net)
    smoothing = torch.tensor(0.0)
    counter = CompileCounter()

    @torch.compile(backend=counter)
    def loss(inputs: Tensor, labels: Tensor) -> Tensor:
        log_probs = functional.log_softmax(net(inputs), dim=1)
        plain = functional.nll_loss(log_probs, labels, reduction="none")
        return smoothed(plain, log_probs, smoothing).mean()

    for step in range(STEPS):
        drops[0].p.fill_(step / 10)
        norms[0].momentum.fill_(step / 8)
        smoothing.fill_(step / 20)
        loss(torch.randn(16, 5), torch.randint(3, (16,))).backward()
        shrink([net[0].weight], step / 100)  # outside of what is compiled
    assert counter.frame_count == 1
    assert net[1].num_batches_tracked == STEPS


def test_torchs_own_layers_compile_at_every_value() -> None:
    """Or the test above would hold of anything."""
    net = network()
    counter = CompileCounter()
    compiled = torch.compile(net, backend=counter)
    for step in range(3):
        net[1].momentum, net[3].p = (step + 1) / 8, (step + 1) / 10
        compiled(torch.randn(16, 5))
    assert counter.frame_count == 3


def test_weight_decay_compiles_once_as_a_tensor() -> None:
    part = torch.tensor(0.0)
    weights = [torch.ones(3, 3), torch.ones(2, 2)]
    counter = CompileCounter()
    shrinking = torch.compile(shrink, backend=counter)
    for step in range(STEPS):
        part.fill_(step / 10)
        shrinking(weights, part)
    assert counter.frame_count == 1
    expected = torch.tensor([1 - step / 10 for step in range(STEPS)]).prod()
    torch.testing.assert_close(weights[0], expected.expand(3, 3))


@pytest.mark.parametrize("word", list(AUGMENTATIONS.listed))
def test_an_augmentation_compiles_no_more_than_once(word: str) -> None:
    """Parts of it may be left to torch, but none is compiled anew where the strength moves."""
    strength, random = torch.tensor(0.0), torch.Generator().manual_seed(0)
    part = [AUGMENTATIONS.validate(word)]
    counter = CompileCounter()
    changing = torch.compile(augmented, backend=counter)
    images = torch.rand(4, 1, 4, 4)
    changing(images, part, strength, random)
    first = counter.frame_count
    for step in range(1, STEPS):
        strength.fill_(step / STEPS)
        changing(images, part, strength, random)
    assert counter.frame_count == first


def test_compiled_layers_give_the_numbers_of_eager_ones() -> None:
    layers: list[TensorMomentum] = [BatchNorm1d(4), BatchNorm1d(4)]
    compiled = torch.compile(layers[1], backend="aot_eager")
    for step in range(STEPS):
        inputs = torch.randn(9, 4) * step + 1
        for layer in layers:
            layer.momentum.fill_(step / STEPS)  # type: ignore[union-attr]
        torch.testing.assert_close(compiled(inputs), layers[0](inputs))
    torch.testing.assert_close(layers[1].state_dict(), layers[0].state_dict())
    drop = Dropout(0.0)
    dropping = torch.compile(drop, backend="aot_eager")
    for rate in (0.0, 0.3, 0.8):
        drop.p.fill_(rate)
        found = dropping(torch.ones(20_000))
        assert float((found == 0).float().mean()) == pytest.approx(rate, abs=0.02)
        assert float(found.max()) == pytest.approx(1 / (1 - rate))
