"""The command line, as a hostile and as a clumsy user meets it: one line, the right code, and nothing lost."""

import contextlib
import gzip
import io
import json
import os
import pickle
import resource
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import OWN, TINY

from gansmith.commands import cli
from gansmith.commands.cli import main
from gansmith.disk.folders import make_numbered
from gansmith.disk.log import read_log
from gansmith.games import GAN
from gansmith.runs import preparation, trainer
from gansmith.runs.folder import RunFolder
from gansmith.training import checkpoint

OF_OGAN = ("weight", "head", "original")  # arguments that the default recipe alone takes
ODD = "a [red]b[bold] 'q' \"é\" \x1b[1m\nend"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Everything happens in an empty folder, and nothing is left behind in signals or streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANSMITH_DEBUG", raising=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def tampered(run: Path, **changes) -> Path:
    """Writes into run.json; ``a__b=3`` changes entry b of entry a, ``...`` takes it out."""
    file = run / "run.json"
    record = json.loads(file.read_text())
    for keys, value in changes.items():
        *path, last = keys.split("__")
        at = record
        for key in path:
            at = at[key]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    file.write_text(json.dumps(record))
    return run


# help and start


def child(*words, code=None, **options):
    command = [sys.executable, *(["-c", code] if code else ["-m", "gansmith"]), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_help_and_recipes_come_without_torch():
    code = """if True:
        import sys
        from gansmith.commands.cli import main
        for words in (["--help"], [], ["--version"], ["recipes"], ["recipes", "--help"], ["resume", "--help"],
                      ["sample", "--help"], ["reconstruct", "--help"]):
            assert main(words) == 0, words
        assert main(["trian"]) == main(["train", "ogn"]) == main(["sample"]) == 2
        heavy = {"torch", "numpy", "PIL", "sklearn", "matplotlib", "rich"} & set(sys.modules)
        sys.exit(f"imported {heavy}" if heavy else 0)
    """
    found = child(code=code)
    assert found.returncode == 0, found.stderr
    assert "wgan-gp     WGAN-GP:" in found.stdout and "Traceback" not in found.stderr


def test_python_m_is_the_same():
    found = child("--version")
    assert found.returncode == 0 and found.stdout.startswith("gansmith 0.")


@pytest.mark.parametrize("command", ["train", "resume", "sample", "reconstruct", "recipes"])
def test_each_help_shows_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  gansmith {command}" in shown.split("example:")[1]


def test_a_recipes_help_shows_its_own_flags(capsys):
    assert main(["train", "ogan", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--weight FLOAT of the correlation (default: 0.25;" in shown and "--width INT" in shown
    assert "one network scores and encodes" in shown and "%%" not in shown


def test_the_overview_names_every_command(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in ("train", "resume", "sample", "reconstruct", "recipes"))


# wrong words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trian", "no command 'trian': did you mean train?"),
        ("zzz", "see gansmith --help"),
        ("train ogn", "no recipe 'ogn': did you mean ogan?"),
        ("train gan --widht 3", "unrecognized arguments: --widht 3: did you mean --width?"),
        ("train gan --widht=3", "did you mean --width?"),
        ("train gan --stesp 3", "did you mean --steps?"),
        ("train --data ring gan", "a recipe comes first, as in gansmith train gan"),
        ("train gan --ste 3", "unrecognized arguments"),
        ("train gan --steps", "expected one argument"),
        ("train gan --steps 0", "--steps: needs a whole number from 1"),
        ("train gan --steps -1", "--steps: needs a whole number from 1"),
        ("train gan --steps abc", "got 'abc'"),
        ("train gan --steps 1e9", "got '1e9'"),
        ("train gan --steps 3 --minutes 1", "not allowed with"),
        ("train gan --minutes nan", "--minutes: needs a number above 0"),
        ("train gan --minutes 0", "--minutes: needs a number above 0"),
        ("train gan --minutes 1e300", "--minutes: needs a number above 0"),
        ("train gan --checkpoint-every -1", "--checkpoint-every: needs a number above 0"),
        ("train gan --seed 99999999999999999999", "--seed: needs a whole number from 0 to 2^63 - 1"),
        ("train gan --seed -1", "--seed: needs"),
        ("train gan --precision half", "invalid choice: 'half'"),
        ("train gan --width abc", "invalid int value: 'abc'"),
        ("train gan --width 0", "--width needs a whole number from 1 to 1,000,000,000, but got 0"),
        ("train gan --width -3", "--width needs"),
        ("train gan --batch 0", "--batch needs"),
        ("train gan --latent 0", "--latent needs"),
        ("train gan --rate -1", "--rate needs a number from 0 to 1e30, but got -1.0"),
        ("train gan --rate nan", "--rate needs"),
        ("train gan --gamma inf", "--gamma needs"),
        ("train wgan-gp --moves 0", "--moves needs"),
        ("train ogan --latent 2", "needs a latent of at least 3 numbers, but got 2"),
        ("train gan --latent 1000000000", "not enough memory: take a smaller"),
        ("train gan --rate 1e300", "--rate needs a number from 0 to 1e30"),
        ("train gan --size 7", "power of two from 8 to 128, but got 7"),
        ("train gan --data ring --size 8", "vectors, which have neither size nor channels"),
        ("train gan --data rnig", "did you mean ring?"),
        ("train gan --batch 5000", "needs at least 5000 training images"),
        ("train gan --device nonsense", "no device 'nonsense'"),
        ("train gan --device meta", "no device 'meta'"),
        ("train gan --device cuda:99", "no device 'cuda:99'"),
        ("recipes more", "unrecognized arguments: more"),
        ("sample", "the following arguments are required: RUN"),
        ("sample run -n 0", "-n: needs a whole number from 1"),
        ("reconstruct run images --truncation nan", "--truncation: needs a number from 0"),
        ("reconstruct run", "the following arguments are required: IMAGES"),
    ],
)
def test_wrong_words(words, said, refused, tmp_path):
    assert said in refused(*words.split())
    assert list(tmp_path.iterdir()) == []


# run folders that cannot be made


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
    assert RunFolder.open(tmp_path / "run").record["arguments"]["steps"] == 3


def test_a_finished_run_stays_as_it_is_or_trains_on(ogan, capsys, refused):
    before = contents(ogan)
    assert main(["resume", str(ogan)]) == 0
    assert "is finished, at step 2; --steps N trains on" in capsys.readouterr().out
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
    assert "the critic's R1 became infinite or NaN at step 2" in line
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
    assert "torch changed since the run began" in capsys.readouterr().err
    assert RunFolder.open(ring).record["device"] == "cpu"


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


# run folders that are none, damaged, or hostile


def test_what_is_no_run(ogan, refused, tmp_path):
    assert "there is no run folder a [red]b[bold]" in refused("sample", ODD)
    (tmp_path / "file").write_text("x")
    for command in (["resume"], ["sample"]):
        assert "there is no run folder nothing-like-it" in refused(*command, "nothing-like-it")
        assert "there is no run folder oga: did you mean ogan?" in refused(*command, "oga")
        assert "there is no run folder file" in refused(*command, "file")
        assert "it holds no run.json" in refused(*command, ".")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"x"', "{}", "[" * 100_000, '{"format": ' + "9" * 5000 + "}", "\0", '{"format": 1}'],
)
def test_a_record_that_is_none(text, ogan, refused):
    (ogan / "run.json").write_text(text)
    before = contents(ogan)
    for command in ("resume", "sample"):
        assert "run.json is damaged" in refused(command, ogan)
    assert contents(ogan) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipe": "../../evil"}, "no recipe '../../evil'"),
        ({"recipe": "pairs"}, "no recipe 'pairs'"),
        ({"recipe": "own.py:mine"}, "no recipe 'own.py:mine'"),
        ({"recipe": 3}, "needs a proper 'recipe'"),
        ({"recipe": "gan"}, "--rate needs a number from 0 to 1e30, but got None"),
        ({"recipe": "gan", "arguments__rate": 1e-3}, "gan takes no argument 'weight'"),
        ({"recipe": "gan", "arguments__rate": 1e-3} | {f"arguments__{k}": ... for k in OF_OGAN}, "does not fit"),
        ({"arguments": []}, "needs a proper 'arguments'"),
        ({"arguments__wdith": 3}, "ogan takes no argument 'wdith'"),
        ({"arguments__data": 3}, "ogan takes no argument 'data'"),
        ({"arguments__width": -5}, "--width needs a whole number from 1"),
        ({"arguments__width": 10**25}, "--width needs"),
        ({"arguments__width": True}, "--width needs"),
        ({"arguments__width": [1]}, "--width needs"),
        ({"arguments__width": 32}, "does not fit"),
        ({"arguments__rate": float("nan")}, "--rate needs"),
        ({"seed": "x"}, "needs a proper 'seed'"),
        ({"seed": True}, "needs a proper 'seed'"),
        ({"seed": 2**70}, "needs a proper 'seed'"),
        ({"data": 3}, "needs a proper 'data'"),
        ({"data__source": ...}, "needs a proper 'source'"),
        ({"data__shape": [1, -8, 8]}, "needs a proper 'shape'"),
        ({"data__shape": [1, 2**40, 2**40]}, "needs a proper 'shape'"),
        ({"data__shape": ["a"]}, "needs a proper 'shape'"),
        ({"data__size": True}, "needs a proper 'size'"),
        ({"data__shape": []}, "needs a proper 'shape'"),
        ({"data__content": [8]}, "needs a proper 'content'"),
        ({"machine": []}, "needs a proper 'machine'"),
        ({"seconds": "x"}, "needs a proper 'seconds'"),
        ({"seconds": 10**400}, "needs a proper 'seconds'"),
        ({"seconds": float("inf")}, "needs a proper 'seconds'"),
        ({"step": 10**400}, "needs a proper 'step'"),
        ({"data__class_names": [{}]}, "needs a proper 'class_names'"),
        ({"status": ...}, "needs a proper 'status'"),
        ({"file": 3}, "needs a proper 'file'"),
        ({"file": {"function": "f"}}, "needs a proper 'sha256'"),
        ({"file": {"function": "f", "sha256": ""}}, "was made with a recipe file"),
        ({"format": 99}, "has format 99, but this version reads up to 1"),
        ({"format": "1"}, "is no record of a run"),
        ({"format": ...}, "is no record of a run"),
    ],
)
def test_a_record_with_wrong_entries(changes, said, ogan, refused):
    before = contents(tampered(ogan, **changes))
    for command in ("resume", "sample"):
        assert said in refused(command, ogan)
    assert contents(ogan) == before


@pytest.mark.parametrize("name", ["run.json", "metrics.json", "log.jsonl", "monitor.jsonl", "checkpoint.pt"])
def test_links_in_a_run_are_not_written_through(name, ogan, tmp_path):
    """Whoever made the run may have laid links where a file is written before it takes its place."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (ogan / f"{name}.partial").symlink_to(mine)
    assert main(["resume", str(ogan), "--steps", "3"]) == 0
    assert main(["report", str(ogan)]) == 0
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["run.json", "checkpoint.pt"])
def test_links_in_a_run_are_not_followed(name, ogan, refused):
    (ogan / "checkpoint.previous.pt").unlink()
    (ogan / name).symlink_to((ogan / name).rename(ogan / "mine"))
    for words in (["resume", ogan, "--steps", 3], ["sample", ogan], ["report", ogan]):
        assert "needs to be a file, but is a" in refused(*words)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": "meta"}, "no device 'meta'"),
        ({"precision": "half"}, "needs a precision"),
        ({"data__source": "\0"}, "no data named '?'"),
        ({"data__source": "grid"}, "grid is not what"),
        ({"data__size": 7}, "power of two"),
    ],
)
def test_entries_that_only_resume_reads(changes, said, ogan, refused):
    before = contents(tampered(ogan, **changes))
    assert said in refused("resume", ogan, "--steps", 3)
    assert contents(ogan) == before


class Bad:
    def __reduce__(self):
        return os.mkdir, ("ran",)


CHECKPOINTS = {
    "empty": (lambda: b"", "is no checkpoint, or is damaged"),
    "text": (lambda: b"hello\n" * 9, "is no checkpoint, or is damaged"),
    "pickle": (lambda: pickle.dumps(Bad()), "is no checkpoint, or is damaged"),
    "code": (lambda: torch_bytes({"format": 1, "sha256": "", "state": Bad()}), "carries code, which is never run"),
    "newer": (lambda: torch_bytes({"format": 2, "sha256": "", "state": {}}), "has format 2"),
    "other": (lambda: torch_bytes({"weights": torch.zeros(3)}), "no checkpoint of gansmith"),
    "unsound": (lambda: torch_bytes({"format": 1, "sha256": "0", "state": {}}), "checksum does not fit"),
}


def torch_bytes(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_what_is_no_checkpoint(kind, ogan, refused, tmp_path):
    make, said = CHECKPOINTS[kind]
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        (ogan / name).write_bytes(make())
    before = contents(ogan)
    assert said in refused("resume", ogan, "--steps", 3)
    assert said in refused("sample", ogan)
    assert contents(ogan) == before and not (tmp_path / "ran").exists()


def test_no_checkpoint_at_all(ogan, refused):
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        (ogan / name).unlink()
    assert "there is no checkpoint" in refused("resume", ogan)


@pytest.mark.parametrize("command", ["sample", "resume", "report", "evaluate", "encode"])
@pytest.mark.parametrize("sizes", [{"width": 10**6}, {"latent": 10**9}, {"width": 2 * 10**5, "latent": 10**5}])
def test_a_record_that_asks_for_large_networks_builds_none(command, sizes, ogan, refused, monkeypatch):
    """In a gigabyte more of address space: the networks would have 10^12 numbers."""
    record = json.loads((ogan / "run.json").read_text())
    record["arguments"] |= sizes
    (ogan / "run.json").write_text(json.dumps(record))
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(
        resource.RLIMIT_AS, (int(Path("/proc/self/statm").read_text().split()[0]) * 4096 + 2**30, before[1])
    )
    try:
        line = refused(command, ogan, *(["digits"] if command == "encode" else []))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert "it is of another experiment" in line or "cannot be built with such numbers" in line


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(ogan, tmp_path, capsys):
    whole = checkpoint.load(ogan / "checkpoint.pt")
    record = json.loads((ogan / "run.json").read_text())
    killed = tmp_path / "killed"
    killed.mkdir()
    left = {key: value for key, value in record.items() if key not in ("step", "seconds")} | {"status": "running"}
    (killed / "run.json").write_text(json.dumps(left))
    (killed / ".0123456789abcdef.part").write_text("half a checkpoint")
    assert main(["resume", str(killed)]) == 0
    assert "resumed at step 0" in capsys.readouterr().out
    assert checkpoint.digest(checkpoint.load(killed / "checkpoint.pt")) == checkpoint.digest(whole)
    assert not list(killed.rglob("*.part"))


@pytest.mark.parametrize(
    "change",
    [
        {"stage": 7},
        {"stage": -1},
        {"stage": 0.5},
        {"step": "x"},
        {"step": -3},
        {"torch": torch.zeros(3)},
        {"game": {}},
        {"dynamics": {}},
        {"average": 3},
    ],
)
def test_a_checkpoint_of_something_else(change, ogan, refused):
    path = ogan / "checkpoint.pt"
    checkpoint.save(path, checkpoint.load(path) | change)
    assert "checkpoint.pt" in refused("resume", ogan, "--steps", 3)
    assert "checkpoint.pt" in refused("sample", ogan)


def test_the_previous_checkpoint_serves(ogan, capsys):
    (ogan / "checkpoint.pt").write_bytes(b"")
    assert main(["resume", str(ogan)]) == 0
    found = capsys.readouterr()
    assert "resumed at step 0" in found.out and "went back to the checkpoint before it" in found.err


# a user's own recipe


def test_an_own_recipe_needs_trust(trained, refused, capsys, tmp_path):
    run = shutil.copytree(trained / "own", tmp_path / "own")
    assert (run / "recipe.py").read_text() == OWN and RunFolder.open(run).record["recipe"] == "mine"
    for words in (["resume", run, "--steps", "3"], ["sample", run, "-n", "1"]):
        assert "recipe.py, then add --trust (in Python trust=True) to run it" in refused(*words)
        assert main([*map(str, words), "--trust"]) == 0
    (run / "recipe.py").write_text(OWN + "import os; os.mkdir('ran')\n")
    assert "its content changed" in refused("sample", run, "--trust")
    (run / "recipe.py").unlink()
    assert "cannot read the recipe file" in refused("sample", run, "--trust")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("mien", "no function 'mien': did you mean mine?"),
        ("other", "a recipe returns an Experiment, but other returned NoneType"),
        ("broken", "line 16: NameError: name 'undefined' is not defined"),
        ("shapes", "needs one score per sample"),
        ("mine --width 0", "--width needs a whole number from 1"),
        ("mine --flta", "did you mean --flat?"),
    ],
)
def test_own_recipes_that_fail(function, said, refused, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    assert said in refused("train", *f"own.py:{function} --data ring --device cpu".split())


def test_an_own_recipes_help(capsys, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    assert main(["train", "own.py:mine", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "My own recipe." in shown and "--width INT how wide. (default: 16)" in shown and "--no-flat" in shown
    assert "gansmith train own.py:mine --data digits" in shown


def test_mistakes_keep_their_traceback(monkeypatch, tmp_path, refused):
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(IndexError):
        main(["train", "own.py:bug", "--data", "ring", "--device", "cpu"])

    def bug(data):
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(cli, "_recipes", bug)
    with pytest.raises(ValueError, match="a mistake of ours"):
        main(["recipes"])
    monkeypatch.setenv("GANSMITH_DEBUG", "1")
    with pytest.raises(ValueError, match="did you mean"):
        main(["train", "ogn"])


# looking at a run


def test_samples(ogan, ring, capsys, tmp_path):
    assert main(["sample", str(ogan), "-n", "3"]) == main(["sample", str(ogan), "-n", "3"]) == 0
    names = ["000000.png", "000001.png", "000002.png", "grid.png"]
    assert [sorted(f.name for f in (ogan / f"sampled-{i}").iterdir()) for i in (1, 2)] == [names, names]
    assert contents(ogan / "sampled-1") == contents(ogan / "sampled-2")
    assert main(["sample", str(ogan), "-n", "3", "--seed", "1", "-o", ODD]) == 0
    assert contents(tmp_path / ODD)["grid.png"] != contents(ogan / "sampled-1")["grid.png"]
    assert main(["sample", str(ring), "-n", "5"]) == 0
    with np.load(ring / "sampled-1" / "samples.npz") as found:
        assert found["samples"].shape == (5, 2)


def test_reconstructions_of_pictures_of_which_some_are_broken(ogan, capsys):
    folder = Path(f"{ODD} 數字")
    folder.mkdir()
    for i in range(3):
        Image.fromarray(np.full((9 + i, 12), 80 * i, np.uint8)).save(folder / f"é [b]{i}[red] '\n.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / os.fsdecode(b"\xff.txt")).write_text("hello")
    assert main(["reconstruct", str(ogan), str(folder), "-o", "pairs", "--truncation", "0.7"]) == 0
    shown = capsys.readouterr().out
    assert "skipped 2 of 5 files" in shown and "broken.png" in shown and "3 pairs in pairs/pairs.png" in shown
    numbers = json.loads(Path("pairs/numbers.json").read_text())
    assert numbers["n"] == 3 and len(numbers["each"]) == 3 and numbers["truncation"] == 0.7
    assert len(list(Path("pairs").glob("00*.png"))) == 3


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ("ring", "needs images for ogan: ring holds vectors"),
        ("nothing", "no data named 'nothing'"),
        ("text.png", "text.png is neither a picture"),
    ],
)
def test_what_cannot_be_reconstructed(images, said, ogan, refused, tmp_path):
    (tmp_path / "text.png").write_text("x")
    before = contents(ogan)
    assert said in refused("reconstruct", "ogan", images)
    assert contents(ogan) == before


def test_runs_that_do_not_reconstruct(ring, refused, tmp_path):
    assert "needs a game that encodes, but gan only generates: train ogan" in refused("reconstruct", ring, "digits")
    assert main(["train", "ogan", "--data", "ring", *TINY, "--out", "points"]) == 0
    assert "needs a run on images, but points was trained on vectors" in refused("reconstruct", "points", "digits")


def test_a_name_that_is_no_utf8(tmp_path, capsys):
    source = tmp_path / os.fsdecode(b"\xff\xfe.npz")
    with source.open("wb") as file:
        np.savez(file, x=np.random.default_rng(0).normal(size=(60, 2)))
    assert main(["train", "gan", "--data", source.name, *TINY, "--out", "run"]) == 0
    assert RunFolder.open(Path("run")).record["data"]["source"] == str(source.resolve())
    assert main(["resume", "run", "--steps", "3"]) == 0


# pipes


@pytest.mark.parametrize("words", [["recipes"], ["--help"], ["sample", "--help"]])
def test_whoever_reads_may_have_seen_enough(words):
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "gansmith", *words]
    try:
        process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=buffered, timeout=60, check=False)
    finally:
        os.close(writing)
    assert process.returncode == 141 and process.stderr == b""


def test_a_terminal_that_knows_ascii_only(ogan):
    run = ogan.rename(ogan.with_name("größe"))
    found = child("sample", run.name, "-n", "1", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 0, found.stderr
    assert "gr\\xf6\\xdfe" in found.stdout
