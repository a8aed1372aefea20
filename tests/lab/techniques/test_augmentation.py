"""Augmentation: what is learned from is changed, what is scored is not, and its chance is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.augmentation import augmented
from lab.techniques.augmentations import AUGMENTATIONS
from lab.techniques.technique import Batch
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [16]},
    "clock": {"period": 16},
    "voices": {"lr": 1e-3},
    "techniques": [{"name": "augmentation", "augmentations": ["translation", "flip"]}],
}


def trainer(tmp_path: Path, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, changes)
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def parts(*words: str) -> list[Any]:
    return [AUGMENTATIONS.validate(word) for word in words]


def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_a_flip_mirrors_its_share_of_images(strength: float) -> None:
    images = torch.rand(4000, 1, 2, 3, generator=random())
    found = augmented(images, parts("flip"), torch.tensor(strength), random())
    mirrored = (found == images.flip(3)).flatten(1).all(dim=1)
    same = (found == images).flatten(1).all(dim=1)
    assert torch.equal(mirrored, ~same)
    assert float(mirrored.float().mean()) == pytest.approx(strength / 2, abs=0.04)


def shifts(strength: float, side: int, n: int = 20_000) -> torch.Tensor:
    """How far an upright line in the middle is moved along one axis."""
    samples = torch.zeros(n, 1, 8, side)
    samples[..., side // 2] = 1.0
    return augmented(samples, parts("translation"), strength, random())[:, 0].amax(dim=1).argmax(dim=1) - side // 2


@pytest.mark.parametrize("strength", [0.05, 0.15, 0.3])
def test_the_mean_of_the_farthest_shift_is_in_proportion_to_the_strength(strength: float) -> None:
    """Of 28 pixels 3.5 at full strength; of a farthest shift of m each number is as likely, m(m + 1)/(2m + 1) far."""
    farthest = strength * 3.5
    low, part = int(farthest), farthest - int(farthest)
    expected = sum(p * m * (m + 1) / (2 * m + 1) for m, p in ((low, 1 - part), (low + 1, part)))
    assert float(shifts(strength, 28).abs().float().mean()) == pytest.approx(expected, rel=0.05)


def test_at_full_strength_each_shift_is_as_likely() -> None:
    """As in DiffAugment (Zhao et al. 2020): of 32 pixels -4 to 4."""
    found = torch.bincount(shifts(1.0, 32) + 4, minlength=9) / 20_000
    assert found.tolist() == pytest.approx([1 / 9] * 9, abs=0.01)


@pytest.mark.parametrize("words", [("flip",), ("translation",), ("cutout",), ("color",), tuple(AUGMENTATIONS.listed)])
def test_strength_zero_changes_nothing_and_draws_as_much(words: tuple[str, ...]) -> None:
    images = torch.rand(20, 1, 8, 8, generator=random()) * 2 - 1
    states = []
    for strength in (0.0, 1.0):
        chance = random()
        found = augmented(images, parts(*words), strength, chance)
        states.append(chance.get_state())
        assert torch.allclose(found, images, atol=1e-6) == (strength == 0.0)
    assert torch.equal(*states)


def test_a_batch_is_changed_by_the_strength_of_the_voice(tmp_path: Path) -> None:
    one = trainer(tmp_path, **{"voices.augmentation.strength": {"wave": "square", "low": 0.0, "high": 1.0}})
    batch = Batch(torch.rand(9, 1, 8, 8), torch.arange(9))
    one.advance(1)
    found = one.techniques.batch(batch, 1)
    assert not torch.equal(found.inputs, batch.inputs)
    assert found.labels is batch.labels
    one.advance(9)
    assert torch.equal(one.techniques.batch(batch, 9).inputs, batch.inputs)


def test_its_chance_moves_no_other(tmp_path: Path) -> None:
    """At strength 0 a run is the same as one without it, dropout and order included."""
    states = []
    for changes in ({"techniques": []}, {"voices.augmentation.strength": 0.0}):
        one = trainer(tmp_path, network={"network": "mlp", "hidden": [16], "dropout": 0.4}, **changes)
        one.advance(30)
        states.append(torch.cat([p.flatten() for p in one.network.parameters()]))
    assert torch.equal(*states)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"techniques": [{"name": "augmentation", "augmentations": []}]}, "techniques.0"),
        ({"techniques": [{"name": "augmentation", "augmentations": ["fliip"]}]}, "did you mean 'flip'"),
        ({"voices.augmentation.strength": 2.0}, "voices.augmentation.strength: 2 is not accepted; 0 to 1 is"),
    ],
)
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(error.value)
