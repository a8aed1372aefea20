"""What rides on the clock with any torch model, one module a technique; :mod:`lab.techniques.technique` says how.

A technique is a part: its settings, the voices that it takes, and what is built from them. A trainer calls its hooks by
way of :class:`lab.techniques.together.Techniques`; none of them knows another.
"""

from lab.techniques.augmentation import AugmentationTechniquePart
from lab.techniques.averaging import AveragingPart
from lab.techniques.batchnorm import BatchNormPart
from lab.techniques.dropout import DropoutPart
from lab.techniques.smoothing import SmoothingPart
from lab.techniques.technique import Technique, TechniquePart
from lab.techniques.weight_decay import WeightDecayPart
from lab.training.parts import Parts

__all__ = ["TECHNIQUES", "Technique", "TechniquePart"]

TECHNIQUES = Parts(
    "technique",
    "name",
    TechniquePart,
    (
        AveragingPart,
        WeightDecayPart,
        DropoutPart,
        AugmentationTechniquePart,
        SmoothingPart,
        BatchNormPart,
    ),
)
"""Every technique by its word in a configuration."""
