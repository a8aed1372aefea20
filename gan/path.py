"""The straight line from a run's first weights to its newest: which way its game pulls along it, and how strongly."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from gan.config import PLAYERS
from gan.kept import begun, newest
from gan.spectrum import SAMPLES, Still
from gan.trainer import GanTrainer
from lab.diagnostics.path import ALPHAS, Floats, Path, path
from lab.errors import UserError
from lab.training.run import Run


def path_of(run: Run, samples: int = SAMPLES, alphas: Floats = ALPHAS) -> tuple[int, Path]:
    """Path angle and path norm of a run (:mod:`lab.diagnostics.path`), and the step at which its path ends.

    The field is both players' gradients, the generator's first, in double precision and on samples that are fixed; the
    start is what the run began with, which its seed gives anew, so that no early checkpoint is needed.

    Args:
        run: of ``lab gan train``.
        samples: about how many real and generated ones.
        alphas: places on the line; 0 is the start, 1 the newest checkpoint.

    Raises:
        UserError: the run has no checkpoint yet, or its weights have not moved.
    """
    trainer = newest(run)
    start, end = weights(begun(run)), weights(trainer)
    if np.array_equal(start, end):
        raise UserError(f"{run.path}: its weights at step {trainer.step:,} are those it began with; there is no path")
    still = Still(trainer, samples, torch.float64)
    everything = [parameter for name in PLAYERS for parameter in still.parameters[name]]

    def field(point: Floats) -> Floats:
        with torch.no_grad():
            vector_to_parameters(torch.from_numpy(point), everything)
        losses = still.losses()
        slopes = [
            slope
            for name in PLAYERS
            for slope in torch.autograd.grad(
                losses[name], still.parameters[name], retain_graph=True, materialize_grads=True
            )
        ]
        found: Floats = torch.cat([slope.reshape(-1) for slope in slopes]).numpy()  # some lie channels last
        return found

    return trainer.step, path(field, start, end, alphas)


def weights(trainer: GanTrainer) -> Floats:
    """Both networks' weights as one vector, the generator's first, float64[n]."""
    parts = [parameters_to_vector(trainer.players.game[name].parameters) for name in PLAYERS]
    found: Floats = torch.cat(parts).detach().double().numpy()
    return np.ascontiguousarray(found)
