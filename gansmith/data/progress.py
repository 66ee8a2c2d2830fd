"""Progress of long reading, on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 2.0  # seconds before the bar appears
INTERVAL = 30.0  # seconds between lines where there is no terminal


class Progress:
    """Shows how many of ``total`` items are done: a bar on a terminal, otherwise a line every 30 seconds.

    Call it with the number of items that are done. Use it as a context manager, so that the bar is removed at the end.
    Nothing is shown for what takes less than 2 seconds.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = total
        self.last_output = time.monotonic()
        self.bar: Bar | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, count: int) -> None:
        now = time.monotonic()
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=count)
        elif sys.stderr.isatty():
            if now - self.last_output > PATIENCE:
                self.bar = self._begin()
        elif now - self.last_output > INTERVAL:
            self.last_output = now
            print(f"{self.what}: {count:,} of {self.total:,}", file=sys.stderr, flush=True)

    def _begin(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Bar(*columns, console=Console(stderr=True), transient=True)
        bar.add_task(self.what, total=self.total)
        bar.start()
        return bar
