"""SB3's SAC, leaner: the same updates up to rounding, without gradients that nobody uses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import torch
from stable_baselines3 import SAC
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from rl.apart import RatesApart

_LOGGED = ("ent_coef", "critic_loss", "actor_loss", "ent_coef_loss")
"""What is noted of each gradient step, under SB3's names; the last where the coefficient is learnt."""


class LeanSAC(RatesApart, SAC):
    """Stable-Baselines3's ``SAC`` (Haarnoja et al. 2018), whose optimisers may have learning rates of their own.

    From the same weights, replay buffer and generators ``train`` draws the same transitions and actions, takes the same
    gradient steps, and records the same quantities, up to rounding (tests hold it); ``save`` writes a zip that
    ``SAC.load`` reads. What is spared: the actor's loss is differentiated by the actor alone, not by the critics it
    passes through; the target networks follow in one operation; statistics stay tensors until the end.
    """

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take gradient steps on draws from the replay buffer."""
        self.policy.set_training_mode(True)
        learnt = [self.ent_coef_optimizer] if self.ent_coef_optimizer is not None else []
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer, *learnt])
        noted = []
        for gradient_step in range(gradient_steps):
            noted.append(self._gradient_step(batch_size))
            if gradient_step % self.target_update_interval == 0:
                follow(self.critic_target.parameters(), self.critic.parameters(), self.tau)
                follow(self.batch_norm_stats_target, self.batch_norm_stats, 1.0)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        means = torch.stack(noted).mean(dim=0).tolist()
        for name, value in zip(_LOGGED, means, strict=False):
            self.logger.record(f"train/{name}", value)

    def _gradient_step(self, batch_size: int) -> Tensor:
        """One step of each optimiser; what is to be noted of it."""
        drawn = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)  # type: ignore[union-attr]
        discounts = self.gamma if drawn.discounts is None else drawn.discounts
        if self.use_sde:
            self.actor.reset_noise()
        actions, log_prob = self.actor.action_log_prob(drawn.observations)
        log_prob = log_prob.reshape(-1, 1)
        coefficient, coefficient_loss = self._entropy_step(log_prob.detach())
        with torch.no_grad():
            next_actions, next_log_prob = self.actor.action_log_prob(drawn.next_observations)
            after = reduce(torch.minimum, self.critic_target(drawn.next_observations, next_actions))
            after = after - coefficient * next_log_prob.reshape(-1, 1)
            targets = drawn.rewards + (1 - drawn.dones) * discounts * after
        values = self.critic(drawn.observations, drawn.actions)
        critic_loss = 0.5 * torch.stack([functional.mse_loss(value, targets) for value in values]).sum()
        descend(critic_loss, self.critic.optimizer)
        least = reduce(torch.minimum, self.critic(drawn.observations, actions))
        actor_loss = (coefficient * log_prob - least).mean()
        descend(actor_loss, self.actor.optimizer)
        return torch.stack([coefficient.squeeze(), critic_loss, actor_loss, *coefficient_loss]).detach()

    def _entropy_step(self, log_prob: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The coefficient as it was, and the loss of one that is learnt, by which it has then moved."""
        if self.log_ent_coef is None or self.ent_coef_optimizer is None:
            return self.ent_coef_tensor, []
        coefficient = self.log_ent_coef.detach().exp()
        loss = -(self.log_ent_coef * (log_prob + self.target_entropy)).mean()  # type: ignore[operator]  # a number now
        descend(loss, self.ent_coef_optimizer)
        return coefficient, [loss]


def descend(loss: Tensor, optimizer: Optimizer) -> None:
    """One step of an optimiser; the gradients of other parameters that the loss passes through are not computed."""
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=parameters)  # type: ignore[no-untyped-call]
    optimizer.step()


@torch.no_grad()
def follow(targets: Iterable[Tensor], tensors: Iterable[Tensor], share: float) -> None:
    """Move targets a share of the way to the tensors, all at once."""
    pairs = list(zip(targets, tensors, strict=True))
    if pairs:
        torch._foreach_lerp_([target for target, _ in pairs], [tensor for _, tensor in pairs], share)
