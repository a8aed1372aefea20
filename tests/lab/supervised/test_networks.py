"""The classifiers' networks: their shapes, what they refuse, that chance is theirs alone, and that they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.networks import NETWORKS
from lab.supervised.trainer import SupervisedTrainer
from lab.training.config import resolve
from lab.training.randomness import stream
from lab.training.trainer import Context

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
BASE: dict[str, Any] = {
    "steps": 120,
    "data": {"name": "digits"},
    "batch_size": 32,
    "clock": {"period": 120, "cycles": 1},
    "voices": {"lr": {"wave": "sawtooth", "low": 0.0, "high": 3e-3}},
}


def trainer(tmp_path: Path, network: dict[str, Any]) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, {**BASE, "network": network})
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def built(word: str, shape: tuple[int, ...], seed: int = 0, **settings: Any) -> nn.Module:
    part = NETWORKS.validate({"network": word, **settings})
    part.check(shape)
    return part.initialised(shape, 10, stream(seed, "weights"))


@pytest.mark.parametrize("word", list(NETWORKS.listed))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_network_takes_images_of_every_size(word: str, shape: tuple[int, ...]) -> None:
    network = built(word, shape)
    images = torch.rand(4, *shape) * 2 - 1
    assert network(images).shape == (4, 10)
    assert isinstance(network.readout, nn.Linear)
    network.eval()
    alone = torch.cat([network(images[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(network(images), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("word", list(NETWORKS.listed))
def test_weights_are_drawn_from_the_generator_alone(word: str) -> None:
    torch.rand(3)
    weights = []
    for seed in (0, 0, 1):
        weights.append(torch.cat([p.flatten() for p in built(word, (1, 8, 8), seed).parameters()]))
        torch.rand(5)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("word", list(NETWORKS.listed))
def test_dropout_acts_in_training_and_only_there(word: str) -> None:
    network = built(word, (1, 8, 8), dropout=0.5)
    images = torch.rand(8, 1, 8, 8)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_the_residual_network_of_the_paper_has_its_size() -> None:
    """ResNet-20 has 0.27 million parameters (He et al. 2015, table 6)."""
    network = built("resnet", (3, 32, 32), width=16, blocks=[3, 3, 3])
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(0.27e6, rel=0.02)


@pytest.mark.parametrize(
    "network", [{"network": "cnn", "widths": [8, 16], "hidden": [32]}, {"network": "resnet", "width": 8}]
)
def test_convolutions_learn_digits(network: dict[str, Any], tmp_path: Path) -> None:
    trained = trainer(tmp_path, network)
    trained.advance(120)
    assert trained.evaluate()["evaluation/accuracy"] > 0.93


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            {"network": "cnn", "widths": [8, 8, 8, 8]},
            "network: images of 8×8 cannot be halved 4 times; at least 16 pixels",
        ),
        ({"network": "resnet", "blocks": [1, 1, 1, 1, 1]}, "network: images of 8×8 cannot be halved 4 times"),
        ({"network": "cnn", "dropout": 1.0}, "dropout"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_in_one_line(
    network: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words) as error:
        trainer(tmp_path, network)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("word", ["cnn", "resnet"])
def test_what_is_no_image_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"samples of shape \[9\] are none"):
        built(word, (9,))
