from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gan.sampling import mixture, sample
from gan.snapshots import load_members, members, read_member
from gan.trainer import GanTrainer
from lab.errors import UserError

SMALL = ("batch_size=16", "clock.period=8", "snapshot_every=1000", "generator.width=8", "discriminator.width=8")
Make = Callable[..., GanTrainer]


def steps(place: Path) -> list[int]:
    return [int(path.stem.split("-")[-1]) for path in members(place)]


def test_a_generator_is_kept_at_each_trough(make: Make, tmp_path: Path) -> None:
    wave = "voices.lr.generator={wave: cosine, low: 0.0, high: 1.0e-3, offset: 0.25}"
    trainer = make("ring", *SMALL, wave)
    trainer.advance(2)
    expected = {name: tensor.clone() for name, tensor in trainer.generator.state_dict().items()}
    trainer.advance(20)
    assert steps(tmp_path / "snapshots") == [2, 10, 18]
    (first, *_) = load_members(members(tmp_path / "snapshots"), trainer.generator)
    assert all(torch.equal(first[name], expected[name]) for name in expected)


def test_a_constant_rate_keeps_one_at_each_beginning_of_a_cycle(make: Make, tmp_path: Path) -> None:
    make("ring", *SMALL).advance(20)
    assert steps(tmp_path / "snapshots") == [8, 16]


def test_the_newest_stay_and_none_is_kept_where_none_is_wanted(make: Make, tmp_path: Path) -> None:
    make("ring", *SMALL, "ensemble_size=2").advance(33)
    assert steps(tmp_path / "snapshots") == [24, 32]
    make("ring", *SMALL, "ensemble_size=2").advance(20)
    assert steps(tmp_path / "snapshots") == [8, 16], "those of a later step, before a resume, come again"
    for path in members(tmp_path / "snapshots"):
        path.unlink()
    make("ring", *SMALL, "ensemble_size=0").advance(20)
    assert steps(tmp_path / "snapshots") == []


def test_keeping_does_not_change_training(make: Make) -> None:
    some, none = make("digits", *SMALL[:3], "ensemble_size=3"), make("digits", *SMALL[:3], "ensemble_size=0")
    some.advance(17)
    none.advance(17)
    for mine, theirs in zip(some.generator.state_dict().values(), none.generator.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_weights_of_another_network_are_refused(make: Make, tmp_path: Path) -> None:
    make("ring", *SMALL).advance(9)
    with pytest.raises(UserError, match="holds the weights of another generator than config.yaml describes"):
        load_members(members(tmp_path / "snapshots"), nn.Linear(2, 2))


def test_a_changed_weight_is_noticed(make: Make, tmp_path: Path) -> None:
    make("ring", *SMALL).advance(9)
    (path,) = members(tmp_path / "snapshots")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="not as it was written; delete it"):
        read_member(path)


class Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, latents: Tensor) -> Tensor:
        return latents + self.value


def test_a_mixture_takes_equal_shares_each_of_its_own_latents() -> None:
    points = torch.arange(7.0)[:, None]
    networks = [Constant(0.0), Constant(100.0), Constant(200.0)]
    assert mixture(networks, points).flatten().tolist() == [0, 101, 202, 3, 104, 205, 6]
    assert mixture(networks, points[:2]).flatten().tolist() == [0, 101]
    assert torch.equal(mixture(networks[:1], points), sample(networks[0], points))
