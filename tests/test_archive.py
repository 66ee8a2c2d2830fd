"""A checkpoint's file from anywhere: it never runs code, and takes neither memory nor time without end."""

import io
import os
import pickle
import time
import zipfile

import pytest
import torch

from gansmith.training import checkpoint

STATE = {"step": 3, "w": torch.arange(6.0).view(2, 3), "deep": {"list": [1, torch.tensor(True)], "name": "x"}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pt"


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
