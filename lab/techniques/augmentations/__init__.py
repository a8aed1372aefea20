"""Random changes of images, one module a kind; a voice conducts their strength."""

from lab.techniques.augmentations.color import Color
from lab.techniques.augmentations.flip import Flip
from lab.techniques.augmentations.part import AugmentationPart
from lab.techniques.augmentations.translation import Cutout, Translation
from lab.training.parts import Parts

__all__ = ["AUGMENTATIONS", "AugmentationPart"]

AUGMENTATIONS = Parts("augmentation", "augmentation", AugmentationPart, (Color, Translation, Cutout, Flip))
"""Every augmentation by its word in a configuration."""
