"""What is classified, one module a kind of data."""

from lab.supervised.data.named import NamedData
from lab.supervised.data.part import DataPart
from lab.training.parts import Parts

__all__ = ["DATA", "DataPart"]

DATA = Parts("data set", "name", DataPart, (NamedData,))
"""Every data set by its word in a configuration."""
