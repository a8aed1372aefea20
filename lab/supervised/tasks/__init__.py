"""Continual learning: a training set divided into tasks that are learned one after the other, one module a kind."""

from lab.supervised.tasks.part import TasksPart
from lab.supervised.tasks.permuted import PermutedTasks
from lab.supervised.tasks.split import SplitTasks
from lab.training.parts import Parts

__all__ = ["TASKS", "TasksPart"]

TASKS = Parts("sequence of tasks", "name", TasksPart, (SplitTasks, PermutedTasks))
"""Every way of making tasks by its word in a configuration."""
