from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan.config import EMA_DECAY, GanConfig
from gan.networks import players
from gan.networks.sizes import image_base
from gan.plugin import PLUGIN
from lab.errors import UserError
from lab.training.config import dump, load_yaml, resolve

PRESETS = sorted(path.stem for path in PLUGIN.presets.glob("*.yaml"))
Read = Callable[..., GanConfig]


def test_the_shipped_presets() -> None:
    assert {"ring", "grid", "digits", "mnist", "fashion-mnist", "stacked-mnist", "cifar10", "folder"} <= set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_whole_cycles_long_and_survives_a_round_trip(name: str, preset: Read, tmp_path: Path) -> None:
    config = preset(name)
    period = config.parsed_clock().position(0).period
    assert config.steps % period == 0
    assert period % config.evaluate_every == 0
    (tmp_path / "config.yaml").write_text(dump(config))
    assert resolve(GanConfig, load_yaml(tmp_path / "config.yaml")) == config


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("data.nmae=ring", "data"),
        ("data.std=0", "data.*std"),
        ("voices.lr.generater=1e-3", "lr.generator"),
        ("voices.lr.generator=.nan", "lr.generator"),
        ("batch_size=true", "batch_size"),
        ("loss=wasserstien", "loss: no loss is called 'wasserstien'; did you mean 'wasserstein'"),
        (
            "generator={network: dcgan}",
            "generator.network: 'dcgan' draws square images and samples of shape .2. are none; use 'mlp'",
        ),
        ("optimizer.beta1=1.0", "optimizer.*beta1"),
        ("optimizer={name: sgd, momentum: -1}", "optimizer.*momentum"),
        ("voices.gp.weight=-1", r"voices\.gp\.weight: -1 is not accepted; 0 to inf is"),
        ("packing=3", "packing: 3 does not divide batch_size 256"),
        ("augment=[color]", r"augment: it changes images, and samples of shape \[2\] are none"),
        ("voices.augment.strength=0.5", "voices.augment.strength: augment names no augmentation"),
        ("balance={balance: closed_loop, moves: offset}", "balance: moves: 'offset' shifts the wave of lr.generator"),
        ("balance={balance: closed_loop, follows: phase, phase: 0.5}", "balance.*phase: 0.5 is not accepted"),
        ("balance={balance: closed_loop, follows: phase, moves: offset}", "balance: moves: 'offset' shifts the wave"),
        ("lookahead={alpha: 0}", "lookahead.alpha"),
        ("voices.lr.discriminator={follow: advantages, relation: anti_phase, low: 0, high: 1}", "advantages"),
        ("voices.lr.generator=-1.0e-3", r"voices\.lr\.generator: a mean of -0\.001 leads uphill"),
        ("voices.lr.generator={wave: cosine, low: -3, high: 1}", r"voices\.lr\.generator: a mean of -1 leads uphill"),
        ("voices.ema.half_life=200", r"voices\.ema\.half_life: it says what ema\.decay says"),
        ("voices.r1.weight=-1", r"voices\.r1\.weight: -1 is not accepted; 0 to inf is"),
        ("voices.ema.decay={wave: cosine, low: 0.5, high: 1.5}", r"ema\.decay: 0\.5 to 1\.5 is not accepted; 0 to 1"),
    ],
)
def test_mistakes_are_one_line_that_names_the_field(change: str, complaint: str, preset: Read) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        preset("ring", change)
    assert "\n" not in str(caught.value)


def test_the_half_life_of_the_average(preset: Read) -> None:
    voices = {"lr.generator": 1e-3, "lr.discriminator": 1e-3, "ema.half_life": 50}
    config = preset("ring", f"voices={voices}")
    assert config.decay({"ema.half_life": 50.0}) ** 50 == pytest.approx(0.5)
    assert config.decay({}) == EMA_DECAY


def test_a_learning_rate_is_required_and_the_rest_is_not(preset: Read) -> None:
    with pytest.raises(UserError, match=r"voices\.lr\.discriminator"):
        preset("ring", "voices={lr.generator: 1.0e-3}")
    preset("ring", "voices={lr.generator: 1.0e-3, lr.discriminator: 1.0e-3}")


@pytest.mark.parametrize(("size", "split"), [(8, (4, 1)), (16, (4, 2)), (28, (7, 2)), (32, (4, 3)), (64, (4, 4))])
def test_image_sizes(size: int, split: tuple[int, int], preset: Read) -> None:
    assert image_base(size) == split
    config = preset(
        "digits",
        f"data={{name: folder, path: x, size: {size}, channels: 3}}",
        "generator.width=2",
        "discriminator.width=2",
    )
    random = torch.Generator().manual_seed(0)
    images = players.generator(config, random)(torch.zeros(2, config.latent))
    assert images.shape == (2, 3, size, size)
    assert players.discriminator(config, random)(images).shape == (2,)


@pytest.mark.parametrize("size", [7, 18, 11])
def test_image_sizes_that_no_dcgan_has(size: int) -> None:
    with pytest.raises(ValueError, match=f"image size {size}"):
        image_base(size)


def test_weights_come_from_the_passed_generator_alone(preset: Read) -> None:
    def weights(name: str, seed: int) -> torch.Tensor:
        network = players.generator(preset(name), torch.Generator().manual_seed(seed))
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    for name in ("ring", "digits"):
        assert torch.equal(weights(name, 3), weights(name, 3))
        assert not torch.equal(weights(name, 3), weights(name, 4))


def test_an_output_of_the_discriminator_depends_on_its_own_sample_alone(preset: Read) -> None:
    network = players.discriminator(preset("digits"), torch.Generator().manual_seed(0))
    images = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network(images)[:2], network(images[:2]))


def test_the_plugin_imports_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, gan.plugin; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
