from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy
from torch import Tensor

from gan.config import GanConfig
from gan.data.source import Indexed, to_unit
from gan.data.stacked import FreshStacks, KnownStacks, StackedMnistData, StackedScorer, stacked_modes
from gan.trainer import GanTrainer
from lab.errors import UserError
from lab.supervised import judge
from lab.supervised.classifier import ClassifierConfig

CPU = torch.device("cpu")
EVERY = np.array(list(itertools.product(range(10), repeat=3)))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_modes_at_both_ends() -> None:
    perfect, collapsed = stacked_modes(EVERY), stacked_modes(torch.tensor([[3, 1, 4]] * 50))
    assert (perfect.modes, collapsed.modes) == (1000, 1)
    assert perfect.reverse_kl == pytest.approx(0, abs=1e-12)
    assert collapsed.reverse_kl == pytest.approx(math.log(1000))


def test_a_perfect_sampler_of_the_protocol_reaches_the_stated_floor() -> None:
    found = [stacked_modes(np.random.default_rng(seed).integers(0, 10, (26_000, 3))) for seed in range(5)]
    assert all(each.modes == 1000 for each in found)
    assert np.mean([each.reverse_kl for each in found]) == pytest.approx(999 / 52_000, rel=0.05)


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 300), st.just(3)), elements=st.integers(0, 9)))
def test_modes_agree_with_sets_and_scipy(labels: np.ndarray) -> None:
    found = stacked_modes(labels)
    _, counts = np.unique(labels, axis=0, return_counts=True)
    share = np.concatenate([counts / len(labels), np.zeros(1000 - len(counts))])
    assert found.modes == len(set(map(tuple, labels.tolist())))
    assert found.reverse_kl == pytest.approx(entropy(share, np.full(1000, 1e-3)), abs=1e-9)


@pytest.mark.parametrize(
    "labels", [np.zeros((0, 3), int), np.zeros((4, 2), int), [[0, 0, 10]], [[0, -1, 0]], [1, 2, 3]]
)
def test_labels_that_are_no_triples_are_refused(labels: object) -> None:
    with pytest.raises(ValueError, match=r"digits \[n, 3\] in 0 … 9 belong"):
        stacked_modes(np.asarray(labels))


def test_the_stacks_are_fixed_by_their_own_seed() -> None:
    table = StackedMnistData(stacks=500).table(60_000)
    assert table.shape == (500, 3)
    assert torch.equal(table, StackedMnistData(stacks=500).table(60_000))
    assert not torch.equal(table, StackedMnistData(stacks=500, seed=1).table(60_000))
    assert len(StackedMnistData().table(60_000)) == 128_000


def test_a_sample_is_three_digits_as_channels_and_every_stack_comes_once_an_epoch() -> None:
    digits = torch.arange(12, dtype=torch.uint8)[:, None, None].expand(12, 28, 28).contiguous()
    table = StackedMnistData(stacks=40).table(12)
    source = Indexed(digits, CPU, KnownStacks(table, seeded()))
    batch = torch.cat([source.batch(25), source.batch(15)])
    assert batch.shape == (40, 3, 28, 28)
    seen = batch[:, :, 5, 7]
    assert sorted(seen.tolist()) == sorted(to_unit(table.to(torch.uint8)).tolist())
    assert torch.equal(batch, seen[:, :, None, None].expand_as(batch))


@pytest.mark.parametrize("endless", [False, True])
def test_stacks_resume_in_the_middle(endless: bool) -> None:
    digits = torch.arange(200, dtype=torch.uint8)[:, None, None]

    def source(random: torch.Generator) -> Indexed:
        table = StackedMnistData(stacks=50).table(200)
        return Indexed(digits, CPU, FreshStacks(200, random) if endless else KnownStacks(table, random))

    random, other_random = seeded(), seeded(5)
    first, second = source(random), source(other_random)
    first.batch(33)
    state, random_state = first.state_dict(), random.get_state()
    expected = [first.batch(30) for _ in range(3)]
    assert endless == (len(torch.cat(expected[:2]).unique(dim=0)) > 50)
    second.load_state_dict(state)
    other_random.set_state(random_state)
    for batch in expected:
        assert torch.equal(second.batch(30), batch)


def test_an_order_of_other_samples_is_refused() -> None:
    source = KnownStacks(StackedMnistData(stacks=5).table(9), seeded())
    for order in ([0, 1, 2, 3, 5], [0, 0, 1, 2, 3], [0, 1, 2, 3]):
        with pytest.raises(ValueError, match="its order is none of 5 samples"):
            source.load_state_dict({"order": torch.tensor(order), "next": 0})


class Brightness:
    """Takes the digit of an image for its brightness, in tenths."""

    def describe(self, images: Tensor) -> tuple[Tensor, Tensor]:
        assert images.shape[1:] == (1, 28, 28)
        return images, (images.float().mean(dim=(1, 2, 3)) / 25.5).long()


def test_every_channel_is_labelled_for_itself() -> None:
    labels = torch.tensor([[1, 2, 3], [3, 2, 1], [1, 2, 3], [9, 0, 5]])
    samples = to_unit((labels * 25.5 + 9).to(torch.uint8))[:, :, None, None].expand(4, 3, 28, 28)
    scores = StackedScorer(SimpleNamespace(network=Brightness()))(samples)  # type: ignore[arg-type]
    expected = stacked_modes(labels)
    assert scores == {"modes": 3.0, "reverse_kl": pytest.approx(expected.reverse_kl)}


@pytest.mark.parametrize(("stacks", "said"), [("0", "1"), ("100000000000", "10000000"), ("forever", "endless")])
def test_stacks_that_are_no_number(stacks: str, said: str, preset: Callable[..., GanConfig]) -> None:
    with pytest.raises(UserError, match=rf"data.*stacks.*{said}") as caught:
        preset("mnist", f"data={{name: stacked-mnist, stacks: {stacks}}}")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_mnist_and_its_stacks_train_on_the_real_files_and_real_stacks_score_well(
    make: Callable[..., GanTrainer], real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(judge.CONFIGS, "mnist", ClassifierConfig(width=4, epochs=1, batch_size=512))
    digits = make("mnist", "batch_size=16", "evaluation_samples=100", data_dir=real_data)
    digits.advance(4)
    assert digits.evaluate()["evaluation/frechet"] > 0

    sets = ("data={name: stacked-mnist}", "batch_size=8", "generator.width=4", "discriminator.width=4")
    trainer = make("mnist", *sets, "evaluation_samples=100", "snapshot_samples=4", data_dir=real_data)
    trainer.advance(2)
    assert trainer.evaluate().keys() == {
        f"evaluation/{ema}{score}" for ema in ("", "ema/") for score in ("modes", "reverse_kl")
    }
    scores = trainer._scorer(trainer.data.batch(8000))
    assert scores["modes"] > 950
    assert scores["reverse_kl"] < 0.2
