"""The GAN trainer: a conducted game that advances, is scored, and resumes bit for bit."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import Optimizer

from gan.captured import Captured
from gan.config import EMA_DECAY, PLAYERS, GanConfig
from gan.data.source import real, shared_noise, shared_real
from gan.data.tasks import GATE, InTasks, in_tasks
from gan.diagnostics import Motion, singular_values
from gan.metrics import overfitting
from gan.networks.players import normalises_batches
from gan.players import Players
from gan.precision import is_native, passes
from gan.randomness import stream
from gan.rates import Rates
from gan.riders import Riders
from gan.sampling import latents, points, sample, scores
from gan.snapshots import Snapshots
from gan.step import SHARED, Game, plan
from gan.trial import try_step
from gan.view import View, packed
from lab.errors import UserError
from lab.phase import Conductor, PhaseError, Schedule, targets
from lab.supervised.tasks.part import check_cycles
from lab.techniques.averaging import Average
from lab.techniques.together import check_shared
from lab.training.finite import NonFiniteError
from lab.training.meter import Meter
from lab.training.parts import own_parts
from lab.training.randomness import OwnNoise
from lab.training.randomness import stream as own_stream
from lab.training.trainer import Context

HELD_OUT = 500
"""Samples of each kind that the signs of overfitting are computed from."""
CYCLE = "cycle"
"""Whose crests are the beginnings of the master clock's cycles."""
MOMENTS: tuple[Literal["crest", "trough"], ...] = ("crest", "trough")
"""What of the learning rates is written to the run's events."""


class GanTrainer:
    """One GAN run; obeys :class:`lab.training.trainer.Trainer`. A step is one generator update, or a few together.

    Chance comes from streams of the seed: weights, latent noise, real samples, their order, what modules draw.
    Scores and snapshots have streams of their own, so that training does not depend on how often it is looked at.
    """

    def __init__(self, config: GanConfig, context: Context, snapshots: bool = True) -> None:
        self.step = 0
        self.config = config
        self._context = context
        device = context.device
        if (part := config.batch_size // context.share.size) % config.packing:
            raise UserError(f"packing: {config.packing} does not divide a worker's {part} samples of each batch")
        if config.precision == "bfloat16" and not is_native(device):
            self._warn("precision: bfloat16 takes longer than float32 here, as the processor has no arithmetic for it")
        dataset = config.data.open(context.data_dir, self._warn)
        self._scorer = dataset.scorer(device)
        # Samples of tasks that are to come would pass for samples that were learned from.
        known = dataset.parts if config.tasks is None else None
        self._parts = known(HELD_OUT) if known else None
        self._random = {use: stream(config.seed, use, device) for use in ("noise", "draws")}
        self._random["view"] = stream(config.seed, "view", device, context.share.rank)
        self._random["order"] = stream(config.seed, "order")
        chance = own_stream(config.seed, context.share.use("modules")).initial_seed()
        # The laboratory's own modules draw from generators that they are given.
        self._module_noise = OwnNoise(chance, device) if config.own_modules() else None
        landmarks = config.data.landmarks()
        self._snapshots = Snapshots(config, context.snapshots, device, landmarks) if snapshots else None
        self.data = dataset.source(device, self._random["draws"], self._random["order"])
        self._tasks: InTasks | None = None
        if config.tasks:
            used = {use: own_stream(config.seed, f"rehearsal.{use}") for use in ("keep", "replay")}
            self.data = self._tasks = in_tasks(self.data, config.tasks, config.steps, config.data.name, device, **used)
            self._random |= {f"rehearsal.{use}": random for use, random in used.items()}
            check_cycles(config.steps // config.tasks.number, config.parsed_clock(), self._warn)
        self.players = Players(config, stream(config.seed, "weights"), device, context.initial)
        self.average = Average(self.generator)
        for parts in config.techniques.each().values():
            check_shared(parts, context.share)
        if self.players.lookahead:
            context.share.refuse_points("lookahead")
        self._riders = Riders(config, self.players, self.average, self._random, context.event)
        self.view = View(config.augment, config.packing, self._random["view"])
        self.game = Game(
            **self.players.game,
            loss=config.loss,
            plan=plan(config.updates, config.discriminator_steps, config.generator_steps),
            batch_size=config.batch_size,
            real=shared_real(partial(real, self.data, config.conditional), context.share),
            noise=shared_noise(partial(latents, size=config.latent, random=self._random["noise"]), context.share),
            penalties=config.weighed_penalties(),
            view=self.view,
            random=self._random["view"],
            passes=passes(config.precision, device),
            shared=0 if self._sees_batches() else SHARED[config.precision],
        )
        if own := config.own_modules():
            try_step(self.game, config, dataset, self._scorer, device, own)
        self._decay = EMA_DECAY
        self.rates = Rates(config, self.players.optimizers)
        self._conductor = self._conduct()
        self._meter = Meter(self.game.columns, device)
        self._motion = Motion(self.players.game, config.log_every) if config.diagnostics else None
        self._captured = self._capture()

    def _sees_batches(self) -> bool:
        """Whether real and generated samples have to pass the discriminator apart; of another's nobody knows."""
        theirs = type(self.config.discriminator) in own_parts(self.config)
        return theirs or normalises_batches(self.discriminator)

    @property
    def generator(self) -> nn.Module:
        """The generator's network."""
        return self.players.networks["generator"]

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator's network."""
        return self.players.networks["discriminator"]

    def advance(self, until: int) -> None:
        """Train until ``self.step == until``; nothing in a step waits for the device, but snapshots do."""
        with self._module_noise or nullcontext():
            while self.step < until:
                if self._captured:
                    self._advance_captured(self._captured, until)
                else:
                    weights = self.begin_step()
                    self.end_step(self.game.step(weights), weights)

    def _advance_captured(self, captured: Captured, until: int) -> None:
        """Train one portion; events and snapshots stay on the host, between two steps."""
        for kind in captured.lay_out(self.step, until):
            self._begin()
            self._conductor.fire(self.step)
            captured.play(kind)
            self._meter.count(captured.left_out(kind))
            self._end()

    def begin_step(self) -> dict[str, float]:
        """Set what the voices conduct for the step that comes, and return the weights of its penalties."""
        self._begin()
        voices = self._conductor.step(self.step, self.rates.levels)
        self.rates.set(self.step, voices)
        self._decay = self.config.decay(voices)
        self._riders.begin(self.step, self.rates.levels)
        if self._tasks:
            self._tasks.begin(self.step, voices.get(GATE, 0.0))
        every = self.config.penalty_every
        due = self.step % every == 0
        return {name: voices[f"{name}.weight"] * every if due else 0.0 for name in self.game.penalties}

    def end_step(self, statistics: Tensor, weights: Mapping[str, float]) -> None:
        """Count a step that has been played: what it measured (``game.columns``), with which weights."""
        if self.players.lookahead:
            self.players.lookahead.after(self.step)
        self._riders.end(self.step)
        self.average.update(self.step, self._decay)
        self._meter.add(self.step, statistics)
        self._meter.count([f"penalty/{name}" for name, weight in weights.items() if weight <= 0])
        if self.rates.watching:
            self.rates.observe(self.step, dict(zip(self.game.columns, statistics.tolist(), strict=True)))
        self._end()

    def _begin(self) -> None:
        if self._snapshots and self.step == 0:
            self._snapshots.keep_samples(self.step, self.generator, self.average.network)
        if self._motion:
            self._motion.begin(self.step)

    def _end(self) -> None:
        self.step += 1
        if self._motion:
            self._motion.end(self.step)
        if self._snapshots and self.step % self.config.snapshot_every == 0:
            self._snapshots.keep_samples(self.step, self.generator, self.average.network)

    def metrics(self) -> dict[str, float]:
        """Means of the steps since the last call; of this step the clock, the voices, the rates, the weights."""
        self._meter.check()
        position = self.config.parsed_clock().position(self.step)
        row = {"clock/cycle": float(position.cycle), "clock/phase": float(position.phase)}
        row |= {f"voice/{name}": value for name, value in self.values().items() if name != CYCLE}
        tasks = self._tasks.row() if self._tasks else {}
        return row | self.rates.shown() | self._meter.means() | self._diagnosed() | self._riders.row() | tasks

    def _diagnosed(self) -> dict[str, float]:
        """How the weights moved and, where scores are due, their layers' singular values; nothing unless asked for."""
        if self._motion is None:
            return {}
        due = self.step % self.config.evaluate_every == 0
        return self._motion.take() | (singular_values(self.players.networks) if due else {})

    def evaluate(self, raw: bool = True) -> dict[str, float]:
        """Scores of the generator (``evaluation/…``) and its average (``evaluation/ema/…``) from the same latents.

        Args:
            raw: whether the generator itself is scored too.
        """
        random = stream(self.config.seed, "evaluation", self._context.device, self.step)
        asked = points(self.config, self.config.evaluation_samples, random)
        row: dict[str, float] = {}
        networks = {"evaluation": self.generator, "evaluation/ema": self.average.network}
        for prefix, network in list(networks.items())[0 if raw else 1 :]:
            samples = sample(network, asked)
            if not samples.isfinite().all():
                raise NonFiniteError(f"{prefix}/samples", self.step)
            found = scores(self.config, self._scorer, samples, asked)
            row |= {f"{prefix}/{name}": value for name, value in found.items()}
        return row | (self._overfitting(samples, asked) if self._parts else {})

    def _overfitting(self, fake: Tensor, asked: Tensor) -> dict[str, float]:
        """How well the discriminator knows its training samples, against held-out and generated ones."""
        assert self._parts is not None
        parts, packing = (*self._parts, (fake[:HELD_OUT], asked[:HELD_OUT, self.config.latent :])), self.config.packing
        seen = [[each.to(fake.device) for each in part[: 2 if self.config.conditional else 1]] for part in parts]
        if packing > 1:  # without labels
            seen = [[packed(part[: len(part) // packing * packing], packing)] for part, *_ in seen]
        train, validation, generated = (sample(self.discriminator, *part) for part in seen)
        found = overfitting(train, validation, generated, boundary=self.config.loss.boundary)
        row = {"overfitting/r_t": found.sign, "overfitting/r_v": found.validation}
        return {name: value for name, value in row.items() if math.isfinite(value)}

    def models(self) -> dict[str, nn.Module]:
        """Both networks, by player."""
        return dict(self.players.networks)

    def optimizers(self) -> dict[str, Optimizer]:
        """What moves them, by player."""
        return dict(self.players.optimizers)

    def followers(self) -> list[Tensor]:
        """The generator's average, the points that lookahead goes back to, averages of techniques."""
        slow = self.players.lookahead.slow if self.players.lookahead else []
        return [*self.average.followers(), *slow, *self._riders.followers()]

    def state_dict(self) -> dict[str, Any]:
        """Everything a continuation depends on; the tensors are the live ones, so save or copy them at once."""
        self._meter.check()
        self.players.check(self.step)
        motion = self._motion.state_dict() if self._motion else {}
        techniques = self._riders.state_dict()
        return {
            "step": self.step,
            **self.players.state_dict(),
            "ema": self.average.network.state_dict(),
            "data": self.data.state_dict(),
            "random": {use: random.get_state() for use, random in self._random.items()},
            "rates": self.rates.state_dict(),
            "meter": self._meter.state_dict(),
            **({"diagnostics": motion} if motion else {}),
            **({"techniques": techniques} if techniques else {}),
            **({"noise": self._module_noise.state_dict()} if self._module_noise else {}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.step = int(state["step"])
        self.players.load_state_dict(state)
        self.average.network.load_state_dict(state["ema"])
        self.data.load_state_dict(state["data"])
        for use, random in self._random.items():
            random.set_state(state["random"][use].cpu())
        if self._module_noise:
            self._module_noise.load_state_dict(state["noise"])
        self.rates.load_state_dict(state["rates"])
        self._meter.load_state_dict(state["meter"])
        if self._motion:
            self._motion.load_state_dict(state.get("diagnostics", {}))
        self._riders.load_state_dict(state.get("techniques", {}))
        if self._tasks:  # who looks at a run as it was kept draws from the task that is on
            self._tasks.begin(self.step, self.values().get(GATE, 0.0))
        if self._captured:
            self._captured = self._capture()  # a graph knows the moments of before by their place in memory

    def _capture(self) -> Captured | None:
        """What plays steps without the host; None where they are played one by one.

        Raises:
            UserError: ``capture: on`` was asked for, and the data does not allow it.
        """
        config, context = self.config, self._context
        if config.capture == "off" or (config.capture == "auto" and context.device.type != "cuda"):
            return None
        obstacle = config.obstacle()
        if context.share.size > 1:
            obstacle = "workers are averaged between its parts"
        if obstacle is None:
            random = {use: generator for use, generator in self._random.items() if use != "order"}
            try:
                return Captured(
                    config, self.game, self.players, self.average, self._meter, self.rates, self.data, random
                )
            except ValueError as error:
                obstacle = str(error)
        if config.capture == "on":
            raise UserError(f"capture: 'on' is not accepted, since {obstacle}; auto and off are")
        context.event("warning", 0, message=f"steps are not captured as CUDA graphs, since {obstacle}")
        return None

    def values(self) -> dict[str, float]:
        """What every voice says of the step that comes."""
        return self._conductor.values(self.step, self.rates.levels)

    def _conduct(self) -> Conductor:
        """The voices bound to what they set, and an event at each crest and trough of the learning rates.

        The learning rates are set by :class:`gan.rates.Rates`, weights and decay are read at each step.
        """
        places = {
            "augment.strength": targets.attribute(self.view, "strength"),
            "noise.std": targets.attribute(self.view, "noise"),
        }
        voices = self.config.parsed_voices()
        beginnings = Schedule(self.config.parsed_clock(), wave="sawtooth")
        bound = {name: (voice, places.get(name)) for name, voice in voices.items()}
        conductor = Conductor({**bound, CYCLE: (beginnings, None)})
        for name in (f"lr.{player}" for player in PLAYERS):
            for moment in MOMENTS:
                with suppress(PhaseError):  # a constant has neither crest nor trough, another wave may lack one
                    conductor.on(moment, of=name, do=partial(self._announce, moment, name))
        if self.config.ensemble_size and not self._context.share.apart:
            try:
                conductor.on("trough", of="lr.generator", do=self._keep_weights)
            except PhaseError:  # a rate without a trough
                conductor.on("crest", of=CYCLE, do=self._keep_weights)
        return conductor

    def _warn(self, message: str) -> None:
        self._context.event("warning", 0, message=message)
        print(f"lab: warning: {message}", file=sys.stderr)

    def _keep_weights(self, step: int) -> None:
        if self._snapshots and step > 0:
            self._snapshots.keep_weights(step, self.generator)

    def _announce(self, moment: str, voice: str, step: int) -> None:
        self._context.event(moment, step, voice=voice)
