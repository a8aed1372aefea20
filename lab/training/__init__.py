"""Runs: typed configuration, run directories, checkpoints, the metrics log, and the loop that every trainer shares."""
