"""What is measured of a rollout's loss is that loss's, and measuring it changes nothing."""

import numpy as np
import pytest
import torch

from lab.diagnostics.curvature import gradient_of
from lab.errors import UserError
from rl.curvature import BATCHES, measured
from rl.rollouts import Rollout


@pytest.fixture
def trained(make_trainer):
    trainer = make_trainer(curvature=True, voices={"learning_rate": 1e-3, "ent_coef": 0.01})
    trainer.advance(512)
    return trainer


def flat_gradient(model):
    return torch.cat([parameter.grad.flatten() for parameter in model.policy.parameters()])


def test_the_gradient_is_the_one_that_the_next_update_begins_with(trained):
    """The mean of the batches' gradients is PPO's own, of the whole rollout and without the value's part."""
    model = trained.model
    model._last_obs = trained.env.reset()
    model.collect_rollouts(trained.env, trained._callback, model.rollout_buffer, model.n_steps)
    row = measured(model)
    model.vf_coef, model.batch_size, model.n_epochs, model.max_grad_norm = 0.0, 128, 1, float("inf")
    model.train()
    mean = row["curvature/signal"] + row["curvature/noise"] / (128 // BATCHES) / BATCHES
    assert flat_gradient(model).square().sum().item() == pytest.approx(mean, rel=1e-3)


def test_the_curvature_is_that_of_brute_force(trained):
    """Gradients a little to both sides along every weight in turn; float32 leaves two digits."""
    model, parameters = trained.model, list(trained.model.policy.parameters())
    found = measured(model)["curvature/leading"]
    batch = next(Rollout(model, model.rollout_buffer).in_order(10_000))
    deviation, mean = torch.std_mean(batch["advantages"])
    advantages = (batch["advantages"] - mean) / deviation
    with torch.no_grad():
        _, old, _ = model.policy.evaluate_actions(batch["observations"], batch["actions"])

    def slope_at(parameter, place, shift):
        with torch.no_grad():
            kept = parameter.view(-1)[place].clone()
            parameter.view(-1)[place] += shift
        _, new, entropy = model.policy.evaluate_actions(batch["observations"], batch["actions"])
        slope = gradient_of(-(advantages * (new - old).exp()).mean() - model.ent_coef * entropy.mean(), parameters)
        with torch.no_grad():
            parameter.view(-1)[place] = kept
        return slope

    step = 3e-3
    dense = np.array([
        (slope_at(parameter, place, step) - slope_at(parameter, place, -step)) / (2 * step)
        for parameter in parameters
        for place in range(parameter.numel())
    ])  # fmt: skip
    assert np.linalg.eigvalsh((dense + dense.T) / 2)[-1] == pytest.approx(found, rel=2e-2)


def test_measuring_draws_no_random_number_and_leaves_gradients_alone(trained):
    before = flat_gradient(trained.model).clone()
    with trained._randomness:
        drawn = np.random.get_state()[1].copy(), torch.get_rng_state()
        first, second = measured(trained.model), measured(trained.model)
        assert np.array_equal(np.random.get_state()[1], drawn[0])
        assert torch.equal(torch.get_rng_state(), drawn[1])
    assert first == second
    assert set(first) == {"curvature/leading", "curvature/signal", "curvature/noise"}
    assert torch.equal(flat_gradient(trained.model), before)


def test_before_the_first_rollout_there_is_nothing_to_measure(make_trainer):
    assert "curvature/leading" not in make_trainer(curvature=True).evaluate()


def test_an_agent_without_rollouts_is_told_so_before_it_is_built(make_trainer):
    drop = ("n_steps", "batch_size", "n_epochs", "hidden", "voices")
    changes = {"agent": {"agent": "sac"}, "task": "lab/Pendulum-v0", "voices": {"learning_rate": 1e-3}}
    with pytest.raises(UserError, match="curvature: an agent 'sac' has no rollouts"):
        make_trainer(drop, curvature=True, curriculum={"kind": "none"}, **changes)
