"""The classifier's trainer: a conducted network that learns, is scored, and resumes bit for bit."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lab.errors import UserError
from lab.phase import Conductor, PhaseError
from lab.supervised.altered import altered
from lab.supervised.answering import check_answers
from lab.supervised.config import SupervisedConfig
from lab.supervised.metrics import scores
from lab.supervised.samples import Samples, chunks, few, held_out, prepared
from lab.supervised.step import STATISTICS, learn
from lab.supervised.tasks.lessons import Lessons
from lab.techniques import together
from lab.techniques.groups import Groups, rates
from lab.techniques.technique import CLOCK, Host, Predictor
from lab.techniques.together import Techniques
from lab.training.dense import quicken
from lab.training.finite import NonFiniteError
from lab.training.meter import Meter
from lab.training.randomness import OwnNoise, stream
from lab.training.restoring import restore_moments
from lab.training.trainer import Context

OF_SAMPLES = ("augmentation", "rehearsal.keep", "rehearsal.replay")
"""Uses of chance by which techniques treat samples, each worker its own; by all others workers stay alike."""
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
        self._check_validation()
        if config.validation:
            data = held_out(data, config.validation, stream(config.seed, "validation"))
        if config.train_samples:
            data = few(data, config.train_samples, stream(config.seed, "few"))
        data = altered(data, config.imbalance, config.label_noise, config.seed, self._warn)
        shape = tuple(data.inputs.shape[1:])
        try:
            config.network.check(shape)
        except ValueError as error:
            raise UserError(f"network: {error}") from None
        self.data = data
        self._counts = torch.bincount(data.labels, minlength=data.classes)
        self.network = quicken(self._initialised(stream(config.seed, "weights")).to(device))
        self._share = context.share
        sample = prepared(data.inputs[:2].to(device))
        check_answers(self.network, sample, data.classes, config.batch_size, self._share.size)
        if context.initial:
            context.initial.load({"network": self.network})
        self._parameters = tuple(self.network.parameters())
        self._groups = Groups(self.network, config.groups, config.layer_decay)
        self.optimizer = config.optimizer.build(self._groups.options())
        self._randoms = {"order": stream(config.seed, "order")}
        self._lessons = self._divided()
        order = self._randoms["order"]
        self._samples = self._lessons.samples(data, order) if self._lessons else Samples(data, device, order)
        together.check_shared(config.techniques, self._share)
        if config.optimizer.points:
            self._share.refuse_points(config.optimizer.name)
        self.techniques = Techniques(config.techniques, self._host())
        self._conductor = self._conduct()
        self._meter = Meter(STATISTICS, device)
        self._noise = OwnNoise(stream(config.seed, context.share.use("noise")).initial_seed(), device)

    def advance(self, until: int) -> None:
        """Train until ``self.step == until``; nothing in a step waits for the device, unless a technique does."""
        self.network.train()
        lessons = self._lessons
        closed, alone = lessons.closed if lessons else None, self._share.size == 1
        with self._noise:
            while self.step < until:
                values = self._conductor.step(self.step, self.techniques.levels())
                self._groups.set(self.optimizer, rates(self._groups.names, values))
                batch = self._samples.batch(self.config.batch_size, self.step)
                if self._share.size > 1:
                    batch = batch.part(self._share.among(len(batch)))
                found = learn(
                    self.network, self._parameters, self.optimizer, self.techniques, batch, self.step, closed, alone
                )
                self.techniques.stepped(self.step, values)
                self._meter.add(self.step, found)
                self._meter.count()
                self.step += 1
                if lessons:
                    lessons.stepped(self.step)

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
        scored = {word: self._scored(word, predictor) for word, predictor in self.predictors().items()}
        if self.config.deployed is not None:
            scored["deployed"] = scored.get(self.config.deployed, scored[""])
        row = {f"{_prefix(word)}/{name}": value for word, own in scored.items() for name, value in own.items()}
        further = self.techniques.scores(self._asked, self.scored_labels())
        return row | {f"evaluation/{name}": value for name, value in further.items()}

    def predictors(self) -> dict[str, Predictor]:
        """What is scored, by a word; the network itself by none."""
        return {"": self._answers(), **self.techniques.predictors()}

    def _answers(self) -> Predictor:
        """What the network says now."""
        return self.config.optimizer.predictor(self.network, self.optimizer, self._batches)

    def _asked(self, predictor: Predictor) -> Tensor:
        """Log-probabilities of the test part (of the tasks so far), float32[n, classes] on the host."""
        if self._lessons:
            return self._lessons.answers(predictor, self.step)
        return torch.cat([predictor(part).cpu() for part in chunks(self.data.test_inputs, self.device)])

    def scored_labels(self) -> Tensor:
        """Of the samples that :meth:`_asked` is about, int64[n]."""
        return self._lessons.labels(self.step) if self._lessons else self.data.test_labels

    def _scored(self, word: str, predictor: Predictor) -> dict[str, float]:
        log_probs = self._asked(predictor)
        if not log_probs.isfinite().all():
            raise NonFiniteError(f"{_prefix(word)}/log_probabilities", self.step)
        found = scores(log_probs.numpy(), self.scored_labels().numpy(), self._counts.numpy())
        return found | (self._lessons.row(log_probs, self.step, itself=not word) if self._lessons else {})

    def models(self) -> dict[str, nn.Module]:
        """The network."""
        return {"network": self.network}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """What moves it."""
        return {"network": self.optimizer}

    def followers(self) -> list[Tensor]:
        """Averages of the network, and weights that the optimiser keeps."""
        kept = (self.optimizer.state.get(parameter, {}) for parameter in self._parameters)
        points = [each[name] for each in kept for name in self.config.optimizer.points if name in each]
        return [*points, *self.techniques.followers()]

    def state_dict(self) -> dict[str, Any]:
        """Everything a continuation depends on; the tensors are the live ones, so save or copy them at once."""
        self._meter.check()
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "moments": self.optimizer.state_dict()["state"],
            "counters": [
                {name: group[name] for name in self.config.optimizer.counters} for group in self.optimizer.param_groups
            ],
            "samples": self._samples.state_dict(),
            "random": {use: random.get_state() for use, random in self._randoms.items()},
            "noise": self._noise.state_dict(),
            "meter": self._meter.state_dict(),
            "techniques": self.techniques.state_dict(),
            "tasks": self._lessons.state_dict() if self._lessons else {},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.step = int(state["step"])
        self.network.load_state_dict(state["network"])
        moments = {int(place): kept for place, kept in state["moments"].items()}
        # Those have moments that were never frozen; a network of somebody else's may have some that it never uses.
        some = bool(self.config.groups or self.config.own_modules())
        restore_moments(self.optimizer, moments, self.config.optimizer.memories, some)
        for group, kept in zip(self.optimizer.param_groups, state["counters"], strict=True):
            group.update({name: kept[name] for name in self.config.optimizer.counters})
        self._samples.load_state_dict(state["samples"])
        for use, random in self._randoms.items():
            random.set_state(state["random"][use].cpu())
        self._noise.load_state_dict(state["noise"])
        self._meter.load_state_dict(state["meter"])
        self.techniques.load_state_dict(state["techniques"])
        if self._lessons:
            self._lessons.load_state_dict(state["tasks"])

    def _check_validation(self) -> None:
        """Warn where samples are held out that the run which this one begins with has learned from."""
        config, initial = self.config, self._context.initial
        if not config.validation or initial is None or initial.source.trainer != "supervised":
            return
        before = initial.source.config
        if before["data"] != config.model_dump(mode="json")["data"]:
            return
        if (before["seed"], before.get("validation", 0)) != (config.seed, config.validation):
            self._warn(
                f"validation: {initial.told} has learned from most of the {config.validation} samples that are held "
                "out here, as its seed or its validation is another; the scores are too good"
            )

    def _divided(self) -> Lessons | None:
        """The tasks, where the configuration has any."""
        config, clock = self.config, self.config.parsed_clock()
        if config.tasks is None:
            return None
        return Lessons(
            config.tasks, self.data, self._answers, config.seed, config.steps, clock, self.device, self._warn
        )

    def _host(self) -> Host:
        """What techniques are built with; the generators that they ask for are saved with the run's own."""
        config, device, data = self.config, self.device, self.data

        def random(use: str) -> torch.Generator:
            own = self._context.share.use(use) if use in OF_SAMPLES else use
            return self._randoms.setdefault(use, stream(config.seed, own))

        return Host(
            network=self.network,
            optimizer=self.optimizer,
            device=device,
            clock=config.parsed_clock(),
            voices=config.conducted(),
            steps=config.steps,
            batch_size=config.batch_size // self._share.size,
            classes=data.classes,
            counts=self._counts,
            random=random,
            batches=self._batches,
            event=self._context.event,
            initialised=self._initialised,
            prepare=prepared,
            answers=self._answers,
            begun=config.init_from is not None,
            closes=self._lessons is not None and self._lessons.course.heads is not None,
            shrink=partial(config.optimizer.shrink, self.optimizer),
        )

    def _initialised(self, random: torch.Generator) -> nn.Module:
        """A network on the host, its weights drawn from ``random``."""
        return self.config.network.initialised(tuple(self.data.inputs.shape[1:]), self.data.classes, random)

    def _batches(self, n: int) -> Sequence[Tensor]:
        """The same ``n`` batches of training inputs each time (of the tasks so far), fewer where there are no more."""
        random = stream(self.config.seed, "batches")
        if self._lessons:
            return self._lessons.course.batches(n, self.config.batch_size, self.step, random)
        order = torch.randperm(len(self.data.labels), generator=random)
        index = torch.split(order[: n * self.config.batch_size], self.config.batch_size)
        return [prepared(self.data.inputs[part].to(self.device)) for part in index]

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


def _prefix(word: str) -> str:
    """Of the columns of a predictor's scores."""
    return f"evaluation/{word}" if word else "evaluation"
