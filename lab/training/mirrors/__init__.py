"""What a run's metrics log can be mirrored in while it is written: a module each, listed once here."""

from lab.training.mirrors.mirror import Mirror
from lab.training.mirrors.tensorboard import TensorBoard
from lab.training.mirrors.wandb import WeightsAndBiases

MIRRORS: tuple[type[Mirror], ...] = (TensorBoard, WeightsAndBiases)
