"""Run folders that are none, damaged or hostile."""

import io
import json
import os
import pickle
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import ODD, contents, tampered

from gansmith.commands.cli import main
from gansmith.disk.atomic import atomic
from gansmith.training import checkpoint

pytestmark = pytest.mark.usefixtures("elsewhere")

OF_OGAN = ("weight", "head", "original")  # arguments that the default recipe alone takes


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


def test_a_record_of_millions_of_lists_is_refused_at_once(ogan, refused):
    """A run writes its record anew whenever it changes: that of 18 MB held resume for a minute."""
    record = (ogan / "run.json").read_text().rstrip().removesuffix("}")
    (ogan / "run.json").write_text(record + ', "extra": [' + ",".join(["[]"] * 1_500_000) + "]}")
    for command in ("resume", "sample"):
        assert "needs to have at most 4,000,000 bytes" in refused(command, ogan)


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
        ({"recipe": "x" * 5000}, "needs a proper 'recipe'"),
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
    (killed / ".gansmith-0123456789abcdef.part").write_text("half a checkpoint")
    assert main(["resume", str(killed)]) == 0
    assert "resumed at step 0" in capsys.readouterr().out
    assert checkpoint.digest(checkpoint.load(killed / "checkpoint.pt")) == checkpoint.digest(whole)
    assert not list(killed.rglob("*.part"))


def test_a_resume_leaves_what_other_commands_write_and_files_of_the_user(ogan):
    """Codes, samples and reports are written into a run that is being trained; once their parts were removed."""
    own = [".0123456789abcdef.part", "checkpoint.pt.link", "run.json.bak"]
    for name in own:
        (ogan / name).write_text("mine")
    (ogan / "sampled-1").mkdir()
    outputs = [ogan / "codes.npz", ogan / "sampled-1" / "samples.npz"]
    with atomic(outputs[0], new=True) as codes, atomic(outputs[1]) as samples:
        codes.write(b"codes")
        samples.write(b"samples")
        step = json.loads((ogan / "run.json").read_text())["step"]
        assert main(["resume", str(ogan), "--steps", str(step + 1)]) == 0
    assert [file.read_bytes() for file in outputs] == [b"codes", b"samples"]
    assert [(ogan / name).read_text() for name in own] == ["mine"] * 3


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


def of_moment(name, value):
    return lambda dynamics: dynamics["optimizers"]["critic"][0]["state"][0].update({name: value})


def of_group(name, value):
    return lambda dynamics: dynamics["optimizers"]["critic"][0]["param_groups"][0].update({name: value})


WRONG = {
    "draws": lambda dynamics: dynamics.update(draws=None),
    "steps": lambda dynamics: dynamics.update(steps=2.5),
    "a flag": of_group("amsgrad", "x"),
    "another method": of_group("amsgrad", True),
    "two numbers": of_group("betas", (0.5,)),
    "a division": of_group("betas", (1.0, 1.0)),
    "a rate": of_group("lr", "fast"),
    "a decay": of_group("weight_decay", 10**300),
    "a list for a moment": of_moment("exp_avg_sq", []),
    "a moment of another shape": of_moment("exp_avg_sq", torch.zeros(3)),
    "a moment of another type": of_moment("exp_avg_sq", torch.zeros(3, dtype=torch.bool)),
    "no count": of_moment("step", torch.zeros(0)),
}


@pytest.mark.parametrize("case", WRONG)
def test_optimizers_that_cannot_go_on_are_told_in_one_line(case, ogan, refused):
    path = ogan / "checkpoint.pt"
    state = checkpoint.load(path)
    WRONG[case](state["dynamics"])
    checkpoint.save(path, state)
    assert "checkpoint.pt" in refused("resume", ogan, "--steps", 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_weights_that_give_no_numbers_are_told_in_one_line(value, ogan, refused, tmp_path):
    path = ogan / "checkpoint.pt"
    state = checkpoint.load(path)
    for weight in state["average"].values():
        if weight.is_floating_point():
            weight.fill_(value)
    checkpoint.save(path, state)
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "a.png")
    for words in (["sample"], ["encode", tmp_path / "a.png"], ["reconstruct", tmp_path / "a.png"]):
        assert "not finite" in refused(words[0], ogan, *words[1:], "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_why_the_previous_checkpoint_serves_is_said_without_escapes(ogan, capsys):
    torch.save({"format": "\x1b]0;owned\x07", "sha256": "", "state": {}}, ogan / "checkpoint.pt")
    assert main(["resume", str(ogan)]) == 0
    found = capsys.readouterr()
    assert "went back to the checkpoint before it" in found.err and "owned" in found.err and "\x1b" not in found.err


def test_the_previous_checkpoint_serves(ogan, capsys):
    (ogan / "checkpoint.pt").write_bytes(b"")
    assert main(["resume", str(ogan)]) == 0
    found = capsys.readouterr()
    assert "resumed at step 0" in found.out and "went back to the checkpoint before it" in found.err
