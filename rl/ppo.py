"""SB3's PPO, leaner: the same rollouts and the same updates up to rounding, with less work around the networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import explained_variance, obs_as_tensor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv
from torch import Tensor
from torch.nn import functional

from lab.training.adam import LeanAdam
from rl.rollouts import Rollout

_LOGGED = ("policy_gradient_loss", "value_loss", "entropy_loss", "loss", "clip_fraction", "approx_kl")
"""What is noted of each minibatch, under SB3's names."""


class LeanPPO(PPO):
    """Stable-Baselines3's ``PPO``, which spends its time on the environments and the networks and not around them.

    The algorithm is ``PPO``'s (Schulman et al. 2017, clipped surrogate, GAE), and *the same* means this. From the same
    weights, environments and generators, ``collect_rollouts`` draws the same actions and fills the same buffer; from
    the same buffer, ``train`` takes the same minibatches in the same order and the same gradient steps, and records
    the same quantities. Buffers, weights and records then agree up to the rounding of float32 sums that are taken in
    another order or in larger batches (tests hold both). All live attributes are read where ``PPO`` reads them,
    callbacks are called where ``PPO`` calls them, and ``save`` writes a zip that ``PPO.load`` reads.

    What is spared: in a rollout only actions are computed at every step, and values and log-probabilities of all steps
    afterwards together (so ``values`` and ``log_probs`` are not among a callback's ``locals`` at a step); in an update
    the rollout is shuffled once an epoch, statistics stay tensors until its end, and all gradients lie in one vector,
    so that clearing, measuring and clipping them is an operation each.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        if type(self.policy.optimizer) is torch.optim.Adam:
            self.policy.optimizer = LeanAdam.after(self.policy.optimizer)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Fill the buffer with ``n_rollout_steps`` steps of each environment; False where a callback stopped it."""
        own = type(self.policy).forward is not ActorCriticPolicy.forward
        if self.use_sde or own:  # noise that is drawn between the steps, or a pass of the user's own
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        self.policy.set_training_mode(False)
        buffer, box = rollout_buffer, self.action_space if isinstance(self.action_space, spaces.Box) else None
        buffer.reset()
        cut: list[tuple[int, int, Any]] = []
        callback.on_rollout_start()
        for step in range(n_rollout_steps):
            with torch.no_grad():
                observed = obs_as_tensor(self._last_obs, self.device)  # type: ignore[arg-type]
                actions = _drawn(self.policy, observed).cpu().numpy()
            actions = actions.reshape(env.num_envs, *self.action_space.shape)  # type: ignore[misc]
            clipped = actions if box is None else np.clip(actions, box.low, box.high)
            new_obs, rewards, dones, infos = env.step(clipped)
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            self._update_info_buffer(infos, dones)
            _write(buffer.observations, step, self._last_obs)
            buffer.actions[step] = actions.reshape(env.num_envs, buffer.action_dim)
            buffer.rewards[step] = rewards
            buffer.episode_starts[step] = self._last_episode_starts
            cut += [
                (step, index, infos[index]["terminal_observation"])
                for index in np.flatnonzero(dones).tolist()
                if infos[index].get("TimeLimit.truncated", False) and "terminal_observation" in infos[index]
            ]
            self._last_obs, self._last_episode_starts = new_obs, dones  # type: ignore[assignment]
        buffer.pos, buffer.full = n_rollout_steps, True
        self._judge(buffer, cut)
        with torch.no_grad():
            last_values = self.policy.predict_values(obs_as_tensor(new_obs, self.device))  # type: ignore[arg-type]
        buffer.compute_returns_and_advantage(last_values=last_values, dones=dones)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _judge(self, buffer: RolloutBuffer, cut: list[tuple[int, int, Any]]) -> None:
        """Values and log-probabilities of the whole rollout, and the value of what came after a time limit."""
        rollout = Rollout(self, buffer)
        with torch.no_grad():
            judged = [
                self.policy.evaluate_actions(batch["observations"], batch["actions"])
                for batch in rollout.in_order(self.batch_size)
            ]
            for step, index, last in cut:
                observed, _ = self.policy.obs_to_tensor(last)
                buffer.rewards[step, index] += self.gamma * self.policy.predict_values(observed).item()
        for field, parts in (("values", [row[0] for row in judged]), ("log_probs", [row[1] for row in judged])):
            column = torch.cat(parts).reshape(buffer.n_envs, buffer.buffer_size)
            getattr(buffer, field)[:] = column.T.cpu().numpy()

    def train(self) -> None:
        """Update the policy from ``self.rollout_buffer``."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip_range: float = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        clip_range_vf: float | None = (
            None if self.clip_range_vf is None else self.clip_range_vf(self._current_progress_remaining)  # type: ignore[operator]
        )
        gradient = _one_vector([each for each in self.policy.parameters() if each.requires_grad])
        rollout = Rollout(self, self.rollout_buffer)
        noted: list[Tensor] = []
        log_ratios: list[Tensor] = []
        epochs: list[int] = []
        for _ in range(self.n_epochs):
            epochs.append(len(noted))
            stopped = False
            for batch in rollout.shuffled(self.batch_size):
                loss, row, log_ratio = self._loss(batch, clip_range, clip_range_vf)
                noted.append(row)
                log_ratios.append(log_ratio)
                if self.target_kl is not None and _divergence(log_ratio).item() > 1.5 * self.target_kl:
                    stopped = True
                    break
                gradient.zero_()
                loss.backward()  # type: ignore[no-untyped-call]
                norm = torch.linalg.vector_norm(gradient)
                gradient.mul_(torch.clamp(self.max_grad_norm / (norm + 1e-6), max=1.0))
                self.policy.optimizer.step()
            self._n_updates += 1
            if stopped:
                break
        # Of all minibatches together, where they are of one size: a few operations in the place of some each.
        alike = len({len(each) for each in log_ratios}) == 1
        parts = [torch.stack(log_ratios)] if alike else [each[None] for each in log_ratios]
        seen = [torch.stack((_beyond(each, clip_range), _divergence(each)), dim=1) for each in parts]
        rows = torch.cat((torch.stack(noted), torch.cat(seen)), dim=1)
        self._log(rows.cpu().numpy(), epochs[-1], clip_range, clip_range_vf)

    def _loss(
        self, batch: Mapping[str, Any], clip_range: float, clip_range_vf: float | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss of one minibatch, the losses of ``_LOGGED`` as one vector, log π(a|s)/π_old(a|s); both detached."""
        values, log_prob, entropy = _evaluated(self.policy, batch["observations"], batch["actions"])
        values = values.flatten()
        advantages = batch["advantages"]
        if self.normalize_advantage and len(advantages) > 1:
            deviation, mean = torch.std_mean(advantages)
            advantages = (advantages - mean) / (deviation + 1e-8)
        log_ratio = log_prob - batch["log_probs"]
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
        policy_loss = -torch.min(advantages * ratio, advantages * clipped).mean()
        if clip_range_vf is not None:
            values = batch["values"] + (values - batch["values"]).clamp(-clip_range_vf, clip_range_vf)
        value_loss = functional.mse_loss(batch["returns"], values)
        entropy_loss = log_prob.mean() if entropy is None else -entropy.mean()
        loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss
        with torch.no_grad():
            row = torch.stack((policy_loss, value_loss, entropy_loss, loss))
        return loss, row, log_ratio.detach()

    def _log(self, noted: Any, last_epoch: int, clip_range: float, clip_range_vf: float | None) -> None:
        """Record what ``PPO.train()`` records: means over the update, of the divergence over its last epoch."""
        row = dict(zip(_LOGGED, noted.mean(axis=0, dtype=np.float64), strict=True))
        row["approx_kl"] = noted[last_epoch:, _LOGGED.index("approx_kl")].mean(dtype=np.float64)
        row["loss"] = noted[-1, _LOGGED.index("loss")]
        buffer = self.rollout_buffer
        row["explained_variance"] = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        row["clip_range"] = clip_range
        if clip_range_vf is not None:
            row["clip_range_vf"] = clip_range_vf
        if hasattr(self.policy, "log_std"):
            row["std"] = self.policy.log_std.detach().exp().mean().item()
        for name, value in row.items():
            self.logger.record(f"train/{name}", float(value))
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")


def _beyond(log_ratios: Tensor, clip_range: float) -> Tensor:
    """The share of ratios that are clipped, of each row."""
    return ((log_ratios.exp() - 1).abs() > clip_range).float().mean(dim=-1)


def _divergence(log_ratios: Tensor) -> Tensor:
    """Schulman's estimate of the divergence of each row, joschu.net/blog/kl-approx.html."""
    return (log_ratios.exp() - 1 - log_ratios).mean(dim=-1)


def _drawn(policy: ActorCriticPolicy, observations: Any) -> Tensor:
    """Actions of ``policy.get_distribution``, the same bits; one discrete action without torch's distribution."""
    if type(policy) is not ActorCriticPolicy or type(policy.action_dist) is not CategoricalDistribution:
        return policy.get_distribution(observations).get_actions()
    features = policy.extract_features(observations, policy.pi_features_extractor)
    logits = policy.action_net(policy.mlp_extractor.forward_actor(features))  # type: ignore[arg-type]
    chances = torch.softmax(logits - logits.logsumexp(dim=-1, keepdim=True), dim=-1)
    return torch.multinomial(chances, 1, True).flatten()


def _evaluated(policy: ActorCriticPolicy, observations: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """``policy.evaluate_actions``, of one discrete action without torch's distribution, which asks for more."""
    plain = type(policy) is ActorCriticPolicy and policy.share_features_extractor
    if not plain or not isinstance(policy.action_dist, CategoricalDistribution):
        return policy.evaluate_actions(observations, actions)
    for_actions, for_values = policy.mlp_extractor(policy.extract_features(observations))
    logits = functional.log_softmax(policy.action_net(for_actions), dim=-1)
    entropy = -(logits.exp() * logits).sum(dim=-1)
    return policy.value_net(for_values), logits.gather(1, actions[:, None]).flatten(), entropy


def _write(rows: Any, step: int, row: Any) -> None:
    """Observations [n_envs, …], or a dictionary of them, into row ``step`` of a rollout's."""
    if isinstance(rows, dict):
        for name, part in rows.items():
            _write(part, step, row[name])
    else:
        rows[step] = row.reshape(rows[step].shape)


def _one_vector(parameters: list[torch.nn.Parameter]) -> Tensor:
    """Zeros [all that learns], of which every parameter's gradient is a part; ``backward`` adds into it."""
    gradient = torch.zeros(sum(p.numel() for p in parameters), device=parameters[0].device, dtype=parameters[0].dtype)
    parts = torch.split(gradient, [p.numel() for p in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)
    return gradient
