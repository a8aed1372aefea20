"""The spectrum of a trained GAN's game: how a deviation turns and grows, at the rates and the optimiser of its run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.config import PLAYERS
from gan.cosines import cycle_at, rates_over
from gan.step import Game, Player, moving
from gan.trainer import GanTrainer
from lab.diagnostics.curvature import hessian, leading_eigenvalues
from lab.diagnostics.spectrum import Complexes, jacobian, leading

Floats = NDArray[np.float64]

SAMPLES = 1024
"""Real and generated samples that the losses are means over."""


@dataclass(frozen=True)
class GameSpectrum:
    """What :func:`measure` found at a checkpoint.

    Attributes:
        step: of the checkpoint.
        field: the largest eigenvalues of the Jacobian J of both players' gradients, by modulus.
        moves: eigenvalues of the Jacobian of a step, P J, those that turn fastest first, then the largest and those
            with the least real part, which drive away: P is diagonal, for each parameter its player's mean learning
            rate, times its moves a step, times what the optimiser makes of a small, lasting gradient (weight decay is
            no part of it).
        curvature: the leading eigenvalue of each player's own Hessian.
    """

    step: int
    field: Complexes
    moves: Complexes
    curvature: Mapping[str, float]

    @property
    def period(self) -> float:
        """Steps of the fastest rotation, 2π/|Im λ|; infinite where nothing turns.

        A real λ above 2 overshoots from one side to the other, which is no rotation of the game.
        """
        fastest = float(np.abs(self.moves.imag).max(initial=0.0))
        return 2 * np.pi / fastest if fastest > 0 else float("inf")

    @property
    def turning(self) -> Complexes:
        """Those of ``moves`` that turn; what a cycle of the rates resonates with."""
        return self.moves[np.abs(self.moves.imag) > 0]

    @property
    def drift(self) -> float:
        """Growth per step along the fastest of the directions that leave without turning, 0 where none does.

        A plain step at the mean rates multiplies a deviation there by 1 − λ, and λ < 0: the point is no attractor.
        """
        straight = self.moves.real[self.moves.imag == 0]
        return max(0.0, -float(straight.min(initial=0.0)))


def measure(trainer: GanTrainer, samples: int = SAMPLES, count: int = 6, double: bool = True) -> GameSpectrum:
    """Measure the game at the trainer's present weights, on samples that are drawn from its data.

    Args:
        trainer: at a checkpoint; its data and generators move on.
        samples: about how many real and generated ones.
        count: how many eigenvalues of each kind.
        double: whether copies of the networks in double precision are measured, as rounding matters for small ones.
    """
    still = Still(trainer, samples, torch.float64 if double else torch.float32)
    losses, parameters = still.losses(), still.parameters
    slopes = [
        slope
        for name in PLAYERS
        for slope in torch.autograd.grad(losses[name], parameters[name], create_graph=True, materialize_grads=True)
    ]
    everything = [parameter for name in PLAYERS for parameter in parameters[name]]
    moved = jacobian([size * slope for size, slope in zip(_sizes(trainer), slopes, strict=True)], everything)
    curvature = {name: hessian(losses[name], parameters[name]) for name in PLAYERS}
    return GameSpectrum(
        step=trainer.step,
        field=leading(jacobian(slopes, everything), count),
        moves=_distinct([leading(moved, count, which="LI"), leading(moved, count), leading(moved, 2, which="SR")]),
        curvature={name: float(leading_eigenvalues(operator)[0]) for name, operator in curvature.items()},
    )


class Still:
    """A trainer's game on fixed samples: copies of its networks, whose losses are functions of their weights.

    Args:
        trainer: at a checkpoint; its data and generators move on.
        samples: about how many real and generated ones.
        kind: of the copies and the samples.

    Attributes:
        parameters: of each player's copy, by its name.
    """

    def __init__(self, trainer: GanTrainer, samples: int, kind: torch.dtype) -> None:
        self._game = copied(trainer.game, kind)
        real, labels = trainer.game.real(samples - samples % trainer.config.packing)
        noise = trainer.game.noise(len(real)).to(kind)
        self._samples = real.to(kind), noise, None if labels is None else labels.to(kind)
        voices = trainer.values()
        self._weights = {name: voices[f"{name}.weight"] for name in self._game.penalties}
        self.parameters = {name: list(getattr(self._game, name).parameters) for name in PLAYERS}
        self._draws = self._game.random.get_state()

    def losses(self) -> dict[str, Tensor]:
        """What each player minimises, by its name: the same function at each call, whatever its penalties draw."""
        self._game.random.set_state(self._draws)
        return dict(zip(PLAYERS, self._game.objectives(*self._samples, self._weights), strict=True))


def _distinct(found: Sequence[Complexes]) -> Complexes:
    """Each eigenvalue once, though it was found several times up to rounding."""
    kept: list[complex] = []
    for value in np.concatenate(found).tolist():
        if not any(abs(value - other) <= 1e-6 * abs(value) + 1e-15 for other in kept):
            kept.append(value)
    return np.array(kept, np.complex128)


def copied(game: Game, kind: torch.dtype) -> Game:
    """A game of copies of the networks, whose passes are plain."""

    def own(player: Player) -> Player:
        network = copy.deepcopy(player.network).to(kind)
        return Player(network, player.optimizer, moving(network))

    mine, theirs = own(game.generator), own(game.discriminator)
    return replace(game, generator=mine, discriminator=theirs, passes=nullcontext)


def _sizes(trainer: GanTrainer) -> list[Tensor]:
    """For each parameter of both players: mean rate of this cycle, times moves a step, times the optimiser's factor."""
    config, step = trainer.config, trainer.step
    clock = config.parsed_clock()
    first, period = clock.bounds(clock.locate(step)[0])
    sizes, rates = [], rates_over(config, cycle_at(config, step) or range(first, first + period))
    for name in PLAYERS:
        # A step of extragradient goes to a trial point and back: it moves once.
        moves = 1 if config.updates == "extragradient" else sum(name in players for players in trainer.game.plan)
        state = trainer.players.optimizers[name].state
        for parameter in trainer.players.game[name].parameters:
            factor = config.optimizer.size(parameter.detach().double(), state.get(parameter, {}))
            sizes.append(moves * float(rates[name].mean()) * factor)
    return sizes
