"""Temporary files: those of living writers stay, those of killed ones go, and nobody else's is touched."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gansmith.disk import parts
from gansmith.disk.atomic import atomic
from gansmith.disk.parts import remove_parts

WRITER = """
import sys
from pathlib import Path
from gansmith.disk.atomic import atomic

with atomic(Path(sys.argv[1]), new=sys.argv[2] == "new") as file:
    file.write(sys.argv[3].encode())
    if sys.argv[4] == "flushed":
        file.flush()
    print("it writes", flush=True)
    sys.stdin.read()
"""
OURS = ".gansmith-0123456789abcdef.part"


def writer(path: Path, *, new: bool = False, flushed: bool = True) -> subprocess.Popen[bytes]:
    """Another process that is in the middle of writing; it ends when its input ends."""
    words = [str(path), "new" if new else "any", "whole", "flushed" if flushed else "in memory"]
    process = subprocess.Popen([sys.executable, "-c", WRITER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"it writes\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir())


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("below", ["", "sampled-1"])
def test_a_part_of_a_living_writer_stays(below: str, new: bool, tmp_path: Path) -> None:
    """However old it is. Once a resume removed what another command was writing, and its output was lost."""
    (tmp_path / below).mkdir(exist_ok=True)
    path = tmp_path / below / "codes.npz"
    process = writer(path, new=new)
    (part,) = (tmp_path / below).iterdir()
    aged(part, 3 * parts.DAY)
    remove_parts(tmp_path)
    _, said = process.communicate()
    assert process.returncode == 0 and said is None
    assert path.read_bytes() == b"whole" and len(names(tmp_path)) == 1


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("below", ["", "sampled-1"])
def test_a_part_of_a_killed_writer_goes_at_once(below: str, flushed: bool, tmp_path: Path) -> None:
    (tmp_path / below).mkdir(exist_ok=True)
    living = writer(tmp_path / below / "living")
    process = writer(tmp_path / below / "codes.npz", flushed=flushed)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(names(tmp_path)) == 2
    remove_parts(tmp_path)
    assert len(names(tmp_path)) == 1
    living.communicate()
    assert names(tmp_path) == [str(Path(below) / "living")]


def test_files_of_others_stay(tmp_path: Path) -> None:
    """Once a file of 16 digits with the ending .part was taken for ours."""
    others = [
        *(".0123456789abcdef.part", ".gansmith-0123456789abcdef.part.bak", "gansmith-0123456789abcdef.part"),
        *(".gansmith-mine.part", ".gansmith-0123456789ABCDEF.part", "checkpoint.pt.link", "log.jsonl.part"),
    ]
    for name in others:
        (tmp_path / name).write_text("mine")
        aged(tmp_path / name, 3 * parts.DAY)
    remove_parts(tmp_path)
    assert names(tmp_path) == sorted(others)


@pytest.mark.parametrize("kind", ["folder", "link", "link to nowhere", "pipe"])
def test_what_is_no_file_stays_and_nothing_waits_for_it(kind: str, tmp_path: Path) -> None:
    run, part = tmp_path / "run", tmp_path / "run" / OURS
    run.mkdir()
    if kind == "folder":
        part.mkdir()
    elif kind == "pipe":
        os.mkfifo(part)
    else:
        part.symlink_to(tmp_path / "mine")
    if kind == "link":
        (tmp_path / "mine").write_text("mine")
    remove_parts(run)
    assert [file.name for file in run.iterdir()] == [OURS]
    assert kind != "link" or (tmp_path / "mine").read_text() == "mine"


def no_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.mark.parametrize("why", ["the system has none", "the file system has none"])
def test_without_locks_parts_younger_than_a_day_stay(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "the system has none":
        monkeypatch.setitem(sys.modules, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "flock", no_locks)
    for name, age in ((OURS, parts.DAY - 60), (OURS.replace("0", "1"), parts.DAY + 60)):
        (tmp_path / name).write_text("half")
        aged(tmp_path / name, age)
    with atomic(tmp_path / "one") as file:
        file.write(b"whole")
        remove_parts(tmp_path)
    assert names(tmp_path) == [OURS, "one"] and (tmp_path / "one").read_bytes() == b"whole"


def test_a_part_that_may_not_be_opened_goes_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of another user in a shared folder, say."""

    def closed(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    for name, age in ((OURS, parts.DAY - 60), (OURS.replace("0", "1"), parts.DAY + 60)):
        (tmp_path / name).write_text("half")
        aged(tmp_path / name, age)
    remove_parts(tmp_path)
    assert names(tmp_path) == [OURS]


@pytest.mark.parametrize("cleaner", ["has removed it", "holds it"])
def test_a_writer_whose_part_was_taken_before_it_was_locked_begins_again(
    cleaner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, taken, first = fcntl.flock, list[int](), list[Path]()

    def late(handle: int, how: int) -> None:
        if not taken:
            first[:] = tmp_path.iterdir()
            (part,) = first
            taken.append(os.open(part, os.O_RDWR))
            if cleaner == "has removed it":
                remove_parts(tmp_path)
                assert not part.exists()
            else:
                real(taken[0], how)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with atomic(tmp_path / "one") as file:
        file.write(b"whole")
        first[0].unlink(missing_ok=True)  # what the cleaner does next
    os.close(taken[0])
    assert names(tmp_path) == ["one"] and (tmp_path / "one").read_bytes() == b"whole"


@pytest.mark.parametrize("call", ["fsync", "link", "replace"])
def test_a_cleaner_at_any_moment_takes_nothing(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the rename, after the file is closed too."""
    cleaned = []

    def after_cleaning(real):  # type: ignore[no-untyped-def]
        def called(*given):  # type: ignore[no-untyped-def]
            cleaned.append(remove_parts(tmp_path))
            return real(*given)

        return called

    where = Path if call == "replace" else os
    monkeypatch.setattr(where, call, after_cleaning(getattr(where, call)))
    with atomic(tmp_path / "one", new=call == "link") as file:
        file.write(b"whole")
    assert cleaned and names(tmp_path) == ["one"] and (tmp_path / "one").read_bytes() == b"whole"


def test_several_cleaners_at_once_do_no_harm(tmp_path: Path) -> None:
    """Beside a writer that begins one file after the other."""
    for number in range(300):
        (tmp_path / f".gansmith-{number:016x}.part").write_text("half")
    failures: list[BaseException] = []
    begin = threading.Barrier(4)

    def clean() -> None:
        begin.wait()
        try:
            for _ in range(30):
                remove_parts(tmp_path)
        except BaseException as error:
            failures.append(error)

    cleaners = [threading.Thread(target=clean) for _ in range(3)]
    for cleaner in cleaners:
        cleaner.start()
    begin.wait()
    written = 0
    while any(cleaner.is_alive() for cleaner in cleaners) or not written:
        with atomic(tmp_path / "one") as file:
            file.write(b"%d" % written)
        assert (tmp_path / "one").read_bytes() == b"%d" % written
        written += 1
    for cleaner in cleaners:
        cleaner.join()
    assert not failures and names(tmp_path) == ["one"]


def test_a_part_is_removed_under_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a writer could lock it in between, and lose it."""
    (tmp_path / OURS).touch()
    real, tried = Path.unlink, list[Path]()

    def unlink(self: Path, missing_ok: bool = False) -> None:
        with self.open("r+b") as file, pytest.raises(BlockingIOError):
            tried.append(self)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    remove_parts(tmp_path)
    assert tried == [tmp_path / OURS] and not names(tmp_path)


def test_where_there_are_no_parts_nothing_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "1.png").touch()

    def never(*_: object) -> None:
        raise AssertionError("a file was opened or removed")

    monkeypatch.setattr(os, "open", never)
    monkeypatch.setattr(fcntl, "flock", never)
    monkeypatch.setattr(Path, "unlink", never)
    remove_parts(tmp_path)


def test_handles_are_closed(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with atomic(tmp_path / "one") as file:
            file.write(b"whole")
        (tmp_path / OURS).touch()
        remove_parts(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
