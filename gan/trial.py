"""One step of a game on trial: what somebody else's parts do wrong is told before training, in one line."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch

from gan.config import GanConfig
from gan.data.part import Dataset, Scorer
from gan.data.source import real
from gan.networks.players import told
from gan.sampling import latents, points, sample, scores
from gan.step import Game, Player, moving
from gan.view import View
from lab.errors import UserError
from lab.training.device import out_of_memory
from lab.training.randomness import OwnNoise

UNUSED = "appears to not have been used"
"""What torch says of a weight that the outputs do not depend on."""


class Still:
    """A player's mover that leaves it where it is."""

    def step(self) -> None:
        """Do nothing."""


def try_step(
    game: Game, config: GanConfig, dataset: Dataset, scorer: Scorer, device: torch.device, own: Sequence[str]
) -> None:
    """Play one whole step of a game, at its batch size, on copies of its players and with chance of its own.

    What it draws then is scored, as it will be.

    Args:
        game: of this configuration and data; nothing of it changes.
        own: the modules that parts of another package come from.

    Raises:
        UserError: the step cannot be played.
    """
    random = torch.Generator(device).manual_seed(0)
    try:
        source = dataset.source(device, random, torch.Generator().manual_seed(0))
        trial = replace(
            game,
            generator=_copied(game.generator),
            discriminator=_copied(game.discriminator),
            real=partial(real, source, config.conditional),
            noise=partial(latents, size=config.latent, random=random),
            view=View(config.augment, config.packing, random),
            random=random,
        )
        with OwnNoise(0, device):
            trial.step(dict.fromkeys(game.penalties, 1.0))
            asked = points(config, config.evaluation_samples, random)
            found = scores(config, scorer, sample(trial.generator.network, asked), asked)
        if not isinstance(found, Mapping) or any(type(value) not in (int, float) for value in found.values()):
            raise TypeError(f"the scorer gives {found!r}; floats by name are expected")
    except UserError:
        raise
    except Exception as error:  # whatever somebody else's code does
        if out_of_memory(error):
            raise
        hint = "; a weight that nothing uses belongs frozen: requires_grad_(False)" if UNUSED in str(error) else ""
        raise UserError(f"{', '.join(own)}: a first step cannot be played ({told(error)}){hint}") from error


def _copied(player: Player) -> Player:
    network = copy.deepcopy(player.network)
    return Player(network, Still(), moving(network))
