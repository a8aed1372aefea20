"""Scores of generated samples: arrays or tensors in, float64 numbers out.

- ``modes``: coverage of a known mixture, evenness of a histogram
- ``frechet``: the Fréchet distance between Gaussians
- ``manifold``: precision, recall, density, coverage by nearest neighbours
- ``kernel``: the kernel distance, with its standard error
- ``memorisation``: nearest training items, and the test for copies of them
- ``overfit``: a discriminator's signs of overfitting
- ``pairs``, ``values``: what they share

No score depends on a batch size. Pairwise ones work through their points in chunks, on the device of the tensors.
"""

from gan.metrics.frechet import Gaussian, frechet_distance
from gan.metrics.kernel import KernelDistance, kernel_distance
from gan.metrics.manifold import Prdc, prdc
from gan.metrics.memorisation import Copying, Nearest, copying, nearest
from gan.metrics.modes import GOOD, ModeCoverage, divergence_from_uniform, mode_coverage
from gan.metrics.overfit import Overfitting, overfitting
from gan.metrics.values import Floats, host, require_finite

__all__ = [
    "Copying",
    "Floats",
    "GOOD",
    "Gaussian",
    "KernelDistance",
    "ModeCoverage",
    "Nearest",
    "Overfitting",
    "Prdc",
    "copying",
    "divergence_from_uniform",
    "frechet_distance",
    "host",
    "kernel_distance",
    "mode_coverage",
    "nearest",
    "overfitting",
    "prdc",
    "require_finite",
]
