"""Changes of images that the discriminator sees, one module a kind; the voice `augment.strength` conducts them."""

from gan.augmentations.color import Color
from gan.augmentations.part import AugmentationPart
from gan.augmentations.translation import Cutout, Translation
from lab.training.parts import Parts

__all__ = ["AUGMENTATIONS", "AugmentationPart"]

AUGMENTATIONS = Parts("augmentation", "augmentation", AugmentationPart, (Color, Translation, Cutout))
"""Every augmentation by its word in a configuration."""
