"""Runs: which recipe with which arguments, the folder that a run leaves, and opening it again."""
