"""gansmith: adversarial objectives whose mathematics is tested, games that generate and encode."""

from gansmith.moved import install

__version__ = "0.1.0"

install()
