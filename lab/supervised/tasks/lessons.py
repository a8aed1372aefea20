"""All that a trainer does otherwise where its data is learned as tasks: what it learns from, and how it is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lab.phase import Clock
from lab.supervised.datasets import Labelled
from lab.supervised.tasks.course import Course, CourseSamples
from lab.supervised.tasks.part import TasksPart, check_cycles
from lab.supervised.tasks.record import TaskRecord, right
from lab.supervised.tasks.scores import average_accuracy
from lab.techniques.technique import Predictor
from lab.training.randomness import stream


class Lessons:
    """The tasks of one run.

    Args:
        part: of the configuration.
        data: in its training and test part.
        answers: makes what the network that is trained says now, as it is scored.
        seed, steps, clock: of the run.
        device: where the network is.
        warn: told in one line where phase and time could be taken for each other.

    Raises:
        UserError: the data or the steps cannot be divided so.
    """

    def __init__(
        self,
        part: TasksPart,
        data: Labelled,
        answers: Callable[[], Predictor],
        seed: int,
        steps: int,
        clock: Clock,
        device: torch.device,
        warn: Callable[[str], None],
    ) -> None:
        self.course = Course(part.divide(data, stream(seed, "tasks")), data, steps, part.joint, device)
        self._record = TaskRecord(self.course, answers, part.watch_every, part.watch_samples, stream(seed, "watch"))
        if not part.joint:
            check_cycles(self.course.length, clock, warn)

    def samples(self, data: Labelled, random: torch.Generator) -> CourseSamples:
        """What is learned from; ``random`` draws the order of each epoch, and its owner saves it."""
        return CourseSamples(self.course, data, random)

    def closed(self, logits: Tensor, tasks: Tensor | None) -> Tensor:
        """As :meth:`Course.closed`."""
        return self.course.closed(logits, tasks)

    def stepped(self, step: int) -> None:
        """Look at the tasks after ``step`` steps, where that is due."""
        self._record.stepped(step)

    def answers(self, predictor: Predictor, step: int) -> Tensor:
        """Log-probabilities of the test samples of the tasks so far, one task after the other, on the host."""
        return torch.cat([self.course.answers(predictor, task) for task in range(self.course.seen(step))])

    def labels(self, step: int) -> Tensor:
        """The labels of the same."""
        return torch.cat([self.course.labels(task) for task in range(self.course.seen(step))])

    def row(self, answers: Tensor, step: int, itself: bool) -> dict[str, float]:
        """Scores of the answers: of each task so far, their mean; of the network ``itself`` also what it lost."""
        tests = self.course.tasks.test[: self.course.seen(step)]
        parts = torch.split(answers, [len(places) for places in tests])
        found = [right(part, self.course.labels(task)) for task, part in enumerate(parts)]
        row = {f"task/{task}/accuracy": accuracy for task, accuracy in enumerate(found)}
        row["average_accuracy"] = average_accuracy(found)
        return row | (self._record.row(found) if itself else {})

    def state_dict(self) -> dict[str, Any]:
        """What was taken in so far; the samples have a state of their own."""
        return self._record.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with it."""
        self._record.load_state_dict(state)
