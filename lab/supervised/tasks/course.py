"""The course that a run takes through its tasks: which is learned when, and its samples as batches and as tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lab.errors import UserError
from lab.supervised.datasets import Labelled
from lab.supervised.samples import chunks, prepared
from lab.supervised.tasks.part import TaskSet, check_length
from lab.techniques.technique import CLOSED, Batch, Predictor
from lab.training.epochs import Epochs


class Course:
    """Tasks over the steps of a run.

    Args:
        tasks: in order.
        data: whose they are.
        steps: of the run, divided equally.
        joint: whether all are learned at once, all the time.
        device: where the network is.

    Raises:
        UserError: the steps do not divide into the tasks.
    """

    def __init__(self, tasks: TaskSet, data: Labelled, steps: int, joint: bool, device: torch.device) -> None:
        self.tasks, self.joint, self.device = tasks, joint, device
        self.length = check_length(len(tasks), steps)
        self._data = data
        self.heads = None if tasks.heads is None else tasks.heads.to(device)
        self._pixels = None if tasks.pixels is None else tasks.pixels.to(device)

    def seen(self, step: int) -> int:
        """How many tasks are asked about after ``step`` steps: those begun, at step 0 the first.

        The same where all are learned at once, so that what is told of both can be compared.
        """
        return max(1, -(-step // self.length))

    def stage(self, step: int) -> int:
        """Which of :meth:`stages` step number ``step`` learns from."""
        return 0 if self.joint else min(step // self.length, len(self.tasks) - 1)

    def stages(self) -> list[tuple[Tensor, Tensor]]:
        """Places in the training part and the tasks they are taken for, int64[n] each: a pair a task, or one joint."""
        pairs = [(places, torch.full_like(places, task)) for task, places in enumerate(self.tasks.train)]
        if not self.joint:
            return pairs
        places, tasks = zip(*pairs, strict=True)
        return [(torch.cat(places), torch.cat(tasks))]

    def shown(self, samples: Tensor, tasks: Tensor) -> Tensor:
        """Training samples as their tasks show them, on the device."""
        if self._pixels is None:
            return samples
        return samples.flatten(1).gather(1, self._pixels[tasks]).view_as(samples)

    def batches(self, n: int, size: int, step: int, random: torch.Generator) -> list[Tensor]:
        """Up to ``n`` batches of training inputs, as the network takes them, of the tasks met after ``step`` steps."""
        pairs = self.stages()[: self.seen(step)]
        places, tasks = (torch.cat(each) for each in zip(*pairs, strict=True))
        order = torch.randperm(len(places), generator=random)[: n * size]
        samples = ((self._data.inputs[places[part]], tasks[part]) for part in torch.split(order, size))
        return [prepared(self.shown(own.to(self.device), of.to(self.device))) for own, of in samples]

    def closed(self, logits: Tensor, tasks: Tensor | None) -> Tensor:
        """Logits float32[n, classes] with the classes closed that tasks int64[n] have not, where tasks are told."""
        return logits if self.heads is None or tasks is None else logits.masked_fill(~self.heads[tasks], CLOSED)

    def questions(self, task: int, places: Tensor | None = None) -> Iterator[Tensor]:
        """Test inputs of a task on the device, as the network takes them: all of them, or those at these places."""
        samples = self._data.test_inputs[self.tasks.test[task] if places is None else places]
        if self._pixels is not None:
            samples = samples.flatten(1)[:, self._pixels[task].to(samples.device)].view_as(samples)
        yield from chunks(samples, self.device)

    def labels(self, task: int) -> Tensor:
        """Labels of a task's test samples, int64[n] on the host."""
        return self._data.test_labels[self.tasks.test[task]]

    def answers(self, predictor: Predictor, task: int) -> Tensor:
        """Log-probabilities of a task's test samples, float32[n, classes] on the host."""
        found = torch.cat([predictor(part) for part in self.questions(task)])
        if self.heads is not None:
            closed = self.closed(found, torch.full((len(found),), task, device=found.device))
            found = functional.log_softmax(closed, dim=1)
        return found.cpu()


class CourseSamples:
    """Batches of the task that is on; each task's samples in a random order, epoch after epoch.

    Args:
        course: which task is on when.
        data: on the host.
        random: a host generator from which each epoch's order is drawn; its owner saves it.
    """

    def __init__(self, course: Course, data: Labelled, random: torch.Generator) -> None:
        self._course, self._random = course, random
        self._inputs, self._labels = data.inputs.to(course.device), data.labels.to(course.device)
        self._stages = course.stages()
        self._begin(0)

    def _begin(self, stage: int) -> None:
        self._stage = stage
        self._places = Epochs(len(self._stages[stage][0]), self._random)

    def batch(self, n: int, step: int) -> Batch:
        """The next ``n`` samples, for step number ``step``."""
        if (stage := self._course.stage(step)) != self._stage:
            self._begin(stage)
        index = self._places.take(n)
        places, tasks = (each[index].to(self._course.device) for each in self._stages[stage])
        samples = self._course.shown(self._inputs[places], tasks)
        return Batch(prepared(samples), self._labels[places], tasks, samples)

    def state_dict(self) -> dict[str, Any]:
        """The task that is on, the order of its present epoch and the place in it."""
        own = self._places.state_dict()
        # As an array: tasks have different sizes, and a checkpoint's tensors have to be of one shape.
        return {"stage": self._stage, "length": self._course.length, "order": own["order"].numpy(), "next": own["next"]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore task, order and place.

        Raises:
            UserError: the run was begun with tasks of another length.
        """
        if state["length"] != self._course.length:
            now, before = (length * len(self._course.tasks) for length in (self._course.length, state["length"]))
            raise UserError(f"steps: {now} is not accepted; {before} is, as the run's tasks were laid out by it")
        self._begin(int(state["stage"]))
        self._places.load_state_dict({"order": torch.from_numpy(state["order"]), "next": state["next"]})
