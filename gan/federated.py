"""How GANs learn from parts of the data: what the plug-in offers to federated training. Both players are averaged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan.config import AVERAGE, PLAYERS, GanConfig
from gan.data.source import Shuffled, Source, StoredSource, real
from gan.data.tasks import GATE
from gan.optimizers.extragradient import Extragradient
from gan.optimizers.part import rate_on
from gan.step import Game
from gan.trainer import GanTrainer
from lab.errors import UserError
from lab.phase import targets
from lab.training.local import Work, pull
from lab.training.randomness import stream
from lab.training.trainer import Context, unheard

DRAWN = 10_000
"""Samples that are shared out of data that has no end, or whose samples are put together."""
WITHOUT_STATE: Mapping[str, Any] = {"tasks": None, "lookahead": None, "balance": None, "capture": "off"}
"""What clients cannot have, and what is in its place."""


def build(config: GanConfig, context: Context) -> LocalGan:
    """Both players of a configuration."""
    return LocalGan(config, context)


def plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A preset without tasks, lookahead, balance, average, and techniques with their voices."""
    known = GanConfig.voice_names()
    voices = mapping.get("voices")
    names = known.keys() - set(AVERAGE) - {GATE}
    kept = {name: voice for name, voice in voices.items() if name in names} if voices else voices
    left = {name: value for name, value in mapping.items() if name not in WITHOUT_STATE and name != "techniques"}
    return {**left, "voices": kept}


class LocalGan(GanTrainer):
    """A game whose every training begins anew; obeys :class:`lab.training.local.LocalModel`.

    Samples are shared out by their class, those of a mixture by their nearest mode; others have no label.
    """

    rate_voices: Mapping[str, str] = {name: f"lr.{name}" for name in PLAYERS}

    def __init__(self, config: GanConfig, context: Context) -> None:
        for name, without in WITHOUT_STATE.items():
            if getattr(config, name) != without:
                raise UserError(f"{name}: it keeps a state from round to round, as no client does; leave it out")
        if config.techniques.each():
            raise UserError(
                "techniques: they ride on players from round to round, and clients' begin anew; leave them out"
            )
        for name in (name for name in AVERAGE if name in config.voices):
            raise UserError(f"voices.{name}: no client keeps an average; leave it out")
        quiet = replace(context, event=unheard)
        super().__init__(config.model_copy(update={"diagnostics": False}), quiet, snapshots=False)
        self.batch_size: int = config.batch_size
        self._pool, self._classes, self.labels = pooled(self.data, config)

    def learn(self, work: Work) -> dict[str, float]:
        """Play the game on its samples in random order, epoch after epoch."""
        config, device = self.config, self._context.device
        optimizers, game = self._begun(work)
        setters = [targets.param_group(optimizers[name], "lr") for name in PLAYERS]
        self.view.strength = work.values.get("augment.strength", 1.0)
        self.view.noise = work.values.get("noise.std", 0.0)
        weights = {name: work.values[f"{name}.weight"] * config.penalty_every for name in game.penalties}
        total = torch.zeros(len(game.columns), device=device)
        rates = list(zip(*(work.rates[self.rate_voices[name]] for name in PLAYERS), strict=True))
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
            torch.manual_seed(work.seed)
            for optimizer in optimizers.values():
                stack.enter_context(pull(optimizer, work.proximal_mu))
            for step, both in enumerate(rates):
                for set_rate, rate in zip(setters, both, strict=True):
                    set_rate(rate)
                total += game.step(weights if step % config.penalty_every == 0 else dict.fromkeys(weights, 0.0))
        return dict(zip(game.columns, (total / len(rates)).tolist(), strict=True))

    def _begun(self, work: Work) -> tuple[dict[str, Optimizer], Game]:
        """Optimisers that remember nothing, and the game with them, on the samples of the work."""
        config, device = self.config, self._context.device
        for use, random in self._random.items():
            random.manual_seed(stream(work.seed, use).initial_seed())
        optimizers: dict[str, Optimizer] = {}
        players: dict[str, Any] = {}
        for name, player in self.players.game.items():
            optimizer = optimizers[name] = config.optimizer.build(player.parameters, rate_on(device))
            mover = Extragradient(optimizer) if config.updates == "extragradient" else optimizer
            players[name] = replace(player, optimizer=mover)
        classes = None if self._classes is None else self._classes[work.part]
        source = Shuffled(self._pool[work.part], device, stream(work.seed, "order"), classes)
        return optimizers, replace(self.game, **players, real=partial(real, source, config.conditional))

    def scores(self, step: int) -> dict[str, float]:
        """Of the generator, under the names of any GAN's."""
        self.step = step
        self.average.network.load_state_dict(self.generator.state_dict())
        row = self.evaluate(raw=False)
        return {name.replace("evaluation/ema/", "evaluation/"): value for name, value in row.items()}

    def recalls(self, row: Mapping[str, float]) -> dict[int, float]:
        """None: samples are neither right nor wrong."""
        return {}


def pooled(source: Source, config: GanConfig) -> tuple[Tensor, Tensor | None, Tensor]:
    """What is shared out, on the host.

    Returns:
        Samples as :class:`gan.data.source.Shuffled` takes them, one-hot classes where there are any, and the number
        int64[n] by which samples are shared out: of the class, or of the nearest mode, or 0.
    """
    samples, classes = cast(StoredSource, source).stored() if hasattr(source, "stored") else (source.batch(DRAWN), None)
    samples, classes = samples.cpu(), None if classes is None else classes.cpu()
    landmarks = config.data.landmarks()
    if classes is not None:
        return samples, classes, classes.argmax(dim=1)
    if landmarks is not None:
        return samples, None, torch.cdist(samples, torch.from_numpy(landmarks)).argmin(dim=1)
    return samples, None, torch.zeros(len(samples), dtype=torch.int64)
