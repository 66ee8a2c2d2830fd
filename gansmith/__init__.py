"""gansmith: adversarial objectives whose mathematics is tested, games that generate and encode."""

__version__ = "0.1.0"
