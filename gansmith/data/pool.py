"""Worker processes that decode images on all cores; workers that crash or hang are replaced."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING

from gansmith.data.listing import Pages
from gansmith.data.memory import free
from gansmith.data.resizing import Fit
from gansmith.data.shared_table import BEGUN, DONE, FAILED, PENDING, SharedTable
from gansmith.data.value_range import UNSCALED, Ranges
from gansmith.refusal import Refusal

if TYPE_CHECKING:
    from gansmith.data.listing import Source

SECONDS = 20.0  # time limit for a file; the slowest regular images take about two seconds
MEMORY = 2 << 30  # bytes: memory limit for a file; the largest accepted image, of 89 million pixels, needs half
POSIX = os.name == "posix"  # elsewhere a process inherits no descriptors
POLL = 0.2  # seconds between two checks of workers that do not answer
# With -I nothing is imported from the working folder, not even a numpy.py; sys.path is that of the parent.
START = "import sys; sys.path[:] = sys.argv[1:]; from gansmith.data.worker import main; main()"


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    chunk: list[int] = field(default_factory=list)
    buffer: bytes = b""
    started: int = 0  # files of the chunk that it had started at the last check
    idle: float = 0.0  # seconds since that number changed


class Pool:
    """Processes that inspect and decode the files of ``source`` into a `SharedTable`.

    Use it as a context manager: ``with Pool(source, table, n) as pool``. `run` returns whatever the files contain: a
    worker that dies or hangs is replaced by a new one, and the file that it was decoding counts as failed. The results
    do not depend on the number of workers.

    Arguments:
        source: the files.
        table: where workers write.
        items: how many files; a few files get one worker only.

    Raises:
        Refusal: on Windows.

    Attributes:
        is_permanent: whether all failures so far come from the content of files, so that they would happen again.
    """

    def __init__(self, source: Source, table: SharedTable, items: int) -> None:
        if not POSIX:
            raise Refusal(
                "needs Linux or macOS to decode pictures, but this is Windows: take WSL, or arrays (.npz, .npy), IDX "
                "files or data by name, such as cifar10"
            )
        self.source = source
        self.table = table
        # Few enough that all workers may use their memory limit at once; one worker for a few files.
        self.size = max(1, min(_cores(), items // 32, free() // MEMORY))
        self._workers: list[_Worker] = []
        self.is_permanent = True
        self._last_poll = 0.0
        self._failed_starts = 0  # workers in a row that died before they started a file

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            _close(worker.process)
        self._workers.clear()

    def run(
        self,
        indices: Sequence[int],
        fit: Fit | None = None,
        channels: int = 0,
        scale: Ranges = UNSCALED,
        digest: bool = False,
        progress: Callable[[int], None] = lambda count: None,
    ) -> dict[int, str]:
        """Inspects the files at ``indices``, or with ``fit`` decodes them.

        The file ``indices[k]`` is item k: it gets header k or row k, and status k. Items that are already done are
        skipped.

        Arguments:
            indices: indices of files of the source.
            fit: how to fit images; None to read headers only.
            channels: 1, 3 or 4, for decoding.
            scale: which values become 0 and 255, for decoding.
            digest: whether to hash the bytes of files too, for inspection.
            progress: is called with the number of files that are done.

        Returns:
            The reason for each item that failed, in order.

        Raises:
            OSError: rows cannot be written, or processes cannot be started.
        """
        status = self.table.status[: len(indices)]
        status[status != DONE] = PENDING  # left by a build that was killed
        todo = (status == PENDING).nonzero()[0].tolist()
        step = max(1, min(self.source.chunk, len(todo) // (4 * self.size)))
        chunks = deque(todo[start : start + step] for start in range(0, len(todo), step))
        request: dict[str, object] = {"fit": asdict(fit) if fit else None, "channels": channels, "digest": digest}
        request["scale"] = (scale.shallow, scale.deep)
        failed: dict[int, str] = {}
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                selector.register(_stdout(worker), selectors.EVENT_READ, worker)
            while chunks or any(worker.chunk for worker in self._workers):
                while chunks and len(self._workers) < self.size:
                    selector.register(_stdout(worker := self._start()), selectors.EVENT_READ, worker)
                for worker in self._workers:
                    if chunks and not worker.chunk:
                        self._send_chunk(worker, chunks.popleft(), indices, request)
                for key, _ in selector.select(POLL):
                    self._read_answers(key.data, failed)
                for worker, why in list(self._failed_workers()):
                    selector.unregister(_stdout(worker))
                    current, rest = self._replace(worker, why, failed)
                    chunks.appendleft(rest)
                    left_out = self._pages_behind(current, indices, chain(*chunks))
                    self.table.status[list(left_out)] = FAILED
                    failed |= left_out
                    kept = ([item for item in chunk if item not in left_out] for chunk in chunks)
                    chunks = deque(filter(None, kept))
                progress(len(indices) - sum(map(len, chunks)) - sum(len(w.chunk) - w.started for w in self._workers))
        return dict(sorted(failed.items()))

    def _start(self) -> _Worker:
        table = self.table
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, *map(os.path.abspath, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=table.descriptors,
            start_new_session=True,  # so that Ctrl-C reaches only this process
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        worker = _Worker(process)
        self._workers.append(worker)
        headers, status, rows = table.descriptors
        setup = {"base": self.source.base, "headers": headers, "status": status, "rows": rows}
        _send(process, {**setup, "memory": MEMORY, "parent": os.getpid()})
        return worker

    def _send_chunk(
        self, worker: _Worker, chunk: list[int], indices: Sequence[int], request: Mapping[str, object]
    ) -> None:
        worker.chunk, worker.started, worker.idle = chunk, 0, 0.0
        items = [(item, self.source.location(indices[item])) for item in chunk]
        _send(worker.process, {**request, "items": items})

    def _read_answers(self, worker: _Worker, failed: dict[int, str]) -> bool:
        """Handles answers of a worker; False at the end of its output."""
        part = os.read(_stdout(worker), 1 << 16)
        *lines, worker.buffer = (worker.buffer + part).split(b"\n")
        for line in lines:
            match json.loads(line):
                case [int(item), str(reason), bool(is_permanent)]:
                    failed[item] = reason
                    self.is_permanent &= is_permanent
                case int(number):
                    raise OSError(number, f"cannot keep decoded pictures: {os.strerror(number)}")
                case _:
                    worker.chunk, worker.started = [], 0
                    self._failed_starts = 0
        return bool(part)

    def _failed_workers(self) -> Iterator[tuple[_Worker, str]]:
        """The workers that died or hang, with the reason for the file that they were decoding."""
        now = time.monotonic()
        # After a late check this process was suspended, and perhaps the workers too: that time does not count.
        elapsed, self._last_poll = min(now - self._last_poll, 2 * POLL), now
        for worker in self._workers:
            code = worker.process.poll()
            if code is not None:
                yield worker, f"its decoder died of signal {-code}" if code < 0 else "its decoder died"
            elif worker.chunk:
                started = int((self.table.status[worker.chunk] != PENDING).sum())
                if started != worker.started:
                    worker.started, worker.idle = started, 0.0
                elif (idle := worker.idle + elapsed) > SECONDS:
                    yield worker, f"took more than {SECONDS:g} seconds"
                else:
                    worker.idle = idle

    def _pages_behind(self, current: Sequence[int], indices: Sequence[int], others: Iterable[int]) -> dict[int, str]:
        """Of the other items, the later pages of the files whose page ended its decoder: each may take as long."""
        if not isinstance(self.source, Pages):
            return {}
        places = self.source.places
        ended = dict(places[indices[item]] for item in current)
        behind = {}
        for item in others:
            file, page = places[indices[item]]
            if page > ended.get(file, page):
                behind[item] = f"left out, as page {ended[file] + 1} ended its decoder"
        return behind

    def _replace(self, worker: _Worker, why: str, failed: dict[int, str]) -> tuple[list[int], list[int]]:
        """Ends a worker and marks its current file as failed; returns that, and the items that it had not started."""
        worker.process.kill()
        while self._read_answers(worker, failed):  # its last answers
            pass
        _close(worker.process)
        self._workers.remove(worker)
        status = self.table.status
        current = [item for item in worker.chunk if status[item] == BEGUN]
        failed.update((item, why) for item in current if item not in failed)
        self.is_permanent &= not current
        self._failed_starts = 0 if current else self._failed_starts + 1
        if self._failed_starts >= 3:
            raise OSError(0, f"the process that reads pictures cannot be started ({why})")
        return current, [item for item in worker.chunk if status[item] == PENDING]


def _send(process: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    assert process.stdin is not None
    line = memoryview(json.dumps(message).encode() + b"\n")
    with suppress(BrokenPipeError):  # `Pool._failed_workers` notices a dead worker
        while line:
            line = line[process.stdin.write(line) :]


def _stdout(worker: _Worker) -> int:
    assert worker.process.stdout is not None
    return worker.process.stdout.fileno()


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    process.wait()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
