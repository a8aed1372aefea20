"""Reinforcement learning whose learning rate is aligned with a curriculum: hooks for SB3 scripts, and a trainer of its agents."""
