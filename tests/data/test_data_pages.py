"""Stacks: each page of a TIFF is a picture; what is left out is said."""

import csv
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from runs import TINY

from gansmith.commands.cli import main
from gansmith.data import load, pool

RNG = np.random.default_rng(0)


def stack(path, pages):
    images = [Image.fromarray(page) for page in pages]
    images[0].save(path, save_all=True, append_images=images[1:])


@pytest.fixture
def stacks(tmp_path):
    """Two stacks of 5 and 1 pages in two classes, and a PNG."""
    pages = RNG.integers(60, 256, (7, 16, 16), dtype=np.uint8)
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
    stack(tmp_path / "data/a/s.tif", pages[:5])
    stack(tmp_path / "data/b/t.tif", pages[5:6])
    Image.fromarray(pages[6]).save(tmp_path / "data/b/u.png")
    return str(tmp_path / "data"), torch.from_numpy(pages)


def test_every_page_is_a_picture(stacks):
    folder, pages = stacks
    data = load(folder)
    assert data.names == (*(f"a/s.tif#{k}" for k in range(1, 6)), "b/t.tif", "b/u.png")
    assert torch.equal(data.x[:, 0], pages) and data.y is not None and data.y.tolist() == [0] * 5 + [1] * 2
    assert data.notes[0] == "7 pictures, as 1 file has several pages (--first-page takes the first alone)"


def test_the_first_page_alone(stacks):
    folder, pages = stacks
    data = load(folder, first_page=True)
    assert torch.equal(data.x[:, 0], pages[[0, 5, 6]]) and "left out: pages after the first, 4 of them" in data.notes


def test_a_limit_counts_pages(stacks):
    folder, _ = stacks
    data = load(folder, limit=4)
    assert len(data) == 4 and "4 of 7 samples, a fixed choice" in data.notes
    assert load(folder, limit=4).fingerprint == data.fingerprint


def test_labels_by_file_are_those_of_its_pages(stacks, tmp_path):
    folder, _ = stacks
    (tmp_path / "labels.csv").write_text("file,label\na/s.tif,3\nb/t.tif,1\nb/u.png,0\n")
    data = load(folder, labels=str(tmp_path / "labels.csv"))
    assert data.y is not None and data.y.tolist() == [3] * 5 + [1, 0]


def test_stacks_in_the_cache_and_in_an_archive(stacks, tmp_path, monkeypatch):
    import shutil

    folder, _ = stacks
    expected = load(folder)
    for form in ("zip", "tar"):
        packed = shutil.make_archive(str(tmp_path / "packed"), form, folder)
        data = load(packed)
        assert torch.equal(data.x, expected.x) and data.names == expected.names and data.class_names == ("a", "b")
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gansmith.data.pictures.budget", lambda: 100)
    for _ in range(2):
        assert torch.equal(load(folder).x, expected.x)
    assert torch.equal(load(folder, limit=4).x, load(folder, limit=4).x)


def test_a_deep_stack_has_one_scale(tmp_path):
    pages = RNG.integers(0, 1024, (3, 16, 16)).astype(np.uint16)
    stack(tmp_path / "s.tif", pages)
    data = load(str(tmp_path / "s.tif"))
    assert data.deep_range == (0, 1023)
    assert torch.equal(data.x[:, 0], torch.from_numpy(np.rint(pages / 1023 * 255).astype(np.uint8)))


def test_a_damaged_page_is_named(tmp_path):
    stack(tmp_path / "s.tif", RNG.integers(60, 256, (3, 16, 16), dtype=np.uint8))
    content = (tmp_path / "s.tif").read_bytes()
    (tmp_path / "s.tif").write_bytes(content[: len(content) - 60])
    data = load(str(tmp_path))
    assert len(data) >= 1 and data.skipped and all(name.startswith("s.tif#") for name in data.skipped)


def tiff(path, pages, damaged):
    """A stack without compression; the pages in ``damaged`` state that their pixels lie behind the file's end."""
    content = bytearray(b"II*\0" + struct.pack("<I", 8 + pages.nbytes) + pages.tobytes())
    height, width = pages.shape[1:]
    for k in range(len(pages)):
        at = 2**31 - 1 if k in damaged else 8 + k * height * width
        fields = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: height, 279: height * width}
        content += struct.pack("<H", len(fields)) + b"".join(
            struct.pack("<HHII", tag, 4, 1, fields[tag]) for tag in fields
        )
        content += struct.pack("<I", 0 if k == len(pages) - 1 else len(content) + 4)
    path.write_bytes(content)


PATCH = """
import sys; sys.path[:] = sys.argv[1:]
import os, time
import gansmith.data.worker as worker
open_image, decode, opened = worker.open_image, worker.decode, []
def open_counted(file):
    opened.append(file.name)
    if opened.count(file.name) > 2: os._exit(3)  # once to look at its pages, and once to read them
    return open_image(file)
def decode_patched(image, page, *rest):
    if "end.tif" in opened[-1] and page == 4: os._exit(3)
    if "slow.tif" in opened[-1]:
        start = time.process_time()
        while time.process_time() < start + 0.2: pass
    return decode(image, page, *rest)
worker.open_image, worker.decode = open_counted, decode_patched
worker.SECONDS = 0.5
worker.main()
"""
PAGES = RNG.integers(60, 256, (30, 8, 8), dtype=np.uint8)


def test_a_stack_stays_open_where_pages_fail(tmp_path, monkeypatch):
    """Each page is sought from the first on: opened anew after each that fails, n pages would take n^2 steps."""
    tiff(tmp_path / "a.tif", PAGES, range(1, 30, 2))
    monkeypatch.setattr(pool, "START", PATCH)
    data = load(str(tmp_path))
    assert torch.equal(data.x[:, 0], torch.from_numpy(PAGES[::2])) and data.names[:2] == ("a.tif#1", "a.tif#3")
    assert set(data.skipped) == {f"a.tif#{k}" for k in range(2, 31, 2)}
    assert all("truncated" in why for why in data.skipped.values())


def test_pages_behind_one_that_ends_its_decoder_are_left_out(tmp_path, monkeypatch):
    tiff(tmp_path / "end.tif", PAGES, ())
    tiff(tmp_path / "other.tif", PAGES, ())
    monkeypatch.setattr(pool, "START", PATCH)
    data = load(str(tmp_path))
    assert data.names == (*(f"end.tif#{k}" for k in range(1, 5)), *(f"other.tif#{k}" for k in range(1, 31)))
    assert torch.equal(data.x[:, 0], torch.from_numpy(np.concatenate((PAGES[:4], PAGES))))
    assert data.skipped["end.tif#5"] == "its decoder died"
    assert {data.skipped[f"end.tif#{k}"] for k in range(6, 31)} == {"left out, as page 5 ended its decoder"}


def test_the_pages_of_a_file_have_one_time_limit(tmp_path, monkeypatch):
    tiff(tmp_path / "slow.tif", PAGES, ())
    tiff(tmp_path / "very.tif", PAGES, ())
    monkeypatch.setattr(pool, "START", PATCH)
    data = load(str(tmp_path))
    read = [name for name in data.names if name.startswith("slow")]
    assert 1 <= len(read) <= 5 and len(data) == len(read) + 30
    assert set(data.skipped.values()) == {"the pages before it took more than 1 seconds"}


def test_animations_are_said(tmp_path):
    first, second = Image.new("L", (8, 8), 100), Image.new("L", (8, 8), 200)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "b.png", save_all=True, append_images=[second])
    assert "the first picture is taken of files with several, 2 of them" in load(str(tmp_path)).notes


def test_all_skipped_files_are_listed_in_the_run(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for k in range(40):
        Image.fromarray(RNG.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / f"data/{k:02d}.png")
    for k in range(9):
        (tmp_path / f'data/text{k},"x".txt').write_text("no picture")
    words = ["train", "gan", "--data", str(tmp_path / "data"), "--steps", "1", *TINY]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert " and 4 more, see skipped.csv" in capsys.readouterr().out
    with (tmp_path / "run" / "skipped.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "reason"] and [row[0] for row in rows[1:]] == [f'text{k},"x".txt' for k in range(9)]


def test_a_full_disk_while_skipped_files_are_listed_is_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "data").mkdir()
    for k in range(40):
        Image.fromarray(RNG.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / f"data/{k:02d}.png")
    (tmp_path / "data/text.txt").write_text("no picture")

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gansmith.runs.trainer.atomic", full)
    words = ["train", "gan", "--data", str(tmp_path / "data"), *TINY, "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "skipped.csv: No space left on device" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_strictly_a_damaged_page_is_named(tmp_path):
    pages = [Image.fromarray(np.full((16, 16), k, "float32")) for k in range(3)]
    pages[1] = Image.fromarray(np.full((16, 16), np.nan, "float32"))
    pages[0].save(tmp_path / "s.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match=r"^skipped 1 of 3 files: s\.tif.*not finite.*: repair or remove them"):
        load(str(tmp_path), strict=True)
