"""The version, as runs, checkpoints and measured numbers record it."""

__version__ = "0.1.0"
