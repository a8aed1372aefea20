"""How a run's accuracies of its tasks are taken along the way, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lab.supervised.tasks import scores
from lab.supervised.tasks.course import Course
from lab.techniques.technique import Predictor

UNSEEN = 2.0
"""The worst accuracy of a task that was not looked at yet."""


class TaskRecord:
    """The accuracy matrix of a network, and the worst accuracy of each task since it was learned.

    Of earlier tasks a fixed random sample each is looked at again and again; the minima stay on the device.

    Args:
        course: of the run.
        network: the one that learns, as a predictor.
        every: steps between looks; 0 for none.
        samples: of each task that a look is at, or all where there are fewer.
        random: chooses them.
    """

    def __init__(self, course: Course, network: Predictor, every: int, samples: int, random: torch.Generator) -> None:
        self._course, self._network = course, network
        self._every = every
        self.matrix: list[list[float]] = []
        """Row k: the accuracies of tasks 0 … k as task k had been learned."""
        self._worst = torch.full((len(course.tasks),), UNSEEN, device=course.device)
        self._inputs, self._labels, self._tasks = _sample(course, samples, random)
        self._counts = torch.bincount(self._tasks, minlength=len(course.tasks)).float()
        self._ends: list[int] = self._counts.long().cumsum(0).tolist()

    def stepped(self, step: int) -> None:
        """Look, if that is due after ``step`` steps; a row of the matrix is due where a task ends."""
        present = self._course.seen(step) - 1
        if present and self._every and step % self._every == 0:
            self._look(present)
        if step % self._course.length == 0:
            course = self._course
            answers = (course.answers(self._network, task) for task in range(present + 1))
            self.matrix.append([right(found, course.labels(task)) for task, found in enumerate(answers)])

    def _look(self, present: int) -> None:
        """Take in how the tasks before the present one stand, without waiting for the device."""
        end = self._ends[present - 1]
        answers = self._course.closed(self._network(self._inputs[:end]), self._tasks[:end])
        hits = (answers.argmax(dim=1) == self._labels[:end]).float()
        share = torch.zeros(present, device=hits.device).index_add_(0, self._tasks[:end], hits) / self._counts[:present]
        torch.minimum(self._worst[:present], share, out=self._worst[:present])

    def row(self, accuracies: Sequence[float]) -> dict[str, float]:
        """What is told of the network beside its present accuracies of the tasks so far.

        What needs an earlier task is left out before there is one.
        """
        present = len(accuracies) - 1
        matrix = self.matrix[:present]
        if not matrix:
            return {}
        row = {
            "forgetting": scores.forgetting(matrix, accuracies),
            "backward_transfer": scores.backward_transfer(matrix, accuracies),
        }
        worst = self._worst[:present].tolist()
        if max(worst) < UNSEEN:
            least = sum(worst) / present
            row["min_accuracy"] = least
            row["worst_case_accuracy"] = scores.worst_case_accuracy(accuracies[-1], least, present + 1)
        return row

    def state_dict(self) -> dict[str, Any]:
        """The matrix so far and the minima."""
        return {"matrix": self.matrix, "worst": self._worst}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these."""
        self.matrix = [[float(value) for value in row] for row in state["matrix"]]
        self._worst.copy_(state["worst"])


def right(answers: Tensor, labels: Tensor) -> float:
    """The share of answers float32[n, classes] that are their labels int64[n]."""
    return float((answers.argmax(dim=1) == labels).double().mean())


def _sample(course: Course, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Up to ``n`` test samples of each task: inputs, labels, tasks, all on the device, one task after the other."""
    inputs, labels, tasks = [], [], []
    for task, places in enumerate(course.tasks.test):
        chosen = torch.randperm(len(places), generator=random)[:n]
        inputs += list(course.questions(task, places[chosen]))
        labels.append(course.labels(task)[chosen])
        tasks.append(torch.full((len(chosen),), task))
    return torch.cat(inputs), torch.cat(labels).to(course.device), torch.cat(tasks).to(course.device)
