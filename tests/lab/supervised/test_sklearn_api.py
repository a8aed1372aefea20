"""The snapshot ensemble as an estimator: scikit-learn's own checks, a module of one's own, and equal fits."""

from __future__ import annotations

import doctest
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from lab.supervised import sklearn_api
from lab.supervised.sklearn_api import SnapshotEnsembleClassifier


def small(**settings: Any) -> SnapshotEnsembleClassifier:
    return SnapshotEnsembleClassifier(
        **{"n_estimators": 2, "epochs": 8, "hidden": (16,), "batch_size": 16, "learning_rate": 0.02, **settings}
    )


def digits(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    data, labels = load_digits(return_X_y=True)
    return (data[:n] / 16).astype(np.float32), labels[:n]


@parametrize_with_checks([small(device="cpu")])
def test_it_is_an_estimator_of_scikit_learn(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def test_the_ensemble_is_of_the_members_and_each_is_a_trained_network() -> None:
    data, labels = digits()
    model = small(n_estimators=3, random_state=0).fit(data, labels)
    members = [predictor(torch.tensor(data)).exp().double().numpy() for predictor in model.ensemble_.each()]
    assert len(members) == 3
    assert np.allclose(model.predict_proba(data), np.mean(members, axis=0), atol=1e-6)
    assert all((member.argmax(axis=1) == labels).mean() > 0.9 for member in members)
    assert np.allclose(np.log(model.predict_proba(data)), model.predict_log_proba(data))


def test_labels_may_be_words() -> None:
    data, labels = digits()
    words = np.array(["odd", "even"])[(labels % 2 == 0).astype(int)]
    model = small(random_state=0).fit(data, words)
    assert set(model.predict(data)) == {"odd", "even"}
    assert model.score(data, words) > 0.9


def test_a_module_of_ones_own_is_copied_and_may_take_images() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    data, labels = digits()
    images = data.reshape(-1, 1, 8, 8)
    model = small(module=module, epochs=4, random_state=0).fit(images, labels)
    assert model.score(images, labels) > 0.9
    with pytest.raises(
        ValueError, match=r"X has samples of shape \(1, 4, 16\), but was fitted to those of \(1, 8, 8\)"
    ):
        model.predict(data.reshape(-1, 1, 4, 16))
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_numbers_may_be_numpys_and_what_is_frozen_stays_so() -> None:
    data, labels = digits()
    settings = {"n_estimators": np.int64(2), "batch_size": np.int64(32), "epochs": np.int64(1)}
    assert len(small(**settings, hidden=np.array([8, 8])).fit(data, labels).ensemble_.members) == 2
    with pytest.raises(ValueError, match=r"hidden: \[16.5\] is not accepted; whole numbers from 1 on are"):
        small(hidden=[16.5]).fit(data, labels)
    body = nn.Linear(64, 8).requires_grad_(False)
    model = small(module=nn.Sequential(body, nn.ReLU(), nn.Linear(8, 10))).fit(data, labels)
    member = model.ensemble_.members[-1]
    assert torch.equal(member["0.weight"], body.weight)
    assert not torch.equal(member["2.weight"], model.module[2].weight)


def test_a_frozen_norm_that_is_given_in_eval_mode_keeps_its_statistics() -> None:
    norm = nn.BatchNorm1d(64).requires_grad_(False).eval()
    norm.running_mean.fill_(0.3)
    awake = nn.BatchNorm1d(8)
    model = small(module=nn.Sequential(norm, nn.Linear(64, 8), awake, nn.ReLU(), nn.Linear(8, 10))).fit(*digits())
    member = model.ensemble_.members[-1]
    assert torch.equal(member["0.running_mean"], norm.running_mean)
    assert not torch.equal(member["2.running_mean"], awake.running_mean)


def test_a_fit_that_diverges_is_no_model() -> None:
    with pytest.raises(ValueError, match=r"was not finite at step \d+; a lower learning_rate may help"):
        small(learning_rate=1e20).fit(*digits())


def test_a_random_state_makes_fits_equal_and_leaves_torch_alone() -> None:
    data, labels = digits(200)
    outside = torch.get_rng_state()
    first, again, other = (small(random_state=seed).fit(data, labels).predict_proba(data) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), outside)


def test_it_works_within_pipelines_searches_and_pickles() -> None:
    data, labels = digits(200)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), small(random_state=0)),
        {"snapshotensembleclassifier__n_estimators": [1, 2]},
        cv=2,
    ).fit(data, labels)
    assert len(search.best_estimator_[-1].ensemble_.members) == search.best_params_.popitem()[1]
    fitted = small(random_state=0).fit(data, labels)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(data), fitted.predict_proba(data))
    assert cross_val_score(clone(fitted), data, labels, cv=2).mean() > 0.7


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_estimators": 0}, "n_estimators"),
        ({"wave": "cosine"}, "wave"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_a_mistake_is_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small(**settings).fit(*digits(50))


def test_one_that_was_not_fitted_says_so() -> None:
    with pytest.raises(NotFittedError):
        small().predict(digits(10)[0])


def test_the_example_of_its_docstring_runs() -> None:
    assert doctest.testmod(sklearn_api).attempted > 0
    assert doctest.testmod(sklearn_api).failed == 0
