"""The players' optimisers, one module a kind; their learning rates are voices."""

from gan.optimizers.adam import AdamOptimizer, AdamWOptimizer
from gan.optimizers.part import OptimizerPart
from gan.optimizers.sgd import SgdOptimizer
from lab.training.parts import Parts

__all__ = ["OPTIMIZERS", "AdamOptimizer", "OptimizerPart"]

OPTIMIZERS = Parts("optimizer", "name", OptimizerPart, (AdamOptimizer, AdamWOptimizer, SgdOptimizer))
"""Every optimiser by its word in a configuration."""
