"""Reinforcement learning whose learning rate follows a curriculum: hooks for SB3 scripts, a trainer of its agents."""
