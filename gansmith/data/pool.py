"""Workers that read pictures on all cores; what happens when one of them crashes, hangs or takes too much memory."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

from gansmith.data.board import BEGUN, DONE, PENDING, Board
from gansmith.data.fitting import Fit
from gansmith.data.memory import free

if TYPE_CHECKING:
    from gansmith.data.listing import Source

SECONDS = 20.0  # a file may take so long; the slowest that is no attack takes about two
MEMORY = 2 << 30  # bytes that decoding one file may take: 89 million pixels, the most that are accepted, need half
LOOK = 0.2  # seconds between two looks at workers that say nothing
# With -I nothing in the working folder, be it called numpy.py, is imported; sys.path is the parent's own.
START = "import sys; sys.path[:] = sys.argv[1:]; from gansmith.data.worker import main; main()"


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    chunk: list[int] = field(default_factory=list)
    said: bytes = b""
    begun: int = 0  # files of the chunk that it had begun at the last look
    idle: float = 0.0  # seconds that we watched since that number changed


class Pool:
    """Processes that inspect and decode the files of ``source`` into a `Board`.

    Used as a context: ``with Pool(source, board, n) as pool``. Whatever a file does, `run` returns: a worker that dies
    or does not get on is replaced by a new one, and the file that it was at is reported. The results do not depend
    on the number of workers.
    """

    def __init__(self, source: Source, board: Board, items: int) -> None:
        self.source = source
        self.board = board
        # Few enough that all may take their limit at once; none for a handful of files.
        self.size = max(1, min(_cores(), items // 32, free() // MEMORY))
        self._workers: list[_Worker] = []
        self.is_lasting = True  # whether all that failed did so by its content, and would again
        self._looked = 0.0
        self._barren = 0  # workers in a row that died without having begun a file

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            _bury(worker.process)
        self._workers.clear()

    def run(
        self,
        indices: Sequence[int],
        fit: Fit | None = None,
        channels: int = 0,
        digest: bool = False,
        tell: Callable[[int], None] = lambda count: None,
    ) -> dict[int, str]:
        """Inspects the files at ``indices``, or with ``fit`` decodes them.

        Item k, the file ``indices[k]``, gets header k, or row k; its status says whether. Items that are done already
        are left out.

        Arguments:
            indices: which files of the source.
            fit: how to fit them; None to look at headers only.
            channels: 1 or 3, where they are decoded.
            digest: whether to hash their bytes too, where they are inspected.
            tell: is called with the number of files that were looked at.

        Returns:
            The items that failed, by number in order, and why.

        Raises:
            OSError: rows cannot be written, or processes cannot be started.
        """
        status = self.board.status[: len(indices)]
        status[status != DONE] = PENDING  # of a build that was killed
        todo = (status == PENDING).nonzero()[0].tolist()
        step = max(1, min(self.source.chunk, len(todo) // (4 * self.size)))
        chunks = deque(todo[start : start + step] for start in range(0, len(todo), step))
        order = {"fit": asdict(fit) if fit else None, "channels": channels, "digest": digest}
        failed: dict[int, str] = {}
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                selector.register(_out(worker), selectors.EVENT_READ, worker)
            while chunks or any(worker.chunk for worker in self._workers):
                while chunks and len(self._workers) < self.size:
                    selector.register(_out(worker := self._start()), selectors.EVENT_READ, worker)
                for worker in self._workers:
                    if chunks and not worker.chunk:
                        self._hand(worker, chunks.popleft(), indices, order)
                for key, _ in selector.select(LOOK):
                    self._listen(key.data, failed)
                for worker, why in list(self._lost()):
                    selector.unregister(_out(worker))
                    rest = self._replace(worker, why, failed)
                    if rest:
                        chunks.appendleft(rest)
                tell(len(indices) - sum(map(len, chunks)) - sum(len(w.chunk) - w.begun for w in self._workers))
        return dict(sorted(failed.items()))

    def _start(self) -> _Worker:
        board = self.board
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, *map(os.path.abspath, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=board.descriptors,
            start_new_session=True,  # Ctrl-C is this process's to act on
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        worker = _Worker(process)
        self._workers.append(worker)
        headers, status, rows = board.descriptors
        setup = {"base": self.source.base, "headers": headers, "status": status, "rows": rows}
        _send(process, {**setup, "memory": MEMORY, "parent": os.getpid()})
        return worker

    def _hand(self, worker: _Worker, chunk: list[int], indices: Sequence[int], order: Mapping[str, object]) -> None:
        worker.chunk, worker.begun, worker.idle = chunk, 0, 0.0
        items = [(item, self.source.where(indices[item])) for item in chunk]
        _send(worker.process, {**order, "items": items})

    def _listen(self, worker: _Worker, failed: dict[int, str]) -> bool:
        """Takes what a worker said; False when it will say no more."""
        part = os.read(_out(worker), 1 << 16)
        *lines, worker.said = (worker.said + part).split(b"\n")
        for line in lines:
            match json.loads(line):
                case [int(item), str(reason), bool(is_lasting)]:
                    failed[item] = reason
                    self.is_lasting &= is_lasting
                case int(number):
                    raise OSError(number, f"cannot keep decoded pictures: {os.strerror(number)}")
                case _:
                    worker.chunk, worker.begun = [], 0
                    self._barren = 0
        return bool(part)

    def _lost(self) -> Iterator[tuple[_Worker, str]]:
        """The workers that died or hang, and what to say of the file that they were at."""
        now = time.monotonic()
        # A look that came late says that this process was stopped, and perhaps all of them.
        elapsed, self._looked = min(now - self._looked, 2 * LOOK), now
        for worker in self._workers:
            code = worker.process.poll()
            if code is not None:
                yield worker, f"its decoder died of signal {-code}" if code < 0 else "its decoder died"
            elif worker.chunk:
                begun = int((self.board.status[worker.chunk] != PENDING).sum())
                if begun != worker.begun:
                    worker.begun, worker.idle = begun, 0.0
                elif (idle := worker.idle + elapsed) > SECONDS:
                    yield worker, f"took more than {SECONDS:g} seconds"
                else:
                    worker.idle = idle

    def _replace(self, worker: _Worker, why: str, failed: dict[int, str]) -> list[int]:
        """Buries a worker and blames the file that it was at; what it had not come to is returned."""
        worker.process.kill()
        while self._listen(worker, failed):  # what it said before it died
            pass
        _bury(worker.process)
        self._workers.remove(worker)
        status = self.board.status
        at = [item for item in worker.chunk if status[item] == BEGUN]
        failed.update((item, why) for item in at if item not in failed)
        self.is_lasting &= not at
        self._barren = 0 if at else self._barren + 1
        if self._barren >= 3:
            raise OSError(0, f"the process that reads pictures cannot be started ({why})")
        return [item for item in worker.chunk if status[item] == PENDING]


def _send(process: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    assert process.stdin is not None
    line = memoryview(json.dumps(message).encode() + b"\n")
    with suppress(BrokenPipeError):  # that it died is noticed by `Pool._lost`
        while line:
            line = line[process.stdin.write(line) :]


def _out(worker: _Worker) -> int:
    assert worker.process.stdout is not None
    return worker.process.stdout.fileno()


def _bury(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    process.wait()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
