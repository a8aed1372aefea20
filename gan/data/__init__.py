"""Real samples to imitate, one module a kind: points in the plane, and images, shuffled epoch by epoch."""

from gan.data.cifar import Cifar10Data
from gan.data.digits import DigitsData
from gan.data.folder import FolderData
from gan.data.grid import GridData
from gan.data.mnist import MnistData
from gan.data.npz import NpzData
from gan.data.part import DataPart, Dataset, drawn, shuffled, unscored
from gan.data.ring import RingData
from gan.data.spiral import SpiralData
from gan.data.stacked import StackedMnistData
from lab.training.parts import Parts

__all__ = ["DATA", "DataPart", "Dataset", "drawn", "shuffled", "unscored"]

DATA = Parts(
    "data set",
    "name",
    DataPart,
    (RingData, GridData, SpiralData, DigitsData, MnistData, StackedMnistData, Cifar10Data, FolderData, NpzData),
)
"""Every kind of data by its word in a configuration."""
