"""Random changes of the images that a step learns from, their strength a voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from lab.errors import UserError
from lab.phase import targets
from lab.phase.conductor import Target
from lab.techniques.augmentations import AUGMENTATIONS, AugmentationPart
from lab.techniques.augmentations.translation import Translation
from lab.techniques.technique import Batch, Host, Technique, TechniquePart, VoiceSpec
from lab.techniques.value import Value


def augmented(
    images: Tensor, augmentations: Sequence[AugmentationPart], strength: Value, random: torch.Generator
) -> Tensor:
    """Images float32[n, channels, height, width] in [−1, 1], changed by one augmentation after the other."""
    for each in augmentations:
        images = each.apply(images, strength, random)
    return images


class Augmentation(Technique):
    """The new images of each step are changed; those that are scored are not."""

    def __init__(self, augmentations: Sequence[AugmentationPart], host: Host) -> None:
        shape = host.batches(1)[0].shape[1:]
        if len(shape) != 3:
            raise UserError(f"it changes images, and samples of shape {list(shape)} are none")
        seed = torch.randint(2**62, (), generator=host.random("augmentation"))
        self._random = torch.Generator(host.device).manual_seed(int(seed))
        self._augmentations = tuple(augmentations)
        self._strength = torch.zeros((), device=host.device)

    def targets(self) -> Mapping[str, Target]:
        """The strength."""
        return {"augmentation.strength": targets.buffer(self._strength)}

    def batch(self, batch: Batch, step: int) -> Batch:
        """The same samples, seen otherwise."""
        return replace(batch, inputs=augmented(batch.inputs, self._augmentations, self._strength, self._random))

    def state_dict(self) -> Mapping[str, Any]:
        """Where its chance stands."""
        return {"random": self._random.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._random.set_state(state["random"].cpu())


class AugmentationTechniquePart(TechniquePart):
    """Random changes of images, one after the other, all of the voice's strength: 0 is nothing, 1 their full range."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "augmentation.strength": VoiceSpec("strength of the augmentations", 0.0, 1.0, 1.0)
    }

    name: Literal["augmentation"] = "augmentation"
    augmentations: tuple[Annotated[AugmentationPart, AUGMENTATIONS], ...] = Field(
        (Translation(),), min_length=1, max_length=16, description="which, in the order in which they are applied"
    )

    def build(self, host: Host) -> Augmentation:
        """Its chance is its own: no other use of chance is moved by it."""
        return Augmentation(self.augmentations, host)
