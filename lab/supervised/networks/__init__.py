"""The classifiers' networks, one module a family."""

from lab.supervised.networks.cnn import CnnNetwork
from lab.supervised.networks.mlp import MlpNetwork
from lab.supervised.networks.part import NetworkPart
from lab.supervised.networks.resnet import ResnetNetwork
from lab.training.parts import Parts

__all__ = ["NETWORKS", "NetworkPart"]

NETWORKS = Parts("network", "network", NetworkPart, (MlpNetwork, CnnNetwork, ResnetNetwork))
"""Every network by its word in a configuration."""
