"""Pictures that do not fit the budget: decoded once into a file, the same bits as in memory, whatever interrupts it."""

import fcntl
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.data import load, pictures, pool
from gansmith.data.cache import cache_folder, entry_of_stamp
from gansmith.data.memory import budget
from gansmith.data.pool import Pool

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """1.5 MB of color pictures of 64x64, one of them broken; the budget is 1 MiB."""
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANSMITH_MEMORY", "1")
    folder = tmp_path / "photos"
    for k in range(120):
        (folder / f"class{k % 3}").mkdir(parents=True, exist_ok=True)
        pixels = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"class{k % 3}" / f"{k:03d}.png")
    os.truncate(folder / "class0" / "003.png", 3000)
    (folder / "class1" / "text.png").write_text("hello")
    return folder


def in_memory(folder, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSMITH_MEMORY", "100")
        return load(str(folder), **options)


def suffixes(folder):
    return sorted(path.suffix for path in (folder.parent / "cache" / "pictures").iterdir())


@pytest.fixture
def passes_of_items(monkeypatch):
    """Numbers of the items that workers were handed, a list for each pass."""
    passes = []
    run, send_chunk = Pool.run, Pool._send_chunk

    def counted_run(self, *arguments, **options):
        passes.append([])
        return run(self, *arguments, **options)

    def counted_send(self, worker, chunk, *rest):
        passes[-1].extend(chunk)
        return send_chunk(self, worker, chunk, *rest)

    monkeypatch.setattr(Pool, "run", counted_run)
    monkeypatch.setattr(Pool, "_send_chunk", counted_send)
    return passes


def test_same_samples_as_in_memory(folder):
    expected = in_memory(folder)
    assert not (folder.parent / "cache").exists()
    for _ in range(2):
        data = load(str(folder))
        assert torch.equal(data.x, expected.x) and data.fingerprint == expected.fingerprint
        assert data.names == expected.names and data.notes == expected.notes and torch.equal(data.y, expected.y)
        assert data.held_out.equal(expected.held_out) and data.content == expected.content
        assert suffixes(folder) == [".json", ".key", ".lock", ".rows"]
    (rows,) = (folder.parent / "cache" / "pictures").glob("*.rows")
    assert rows.stat().st_size == expected.x.numel()
    assert len(expected) == 119 and expected.notes[0].startswith("skipped 2 of 121 files")


def test_the_fingerprint_is_that_of_the_same_array(folder, tmp_path):
    for path in [*folder.glob("class[12]/*"), folder / "class0" / "003.png"]:
        path.unlink()
    one_class = load(str(folder), size=128)
    assert one_class.y is None and suffixes(folder).count(".rows") == 1
    np.savez(tmp_path / "a.npz", x=one_class.x.numpy())
    assert load(str(tmp_path / "a.npz")).fingerprint == one_class.fingerprint


def test_a_batch_of_mapped_pictures(folder):
    expected, data = in_memory(folder), load(str(folder))
    assert torch.equal(data.batch(0, 3, 16).x, expected.batch(0, 3, 16).x)
    data.x[0] = 0  # reaches this process's pages only
    assert torch.equal(load(str(folder)).x, expected.x)


def test_built_once(folder, passes_of_items):
    load(str(folder))
    assert [len(items) for items in passes_of_items] == [121, 120]
    load(str(folder))
    assert len(passes_of_items) == 2


@pytest.mark.parametrize("place", [0, 70_000, -1])
def test_damaged_rows_are_decoded_again(folder, passes_of_items, place):
    expected = load(str(folder)).x.clone()
    (rows,) = (folder.parent / "cache" / "pictures").glob("*.rows")
    content = bytearray(rows.read_bytes())
    content[place] ^= 1
    rows.write_bytes(content)
    assert torch.equal(load(str(folder)).x, expected) and len(passes_of_items) == 4
    content[place] ^= 1
    assert rows.read_bytes() == content
    load(str(folder))
    assert len(passes_of_items) == 4


def test_the_key_is_the_content(folder, passes_of_items):
    first = load(str(folder))
    for path in folder.rglob("*.png"):
        os.utime(path, (1, 1))
    moved = folder.rename(folder.with_name("moved"))
    data = load(str(moved))
    assert torch.equal(data.x, first.x) and suffixes(folder).count(".rows") == 1
    assert [len(items) for items in passes_of_items] == [121, 120, 121]  # hashed again, not decoded again
    Image.new("RGB", (64, 64)).save(moved / "class0" / "000.png")
    changed = load(str(moved))
    assert not changed.x[0].any() and suffixes(folder).count(".rows") == 2
    assert load(str(moved), size=128).shape == (3, 128, 128) and suffixes(folder).count(".rows") == 3


def test_a_build_that_was_killed_goes_on(folder, passes_of_items):
    code = (
        "import os; from gansmith.data import load, pictures, pool;"
        "pool._cores = lambda: 1;"
        "call = pictures.Progress.__call__;"
        "pictures.Progress.__call__ = lambda self, done: "
        "os.kill(os.getpid(), 9) if self.what.startswith('decoding') and done > 50 else None;"
        f"load({str(folder)!r})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert suffixes(folder) == [".key", ".lock", ".part", ".state"]
    data = load(str(folder))
    assert torch.equal(data.x, in_memory(folder).x)
    assert 0 < len(passes_of_items[1]) < 90 and suffixes(folder) == [".json", ".key", ".lock", ".rows"]


def test_a_build_that_was_killed_while_rows_moved_starts_again(folder, passes_of_items):
    code = (
        "import os; from gansmith.data import load, pictures;"
        "move = pictures._without;"
        "pictures._without = lambda rows, failed: (move(rows, failed), os.kill(os.getpid(), 9));"
        f"load({str(folder)!r})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert torch.equal(load(str(folder)).x, in_memory(folder).x) and len(passes_of_items[1]) == 120


def test_a_second_builder_waits_and_takes_what_the_first_built(folder):
    expected = load(str(folder))
    (lock,) = (folder.parent / "cache" / "pictures").glob("*.lock")
    (rows,) = lock.parent.glob("*.rows")
    rows.rename(lock.parent / "aside")
    code = f"from gansmith.data import load; print(load({str(folder)!r}).fingerprint)"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as other:
            assert other.stderr is not None and other.stdout is not None
            assert other.stderr.readline() == "waiting for another process that decodes the same pictures\n"
            inode = (lock.parent / "aside").rename(rows).stat().st_ino
            fcntl.flock(file, fcntl.LOCK_UN)
            assert other.stdout.read().strip() == expected.fingerprint
    assert rows.stat().st_ino == inode


def test_a_damaged_cache_is_built_again(folder):
    expected = load(str(folder)).x.clone()  # a mapped file that shrinks takes its reader with it
    (rows,) = (folder.parent / "cache" / "pictures").glob("*.rows")
    os.truncate(rows, 5000)
    assert torch.equal(load(str(folder)).x, expected)
    rows.with_suffix(".json").write_text("nonsense")
    assert torch.equal(load(str(folder)).x, expected)


def test_a_disk_without_room(folder, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gansmith.data.cache.os.posix_fallocate", full)
    with pytest.raises(ValueError, match=r"needs 0\.0 GiB for decoded pictures in .*: free some, set GANSMITH_CACHE"):
        load(str(folder))
    assert suffixes(folder) == [".key", ".lock"]


def test_a_cache_that_cannot_be_made(folder, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(folder / "class1" / "text.png"))
    with pytest.raises(ValueError, match=r"text\.png/pictures, which cannot be made .*: set GANSMITH_CACHE to another"):
        load(str(folder))


def test_the_budget(monkeypatch):
    monkeypatch.setenv("GANSMITH_MEMORY", "3")
    assert budget() == 3 << 20
    monkeypatch.setenv("GANSMITH_MEMORY", "much")
    with pytest.raises(ValueError, match="needs GANSMITH_MEMORY in MiB, such as 2048, but it is 'much'"):
        budget()
    monkeypatch.delenv("GANSMITH_MEMORY")
    assert 0 < budget() <= 4 << 30


def test_what_fits_stays_in_memory(folder, monkeypatch):
    monkeypatch.setattr(pictures, "budget", lambda: 119 * 3 * 64 * 64)
    monkeypatch.setattr(pictures, "cache_entry", None)
    (folder / "class0" / "003.png").unlink()
    assert len(load(str(folder))) == 119


@pytest.mark.parametrize("pass_", ["inspect", "decode"])
def test_what_fails_in_passing_is_not_remembered(folder, monkeypatch, pass_):
    path = folder / "class2" / "002.png"
    with monkeypatch.context() as patch:
        start = "import gansmith.data.worker as worker; real = worker.{0}\ndef closed(image, *rest):\n"
        start += "    if image.fp.name.endswith('002.png'): raise PermissionError(13, 'Permission denied')\n"
        start += "    return real(image, *rest)\nworker.{0} = closed; worker.main()"
        patch.setattr(pool, "START", "import sys; sys.path[:] = sys.argv[1:]\n" + start.format(pass_))
        data = load(str(folder))
    assert len(data) == 118 and "002.png (Permission denied)" in data.notes[0]
    assert not {".rows", ".json", ".part"} & set(suffixes(folder)) and data.x.sum() > 0
    assert path.is_file() and torch.equal(load(str(folder)).x, in_memory(folder).x)


def test_files_replaced_at_equal_size_and_time_are_seen(folder):
    path = folder / "class2" / "002.png"
    load(str(folder))
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-5:] = b"nonse"
    path.write_bytes(data)
    path.write_bytes(bytes(len(data)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size and len(load(str(folder))) == 118


@pytest.mark.parametrize(
    "change",
    [
        {"notes": None},
        {"skipped": [[121, "late"], [1, "why"]]},
        {"skipped": [[1, "why"], [1, "why"]]},
        {"skipped": []},
        {"shape": [119, 3, 64]},
        {"shape": [1, 3, 64, 64]},
        {"shape": [119, 3, 64, 10**30]},
        {"shape": [119, 3, 4096, True]},
        {"checksum": 3},
        {"content": 3},
        {"fingerprint": 3},
    ],
)
def test_a_damaged_account_of_rows_is_ignored(folder, change):
    expected = load(str(folder))
    (path,) = (folder.parent / "cache" / "pictures").glob("*.json")
    before = json.loads(path.read_text())
    path.write_text(json.dumps(before | change))
    data = load(str(folder))
    assert data.notes == expected.notes and data.fingerprint == expected.fingerprint
    assert json.loads(path.read_text()) == before


@pytest.mark.parametrize("key", [b"\xff\xff", b"../../x", b""])
def test_a_damaged_key_is_ignored(folder, key):
    expected = load(str(folder)).fingerprint
    (path,) = (folder.parent / "cache" / "pictures").glob("*.key")
    path.write_bytes(key)
    assert entry_of_stamp(path.stem) is None and load(str(folder)).fingerprint == expected


def test_no_home(folder, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    for above in ("~/cache", ""):
        monkeypatch.setenv("GANSMITH_CACHE", above)
        with pytest.raises(ValueError, match=r"needs a home folder for ~/.*: set GANSMITH_CACHE"):
            load(str(folder))
        assert len(in_memory(folder)) == 119


def test_a_cache_below_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GANSMITH_CACHE", "~/kept")
    assert cache_folder("x") == tmp_path / "kept" / "x"


def test_an_account_with_one_digit_changed_is_built_again(folder, passes_of_items):
    """Which files were skipped decides which row has which name and label."""
    first = load(str(folder))
    [account] = (folder.parent / "cache" / "pictures").glob("*.json")
    found = json.loads(account.read_text())
    found["skipped"][0][0] += 1
    account.write_text(json.dumps(found))
    passes_of_items.clear()
    again = load(str(folder))
    assert passes_of_items and again.names == first.names and torch.equal(again.y, first.y)
