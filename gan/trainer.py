"""The GAN trainer: a conducted game that advances, is scored, and resumes bit for bit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from gan.adam import LeanAdam
from gan.averaging import Average
from gan.config import EMA_DECAY, GanConfig
from gan.networks.players import discriminator, generator
from gan.randomness import stream
from gan.sampling import kept, latents, sample
from gan.step import Game, Player, Statistics, plan
from lab.phase import Conductor, PhaseError, targets
from lab.training.finite import FiniteWatch, NonFiniteError
from lab.training.restoring import restore_moments
from lab.training.trainer import Context

COLUMNS = tuple(field.replace("_", "/") for field in Statistics._fields)
"""The metrics log's name of each statistic of a step: ``loss_generator`` is ``loss/generator``."""
PENALTY = "penalty/r1"
MOMENTS: tuple[Literal["crest", "trough"], ...] = ("crest", "trough")
"""What of the learning rates is written to the run's events."""


class GanTrainer:
    """One GAN run; obeys :class:`lab.training.trainer.Trainer`. A step is one generator update.

    Chance comes from streams of the seed: weights, latent noise, real samples, their order. Scores and snapshots have
    streams of their own, so that training does not depend on how often it is looked at.
    """

    def __init__(self, config: GanConfig, context: Context) -> None:
        self.step = 0
        self.config = config
        self._context = context
        device = context.device
        dataset = config.data.open(context.data_dir, self._warn)
        self._scorer = dataset.scorer(device)
        self._random = {
            "noise": stream(config.seed, "noise", device),
            "draws": stream(config.seed, "draws", device),
            "order": stream(config.seed, "order"),
        }
        self._landmarks = config.data.landmarks()
        self.data = dataset.source(device, self._random["draws"], self._random["order"])
        weights = stream(config.seed, "weights")
        self.generator = generator(config, weights).to(device)
        self.discriminator = discriminator(config, weights).to(device)
        self.average = Average(self.generator)
        self._game = Game(
            generator=self._player(self.generator),
            discriminator=self._player(self.discriminator),
            loss=config.loss,
            plan=plan(config.updates, config.discriminator_steps),
            batch_size=config.batch_size,
            real=self.data.batch,
            noise=partial(latents, size=config.latent, random=self._random["noise"]),
        )
        self._conductor = self._conduct()
        self._watch = FiniteWatch(COLUMNS, device)
        self._sums = torch.zeros(len(COLUMNS), dtype=torch.float64, device=device)
        self._steps = self._penalties = 0

    def advance(self, until: int) -> None:
        """Train until ``self.step == until``; nothing in a step waits for the device, but snapshots do."""
        if self.step == 0:
            self._snapshot()
        while self.step < until:
            self._advance_once()
            if self.step % self.config.snapshot_every == 0:
                self._snapshot()

    def metrics(self) -> dict[str, float]:
        """Means of the steps since the last call, and the clock and voices at this step."""
        self._watch.check()
        position = self.config.parsed_clock().position(self.step)
        row = {"clock/cycle": float(position.cycle), "clock/phase": float(position.phase)}
        row |= {f"voice/{name}": value for name, value in self._conductor.values(self.step).items()}
        if self._steps:
            sums = dict(zip(COLUMNS, self._sums.tolist(), strict=True))
            penalty = sums.pop(PENALTY)
            row |= {name: total / self._steps for name, total in sums.items()}
            if self._penalties:
                row[PENALTY] = penalty / self._penalties
        self._sums.zero_()
        self._steps = self._penalties = 0
        return row

    def evaluate(self) -> dict[str, float]:
        """Scores of the generator (``evaluation/…``) and its average (``evaluation/ema/…``) from the same latents."""
        random = stream(self.config.seed, "evaluation", self._context.device, self.step)
        points = latents(self.config.evaluation_samples, self.config.latent, random)
        row: dict[str, float] = {}
        for prefix, network in (("evaluation", self.generator), ("evaluation/ema", self.average.network)):
            samples = sample(network, points)
            if not samples.isfinite().all():
                raise NonFiniteError(f"{prefix}/samples", self.step)
            row |= {f"{prefix}/{name}": value for name, value in self._scorer(samples).items()}
        return row

    def state_dict(self) -> dict[str, Any]:
        """Everything a continuation depends on; the tensors are the live ones, so save or copy them at once."""
        self._watch.check()
        self._check_weights()
        return {
            "step": self.step,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "ema": self.average.network.state_dict(),
            "optimizer_generator": self._game.generator.optimizer.state_dict()["state"],
            "optimizer_discriminator": self._game.discriminator.optimizer.state_dict()["state"],
            "data": self.data.state_dict(),
            "random": {use: random.get_state() for use, random in self._random.items()},
            "meter": {"sums": self._sums, "steps": self._steps, "penalties": self._penalties},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.step = int(state["step"])
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.average.network.load_state_dict(state["ema"])
        restore_moments(self._game.generator.optimizer, state["optimizer_generator"])
        restore_moments(self._game.discriminator.optimizer, state["optimizer_discriminator"])
        self.data.load_state_dict(state["data"])
        for use, random in self._random.items():
            random.set_state(state["random"][use].cpu())
        self._sums.copy_(state["meter"]["sums"])
        self._steps, self._penalties = int(state["meter"]["steps"]), int(state["meter"]["penalties"])

    def _advance_once(self) -> None:
        voices = self._conductor.step(self.step)
        penalise = self.step % self.config.r1_every == 0
        weight = voices.get("r1.weight", 0.0) * self.config.r1_every if penalise else 0.0
        statistics = torch.stack(self._game.step(weight))
        self.average.update(self.step, voices.get("ema.decay", EMA_DECAY))
        self._watch.observe(self.step, statistics)
        self._sums += statistics
        self._steps += 1
        self._penalties += weight > 0
        self.step += 1

    def _check_weights(self) -> None:
        """The watch sees losses and gradients; an overflow in the last update itself shows in the weights alone."""
        for name, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            if not torch.stack([weight.isfinite().all() for weight in network.parameters()]).all():
                raise NonFiniteError(f"weights/{name}", self.step)

    def _player(self, network: nn.Module) -> Player:
        """A network with its optimiser: fused Adam, three times faster than the plain loop on small networks.

        On a GPU the learning rate is a tensor there, which the conductor fills without a synchronisation.
        """
        adam, on_gpu = self.config.adam, self._context.device.type == "cuda"
        optimizer = LeanAdam(
            network.parameters(),
            lr=torch.zeros((), device=self._context.device) if on_gpu else 0.0,
            betas=(adam.beta1, adam.beta2),
            eps=adam.eps,
            fused=True,
        )
        return Player(network, optimizer, tuple(network.parameters()))

    def _conduct(self) -> Conductor:
        """The voices bound to what they set, and an event at each crest and trough of the learning rates."""
        places = {
            "lr.generator": targets.param_group(self._game.generator.optimizer, "lr"),
            "lr.discriminator": targets.param_group(self._game.discriminator.optimizer, "lr"),
        }
        voices = self.config.parsed_voices()
        conductor = Conductor({name: (voice, places.get(name)) for name, voice in voices.items()})
        for name in places:
            for moment in MOMENTS:
                with suppress(PhaseError):  # a constant has neither crest nor trough, another wave may lack one
                    conductor.on(moment, of=name, do=partial(self._announce, moment, name))
        return conductor

    def _warn(self, message: str) -> None:
        self._context.event("warning", 0, message=message)
        print(f"lab: warning: {message}", file=sys.stderr)

    def _announce(self, moment: str, voice: str, step: int) -> None:
        self._context.event(moment, step, voice=voice)

    def _snapshot(self) -> None:
        """Keep samples of the same latent points throughout the run, in one file a step."""
        config = self.config
        points = latents(config.snapshot_samples, config.latent, stream(config.seed, "snapshot")).to(
            self._context.device
        )
        arrays = {"samples": kept(sample(self.generator, points)), "ema": kept(sample(self.average.network, points))}
        if self._landmarks is not None:
            arrays["landmarks"] = self._landmarks
        path = self._context.snapshots / f"samples-{self.step:09d}.npz"
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes them for its own options
        beside.replace(path)
