"""Parts of a user's own: what is wrong with them is one line before training, what is unusual about them works."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gan.data import Dataset, shuffled
from gan.data.part import DataPart, unscored
from gan.losses import LossPart
from gan.networks import NetworkPart
from gan.penalties import Judged, PenaltyPart
from gan.step import SHARED
from gan.trainer import GanTrainer
from lab.cli.main import main
from lab.errors import UserError

Make = Callable[..., GanTrainer]
HERE = __name__
SMALL = ("batch_size=8", "evaluation_samples=8", "snapshot_samples=4", "diagnostics=false")


class Players(NetworkPart):
    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Linear(latent, 4), nn.ReLU(), nn.Linear(4, 2))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(), nn.Linear(4, 1), nn.Flatten(0))


class Unused(Players):
    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        network = super().generator(latent, shape)
        network.register_parameter("forgotten", nn.Parameter(torch.zeros(3)))
        return network


class Frozen(Players):
    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        network = super().generator(latent, shape)
        network[0].requires_grad_(False)
        return network

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        network = super().discriminator(shape)
        network[2].requires_grad_(False)
        return network


class Weightless(Players):
    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        return nn.Identity()


class Unfinished(NetworkPart):
    pass


class Late(Players):
    """Fails at the batch size that is trained with, not at that of a trial."""

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        network = super().discriminator(shape)

        def refuse(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            if len(given[0]) > 4:
                raise KeyError("five")

        network.register_forward_pre_hook(refuse)
        return network


class Normalised(Players):
    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1), nn.Flatten(0))


class Dropping(Players):
    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Dropout(0.5), nn.Linear(8, 1), nn.Flatten(0))


class Styled(Players):
    """Draws a noise of its own in each pass, as StyleGAN's generator does, in half precision."""

    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        network = super().generator(latent, shape)
        network.register_forward_hook(lambda module, given, found: (found + torch.randn_like(found)).bfloat16())
        return network


class Lazy(Players):
    def generator(self, latent: int, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))


class Backbone(Players):
    """A network that somebody trained before, which is to stay as it is."""

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        body = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU()).requires_grad_(False).eval()
        return nn.Sequential(body, nn.Linear(4, 1), nn.Flatten(0))


class Drift(PenaltyPart):
    def values(self, judged: Judged) -> Tensor:
        return judged.real_out.square()


class BadScore(DataPart):
    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        return shuffled(torch.zeros(20, 2), lambda samples: {"mean": samples.mean()})  # type: ignore[dict-item]


class PerSample(LossPart):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - 1).square() + fake.square()

    def generator(self, fake: Tensor) -> Tensor:
        return (fake - 1).square()


class HalfALoss(LossPart):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - 1).square().mean() + fake.square().mean()


class Triples(DataPart):
    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Dataset:
        return shuffled(torch.zeros(20, 3), unscored)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("generator={network: HERE:Unused}", "not have been used.*belongs frozen"),
        ("generator={network: HERE:Weightless}", "generator: it has no weights to train"),
        ("generator={network: HERE:Unfinished}", r"generator: it cannot be built \(NotImplementedError\)"),
        ("discriminator={network: HERE:Late}", r"a first step cannot be played \(KeyError: 'five'\)"),
        ("loss={loss: HERE:PerSample}", "a first step cannot be played.*only for scalar"),
        ("loss={loss: HERE:HalfALoss}", r"a first step cannot be played \(NotImplementedError\)"),
        ("data={name: HERE:Triples}", f"{HERE}: a first step cannot be played.*RuntimeError"),
        ("data={name: HERE:BadScore}", r"a first step cannot be played \(TypeError: the scorer gives {'mean': tensor"),
        ("penalties=[HERE:Drift]", "penalties: 'Drift' has no weight; a voice Drift.weight gives it one"),
        ("penalties=[r1, r1]", "penalties: 'r1' is named twice"),
    ],
)
def test_what_is_wrong_with_a_part_is_one_line_before_training(
    change: str, complaint: str, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = change.replace("HERE", HERE)
    with pytest.raises(UserError, match=complaint) as caught:
        make("ring", *SMALL, change)
    assert "\n" not in str(caught.value)
    sets = [word for each in (*SMALL, change, "steps=2", "device=cpu") for word in ("--set", each)]
    assert main(["gan", "train", "ring", *sets, "--name", "own", "--results", str(tmp_path / "results")]) == 2
    assert not (tmp_path / "results" / "runs" / "own").exists(), "a run that never began leaves nothing"


def weights(network: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(network.state_dict())


@pytest.mark.parametrize("sets", [(), ("lookahead={every: 2}",), ("updates=extragradient", "voices.r1.weight=1")])
def test_frozen_weights_stay_and_the_others_move(sets: tuple[str, ...], make: Make) -> None:
    players = (f"generator={{network: {HERE}:Frozen}}", f"discriminator={{network: {HERE}:Frozen}}")
    trainer = make("ring", *SMALL, *players, *sets)
    before = [weights(network) for network in (trainer.generator, trainer.discriminator)]
    trainer.advance(4)
    after = [weights(network) for network in (trainer.generator, trainer.discriminator)]
    same = [{name for name in one if torch.equal(one[name], two[name])} for one, two in zip(before, after, strict=True)]
    assert same == [{"0.weight", "0.bias"}, {"2.weight", "2.bias"}]
    resumed = make("ring", *SMALL, *players, *sets)
    resumed.load_state_dict(copy.deepcopy(trainer.state_dict()))
    for each in (trainer, resumed):
        each.advance(7)
    for one, two in zip(trainer.generator.parameters(), resumed.generator.parameters(), strict=True):
        assert torch.equal(one, two)


def test_what_modules_draw_is_of_the_seed_and_goes_on_after_a_resume(make: Make) -> None:
    sets = (*SMALL, f"discriminator={{network: {HERE}:Dropping}}")
    trainer, alike, other = make("ring", *sets), make("ring", *sets), make("ring", *sets, "seed=1")
    outside = torch.get_rng_state()
    trainer.advance(4)
    assert torch.equal(torch.get_rng_state(), outside), "the caller's own chance is left alone"
    resumed = make("ring", *sets)
    resumed.load_state_dict(copy.deepcopy(trainer.state_dict()))
    for each in (trainer, alike, resumed):
        torch.manual_seed(id(each))
        each.advance(8)
    for one, two, three in zip(*(list(each.generator.parameters()) for each in (trainer, alike, resumed)), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)
    assert not torch.equal(other.state_dict()["noise"]["torch"], alike.state_dict()["noise"]["torch"])


def test_looking_at_a_generator_that_draws_changes_nothing_and_sees_the_same_again(make: Make) -> None:
    sets = (*SMALL, f"generator={{network: {HERE}:Styled}}")
    often, seldom = make("ring", *sets, "snapshot_every=1"), make("ring", *sets, "snapshot_every=50")
    often.advance(3)
    torch.manual_seed(1)
    first = often.evaluate()
    torch.manual_seed(2)
    assert often.evaluate() == first
    for each in (often, seldom):
        each.advance(6)
    assert all(map(torch.equal, often.generator.parameters(), seldom.generator.parameters()))


def test_layers_that_take_their_shape_from_a_first_pass_are_drawn_from_the_seed(make: Make) -> None:
    change = f"generator={{network: {HERE}:Lazy}}"
    torch.manual_seed(1)
    one = make("ring", *SMALL, change)
    torch.manual_seed(2)
    two, other = make("ring", *SMALL, change), make("ring", *SMALL, change, "seed=1")
    assert all(map(torch.equal, one.generator.parameters(), two.generator.parameters()))
    assert not all(map(torch.equal, one.generator.parameters(), other.generator.parameters()))


def test_a_frozen_backbone_stays_in_evaluation_mode(make: Make) -> None:
    trainer = make("ring", *SMALL, f"discriminator={{network: {HERE}:Backbone}}", "voices.r1.weight=1")
    before = weights(trainer.discriminator)
    trainer.advance(3)
    trainer.evaluate()
    trainer.advance(6)
    after = weights(trainer.discriminator)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"1.weight", "1.bias"}


def test_a_trial_changes_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    change = f"generator={{network: {HERE}:Players}}"
    tried = make("ring", *SMALL, change)
    monkeypatch.setattr("gan.trainer.try_step", lambda *rest: None)
    plain = make("ring", *SMALL, change)
    for each in (tried, plain):
        each.advance(5)
    assert all(map(torch.equal, tried.generator.parameters(), plain.generator.parameters()))


def test_with_batch_norm_real_and_generated_samples_are_normalised_apart(make: Make) -> None:
    norm = f"discriminator={{network: {HERE}:Normalised}}"
    assert make("ring", *SMALL, norm).game.shared == 0
    assert make("ring", *SMALL).game.shared == SHARED["float32"]
    assert make("ring", *SMALL, f"discriminator={{network: {HERE}:Players}}").game.shared == 0, "nobody knows of it"
    for penalty in ("r1", "r2", "gp"):
        with pytest.raises(UserError, match=rf"voices\.{penalty}\.weight: .*with BatchNorm"):
            make("ring", *SMALL, norm, f"voices.{penalty}.weight=1")
