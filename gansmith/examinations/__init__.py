"""Examinations of a run: each a small file with what it asks of a trained game."""
