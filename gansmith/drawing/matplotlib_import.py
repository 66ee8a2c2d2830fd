"""Imports matplotlib without the settings that lie in the working folder."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

SETTINGS = "matplotlibrc"
LOCK = threading.Lock()


def import_matplotlib() -> None:
    """Imports matplotlib, where that was not done before.

    The import reads a file ``matplotlibrc`` of the working folder, which may have come from anywhere: its values were
    evaluated as Python before version 3.11, and can still take any time and memory. To the import it is not there; the
    user's own settings, in their home folder, are read as always.
    """
    with LOCK:
        if "matplotlib" in sys.modules:
            return
        exists = os.path.exists

        def elsewhere(path: Any) -> bool:
            return path != SETTINGS and exists(path)

        os.path.exists = elsewhere
        try:
            import matplotlib  # noqa: F401
        finally:
            os.path.exists = exists
