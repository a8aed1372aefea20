"""Measures the trainer's step against a script's plain loop, and with its diagnostics against without, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan.config import GanConfig
from gan.networks.layers import ConvFromImage, ConvToImage, Flatten, Unflatten
from gan.optimizers import AdamOptimizer
from gan.precision import is_native
from gan.trainer import GanTrainer
from lab.training.config import load_yaml, resolve
from lab.training.paths import data_root
from lab.training.timing import compared, timed
from lab.training.trainer import Context

PRESETS = Path(__file__).parent / "presets"
WORKLOADS = {"ring": 60, "digits": 40, "mnist": 6, "mnist-bfloat16": 6}
"""Presets, each with the steps of a block: about an eighth of a second on a CPU."""
LOWER = "-bfloat16"
"""Ends the workloads in which our passes are in bfloat16, and the plain loop's in float32."""
FASTER = 10
"""How many times as many steps a block has on a GPU."""
WARM = 2
UNIT = "generator updates"
DIAGNOSED = {"ring": 41, "digits": 31, "mnist": 7}
"""Presets whose diagnostics are measured, each with the stretches between evaluations that are timed."""
PLAIN = {"lr.generator": 2e-4, "lr.discriminator": 2e-4, "ema.decay": 0.999}
"""The learning rates of the example, which has no penalty; the average is ours alone."""


@dataclass
class Plain:
    """The training loop of PyTorch's DCGAN example: two Adams, a pass for real and one for generated samples.

    The generator's samples are used twice: detached for the discriminator, then for the generator's own loss. Networks,
    batches and rates are those of ``trainer``, which is not trained; there is no average. The numbers that the example
    prints at each step are read as it reads them, and not printed.
    """

    trainer: GanTrainer
    device: torch.device

    def __post_init__(self) -> None:
        """Make the optimisers as the example does, with torch's own defaults."""
        adam = self.trainer.config.optimizer
        assert isinstance(adam, AdamOptimizer), "as in the presets that are measured"
        betas = (adam.beta1, adam.beta2)
        self.generator, self.discriminator = _plain(self.trainer.generator), _plain(self.trainer.discriminator)
        self.for_generator = torch.optim.Adam(self.generator.parameters(), lr=PLAIN["lr.generator"], betas=betas)
        self.for_discriminator = torch.optim.Adam(
            self.discriminator.parameters(), lr=PLAIN["lr.discriminator"], betas=betas
        )

    def run(self, steps: int, real_batch: Callable[[int], Tensor]) -> None:
        """Train for ``steps`` steps."""
        n, latent = self.trainer.config.batch_size, self.trainer.config.latent
        loss = functional.binary_cross_entropy_with_logits
        for _ in range(steps):
            self.discriminator.zero_grad()
            label = torch.full((n,), 1.0, device=self.device)
            output = self.discriminator(real_batch(n))
            loss_real = loss(output, label)
            loss_real.backward()  # type: ignore[no-untyped-call]
            mean_real = output.mean().item()
            fake = self.generator(torch.randn(n, latent, device=self.device))
            label.fill_(0.0)
            output = self.discriminator(fake.detach())
            loss_fake = loss(output, label)
            loss_fake.backward()  # type: ignore[no-untyped-call]
            mean_before = output.mean().item()
            self.for_discriminator.step()
            self.generator.zero_grad()
            label.fill_(1.0)
            output = self.discriminator(fake)
            loss_generator = loss(output, label)
            loss_generator.backward()  # type: ignore[no-untyped-call]
            mean_after = output.mean().item()
            self.for_generator.step()
            self.shown = ((loss_real + loss_fake).item(), loss_generator.item(), mean_real, mean_before, mean_after)


def measure(short: bool = False, device: str = "cpu") -> dict[str, Any]:
    """Steps a second of the trainer and of the plain loop, and their ratio, for every workload whose data is there.

    Args:
        short: few blocks, for a check that nothing became slow.
        device: ``cpu`` or ``cuda``; on a GPU the ratio is by the clock on the wall, and each block waits for its end.
    """
    blocks, place = 9 if short else 41, torch.device(device)
    data_dir = data_root(None)
    found = {name for name in WORKLOADS if not name.startswith("mnist") or (data_dir / "mnist").is_dir()}
    if not is_native(place):
        found = {name for name in found if not name.endswith(LOWER)}
    return {
        "what": "GAN steps against the plain loop of PyTorch's DCGAN example, same networks, batches and rates",
        "settings": dict(PLAIN),
        "workloads": {name: compare(name, blocks, data_dir, place) for name in WORKLOADS if name in found},
    }


def compare(workload: str, blocks: int, data_dir: Path, device: torch.device) -> dict[str, Any]:
    """Time blocks of steps, ours and the plain loop's in turn, after two of each to warm up.

    Returns:
        ``ratio``: the plain loop's time over ours, median over pairs of neighbouring blocks, with quartiles; steps a
        second of both (medians). On a CPU this is processor time, and there is a ratio by the clock on the wall, which
        a busy machine disturbs more, beside it; on a GPU it is the latter alone.
    """
    preset = workload.removesuffix(LOWER)
    precision = "float32" if workload == preset else "bfloat16"
    ours = _trainer(preset, data_dir, device, {"precision": precision, "voices": PLAIN})
    plain = Plain(_trainer(preset, data_dir, device, {"voices": PLAIN}), device)
    gpu = device.type == "cuda"
    steps, batch = WORKLOADS[workload] * (FASTER if gpu else 1), plain.trainer.data.batch
    mine, theirs = [], []
    for block in range(blocks + WARM):
        pair = [
            timed(lambda: ours.advance(ours.step + steps), device),
            timed(lambda: plain.run(steps, batch), device),
        ]
        if block >= WARM:
            mine.append(pair[0])
            theirs.append(pair[1])
    return compared(mine, theirs, steps, UNIT, gpu)


def measure_diagnostics(short: bool = False, device: str = "cpu") -> dict[str, Any]:
    """What ``diagnostics: true`` costs: steps a second of the presets' training with it and without, and their ratio.

    Args:
        short, device: as for :func:`measure`.
    """
    place, data_dir = torch.device(device), data_root(None)
    found = [name for name in DIAGNOSED if name != "mnist" or (data_dir / "mnist").is_dir()]
    return {
        "what": "GAN steps and the reading of their log with diagnostics against without, scores left out",
        "workloads": {name: compare_diagnostics(name, DIAGNOSED[name], short, data_dir, place) for name in found},
    }


def compare_diagnostics(preset: str, blocks: int, short: bool, data_dir: Path, device: torch.device) -> dict[str, Any]:
    """Time two equal trainers, one of which records diagnostics, in turns from row to row of the log.

    A block is a stretch between two evaluations, so that every record has its share; the first one warms up.

    Returns:
        As :func:`compare`, of the time without over the time with, and ``percent``, by which the latter is longer.
    """
    trainers = [_trainer(preset, data_dir, device, {"diagnostics": choice}) for choice in (True, False)]
    config, blocks = trainers[0].config, max(4, blocks // 4) if short else blocks
    length = config.evaluate_every
    watched, alone = [], []
    for block in range(blocks + 1):
        steps = range(block * length + 1, (block + 1) * length + 1)
        rows = [step for step in steps if step % config.log_every == 0 or step % length == 0]
        pairs = [[timed(partial(_to_a_row, trainer, row), device) for trainer in trainers] for row in rows]
        if block:
            watched.append(_summed(both[0] for both in pairs))
            alone.append(_summed(both[1] for both in pairs))
    found = compared(watched, alone, length, UNIT, device.type == "cuda")
    return found | {"percent": round(100 / found["ratio"] - 100, 1)}


def _summed(times: Iterable[tuple[float, float]]) -> tuple[float, float]:
    processor, wall = zip(*times, strict=True)
    return sum(processor), sum(wall)


def _to_a_row(trainer: GanTrainer, step: int) -> None:
    trainer.advance(step)
    trainer.metrics()


def _plain(network: nn.Module) -> nn.Module:
    """The network with torch's own layers in the place of those of :mod:`gan.networks.layers`."""
    for name, layer in list(network.named_children()):
        if isinstance(layer, Unflatten):
            setattr(network, name, nn.Unflatten(layer.dim, layer.unflattened_size))
        if isinstance(layer, Flatten):
            setattr(network, name, nn.Flatten(layer.start_dim))
        for kind, own in ((nn.Conv2d, ConvFromImage), (nn.ConvTranspose2d, ConvToImage)):
            if isinstance(layer, own):
                channels = (layer.in_channels, layer.out_channels)
                same = kind(*channels, layer.kernel_size[0], layer.stride[0], int(layer.padding[0]))
                same.load_state_dict(layer.state_dict())
                setattr(network, name, same)
    return network


def _trainer(preset: str, data_dir: Path, device: torch.device, sets: Mapping[str, Any]) -> GanTrainer:
    own = {"device": device.type, "capture": "auto"}
    config = resolve(GanConfig, load_yaml(PRESETS / f"{preset}.yaml"), {**own, **sets})
    trainer = GanTrainer(config, Context(device, data_dir, Path(), lambda *args, **data: None), snapshots=False)
    trainer.advance(1)
    return trainer
