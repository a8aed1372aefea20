"""Begins a run with the weights of an agent that Stable-Baselines3 saved."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from lab.door import jsons, torches
from lab.door.text import one_line
from lab.errors import UserError
from lab.training import checkpoints
from lab.training.device import resolve_device
from lab.training.loop import make_context
from lab.training.paths import data_root
from lab.training.recovery import about
from lab.training.run import Run
from lab.training.trainer import Context
from rl.config import RlConfig
from rl.normalise import Moments
from rl.trainer import RlTrainer

WEIGHTS = "policy.pth"
COUNT = 1e6
"""Of how many observations imported moments count as being: they hardly move while the agent is trained on."""


class Standardisation(BaseModel):
    """What ``lab rl export`` writes beside an agent: the moments of its observations, of one array."""

    mean: list[FiniteFloat]
    variance: list[Annotated[FiniteFloat, Field(ge=0.0)]]


def begin(config: RlConfig, model: Path, normalisation: Path | None, root: Path, name: str | None, preset: str) -> Run:
    """Make a run at step 0 whose policy has the weights of a saved one; ``lab resume`` trains it on.

    Optimisers, replay buffer and counters begin anew: of what SB3 saved, only tensors are read.

    Args:
        config: of the run, of the same agent with the same networks.
        model: SB3's zip.
        normalisation: what the agent's observations are standardised by, as ``lab rl export`` writes it.
        root: the directory of runs.
        name: of the run, as for ``lab rl train``.
        preset: what the configuration came from.

    Raises:
        UserError: the files are others, or do not fit the configuration.
    """
    weights = torches.weights(model, WEIGHTS)
    moments = None if normalisation is None else jsons.read(normalisation, Standardisation)
    with tempfile.TemporaryDirectory() as place:  # a mistake leaves no run
        _load(RlTrainer(config, _context(config, Path(place))), weights, moments, model, normalisation)
    run = Run.create(root, name, "rl", config, preset=preset)
    trainer = RlTrainer(config, make_context(run, config))
    _load(trainer, weights, moments, model, normalisation)
    checkpoints.save(run.checkpoints, 0, trainer.state_dict(), about(run))
    return run


def _context(config: RlConfig, place: Path) -> Context:
    return Context(resolve_device(config.device), data_root(None), place, lambda *args, **data: None)


def _load(
    trainer: RlTrainer, weights: Mapping[str, Any], moments: Standardisation | None, model: Path, beside: Path | None
) -> None:
    try:
        trainer.model.policy.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise UserError(
            f"{model}: its policy is another than the configuration's {trainer.config.agent.agent!r} "
            f"({one_line(str(error), 300)})"
        ) from None
    if moments is None:
        return
    seen = trainer.env.observations
    if not isinstance(seen, Moments):
        raise UserError(f"{beside}: the configuration does not standardise observations of one array; leave it out")
    for name in ("mean", "variance"):
        given, size = np.array(getattr(moments, name)), seen.mean.size
        if given.shape != seen.mean.shape:
            raise UserError(f"{beside}: {name} has {len(given)} numbers; accepted: {size}, one of each observation")
        setattr(seen, name, given)
    seen.count = COUNT
