"""What rides on the clock with any torch model, one module a technique; :mod:`lab.techniques.technique` says how.

A technique is a part: its settings, the voices that it takes, and what is built from them. A trainer calls its hooks by
way of :class:`lab.techniques.together.Techniques`; none of them knows another.
"""

from lab.techniques.augmentation import AugmentationTechniquePart
from lab.techniques.averaging import AveragingPart
from lab.techniques.batchnorm import BatchNormPart
from lab.techniques.class_weights import ClassWeightsPart
from lab.techniques.dropout import DropoutPart
from lab.techniques.focal import FocalPart
from lab.techniques.logit_adjustment import LogitAdjustmentPart
from lab.techniques.plateau import PlateauPart
from lab.techniques.rehearsal import RehearsalPart
from lab.techniques.reset import ResetPart
from lab.techniques.smoothing import SmoothingPart
from lab.techniques.snapshots import SnapshotsPart
from lab.techniques.sparsity import SparsityPart
from lab.techniques.swa import SwaPart
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
        SnapshotsPart,
        SwaPart,
        ResetPart,
        WeightDecayPart,
        DropoutPart,
        AugmentationTechniquePart,
        SmoothingPart,
        BatchNormPart,
        RehearsalPart,
        SparsityPart,
        FocalPart,
        ClassWeightsPart,
        LogitAdjustmentPart,
        PlateauPart,
    ),
)
"""Every technique by its word in a configuration."""
