"""The classifier's trainer: a conducted network that learns, is scored, and resumes bit for bit."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from lab.errors import UserError
from lab.phase import Conductor, PhaseError
from lab.supervised.config import SupervisedConfig
from lab.supervised.metrics import scores
from lab.supervised.samples import Samples, chunks, few, held_out, prepared
from lab.supervised.step import STATISTICS, learn
from lab.techniques.groups import Groups, rates
from lab.techniques.technique import CLOCK, Host, Predictor, log_probabilities
from lab.techniques.together import Techniques
from lab.training.finite import NonFiniteError
from lab.training.meter import Meter
from lab.training.randomness import OwnNoise, stream
from lab.training.restoring import restore_moments
from lab.training.trainer import Context

MOMENTS: tuple[Literal["crest", "trough"], ...] = ("crest", "trough")
"""What of the learning rate is written to the run's events."""


class SupervisedTrainer:
    """One classifier's run; obeys :class:`lab.training.trainer.Trainer`. A step is one update of the optimiser.

    Chance comes from streams of the seed: weights, the order of samples, one for each use of a technique, and torch's
    global generator, from which dropout draws and which is this trainer's own while it trains.
    """

    def __init__(self, config: SupervisedConfig, context: Context) -> None:
        self.step = 0
        self.config = config
        self._context = context
        self.device = device = context.device
        data = config.data.open(context.data_dir, self._warn)
        if config.validation:
            data = held_out(data, config.validation, stream(config.seed, "validation"))
        if config.train_samples:
            data = few(data, config.train_samples, stream(config.seed, "few"))
        shape = tuple(data.inputs.shape[1:])
        try:
            config.network.check(shape)
        except ValueError as error:
            raise UserError(f"network: {error}") from None
        self.data = data
        self.network = config.network.initialised(shape, data.classes, stream(config.seed, "weights")).to(device)
        if context.initial:
            context.initial.load({"network": self.network})
        self._parameters = tuple(self.network.parameters())
        self._groups = Groups(self.network, config.groups, config.layer_decay)
        self.optimizer = config.optimizer.build(self._groups.options())
        self._randoms = {"order": stream(config.seed, "order")}
        self._samples = Samples(data, device, self._randoms["order"])
        self.techniques = Techniques(config.techniques, self._host())
        self._conductor = self._conduct()
        self._meter = Meter(STATISTICS, device)
        self._noise = OwnNoise(stream(config.seed, "noise"), device)

    def advance(self, until: int) -> None:
        """Train until ``self.step == until``; nothing in a step waits for the device, unless a technique does."""
        self.network.train()
        with self._noise:
            while self.step < until:
                values = self._conductor.step(self.step, self.techniques.levels())
                self._groups.set(self.optimizer, rates(self._groups.names, values))
                batch = self._samples.batch(self.config.batch_size)
                found = learn(self.network, self._parameters, self.optimizer, self.techniques, batch, self.step)
                self.techniques.stepped(self.step, values)
                self._meter.add(self.step, found)
                self._meter.count()
                self.step += 1

    def metrics(self) -> dict[str, float]:
        """Means of the steps since the last call; of this step the clock, the voices, the techniques' columns."""
        self._meter.check()
        position = self.config.parsed_clock().position(self.step)
        row = {"clock/cycle": float(position.cycle), "clock/phase": float(position.phase)}
        values = self._conductor.values(self.step, self.techniques.levels())
        row |= {f"voice/{name}": value for name, value in values.items() if name != CLOCK}
        return row | {f"train/{name}": mean for name, mean in self._meter.means().items()} | self.techniques.row()

    def evaluate(self) -> dict[str, float]:
        """Scores of the network, ``evaluation/…``, and of each predictor of a technique, ``evaluation/<word>/…``."""
        row: dict[str, float] = {}
        for word, predictor in self.predictors().items():
            prefix = f"evaluation/{word}" if word else "evaluation"
            found = self._asked(predictor)
            if not found.isfinite().all():
                raise NonFiniteError(f"{prefix}/log_probabilities", self.step)
            row |= {f"{prefix}/{name}": value for name, value in self._scored(found).items()}
        return row

    def predictors(self) -> dict[str, Predictor]:
        """What is scored, by a word; the network itself by none."""
        return {"": log_probabilities(self.network), **self.techniques.predictors()}

    def _asked(self, predictor: Predictor) -> Tensor:
        """Log-probabilities of the test part, float32[n, classes] on the host."""
        return torch.cat([predictor(part).cpu() for part in chunks(self.data.test_inputs, self.device)])

    def _scored(self, log_probs: Tensor) -> dict[str, float]:
        return scores(log_probs.numpy(), self.data.test_labels.numpy())

    def state_dict(self) -> dict[str, Any]:
        """Everything a continuation depends on; the tensors are the live ones, so save or copy them at once."""
        self._meter.check()
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "moments": self.optimizer.state_dict()["state"],
            "samples": self._samples.state_dict(),
            "random": {use: random.get_state() for use, random in self._randoms.items()},
            "noise": self._noise.state_dict(),
            "meter": self._meter.state_dict(),
            "techniques": self.techniques.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.step = int(state["step"])
        self.network.load_state_dict(state["network"])
        moments = {int(place): kept for place, kept in state["moments"].items()}
        some = bool(self.config.groups)  # those that were never frozen have moments
        restore_moments(self.optimizer, moments, self.config.optimizer.memories, some)
        self._samples.load_state_dict(state["samples"])
        for use, random in self._randoms.items():
            random.set_state(state["random"][use].cpu())
        self._noise.load_state_dict(state["noise"])
        self._meter.load_state_dict(state["meter"])
        self.techniques.load_state_dict(state["techniques"])

    def _host(self) -> Host:
        """What techniques are built with; the generators that they ask for are saved with the run's own."""
        config, device, data = self.config, self.device, self.data

        def random(use: str) -> torch.Generator:
            return self._randoms.setdefault(use, stream(config.seed, use))

        def batches(n: int) -> Sequence[Tensor]:
            order = torch.randperm(len(data.labels), generator=stream(config.seed, "batches"))
            index = torch.split(order[: n * config.batch_size], config.batch_size)
            return [prepared(data.inputs[part].to(device)) for part in index]

        return Host(
            network=self.network,
            optimizer=self.optimizer,
            device=device,
            clock=config.parsed_clock(),
            voices=config.conducted(),
            steps=config.steps,
            batch_size=config.batch_size,
            classes=data.classes,
            counts=torch.bincount(data.labels, minlength=data.classes),
            random=random,
            batches=batches,
            event=self._context.event,
        )

    def _conduct(self) -> Conductor:
        """The voices bound to what they set, and an event at each crest and trough of the learning rate."""
        rate = self.config.conducted()["lr"]
        conductor = self.techniques.conductor({"lr": (rate, None)})
        for moment in MOMENTS:
            with suppress(PhaseError):  # a constant has neither crest nor trough, another wave may lack one
                conductor.on(moment, of="lr", do=partial(self._announce, moment))
        return conductor

    def _announce(self, moment: str, step: int) -> None:
        self._context.event(moment, step, voice="lr")

    def _warn(self, message: str) -> None:
        self._context.event("warning", 0, message=message)
        print(f"lab: warning: {message}", file=sys.stderr)
