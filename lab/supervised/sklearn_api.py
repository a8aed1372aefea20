"""A snapshot ensemble with the habits of scikit-learn: arrays in, classes and probabilities out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import PrivateAttr
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from lab.phase import waves
from lab.supervised.config import SupervisedConfig
from lab.supervised.data import DataPart
from lab.supervised.datasets import Labelled
from lab.supervised.networks import NetworkPart
from lab.supervised.networks.mlp import MlpNetwork
from lab.supervised.optimizers.torch_own import AdamOptimizer
from lab.supervised.samples import chunks
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.snapshots import Ensemble, Snapshots, SnapshotsPart
from lab.training.device import resolve_device
from lab.training.finite import NonFiniteError
from lab.training.trainer import Context, unheard

LAST_SEED = 2**31 - 1


class SnapshotEnsembleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The networks of one training, kept at the end of each cycle of the learning rate, answer together.

    Trained by Adam in ``n_estimators`` cycles of ``epochs`` epochs (Huang et al. 2017, arXiv 1704.00109), by the
    trainer of ``lab supervised train``. Standardise features first, as for any network.

    Args:
        module: from float32[n, *features] to logits float32[n, classes]; copied, and trained from its present weights,
            but for what is frozen. None is a multi-layer perceptron of ``hidden``, for features in one dimension.
        hidden: units of its layers.
        n_estimators: members, and cycles.
        epochs: of a cycle.
        learning_rate: at the crest; each cycle ends at 0.
        wave: of the learning rate within a cycle, one that ends at its trough: ``anneal`` (warm restarts),
            ``sawtooth``, ``one_cycle``, ``warmup_stable_decay``.
        batch_size: samples of a step; fewer where there are fewer.
        device: auto, cpu or cuda.
        random_state: an integer makes equal fits equal.

    Attributes:
        classes_: the labels.
        n_features_in_: size of the first dimension of features.
        ensemble_: the members, a :class:`lab.techniques.snapshots.Ensemble`.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> data, labels = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), SnapshotEnsembleClassifier(n_estimators=3, random_state=0))
    >>> bool(model.fit(data, labels).score(data, labels) > 0.95)
    True
    """

    _parameter_constraints = {  # noqa: RUF012  # as scikit-learn declares it
        "module": [nn.Module, None],
        "hidden": ["array-like"],
        "n_estimators": [Interval(Integral, 1, 256, closed="both")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "wave": [StrOptions({name for name, wave in waves.WAVES.items() if wave.trough == 1.0})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [StrOptions({"auto", "cpu", "cuda"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        module: nn.Module | None = None,
        *,
        hidden: Sequence[int] = (128, 128),
        n_estimators: int = 5,
        epochs: int = 10,
        learning_rate: float = 3e-3,
        wave: str = "anneal",
        batch_size: int = 128,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.module = module
        self.hidden = hidden
        self.n_estimators = n_estimators
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.wave = wave
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> SnapshotEnsembleClassifier:
        """Train.

        Args:
            X: float[n, features], or of more dimensions where a module is given.
            y: labels of any kind, [n].
        """
        self._validate_params()
        features, labels = validate_data(self, X, y, dtype=np.float32, allow_nd=self.module is not None)
        check_classification_targets(labels)
        self.classes_, places = np.unique(labels, return_inverse=True)
        self._shape = features.shape[1:]
        labelled = _labelled(features, places, len(self.classes_))
        trainer = SupervisedTrainer(self._config(labelled), _context(self.device))
        trainer.advance(trainer.config.steps)
        try:
            trainer.metrics()
        except NonFiniteError as error:
            raise ValueError(f"{error}; a lower learning_rate may help") from None
        snapshots = trainer.techniques.each["snapshots"]
        assert isinstance(snapshots, Snapshots)
        self.ensemble_: Ensemble = snapshots.ensemble
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The mean of the members' probabilities, float64[n, classes], one member and one chunk at a time."""
        return np.exp(self._log_probabilities(X))

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Its logarithm, float64[n, classes]."""
        return self._log_probabilities(X)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each sample, [n]."""
        places = self._log_probabilities(X).argmax(axis=1)
        return self.classes_[places]  # type: ignore[no-any-return]

    def _log_probabilities(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float32, allow_nd=self.module is not None, reset=False)
        if features.shape[1:] != self._shape:
            raise ValueError(f"X has samples of shape {features.shape[1:]}, but was fitted to those of {self._shape}")
        inputs = torch.from_numpy(np.array(features))
        device = next(iter(self.ensemble_.members[0].values())).device
        found = torch.cat([self.ensemble_.predict(part).cpu() for part in chunks(inputs, device)]).double()
        return torch.log_softmax(found, dim=1).numpy()

    def _config(self, data: Labelled) -> SupervisedConfig:
        """What `lab supervised train` would be told."""
        batch, cycles = min(int(self.batch_size), len(data.labels)), int(self.n_estimators)
        steps = cycles * max(1, round(int(self.epochs) * len(data.labels) / batch))
        network = MlpNetwork(hidden=_widths(self.hidden)) if self.module is None else _Given.of(self.module)
        return SupervisedConfig(
            seed=int(check_random_state(self.random_state).randint(LAST_SEED)),
            steps=steps,
            clock={"split": {"total": steps, "cycles": cycles}},
            voices={"lr": {"wave": self.wave, "low": 0.0, "high": float(self.learning_rate)}},
            data=_InMemory.of(data),
            network=network,
            optimizer=AdamOptimizer(),
            batch_size=batch,
            techniques=(SnapshotsPart(size=cycles, of="clock"),),
        )


class _InMemory(DataPart):
    """Samples that are there already."""

    name: str = "memory"
    _labelled: Labelled = PrivateAttr()

    @classmethod
    def of(cls, labelled: Labelled) -> _InMemory:
        made = cls()
        made._labelled = labelled
        return made

    def open(self, data_dir: Path, warn: Callable[[str], None]) -> Labelled:
        """They are not scored."""
        return self._labelled


class _Given(NetworkPart):
    """A module that somebody has built."""

    network: str = "given"
    _module: nn.Module = PrivateAttr()

    @classmethod
    def of(cls, module: nn.Module) -> _Given:
        made = cls()
        made._module = module
        return made

    def initialised(self, shape: tuple[int, ...], classes: int, random: torch.Generator) -> nn.Module:
        """A copy, its weights as they are; what is frozen stays so."""
        return copy.deepcopy(self._module)


def _widths(hidden: Any) -> tuple[int, ...]:
    """Of any sequence of whole numbers.

    Raises:
        ValueError: others, in one line.
    """
    if not all(isinstance(width, Integral) and int(width) >= 1 for width in hidden):
        raise ValueError(f"hidden: {hidden!r} is not accepted; whole numbers from 1 on are")
    return tuple(int(width) for width in hidden)


def _labelled(features: NDArray[np.float32], places: NDArray[np.integer], classes: int) -> Labelled:
    inputs, labels = torch.from_numpy(np.array(features)), torch.from_numpy(places.astype(np.int64))
    return Labelled(inputs, labels, inputs[:0], labels[:0], classes)


def _context(device: str) -> Context:
    place = Path()  # where nothing is read or written
    return Context(resolve_device(device), place, place, unheard)
