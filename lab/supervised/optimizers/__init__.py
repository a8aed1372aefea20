"""What trains a classifier, one module an optimiser; its learning rate is a voice, and weight decay a technique."""

from lab.supervised.optimizers.part import OptimizerPart
from lab.supervised.optimizers.schedule_free import ScheduleFreeAdamW, ScheduleFreeSgd
from lab.supervised.optimizers.torch_own import AdamOptimizer, SgdOptimizer
from lab.training.parts import Parts

__all__ = ["OPTIMIZERS", "AdamOptimizer", "OptimizerPart"]

OPTIMIZERS = Parts(
    "optimizer", "name", OptimizerPart, (SgdOptimizer, AdamOptimizer, ScheduleFreeSgd, ScheduleFreeAdamW)
)
"""Every optimiser by its word in a configuration."""
