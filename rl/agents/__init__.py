"""The agents, one module a family; each entry of :data:`AGENTS` is what ``agent:`` of a configuration may name."""

from __future__ import annotations

from lab.training.parts import Parts
from rl.agents.actor_critic import DdpgAgent, SacAgent, Td3Agent
from rl.agents.contrib import CrossqAgent, MaskablePpoAgent, QrdqnAgent, RecurrentPpoAgent, TqcAgent, TrpoAgent
from rl.agents.on_policy import A2cAgent, PpoAgent
from rl.agents.part import AgentPart
from rl.agents.value import DqnAgent

__all__ = ["AGENTS", "AgentPart", "PpoAgent"]

AGENTS = Parts(
    "agent",
    "agent",
    AgentPart,
    (
        PpoAgent, A2cAgent, TrpoAgent, RecurrentPpoAgent, MaskablePpoAgent, DqnAgent, QrdqnAgent, SacAgent, TqcAgent,
        CrossqAgent, Td3Agent, DdpgAgent,
    ),
)  # fmt: skip
