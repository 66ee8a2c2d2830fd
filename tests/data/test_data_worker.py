"""What a file does to its decoder, it does to one process: the others are read, and the file is named."""

import itertools
import os
import select
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.data import load, pool, progress
from gansmith.data.listing import ImageBytes
from gansmith.data.pictures import read_pictures
from gansmith.data.resizing import ImageOptions

PATCH = """
import os, signal, time
import gansmith.data.worker as worker
decode, inspect = worker.decode, worker.inspect
def misbehave(image):
    name = os.path.basename(image.fp.name)
    if name.startswith("crash"): os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"): time.sleep(1000)
    if name.startswith("leave"): os._exit(3)
    if name.startswith("closed"): raise PermissionError(13, "Permission denied", name)
    if name.startswith("greedy"): bytearray(8 << 30)
    if name.startswith("chatty"): os.write(1, b"nonsense"); os.write(2, b"nonsense")
def decode_patched(image, *rest):
    misbehave(image)
    return decode(image, *rest)
def inspect_patched(image, page):
    if "early" in image.fp.name: misbehave(image)
    return inspect(image, page)
worker.decode, worker.inspect = decode_patched, inspect_patched
worker.main()
"""
SETUP = "import sys; sys.path[:] = sys.argv[1:]"


@pytest.fixture
def folder(tmp_path):
    for k in range(40):
        Image.fromarray(np.full((8, 8), 100 + k, np.uint8)).save(tmp_path / f"k{k:02d}.png")
    return tmp_path


@pytest.mark.parametrize("early", ["", "-early"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "its decoder died of signal 11"),
        ("leave", "its decoder died"),
        ("closed", "Permission denied"),
        ("greedy", "needs too much memory"),
        ("hang", "took more than 1 seconds"),
    ],
)
def test_a_file_that_does_harm_is_named_and_the_others_are_read(folder, monkeypatch, name, reason, early):
    monkeypatch.setattr(pool, "START", SETUP + PATCH)
    monkeypatch.setattr(pool, "SECONDS", 1.0)
    expected = load(str(folder)).x
    Image.new("L", (8, 8)).save(folder / f"{name}{early}.png")
    Image.new("L", (8, 8)).save(folder / f"{name}{early}-2.png")
    data = load(str(folder))
    assert torch.equal(data.x, expected) and len(data) == 40
    assert data.notes == (f"skipped 2 of 42 files: {name}{early}-2.png ({reason}), {name}{early}.png ({reason})",)


def test_what_a_decoder_prints_is_neither_shown_nor_taken_for_an_answer(folder, monkeypatch, capfd):
    monkeypatch.setattr(pool, "START", SETUP + PATCH)
    Image.new("L", (8, 8)).save(folder / "chatty.png")
    assert len(load(str(folder))) == 41
    assert capfd.readouterr() == ("", "")


def test_processes_that_cannot_be_started_are_an_error(folder, monkeypatch):
    monkeypatch.setattr(pool, "START", "import sys; sys.exit(3)")
    with pytest.raises(ValueError, match=r"cannot load .*the process that reads pictures cannot be started"):
        load(str(folder))


def test_the_number_of_workers_changes_nothing(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for k in range(200):
        Image.fromarray(rng.integers(0, 256, (20 + k, 30, 3), dtype=np.uint8)).save(tmp_path / f"{k}.jpg")
    datasets = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(pool, "_cores", lambda cores=cores: cores)
        datasets.append(load(str(tmp_path)))
    assert len({data.fingerprint for data in datasets}) == 1 and len({data.names for data in datasets}) == 1


def test_a_worker_imports_what_its_parent_would(folder, tmp_path_factory, monkeypatch):
    """From the parent's sys.path, and nothing that lies in the working folder; torch is not among it."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    for name in ("numpy", "gansmith", "json"):
        (here / f"{name}.py").write_text("raise SystemExit('run by mistake')")
    (there / "marker.py").write_text("")
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(there)
    check = "import marker; assert not {'torch', 'sklearn', 'rich'} & set(sys.modules); main()"
    monkeypatch.setattr(pool, "START", pool.START.replace("main()", check))
    assert len(load(str(folder))) == 40


def test_a_script_without_a_guard_is_not_run_again(folder, tmp_path_factory):
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(f"print('once')\nfrom gansmith.data import load\nprint(len(load({str(folder)!r})))\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["once", "40"]


@pytest.mark.parametrize("name", ["hang-early.png", "fine.png"])
def test_workers_end_with_their_parent(folder, tmp_path_factory, name):
    """A parent that is killed leaves none behind, be it in a file without end: each worker holds an end of a pipe."""
    Image.new("L", (8, 8)).save(folder / name)
    pipe = tmp_path_factory.mktemp("pipe") / "pipe"
    os.mkfifo(pipe)
    start = f"{SETUP}\nimport os; os.open({str(pipe)!r}, os.O_WRONLY)\n" + PATCH.replace(
        "worker.main()", "worker.LAST = 1; "
    )
    code = f"""
import os
from gansmith.data import load, pictures, pool
pool.START = {start + "worker.main()"!r}
pictures.Progress.__call__ = pool.Pool.__exit__ = lambda *rest: os.kill(os.getpid(), 9)
load({str(folder)!r})
"""
    ours = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    assert select.select([ours], [], [], 20)[0] and os.read(ours, 1) == b""
    os.close(ours)


def test_files_that_this_process_holds(folder):
    files = sorted(folder.iterdir())
    images = ImageBytes([path.name for path in files], lambda k: files[k].read_bytes())
    decoded = read_pictures(images, ImageOptions())
    assert torch.equal(decoded.data.x, load(str(folder)).x) and decoded.data.names == tuple(images.names)


def test_long_readings_say_how_far_they_are(folder, monkeypatch, capsys):
    load(str(folder))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "INTERVAL", -1)
    load(str(folder))
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "decoding pictures: 40 of 40" and any(line.startswith("looking at files: ") for line in lines)


def test_a_terminal_shows_a_bar(folder, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", -1)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    load(str(folder))
    output = capsys.readouterr()
    assert "decoding pictures" in output.err and output.out == ""


@pytest.mark.parametrize("write", ["lambda *_: 1", "lambda *_: 0", "full"])
def test_rows_that_cannot_be_written_are_no_fault_of_the_file(folder, monkeypatch, write):
    full = "import os, errno\ndef full(*_): raise OSError(errno.ENOSPC, 'No space')\n"
    monkeypatch.setattr(pool, "START", f"{SETUP}\n{full}os.pwrite = {write}\n{PATCH}")
    with pytest.raises(ValueError, match=r"cannot load .*: cannot keep decoded pictures: No space left on device"):
        load(str(folder))


@pytest.mark.parametrize("watch", ["look", "alarm"])
def test_time_in_which_nobody_looked_does_not_count(folder, monkeypatch, watch):
    """As after Ctrl-Z: each look comes an hour after the one before, and an alarm rings in a file that is fine."""
    start = SETUP + PATCH.replace("time.sleep(1000)", "time.sleep(1.3)").replace("worker.main()", "")
    monkeypatch.setattr(pool, "START", f"{start}\nworker.LAST = {1 if watch == 'alarm' else 60}\nworker.main()")
    if watch == "look":
        clock = itertools.count(0, 3600)
        monkeypatch.setattr(pool.time, "monotonic", lambda: float(next(clock)))
    Image.new("L", (8, 8)).save(folder / "hang.png")
    assert len(load(str(folder))) == 41


def test_workers_do_not_hear_the_terminal(folder, monkeypatch):
    """Ctrl-C goes to all processes of a session's terminal, and would print a traceback for each worker."""
    session_ids = []
    start = pool.Pool._start

    def started(self):
        worker = start(self)
        session_ids.append(os.getsid(worker.process.pid))
        return worker

    monkeypatch.setattr(pool.Pool, "_start", started)
    load(str(folder))
    assert session_ids and os.getsid(0) not in session_ids
