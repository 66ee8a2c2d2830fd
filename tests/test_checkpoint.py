"""State on disk: whole or not at all, and never code."""

import datetime
import enum
import errno
import io
import os
import pickle
import time
import zipfile
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


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_code_is_never_run(path, how, tmp_path):
    marker = tmp_path / "ran"

    class Bad:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    if how == "pickle":
        path.write_bytes(pickle.dumps({"format": 1, "sha256": "", "state": Bad()}))
    else:
        torch.save({"format": 1, "sha256": "", "state": Bad()}, path)
    with pytest.raises(ValueError, match="is no checkpoint" if how == "pickle" else "carries code, which is never run"):
        checkpoint.load(path)
    assert not marker.exists()


def written(path, state):
    torch.save({"format": 1, "sha256": checkpoint.digest(state), "state": state}, path)


def lists(depth):
    value = [1]
    for _ in range(depth):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "state",
    [
        {"w": torch.zeros(1).expand(1_000_000)},
        {"w": torch.zeros(3).as_strided((900, 900), (0, 0))},
        {"w": lists(16)},
        {"w": [torch.zeros(100)] * 10_000},
    ],
    ids=["expanded", "strided", "lists", "repeated"],
)
def test_what_is_larger_than_its_file_is_refused(path, state):
    written(path, state)
    assert path.stat().st_size < 50_000
    with pytest.raises(ValueError, match=r"larger than|holds a list of lists twice"):
        checkpoint.load(path)


def test_tensors_that_share_their_numbers_come_back(path):
    w = torch.randn(40, 50)
    state = {"a": w, "b": w, "turned": w.T, "part": w[3:], "averages": [w] * 3, "none": torch.zeros(0, 3)}
    checkpoint.save(path, state)
    assert checkpoint.digest(checkpoint.load(path)) == checkpoint.digest(state)


@pytest.mark.parametrize("layout", ["sparse", "meta"])
def test_tensors_of_other_layouts_are_refused(path, layout):
    w = torch.zeros(3, 3).to_sparse() if layout == "sparse" else torch.zeros(3, device="meta")
    torch.save({"format": 1, "sha256": "", "state": {"w": w}}, path)
    with pytest.raises(ValueError, match=r"GLOBAL torch\._utils _rebuild_(sparse|meta)_tensor"):
        checkpoint.load(path)


def test_lists_within_themselves_are_refused(path):
    state = []
    state.append(state)
    torch.save({"format": 1, "sha256": "", "state": state}, path)
    with pytest.raises(ValueError, match=r"larger than the file|holds a list of lists twice"):
        checkpoint.load(path)


def test_compressed_entries_are_refused(path):
    checkpoint.save(path, {"w": torch.zeros(100_000)})
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="its entries are compressed"):
        checkpoint.load(path)


@pytest.mark.parametrize("module", [b"__builtin__", b"builtins"])
def test_an_array_of_any_size_is_not_made(path, module):
    """Torch takes it for data; here it would be one of a megabyte, in a file of a few bytes."""
    checkpoint.save(path, STATE)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    (name,) = (name for name in entries if name.endswith("data.pkl"))
    entries[name] = b"\x80\x02c" + module + b"\nbytearray\nJ\x00\x00\x10\x00\x85R."
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    with pytest.raises(ValueError, match="bytearray"):
        checkpoint.load(path)


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


def entries_of(path):
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def with_pickle(path, content, name="data.pkl"):
    checkpoint.save(path, STATE)
    entries = entries_of(path)
    (whole,) = (entry for entry in entries if entry.endswith("data.pkl"))
    with zipfile.ZipFile(path, "w") as archive:
        for entry, value in entries.items():
            archive.writestr(entry, content if entry == whole and name == "data.pkl" else value)
        if name != "data.pkl":
            archive.writestr(whole.replace("data.pkl", name), content)


def chained_codecs(times):
    """Each encoding makes a string of escapes of the one before, four times as long."""
    call = b"c_codecs\nencode\n"
    value = b"X\x04\x00\x00\x00\x00\x01\x02\x03"
    for _ in range(times):
        value = call + value + b"X\x0e\x00\x00\x00unicode_escape\x86R"
    return b"\x80\x02" + value + b"."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (chained_codecs(14), "GLOBAL _codecs encode"),
        (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "GLOBAL os system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "opcode"),  # STACK_GLOBAL: a name that is put together
        (b"\x80\x02cbuiltins\ngetattr\n.", "GLOBAL builtins getattr"),
        (b"\x80\x02}\x8fj\x00\x00\x00\x00.", "opcode"),  # EMPTY_SET
        (b"\x80\x05\x96\xff\xff\xff\x7f\x00\x00\x00\x00.", "damaged|opcode"),  # BYTEARRAY8 of two gigabytes
    ],
)
def test_a_pickle_has_only_what_tensors_and_numbers_need(content, message, path):
    with_pickle(path, content)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(path)


@pytest.mark.parametrize("name", ["data.PKL", "DATA.pkl", "other.pkl", "../data.pkl", "data/x"])
def test_entries_that_torch_does_not_write_are_refused(name, path):
    """One named in capitals was once not looked at, and read all the same."""
    with_pickle(path, b"\x80\x02.", name)
    with pytest.raises(ValueError, match="entries that torch does not write"):
        checkpoint.load(path)


def test_a_pickle_of_the_old_form_with_an_archive_behind_it_is_refused(path):
    old = io.BytesIO()
    torch.save({"format": 1, "sha256": "", "state": {}}, old, _use_new_zipfile_serialization=False)
    checkpoint.save(path, STATE)
    path.write_bytes(old.getvalue() + path.read_bytes())
    with pytest.raises(ValueError, match="no archive of torch's"):
        checkpoint.load(path)


def test_of_two_directories_the_one_that_was_judged_is_read(path, tmp_path):
    """An archive behind another: one reader takes the first, the other the last."""
    other = tmp_path / "other.pt"
    checkpoint.save(path, STATE)
    torch.save({"format": 1, "sha256": "", "state": {"w": [torch.zeros(1)] * 2}}, other)
    path.write_bytes(other.read_bytes() + path.read_bytes())
    try:
        state = checkpoint.load(path)
    except ValueError:
        return
    assert checkpoint.digest(state) == checkpoint.digest(STATE)


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


def test_an_entry_that_states_more_bytes_than_the_file_has_is_not_read(tmp_path, path):
    """Once 4 GB were asked of the system for it."""
    checkpoint.save(path, STATE)
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02")
    path.write_bytes(content[: at + 20] + b"\xff\xff\xff\xfe" + content[at + 24 :])
    with pytest.raises(ValueError, match="its entries are compressed"):
        checkpoint.load(path)


def word(text):
    return b"X" + len(text).to_bytes(4, "little") + text


def whole(state):
    """The pickle of a checkpoint with this pickled state."""
    return b"\x80\x02}(" + word(b"format") + b"K\x01" + word(b"sha256") + word(b"x") + word(b"state") + state + b"u."


HUGE = b"\x8a\xfa" + (1 << 1990).to_bytes(250, "little")  # as a float it overflows
PICKLES = {
    "a list of itself": b"\x80\x02]q\x00h\x00a.",
    "lists twice each": b"\x80\x02]q\x00" + b"".join(b"](h%ch%ceq%c" % (k, k, k + 1) for k in range(60)) + b".",
    "lists in lists": whole(b"]" * 900 + b"a" * 899),
    "lists in lists, a million": whole(b"]" * 10**6 + b"a" * (10**6 - 1)),
    "tuples in tuples": whole(b")" + b"\x85" * 4000),
    "tuples in tuples, a million": whole(b")" + b"\x85" * 900_000),
    "a key of tuples in tuples": whole(b"})" + b"\x85" * 900_000 + b"K\x01s"),
    "a key of few tuples in tuples": whole(b"})" + b"\x85" * 4000 + b"K\x01s"),
    "tuples made by marks": whole(b"})" + b"(" * 900_000 + b"t" * 900_000 + b"K\x01s"),
    "a tuple taken again and again": whole(b"})" + b"\x85q\x01h\x01" * 9 + b"\x85" * 900_000 + b"K\x01s"),
    "millions of lists": b"\x80\x02(" + b"]" * 20_000_000 + b"t.",
    "a number beyond numbers": whole(b"c__builtin__\ncomplex\n(" + HUGE + b"K\x01tR"),
}


@pytest.mark.parametrize("content", PICKLES)
def test_what_is_nested_or_endless_is_refused_at_once(content, tmp_path):
    """A key of tuples in tuples ended the process by a signal: it is hashed to its depth in C."""
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"a": torch.zeros(500_000)})
    pickled = PICKLES[content]
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "bad.pt", "w", zipfile.ZIP_STORED) as bad:
        for name in archive.namelist():
            bad.writestr(name, pickled if name.endswith("data.pkl") else archive.read(name))
    start = time.process_time()
    with pytest.raises(ValueError, match="is no checkpoint") as caught:
        checkpoint.load(tmp_path / "bad.pt")
    assert "\n" not in str(caught.value) and time.process_time() - start < 10


@pytest.mark.parametrize("state", [[1, 2], "x", None, 5, torch.zeros(2), {1: 2}])
def test_a_state_that_is_no_dict_of_names(state, path):
    torch.save({"format": 1, "sha256": checkpoint.digest(state), "state": state}, path)
    with pytest.raises(ValueError, match="is no checkpoint of gansmith: its state is no dict of names"):
        checkpoint.load(path)


def long(k):
    return b"\x8a\x0c" + k.to_bytes(12, "little", signed=True)


KEYS = {
    "numbers": lambda k: long(k * (2**61 - 1)),
    "tuples": lambda k: long(k) + b"\x85",
    "complex numbers": lambda k: b"c__builtin__\ncomplex\n" + long(-1000003 * k) + long(k) + b"\x86R",
    "sizes": lambda k: b"ctorch\nSize\n(" + long(k) + b"t\x85R",
}


@pytest.mark.parametrize("kind", ["numbers", "tuples", "complex numbers", "sizes"])
def test_keys_that_may_share_a_hash_are_few(kind, path):
    pairs = b"".join(KEYS[kind](k) + b"N" for k in range(1, 6000))
    checkpoint.save(path, {"a": torch.zeros(100_000)})
    with_pickle(path, whole(b"}(" + pairs + b"u"))
    begun = time.process_time()
    with pytest.raises(ValueError, match="too many of its keys are no words"):
        checkpoint.load(path)
    assert time.process_time() - begun < 5


def test_a_dict_is_not_made_of_pairs(path):
    pairs = b"".join(long(k * (2**61 - 1)) + b"N\x86" for k in range(1, 6000))
    checkpoint.save(path, {"a": torch.zeros(100_000)})
    with_pickle(path, whole(b"ccollections\nOrderedDict\n](" + pairs + b"e\x85R"))
    with pytest.raises(ValueError, match="it makes a dict of pairs"):
        checkpoint.load(path)


def test_many_tensors_and_long_numbers_are_read(path):
    state = {"numbers": [2**40 + k for k in range(20_000)], "tensors": [torch.tensor([k]) for k in range(3000)]}
    checkpoint.save(path, state | {"keys": {k: 1.5 * k for k in range(20_000)}})
    assert checkpoint.load(path)["numbers"] == state["numbers"]


def test_tensors_have_no_more_numbers_than_the_file():
    """Before 2.10 torch believed a file, and read what lay behind its numbers in memory."""
    state = {"a": torch.zeros(4), "b": torch.zeros(2)}
    checkpoint._check(state, 1000, 24)
    with pytest.raises(ValueError, match="more numbers than are in the file"):
        checkpoint._check(state, 1000, 23)


def test_a_list_of_entries_without_end_is_not_read(path):
    checkpoint.save(path, STATE)
    content = bytearray(path.read_bytes())
    end = content.rfind(b"PK\x05\x06")
    content[end + 12 : end + 16] = (2**27).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="lists too many entries"):
        checkpoint.load(path)
