"""What is classified, one module a kind of data."""

from lab.supervised.data.folder import FolderData
from lab.supervised.data.named import NamedData
from lab.supervised.data.npz import NpzData
from lab.supervised.data.part import DataPart
from lab.supervised.data.tabular import TabularData
from lab.training.parts import Parts

__all__ = ["DATA", "DataPart"]

DATA = Parts("data set", "name", DataPart, (NamedData, TabularData, FolderData, NpzData))
"""Every data set by its word in a configuration."""
