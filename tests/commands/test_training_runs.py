"""Training and resuming from the command line: one line when refused, the right code, and nothing lost."""

import contextlib
import gzip
import io
import json
import os
import resource
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import ODD, OWN, TINY, child, contents, tampered

from gansmith.commands.cli import main
from gansmith.disk.folders import make_numbered
from gansmith.disk.log import read_log
from gansmith.games import GAN
from gansmith.runs import preparation, trainer
from gansmith.runs.folder import RunFolder
from gansmith.training import checkpoint

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_what_exists_is_never_overwritten(ogan, refused, tmp_path):
    before = contents(ogan)
    assert "exists and is never overwritten" in refused("train", "gan", *TINY, "--out", ogan)
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to("nowhere")
    assert "exists and is never overwritten" in refused("sample", "no-such-run", "-o", file)  # before all work
    for out in (file, link, "", "."):
        assert "exists and is never overwritten" in refused("train", "gan", *TINY, "--out", out)
        assert "exists and is never overwritten" in refused("sample", ogan, "-n", 1, "-o", out)
        assert "exists and is never overwritten" in refused("reconstruct", ogan, "digits", "-o", out)
    assert contents(ogan) == before and file.read_text() == "mine" and link.is_symlink()


@pytest.mark.parametrize("out", ["file/run", "/proc/run", "x" * 300])
def test_a_run_folder_that_cannot_be_made(out, refused, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "cannot make the folder" in refused("train", "gan", "--data", "ring", *TINY, "--out", out)
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_the_default_folder_when_runs_is_a_file(refused, tmp_path):
    (tmp_path / "runs").write_text("mine")
    assert "cannot make the folder runs/gan-ring-1: what is above it is a file" in refused(
        "train", "gan", "--data", "ring", *TINY
    )


def test_two_that_start_at_once_get_a_folder_each(tmp_path, monkeypatch):
    """Between looking and making, another process makes the folder."""
    original = Path.mkdir

    def slow(self, *arguments, **options):
        if self.name == "gan-1" and not self.exists():
            original(self)  # the other one
        return original(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", slow)
    (tmp_path / "gan-2").symlink_to("nowhere")
    assert make_numbered(tmp_path, "gan").name == "gan-3"


def test_a_folder_of_which_run_json_cannot_be_written_is_taken_back(refused, tmp_path, monkeypatch):
    original = Path.replace

    def full(self, target):
        if target.name == "run.json":
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", full)
    assert "No space left" in refused("train", "gan", "--data", "ring", *TINY, "--out", "run")
    assert not (tmp_path / "run").exists()


# data


def idx(n=40):
    return struct.pack(">4B3I", 0, 0, 8, 3, n, 8, 8) + bytes(n * 64)


DATA = {
    "truncated.idx": lambda: idx()[:-1],
    "long.idx": lambda: idx() + b"x",
    "header.idx": lambda: idx()[:9],
    "floats.idx": lambda: b"\0\0\x0d" + idx()[3:],
    "labels.idx": lambda: struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes(5),
    "truncated.gz": lambda: gzip.compress(idx())[:-9],
    "text.gz": lambda: gzip.compress(b"hello"),
    "bomb.gz": lambda: gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 999, 999) + bytes(64)),
    "pickled.npz": lambda: npz(x=np.array([{}], dtype=object)),
    "two.npz": lambda: npz(a=np.zeros((4, 8, 8), np.uint8), b=np.zeros((4, 8, 8), np.uint8)),
    "nan.npz": lambda: npz(x=np.full((99, 3), np.nan)),
    "truncated.npz": lambda: npz(x=np.zeros((40, 8, 8), np.uint8))[:-30],
    "text.png": lambda: b"hello",
    "empty": lambda: b"",
}


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("name", DATA)
def test_damaged_data_are_refused(name, refused, tmp_path):
    (tmp_path / name).write_bytes(DATA[name]())
    assert name in refused("train", "gan", "--data", name, *TINY)
    assert [f.name for f in tmp_path.iterdir()] == [name]


def test_fewer_images_than_a_batch(refused, tmp_path):
    (tmp_path / "few.idx").write_bytes(idx(12))
    assert "needs at least 16 training images" in refused("train", "gan", "--data", "few.idx", *TINY)
    (tmp_path / "none").mkdir()
    assert "holds no files" in refused("train", "gan", "--data", "none", *TINY)
    assert not (tmp_path / "runs").exists()


# training, resuming


def test_a_run_leaves_what_it_should(trained, capsys):
    names = {f.name for f in (trained / "ogan").iterdir()}
    assert names >= {"run.json", "log.jsonl", "checkpoint.pt", "samples", "reconstructions", "overview.png"}
    record = RunFolder.open(trained / "ogan").record
    assert record["status"] == "finished" and record["step"] == 2 and record["arguments"]["width"] == 16
    assert json.loads((trained / "ogan" / "metrics.json").read_text())["step"] == 2


def test_minutes_become_steps(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(preparation, "steps_within", lambda training, seconds: int(seconds))
    words = [*TINY[2:], "--minutes", "0.05", "--out", "run"]
    assert main(["train", "gan", "--data", "ring", *words]) == 0
    assert "0.05 minutes are about 3 steps here" in capsys.readouterr().out
    record = RunFolder.open(tmp_path / "run").record
    assert record.get("pace", [[0, record["arguments"]["steps"]]])[0] == [0, 3]  # then the time decides


def test_a_finished_run_stays_as_it_is_or_trains_on(ogan, capsys, refused):
    before = contents(ogan)
    assert main(["resume", str(ogan)]) == 0
    assert "is finished, at step 2; --more N or --minutes M trains on" in capsys.readouterr().out
    assert "is at step 2 already: it needs --steps of at least that" in refused("resume", ogan, "--steps", 1)
    assert contents(ogan) == before
    assert main(["resume", str(ogan), "--steps", "4"]) == 0
    assert "resumed at step 2" in capsys.readouterr().out
    record = RunFolder.open(ogan).record
    assert record["step"] == record["arguments"]["steps"] == 4 and record["status"] == "finished"
    assert [line["step"] for line in read_log(ogan / "log.jsonl")] == [1, 2, 3, 4]


def test_ctrl_c_saves_and_resume_goes_on(tmp_path, capsys):
    run = tmp_path / ODD
    command = [sys.executable, "-m", "gansmith", "train", "gan", "--data", "ring", *TINY, "--out", run]
    command[command.index("--steps") + 1] = "1000000"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (run / "checkpoint.pt").exists() and process.poll() is None:  # then the loop listens
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == "", err
    step = int(out.split("stopped at step ")[1].split()[0])
    assert "go on by: gansmith resume '" in out
    record = RunFolder.open(run).record
    assert record["status"] == "stopped" and record["step"] == step
    assert checkpoint.load(run / "checkpoint.pt")["step"] == step
    assert main(["resume", str(run), "--steps", str(step + 1)]) == 0
    assert f"resumed at step {step}\n" in capsys.readouterr().out


def test_a_loss_that_becomes_nan(refused, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    line = refused("train", "own.py:nan", "--data", "ring", "--device", "cpu", "--out", "run", code=3)
    assert "the critic's 0.body.0.weight became infinite or NaN between step 1 and 2" in line
    assert "the last good state is kept in run" in line
    assert RunFolder.open(Path("run")).record["status"] == "diverged"
    saved = checkpoint.load(Path("run/checkpoint.pt"))
    assert saved["step"] == 0 and all(bool(t.isfinite().all()) for t in saved["game"].values())


def test_samples_that_are_nan(ring, refused, monkeypatch):
    monkeypatch.setattr(trainer, "fixed_samples", lambda training, n: torch.full((n, 2), torch.nan))
    assert "the generator's samples became infinite or NaN at step 3" in refused("resume", ring, "--steps", 3, code=3)
    assert checkpoint.load(ring / "checkpoint.pt")["step"] == 2


def test_data_that_moved_or_changed(refused, capsys, tmp_path):
    data = tmp_path / "my points.npz"
    np.savez(data, x=np.random.default_rng(0).normal(size=(100, 3)))
    assert main(["train", "gan", "--data", data.name, *TINY, "--out", "run"]) == 0
    moved = data.rename(tmp_path / "moved.npz")
    assert "if the data were moved, name them by --data" in refused("resume", "run", "--steps", 3)
    assert "ring is not what run was trained on" in refused("resume", "run", "--steps", 3, "--data", "ring")
    assert main(["resume", "run", "--steps", "3", "--data", moved.name]) == 0
    assert main(["resume", "run", "--steps", "4"]) == 0  # the new place was written down
    np.savez(moved, x=np.zeros((100, 3)))
    assert "is not what run was trained on" in refused("resume", "run", "--steps", 5)


def test_one_run_is_trained_by_one_process(ring, refused):
    with RunFolder.open(ring).held():
        assert "is being trained by another process" in refused("resume", ring, "--steps", 3)
    assert main(["resume", str(ring), "--steps", "3"]) == 0


def test_another_machine_is_said(ring, capsys):
    assert main(["resume", str(tampered(ring, machine__torch="1.0", device="cuda")), "--steps", "3"]) == 2
    assert "no device 'cuda'" in capsys.readouterr().err
    assert main(["resume", str(ring), "--steps", "3", "--device", "cpu"]) == 0
    now = torch.__version__
    assert f"torch (1.0, now {now}) changed since the run began" in capsys.readouterr().err
    assert RunFolder.open(ring).record["device"] == "cpu"


def test_other_instructions_are_said(ring):
    before = RunFolder.open(ring).record["machine"]
    code = (
        "import sys; from gansmith.runs import trainer; from gansmith.runs.opening import open_folder;"
        "trainer._warn_of_another_machine(open_folder(sys.argv[1]))"
    )
    limits = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = child(ring, code=code, env=os.environ | limits)
    changes = [f"instructions ({before['instructions']}, now DEFAULT)"]
    changes += [f"onednn ({before['onednn']}, now {before['onednn']}, up to AVX2)"]
    said = f"{', '.join(changes)} changed since the run began: it goes on, but not to the same bits\n"
    assert (done.returncode, done.stderr) == (0, said)


def test_an_older_record_says_nothing_of_what_it_does_not_know(ring, capsys):
    assert main(["resume", str(tampered(ring, machine__instructions=..., machine__onednn=...)), "--steps", "3"]) == 0
    assert capsys.readouterr().err == ""


def test_a_run_goes_on_in_batches_of_the_same_size(ring, refused):
    line = refused("resume", tampered(ring, arguments__batch=8), "--steps", 3)
    assert "it was trained in batches of [16], and not [8]" in line


# a full disk


@pytest.fixture
def small_files():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room_for_a_checkpoint(ogan, refused, request):
    request.getfixturevalue("small_files")
    line = refused("resume", ogan, "--steps", 3)
    assert "cannot save" in line and "File too large; the checkpoint before it is whole" in line
    assert checkpoint.load(ogan / "checkpoint.pt")["step"] == 2
    assert RunFolder.open(ogan).record["status"] == "stopped"


def test_after_room_was_made_it_goes_on(ring, refused, monkeypatch, capsys):
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert "No space left on device" in refused("resume", ring, "--steps", 3)
    monkeypatch.undo()
    assert main(["resume", str(ring)]) == 0
    assert "resumed at step 2" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["-n", "3"], ["-n", "3", "-o", "pictures"]])
def test_no_room_for_pictures(ogan, refused, monkeypatch, words):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "grid.png")

    monkeypatch.setattr(Image.Image, "save", full)
    assert "grid.png: No space left on device" in refused("sample", ogan, *words)


def test_no_memory(ring, refused, monkeypatch):
    def none_left(*_):
        raise MemoryError

    monkeypatch.setattr(GAN, "decode", none_left)
    assert "not enough memory: take a smaller" in refused("sample", ring, "-n", 3)
