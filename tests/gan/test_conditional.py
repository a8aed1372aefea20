"""Class-conditional players: what they are told, how they are told it, and who cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.optim import SGD

from gan.config import GanConfig
from gan.data.labelled import JudgeScorer
from gan.data.ring import RingData
from gan.data.source import Shuffled, to_unit
from gan.losses import LOSSES
from gan.networks import NETWORKS
from gan.networks.conditional import ClassNorm, Projection
from gan.networks.residual import Residual
from gan.penalties import PENALTIES
from gan.sampling import mixture, points, sample
from gan.stack import stack_key
from gan.step import SHARED, Game, Player, lean, plan
from gan.trainer import GanTrainer
from lab.cli.main import main
from lab.errors import UserError
from lab.supervised import datasets
from lab.supervised.judge import judge
from lab.training import checkpoints

Make = Callable[..., GanTrainer]
Read = Callable[..., GanConfig]
OUTSIDE = Path(__file__).parents[1] / "outside"
CPU = torch.device("cpu")
WORDS = ("mlp", "dcgan", "sngan", "r3gan")
NORMALISED = ("mlp", "dcgan", "sngan")
EVERY = [*((word, {"spectral": spectral}) for word in NORMALISED for spectral in (False, True)), ("r3gan", {})]
SMALL = ("conditional=true", "batch_size=20", "evaluation_samples=20", "snapshot_every=1000", "snapshot_samples=4")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def networks(word: str) -> tuple[str, str]:
    return f"generator={{network: {word}, width: 8}}", f"discriminator={{network: {word}, width: 8}}"


@pytest.fixture(scope="module")
def results(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conditional run of the digits, and one of the ring."""
    root = tmp_path_factory.mktemp("results")
    sets = ["steps=8", "device=cpu", "clock.period=4", "evaluation_samples=50", "snapshot_samples=4"]
    for name, more in (("ring", []), ("digits", [*networks("dcgan"), "conditional=true", "voices.lr.generator=0.03"])):
        words = [word for each in (*sets, *more) for word in ("--set", each)]
        where = ["--name", name, "--results", str(root), "--data-dir", str(judged)]
        assert main(["gan", "train", name, *words, "--quiet", *where]) == 0
    return root


class Echo(nn.Module):
    """A generator of samples that show the label they were asked for in every number."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.numbers = numbers

    def forward(self, points: Tensor) -> Tensor:
        return points[:, 2:].argmax(1, keepdim=True).float().expand(-1, self.numbers) + self.shift


class Strict(nn.Module):
    """A discriminator that fails on a sample which does not show the label it is told; it counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.5))
        self.passes = 0

    def forward(self, samples: Tensor, labels: Tensor) -> Tensor:
        torch.testing.assert_close(samples.detach().mean(1), labels.argmax(1).float())
        self.passes += 1
        return self.slope * samples.sum(1)


@pytest.mark.parametrize("numbers", [3, SHARED["float32"]], ids=["one pass", "a pass each"])
@pytest.mark.parametrize("updates", ["alternating", "simultaneous", "extragradient"])
@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_every_sample_is_judged_under_its_own_label(loss: str, updates: str, numbers: int) -> None:
    """Also between real and generated samples, which a gradient penalty therefore joins within a class."""
    random = seeded()

    def real(n: int) -> tuple[Tensor, Tensor]:
        classes = torch.randint(5, (n,), generator=random)
        return classes.float()[:, None].repeat(1, numbers), torch.eye(5)[classes]

    def player(network: nn.Module) -> Player:
        return Player(network, SGD(network.parameters(), lr=0.0), tuple(network.parameters()))

    game = Game(
        generator=player(Echo(numbers)),
        discriminator=player(Strict()),
        loss=LOSSES.named(loss)(),
        plan=plan(updates, 1 if updates == "extragradient" else 2),
        batch_size=8,
        real=real,
        noise=lambda n: torch.randn(n, 2, generator=random),
        penalties={word: PENALTIES.named(word)() for word in ("gp", "r1", "r2")},
        view=lambda samples: samples,
        random=random,
    )
    game.step({"gp": 1.0, "r1": 1.0, "r2": 1.0})
    assert game.discriminator.network.passes > 2


@pytest.mark.parametrize("name", ["ring", "digits"])
def test_a_run_without_labels_is_to_the_bit_a_plain_loop(make: Make, judged: Path, name: str) -> None:
    sets = ("voices.r1.weight=0.0", "batch_size=16", "snapshot_every=1000", "loss=non_saturating")
    ours, plain = (make(name, *sets, data_dir=judged) for _ in range(2))
    ours.advance(6)
    noise = plain.game.noise
    for _ in range(6):
        plain.begin_step()
        real, fake = plain.data.batch(16), plain.generator(noise(16))
        real_out, fake_out = plain.discriminator(torch.cat((real, fake.detach()))).chunk(2)
        lean(plain.config.loss.discriminator(real_out, fake_out), tuple(plain.discriminator.parameters()))
        plain.players.optimizers["discriminator"].step()
        lean(plain.config.loss.generator(plain.discriminator(fake)), tuple(plain.generator.parameters()))
        plain.players.optimizers["generator"].step()
        plain.step += 1
    for player in ("generator", "discriminator"):
        mine, theirs = ours.players.networks[player].state_dict(), plain.players.networks[player].state_dict()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize(
    "sets",
    [
        ("voices.r1.weight=0.5", "penalty_every=2"),
        ("updates=extragradient", "loss=relativistic", "voices.r1.weight=0", "voices.gp.weight=1"),
    ],
)
@pytest.mark.parametrize("word", WORDS)
def test_a_resumed_run_ends_bit_identical(
    make: Make, judged: Path, tmp_path: Path, word: str, sets: tuple[str, ...]
) -> None:
    spectral = ("discriminator.spectral=true",) if word in NORMALISED else ()
    words = ("digits", *SMALL, *networks(word), *spectral, *sets)
    whole, resumed = (make(*words, data_dir=judged) for _ in range(2))
    whole.advance(3)
    checkpoints.save(tmp_path / "checkpoints", 3, whole.state_dict())
    whole.advance(7)
    resumed.advance(2)  # wherever it was before
    resumed.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    resumed.advance(7)
    for part in ("generator", "discriminator", "ema"):
        mine, other = whole.state_dict()[part], resumed.state_dict()[part]
        assert [name for name in mine if not torch.equal(mine[name], other[name])] == []
    assert whole.metrics() == resumed.metrics()
    assert whole.evaluate() == resumed.evaluate()


@pytest.mark.parametrize("word", WORDS)
def test_the_label_changes_the_image_and_the_logit(make: Make, judged: Path, word: str) -> None:
    trainer = make("digits", *SMALL, *networks(word), data_dir=judged)
    trainer.advance(3)
    asked = points(trainer.config, 10, seeded())
    asked[:, : trainer.config.latent] = asked[0, : trainer.config.latent]
    images = sample(trainer.generator, asked)
    assert len(np.unique(images.flatten(1).numpy(), axis=0)) == 10
    logits = sample(trainer.discriminator, images[:1].expand(10, -1, -1, -1), torch.eye(10))
    assert len(logits.unique()) == 10


@pytest.mark.parametrize(("word", "settings"), EVERY)
def test_weights_are_of_the_seed_and_all_are_reached(word: str, settings: dict[str, Any]) -> None:
    part = NETWORKS.validate({"network": word, "width": 8} | settings)

    def players(seed: int) -> tuple[nn.Module, nn.Module]:
        random = seeded(seed)
        build = partial(part.discriminator, (1, 16, 16), classes=4)
        generator = part.initialised(partial(part.generator, 5, (1, 16, 16), classes=4), random)
        return generator, part.constrained(part.initialised(build, random), random)

    before = torch.get_rng_state()
    for mine, same in zip(players(3), players(3), strict=True):
        states = mine.state_dict(), same.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert torch.equal(before, torch.get_rng_state())
    generator, discriminator = players(0)
    labels = torch.eye(4).repeat(4, 1)
    latent = torch.randn(16, 5, generator=seeded())
    for layer in (*generator.modules(), *discriminator.modules()):
        if word == "r3gan" and isinstance(layer, Residual):  # zero at first, and no gradient passes it
            nn.init.normal_(layer.branch[-1].weight, generator=seeded(2))
    for network in (generator, discriminator):
        fake = generator(torch.cat((latent, labels), 1))
        lean(discriminator(fake, labels).square().sum(), tuple(network.parameters()))
        assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []
    linear = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert all(is_parametrized(layer) == settings.get("spectral", False) for layer in linear)


def test_a_projection_is_its_formula() -> None:
    """Miyato & Koyama 2018: ψ(φ(x)) + yᵀVφ(x)."""
    head = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    network = Projection(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), head, 3, 4)
    x, y = torch.randn(7, 2, generator=seeded()), torch.randint(4, (7,), generator=seeded())
    phi = torch.relu(x @ network.features[0].weight.T + network.features[0].bias)  # type: ignore[index]
    rows = network.embedding.weight.T
    expected = [head[0].weight[0] @ f + head[0].bias[0] + rows[k] @ f for f, k in zip(phi, y, strict=True)]
    torch.testing.assert_close(network(x, torch.eye(4)[y]), torch.stack(expected))


def test_r3gans_logits_are_as_large_with_classes_as_without() -> None:
    """However wide it is: an embedding's numbers are those of a last layer."""
    network = NETWORKS.validate({"network": "r3gan", "width": 256})
    build = partial(network.discriminator, (1, 8, 8), classes=10)
    projection = network.initialised(build, seeded())
    for layer in (projection.head[0], projection.embedding):  # type: ignore[index]
        assert float(layer.weight.detach().std()) == pytest.approx(1 / 16, rel=0.15)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), channels=st.integers(1, 5), classes=st.integers(1, 4))
def test_equal_rows_make_batchnorm_of_a_classnorm(seed: int, channels: int, classes: int) -> None:
    random = seeded(seed)
    ours, plain = ClassNorm(channels, classes), nn.BatchNorm2d(channels)
    images = torch.randn(6, channels, 3, 3, generator=random)
    labels = torch.eye(classes)[torch.randint(classes, (6,), generator=random)]
    torch.testing.assert_close(ours(images, labels), plain(images))  # as both begin
    with torch.no_grad():
        nn.init.normal_(plain.weight, generator=random), nn.init.normal_(plain.bias, generator=random)
        ours.affine.weight.copy_(torch.cat((plain.weight, plain.bias))[:, None].expand(-1, classes))
    for mode in (True, False):
        torch.testing.assert_close(ours.train(mode)(images, labels), plain.train(mode)(images))


def test_a_classnorm_scales_and_shifts_by_class() -> None:
    norm = ClassNorm(1, 2)
    with torch.no_grad():
        norm.affine.weight[:, 1] = torch.tensor([3.0, 5.0])
    images, labels = torch.randn(4, 1, 2, 2, generator=seeded()), torch.eye(2)[[0, 1, 1, 0]]
    first, second = norm(images, torch.eye(2)[[0, 0, 0, 0]]), norm(images, labels)
    torch.testing.assert_close(second[[0, 3]], first[[0, 3]])
    torch.testing.assert_close(second[1:3], 3 * first[1:3] + 5)


def test_labels_stay_with_their_samples_in_the_order_of_batches() -> None:
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1)
    labelled, alone = Shuffled(images, CPU, seeded(), torch.eye(10)), Shuffled(images, CPU, seeded())
    for n in (4, 9, 2):
        samples, labels = labelled.labelled(n)
        assert torch.equal(samples, to_unit(images[labels.argmax(1)]))
        assert torch.equal(samples, alone.batch(n))
    with pytest.raises(ValueError, match="without labels"):
        alone.labelled(1)


def test_points_ask_for_the_classes_in_turn_or_for_one(preset: Read) -> None:
    config, plain = preset("digits", "conditional=true"), preset("digits")
    asked = points(config, 23, seeded())
    assert asked[:, 32:].argmax(1).tolist() == [*range(10), *range(10), 0, 1, 2]
    assert asked[:, 32:].sum(1).eq(1).all()
    assert points(config, 5, seeded(), 7)[:, 32:].argmax(1).tolist() == [7] * 5
    assert torch.equal(points(plain, 23, seeded()), asked[:, :32])


@settings(max_examples=30, deadline=None)
@given(members=st.integers(1, 7), classes=st.integers(1, 10), rounds=st.integers(1, 4))
def test_an_ensemble_shares_out_every_class(members: int, classes: int, rounds: int) -> None:
    class Marked(nn.Module):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def forward(self, points: Tensor) -> Tensor:
            return points + 100 * self.number

    n = classes * members * rounds
    asked = (torch.arange(n) % classes).float()[:, None]
    drawn = mixture([Marked(number) for number in range(members)], asked, run=classes)[:, 0]
    assert torch.equal(drawn % 100, asked[:, 0])
    shares = torch.stack((asked[:, 0], drawn // 100), 1).unique(dim=0, return_counts=True)[1]
    assert shares.tolist() == [rounds] * (classes * members)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("ring", (), "conditional: the samples of 'ring' have no classes; accepted is false"),
        (
            "digits",
            ("generator=their_parts.networks:SineNetwork",),
            "generator.network: 'their_parts.networks:SineNetwork' cannot be told classes",
        ),
        (
            "digits",
            ("discriminator=their_parts.networks:SineNetwork",),
            "discriminator.network: 'their_parts.networks:SineNet",
        ),
        ("digits", ("packing=2",), "packing: 2 is not accepted with conditional: true; 1 is"),
    ],
)
def test_what_cannot_be_conditional(
    preset: Read, name: str, change: tuple[str, ...], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(OUTSIDE)
    with pytest.raises(UserError, match=complaint) as caught:
        preset(name, "conditional=true", *change)
    assert "\n" not in str(caught.value)


class Halves(RingData):
    """Points with classes: which half of the ring they are of."""

    @property
    def classes(self) -> int:
        return 2


def test_a_conditional_run_is_not_stacked(preset: Read) -> None:
    plain = preset("ring").model_copy(update={"data": Halves()})
    assert stack_key(plain) is not None
    assert stack_key(plain.model_copy(update={"conditional": True})) is None


def test_the_judge_says_how_many_are_of_their_class(judged: Path) -> None:
    scorer, data = JudgeScorer(judge("digits", judged, CPU)), datasets.load("digits", judged)
    images = to_unit(data.test_inputs)
    assert scorer(images, data.test_labels)["own_class"] == pytest.approx(scorer.judge.accuracy)
    assert scorer(images, (data.test_labels + 1) % 10)["own_class"] < 0.05
    assert "own_class" not in scorer(images)


def test_a_conditional_run_is_scored_by_it(make: Make, judged: Path) -> None:
    told = make("digits", *SMALL, *networks("dcgan"), data_dir=judged).evaluate()
    assert {"evaluation/own_class", "evaluation/ema/own_class", "overfitting/r_t"} <= told.keys()
    plain = make("digits", *SMALL[1:], *networks("dcgan"), data_dir=judged).evaluate()
    assert told.keys() - plain.keys() == {"evaluation/own_class", "evaluation/ema/own_class"}


def draw(results: Path, run: str, out: Path, *args: str) -> Any:
    words = ["gan", "sample", run, "--results", str(results), "--out", str(out), "--n", "20", *args]
    return np.load(out)["samples"] if main(words) == 0 else None


def test_samples_of_one_class(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    mixed, own = (draw(results, "digits", out, "--weights", "raw", *more) for more in ((), ("--class", "3")))
    same = (mixed == own).reshape(20, -1).all(axis=1)
    assert same.nonzero()[0].tolist() == [3, 13]
    assert draw(results, "digits", out, "--class", "3", "--weights", "ensemble").shape == (20, 8, 8)


@pytest.mark.parametrize(
    ("run", "label", "complaint"),
    [
        ("ring", "0", "--class: the run is not conditional"),
        ("digits", "10", "--class: 10 is not accepted; 0 to 9 is"),
        ("digits", "-1", "--class: -1 is not accepted; 0 to 9 is"),
    ],
)
def test_classes_that_cannot_be_drawn(
    results: Path, tmp_path: Path, run: str, label: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw(results, run, tmp_path / "x.npz", "--class", label) is None
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_an_evaluation_of_a_conditional_run_shows_its_classes(
    results: Path, judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gan", "evaluate", "digits", "--results", str(results), "--data-dir", str(judged)]) == 0
    assert "own_class" in capsys.readouterr().out


@pytest.mark.slow
def test_digits_become_the_digits_that_were_asked_for(make: Make, judged: Path) -> None:
    trainer = make("digits", "conditional=true", "generator=mlp", "discriminator=mlp", data_dir=judged)
    trainer.advance(900)
    assert trainer.evaluate()["evaluation/ema/own_class"] > 0.7
