"""Curricula: difficulty, open-loop pacing, adaptive teachers, and tasks as single and batched environments."""

from curricula.adapted import adapt
from curricula.tasks.registration import make_vec, register, task_ids

__all__ = ["adapt", "make_vec", "task_ids"]

register()
