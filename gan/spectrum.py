"""The spectrum of a trained GAN's game: how a deviation turns and grows, at the rates and the optimiser of its run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor

from gan.config import PLAYERS
from gan.step import Game, Player
from gan.trainer import GanTrainer
from lab.diagnostics.curvature import hessian, leading_eigenvalues
from lab.diagnostics.spectrum import Complexes, Turn, jacobian, leading, turn
from lab.phase import Follower

SAMPLES = 1024
"""Real and generated samples that the losses are means over."""


@dataclass(frozen=True)
class GameSpectrum:
    """What :func:`measure` found at a checkpoint.

    Attributes:
        step: of the checkpoint.
        field: the largest eigenvalues of the Jacobian J of both players' gradients, by modulus.
        moves: those of the Jacobian of a step, P J, by their imaginary part: P is diagonal, for each parameter its
            player's mean learning rate times what the optimiser makes of a small, lasting gradient.
        turns: what each of ``moves`` does to a deviation, step by step.
        curvature: the leading eigenvalue of each player's own Hessian.
    """

    step: int
    field: Complexes
    moves: Complexes
    turns: Sequence[Turn]
    curvature: Mapping[str, float]

    @property
    def period(self) -> float:
        """Steps of the fastest turn; infinite where nothing turns."""
        return min((each.period for each in self.turns), default=float("inf"))


def measure(trainer: GanTrainer, samples: int = SAMPLES, count: int = 6, double: bool = True) -> GameSpectrum:
    """Measure the game at the trainer's present weights, on samples that are drawn from its data.

    Args:
        trainer: at a checkpoint; its data and generators move on.
        samples: how many real and generated ones.
        count: how many eigenvalues.
        double: whether copies of the networks in double precision are measured, as rounding matters for small ones.
    """
    kind = torch.float64 if double else torch.float32
    game = copied(trainer.game, kind)
    real, labels = trainer.game.real(samples)
    noise = trainer.game.noise(samples).to(kind)
    told = None if labels is None else labels.to(kind)
    voices = trainer.config.parsed_voices()
    weights = {name: float(voices[f"{name}.weight"](trainer.step)) for name in game.penalties}
    losses = dict(zip(PLAYERS, game.objectives(real.to(kind), noise, told, weights), strict=True))
    parameters = {name: list(getattr(game, name).parameters) for name in PLAYERS}
    slopes = [
        slope
        for name in PLAYERS
        for slope in torch.autograd.grad(losses[name], parameters[name], create_graph=True, materialize_grads=True)
    ]
    everything = [parameter for name in PLAYERS for parameter in parameters[name]]
    moved = jacobian([size * slope for size, slope in zip(_sizes(trainer), slopes, strict=True)], everything)
    moves = leading(moved, count, which="LI")
    curvature = {name: _sharpest(hessian(losses[name], parameters[name])) for name in PLAYERS}
    return GameSpectrum(
        step=trainer.step,
        field=leading(jacobian(slopes, everything), count),
        moves=moves,
        turns=[turn(value, 1.0) for value in moves.tolist()],
        curvature=curvature,
    )


def copied(game: Game, kind: torch.dtype) -> Game:
    """A game of copies of the networks, whose passes are plain."""

    def own(player: Player) -> Player:
        network = copy.deepcopy(player.network).to(kind)
        return Player(network, player.optimizer, tuple(network.parameters()))

    mine, theirs = own(game.generator), own(game.discriminator)
    return replace(game, generator=mine, discriminator=theirs, passes=nullcontext)


def _sizes(trainer: GanTrainer) -> list[Tensor]:
    """For each parameter of both players: mean learning rate times the optimiser's own factor."""
    sizes = []
    voices = trainer.config.parsed_voices()
    for name in PLAYERS:
        voice, state = voices[f"lr.{name}"], trainer.players.optimizers[name].state
        # One that follows a measurement has no mean in advance; the middle of its range stands for it.
        rate = (voice.low + voice.high) / 2 if isinstance(voice, Follower) else float(voice.mean())
        for parameter in trainer.players.game[name].parameters:
            factor = trainer.config.optimizer.size(parameter.detach().double(), state.get(parameter, {}))
            sizes.append(rate * factor)
    return sizes


def _sharpest(operator: LinearOperator) -> float:
    return float(leading_eigenvalues(operator)[0])
