"""Random changes of images, one module a kind; a voice `augment.strength` conducts them."""

from lab.techniques.augmentations.color import Color
from lab.techniques.augmentations.part import AugmentationPart
from lab.techniques.augmentations.translation import Cutout, Translation
from lab.training.parts import Parts

__all__ = ["AUGMENTATIONS", "AugmentationPart"]

AUGMENTATIONS = Parts("augmentation", "augmentation", AugmentationPart, (Color, Translation, Cutout))
"""Every augmentation by its word in a configuration."""
