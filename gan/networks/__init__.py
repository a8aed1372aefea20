"""The players, one module a kind: generators map latent points to samples, discriminators samples to logits."""

from gan.networks.dcgan import DcganNetwork
from gan.networks.mlp import MlpNetwork
from gan.networks.part import NetworkPart
from gan.networks.r3gan import R3ganNetwork
from gan.networks.sngan import SnganNetwork
from lab.training.parts import Parts

__all__ = ["NETWORKS", "NetworkPart"]

NETWORKS = Parts("network", "network", NetworkPart, (MlpNetwork, DcganNetwork, SnganNetwork, R3ganNetwork))
"""Every kind of network by its word in a configuration."""
