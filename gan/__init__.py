"""Generative adversarial networks whose two learning rates keep a phase relation."""
