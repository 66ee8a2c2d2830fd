"""State on disk: whole or not at all, and never code."""

import datetime
import enum
import errno
import io
import os
from collections import OrderedDict, defaultdict, deque
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.disk.parts import remove_parts
from gansmith.training import checkpoint

STATE = {"step": 3, "w": torch.arange(6.0).view(2, 3), "deep": {"list": [1, torch.tensor(True)], "name": "x"}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pt"


def test_what_was_saved_comes_back(path):
    checkpoint.save(path, STATE)
    found = checkpoint.load(path)
    assert checkpoint.digest(found) == checkpoint.digest(STATE)
    assert torch.equal(found["w"], STATE["w"]) and found["step"] == 3
    assert torch.load(path, weights_only=True)["format"] == checkpoint.FORMAT
    assert [f.name for f in path.parent.iterdir()] == ["checkpoint.pt"]


def test_the_previous_one_is_kept(path):
    for step in (1, 2, 3):
        checkpoint.save(path, {"step": step})
    assert checkpoint.load(path)["step"] == 3 and checkpoint.load(checkpoint.previous(path))["step"] == 2


@pytest.mark.parametrize("value", [0, 1, 2, 3.5, "x", torch.tensor([0]), {"a": torch.tensor(0.0)}, [torch.zeros(2)]])
def test_digests_tell_states_apart(value):
    others = [1.0, "1", True, torch.tensor([0.0]), {"a": torch.tensor([0.0])}, [torch.zeros(1, 2)], None]
    assert checkpoint.digest(value) not in {checkpoint.digest(o) for o in others}


def damage(path, what):
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes({"truncated": whole[:middle], "empty": b"", "text": b"hello\n" * 20}.get(what, whole))
    if what == "flipped":
        at = whole.index(torch.arange(6.0).numpy().tobytes()) + 5
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])


@pytest.mark.parametrize("what", ["truncated", "empty", "text", "flipped"])
def test_damage_is_seen_and_the_previous_one_taken(path, what):
    checkpoint.save(path, STATE | {"step": 1})
    checkpoint.save(path, STATE | {"step": 2})
    damage(path, what)
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(path)
    state, said = checkpoint.load_newest(path)
    assert state["step"] == 1 and "went back" in said
    damage(checkpoint.previous(path), what)
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_newest(path)


def test_tensors_that_share_their_numbers_come_back(path):
    w = torch.randn(40, 50)
    state = {"a": w, "b": w, "turned": w.T, "part": w[3:], "averages": [w] * 3, "none": torch.zeros(0, 3)}
    checkpoint.save(path, state)
    assert checkpoint.digest(checkpoint.load(path)) == checkpoint.digest(state)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_is_not_read(path, kind):
    checkpoint.save(path, STATE)
    if kind == "link":
        path.symlink_to(path.rename(path.with_name("mine.pt")))
    else:
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(ValueError, match="needs to be a file"):
        checkpoint.load(path)


def test_newer_formats_and_other_files_are_refused(path):
    torch.save({"format": checkpoint.FORMAT + 1, "sha256": "", "state": {}}, path)
    with pytest.raises(ValueError, match=r"format 2, but this version reads up to 1"):
        checkpoint.load(path)
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="no checkpoint of gansmith"):
        checkpoint.load(path)
    with pytest.raises(ValueError, match="there is no checkpoint"):
        checkpoint.load(path.with_name("nothing.pt"))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("before", ["nothing", "previous", "damaged"])
def test_a_folder_in_the_checkpoints_place_is_named_and_stays(before, keep, path):
    """Once the folder itself was called the whole checkpoint before, and it was moved away where there was no other."""
    (path / "mine").mkdir(parents=True)
    kept = checkpoint.previous(path)
    if before != "nothing":
        checkpoint.save(kept, {"step": 1})
    if before == "damaged":
        damage(kept, "truncated")
    there = sorted(path.parent.rglob("*"))
    with pytest.raises(ValueError, match="cannot save") as error:
        checkpoint.save(path, {"step": 2}, keep=keep)
    whole = f"the checkpoint before it is whole: {kept}" if before == "previous" else "no whole one was there before"
    assert str(error.value) == f"cannot save {path}: {path} is a folder, move it away; {whole}"
    assert sorted(path.parent.rglob("*")) == there


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("content", ["mine", None])
def test_a_folder_in_the_previous_ones_place_is_named_and_stays(content, links, path, monkeypatch):
    """Once only "Is a directory" was said, of the checkpoint, which is none; and a hard link was left."""
    checkpoint.save(path, {"step": 1})
    kept = checkpoint.previous(path)
    kept.mkdir()
    if content is not None:
        (kept / content).touch()
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    there = sorted(path.parent.rglob("*"))
    with pytest.raises(ValueError, match="cannot save") as error:
        checkpoint.save(path, {"step": 2})
    said = f"cannot save {path}: {kept} is a folder, move it away; the checkpoint before it is whole: {path}"
    assert str(error.value) == said
    assert sorted(path.parent.rglob("*")) == there and checkpoint.load(path) == {"step": 1}


def no_links(*_):
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_of_the_users_beside_it_stays(links, path, monkeypatch):
    """Once a file with the ending .link was removed."""
    own = path.with_name("checkpoint.pt.link")
    own.write_text("mine")
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    for step in (1, 2, 3):
        checkpoint.save(path, {"step": step})
    assert own.read_text() == "mine" and checkpoint.load(checkpoint.previous(path)) == {"step": 2}
    names = {"checkpoint.pt", "checkpoint.previous.pt", "checkpoint.pt.link"}
    assert {file.name for file in path.parent.iterdir()} == names


def test_a_save_after_one_that_failed_at_its_end_leaves_no_link(path, monkeypatch):
    """Then both names lead to one file, and the system renames nothing."""
    checkpoint.save(path, {"step": 1})
    os.link(path, checkpoint.previous(path))
    checkpoint.save(path, {"step": 2})
    assert {file.name for file in path.parent.iterdir()} == {"checkpoint.pt", "checkpoint.previous.pt"}
    assert checkpoint.load(checkpoint.previous(path)) == {"step": 1}


@pytest.mark.parametrize("kind", ["pipe", "link to nowhere"])
def test_what_is_no_file_becomes_no_previous_one(kind, path):
    checkpoint.save(checkpoint.previous(path), {"step": 1})
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path.with_name("nowhere"))
    checkpoint.save(path, {"step": 2})
    assert checkpoint.load(path) == {"step": 2} and checkpoint.load(checkpoint.previous(path)) == {"step": 1}


def test_a_full_disk_leaves_the_last_one_whole(path, monkeypatch):
    checkpoint.save(path, {"step": 1})

    class Full(io.FileIO):
        def write(self, data):
            if self.tell() > 100:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(type(path), "open", lambda self, mode: Full(self, mode.replace("b", "")))
    with pytest.raises(ValueError, match=r"No space left on device; the checkpoint before it is whole"):
        checkpoint.save(path, {"step": 2, "w": torch.zeros(1000)})
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 1
    assert [f.name for f in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_at_any_moment_leaves_one_whole(path, monkeypatch, call):
    checkpoint.save(path, {"step": 1})
    checkpoint.save(path, {"step": 2})

    def fail(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(type(path), "replace", fail)
    with pytest.raises(ValueError, match="Input/output error"):
        checkpoint.save(path, {"step": 3})
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 2


class Color(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (deque([1]), "deque"),
        (defaultdict(int), "defaultdict"),
        (Color.RED, "Color"),
        (Path("x"), "PosixPath"),
        (datetime.date(2026, 1, 1), "date"),
        ({1}, "set"),
        (np.zeros(3), "ndarray"),
        (b"x", "bytes"),
        (print, "builtin_function_or_method"),
    ],
)
def test_what_could_not_be_read_is_not_written(value, kind, path):
    """Once it was: a run ended well, and its checkpoint was refused as code."""
    with pytest.raises(ValueError, match=rf"but game\.extra\.1 is a {kind}: convert it in get_extra_state"):
        checkpoint.save(path, {"game": {"extra": [0, value]}})
    assert not path.exists()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.int32(3), 3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (OrderedDict(a=1), {"a": 1}),
        (torch.Size([2, 3]), (2, 3)),
        (torch.float32, torch.float32),
        (torch.device("cpu"), torch.device("cpu")),
        (1j, 1j),
    ],
)
def test_what_is_as_good_as_plain_is_written_as_such(value, plain, path):
    checkpoint.save(path, {"x": value})
    found = checkpoint.load(path)["x"]
    assert found == plain and type(found) is type(plain)


def test_a_layer_under_forty_names(path):
    layer = torch.nn.Linear(100, 100)
    state = torch.nn.ModuleList([layer] * 40).state_dict()
    checkpoint.save(path, {"game": state})
    assert checkpoint.digest(checkpoint.load(path)["game"]) == checkpoint.digest(dict(state))


CALLS = ("replace", "link", "unlink", "fsync", "open", "close")
OLD, PREVIOUS, NEW = {"step": 2}, {"step": 1}, {"step": 3}
FOLDERS = {  # the newest and the previous checkpoint; what is damaged is damaged otherwise each time
    "nothing": (None, None),
    "one": ("whole", None),
    "two": ("whole", "whole"),
    "the newest is cut off": ("truncated", "whole"),
    "the newest is empty": ("empty", "whole"),
    "the newest has another byte": ("flipped", "whole"),
    "the previous is cut off": ("whole", "truncated"),
    "the newest is lost": (None, "whole"),
}


def fill(path, kinds):
    for file, state, kind in zip((checkpoint.previous(path), path), (PREVIOUS, OLD), reversed(kinds), strict=True):
        if kind is None:
            continue
        torch.save({"format": 1, "sha256": checkpoint.digest(state), "state": state}, file)
        content = file.read_bytes()
        at = content.index(b"step")
        flipped = content[:at] + b"stpe" + content[at + 4 :]
        file.write_bytes({"whole": content, "truncated": content[:-99], "empty": b"", "flipped": flipped}[kind])


def killed_at(call, path):
    """A process that saves as a run's first save does, and ends without a word at its k-th call of the system."""
    child = os.fork()
    if child == 0:
        count = iter(range(1000))
        for name in CALLS:
            real = getattr(os, name)

            def counted(*given, real=real, **options):
                if next(count) == call:
                    os._exit(9)
                return real(*given, **options)

            setattr(os, name, counted)
        checkpoint.save(path, NEW, keep=checkpoint.is_whole(path))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("call", range(16))
@pytest.mark.parametrize("folder", FOLDERS)
def test_at_each_moment_there_is_a_whole_checkpoint(folder, call, path):
    """Once a damaged newest one took the place of the whole previous one, and a kill left two that were damaged."""
    fill(path, FOLDERS[folder])
    killed = killed_at(call, path)
    if folder == "nothing" and not path.exists():
        assert killed
        return
    state, _ = checkpoint.load_newest(path)
    whole = [s for s, kind in zip((OLD, PREVIOUS), FOLDERS[folder], strict=True) if kind == "whole"]
    assert state in [NEW, *whole[:1]] and (killed or state == NEW)
    remove_parts(path.parent)
    assert {file.name for file in path.parent.iterdir()} <= {path.name, checkpoint.previous(path).name}


class _Odd(torch.optim.Adam):
    """Keeps one more thing in its state, from the first step on."""

    def __init__(self, parameters, odd):
        super().__init__(parameters, 1e-3)
        self.odd = odd

    def step(self, closure=None):
        super().step(closure)
        for p in self.param_groups[0]["params"]:
            self.state[p]["odd"] = self.odd(p)


class _Marked(torch.nn.Parameter):
    pass


ODD_STATE = {
    "unsigned": lambda p: torch.zeros(p.shape, dtype=torch.uint16),
    "float8": lambda p: torch.zeros(p.shape).to(torch.float8_e4m3fn),
    "endless": lambda p: 2**2100,
    "long double": lambda p: np.longdouble(1),
    "sparse": lambda p: torch.zeros(3, 3).to_sparse(),
    "subclass": lambda p: _Marked(torch.zeros(2)),
    "a type": lambda p: torch.uint16,
}


@pytest.mark.parametrize("kind", ODD_STATE)
def test_what_cannot_be_read_is_refused_by_name_and_the_state_before_stays(kind, tmp_path):
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"a": torch.zeros(2)})
    p = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match=r"optimizer\.state\.0\.odd"):
        checkpoint.save(path, {"optimizer": {"state": {0: {"odd": ODD_STATE[kind](p)}}}})
    assert checkpoint.load(path)["a"].tolist() == [0, 0]


def test_tensors_of_odd_making_are_written_as_plain_ones(tmp_path):
    marked = torch.ones(3)
    marked.word = "mine"
    state = {"expanded": torch.ones(1).expand(4000), "marked": marked, "conj": torch.tensor([1 + 2j]).conj()}
    checkpoint.save(tmp_path / "c.pt", state)
    loaded = checkpoint.load(tmp_path / "c.pt")
    assert loaded["expanded"].sum() == 4000 and loaded["conj"].tolist() == [1 - 2j] and loaded["marked"].sum() == 3


def test_a_file_that_cannot_be_read_again_takes_nobodys_place(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"a": 1})
    monkeypatch.setattr("gansmith.training.archive.LARGEST_PICKLE", 1000)
    with pytest.raises(ValueError, match="as it cannot be read again"):
        checkpoint.save(path, {"losses": [0.5] * 1000})
    assert checkpoint.load(path) == {"a": 1} and not checkpoint.previous(path).exists()
