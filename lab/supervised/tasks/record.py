"""How a run's accuracies of its tasks are taken along the way, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lab.supervised.tasks import scores
from lab.supervised.tasks.course import Course
from lab.techniques.technique import Predictor

UNSEEN = 2.0
"""The worst accuracy of a task that was not looked at yet; what it is at an evaluation then stands for it."""


class TaskRecord:
    """The accuracy matrix of a network, and the worst accuracy of each task since it was learned.

    Of earlier tasks a fixed random sample each is looked at again and again; the minima stay on the device.

    Args:
        course: of the run.
        answers: makes what the one that learns says now, as it is scored.
        every: steps between looks; 0 for none.
        samples: of each task that a look is at, or all where there are fewer.
        random: chooses them.
    """

    def __init__(
        self, course: Course, answers: Callable[[], Predictor], every: int, samples: int, random: torch.Generator
    ) -> None:
        self._course, self._says = course, answers
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
            course, says = self._course, self._says()
            answers = (course.answers(says, task) for task in range(present + 1))
            self.matrix.append([right(found, course.labels(task)) for task, found in enumerate(answers)])

    def _look(self, present: int) -> None:
        """Take in how the tasks before the present one stand, without waiting for the device."""
        end = self._ends[present - 1]
        answers = self._course.closed(self._says()(self._inputs[:end]), self._tasks[:end])
        hits = (answers.argmax(dim=1) == self._labels[:end]).float()
        share = torch.zeros(present, device=hits.device).index_add_(0, self._tasks[:end], hits) / self._counts[:present]
        torch.minimum(self._worst[:present], share, out=self._worst[:present])

    def row(self, accuracies: Sequence[float]) -> dict[str, float]:
        """What is told of the network beside its present accuracies of the tasks so far.

        Before there is an earlier task, nothing of one is lost, and none has a worst accuracy.
        """
        present = len(accuracies) - 1
        matrix = self.matrix[:present]
        row = {
            "forgetting": scores.forgetting(matrix, accuracies) if present else 0.0,
            "backward_transfer": scores.backward_transfer(matrix, accuracies) if present else 0.0,
        }
        if not self._every:
            return row
        looks = zip(self._worst[:present].tolist(), accuracies, strict=False)
        worst = [now if worst == UNSEEN else worst for worst, now in looks]
        least = sum(worst) / present if present else 0.0
        found = {"min_accuracy": least} if present else {}
        return row | found | {"worst_case_accuracy": scores.worst_case_accuracy(accuracies[-1], least, present + 1)}

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
