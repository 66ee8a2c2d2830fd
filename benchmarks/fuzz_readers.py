"""What reads files that may come from anywhere: sound files for each reader, how they are damaged, and the reading."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import fuzz_mutations as damage
import numpy as np
import torch
from fuzz_mutations import Mutate
from PIL import Image

from gansmith.data.archive import is_npz, open_archive, read_entry
from gansmith.data.cache import CacheEntry
from gansmith.data.decode import decode, inspect, open_image, reason
from gansmith.data.files import Kind, kind_of
from gansmith.data.label_file import on_disk
from gansmith.data.labels import read_labels
from gansmith.data.number_tables import read_number_table
from gansmith.data.resizing import Fit, ImageOptions, plan
from gansmith.data.sources import Request, read_source
from gansmith.data.tar import open_tar, read_part
from gansmith.data.value_range import UNSCALED, WHOLE, Ranges, found_range
from gansmith.disk.log import read_log
from gansmith.games import GAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.recipes.pairs import adam
from gansmith.report.chart import gather
from gansmith.report.page import write_report
from gansmith.runs.opening import open_folder, opened
from gansmith.training import Experiment, Stage, Training, checkpoint

PAGES = 4  # of a stack, at most
STORED = Path(__file__).resolve().parent.parent / "tests/stored/ogan"


@dataclass(frozen=True)
class Reader:
    """A reader of untrusted files.

    Attributes:
        name: of the kind of file.
        seeds: sound files.
        damage: makes a damaged file of a sound one.
        read: reads a file, in a folder of its own; True where it took it, or an error in one line.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    damage: Mutate
    read: Callable[[Path, bytes], bool]


def _pictures(format: str, **options: Any) -> list[bytes]:
    x = np.arange(12 * 14 * 4, dtype=np.uint8).reshape(12, 14, 4) * 7
    images = [Image.fromarray(x), Image.fromarray(x[..., :3]), Image.fromarray(x[..., 0])]
    images += [images[1].quantize(8), images[2].convert("1")]
    files = []
    for image in images:
        file = io.BytesIO()
        plain = format in ("JPEG", "BMP") or options.get("compression") == "jpeg"
        fits = image.convert("RGB") if plain and image.mode in ("RGBA", "P", "1") else image
        fits.save(file, format, **options)
        files.append(file.getvalue())
    return files


def _tiffs() -> list[bytes]:
    kinds = [
        _pictures("TIFF", compression=kind)[1:3] for kind in (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg")
    ]
    deep = io.BytesIO()
    Image.fromarray(np.linspace(0, 1, 168, dtype=np.float32).reshape(12, 14)).save(deep, "TIFF")
    return [*(file for several in kinds for file in several), deep.getvalue()]


def _gifs() -> list[bytes]:
    moving = io.BytesIO()
    frames = [Image.new("P", (9, 8), i) for i in range(3)]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    return [*_pictures("GIF"), moving.getvalue()]


def _read_picture(folder: Path, content: bytes) -> bool:
    """As a worker does: it skips what it cannot decode, with the reason."""
    try:
        with open_image(io.BytesIO(content)) as image:
            pages = min(inspect(image, None).pages, PAGES)
            rows = [_row(image, page) for page in range(pages)] if pages > 1 else [_row(image, None)]
    except Exception as error:
        raise ValueError(reason(error)) from error
    assert all(row.dtype == np.uint8 and row.shape[0] == 3 for row in rows)
    return True


def _row(image: Image.Image, page: int | None) -> np.ndarray[Any, Any]:
    header = inspect(image, page)
    deep = found_range(header.low, header.high, header.depth == WHOLE) if header.depth else None
    fit = plan([(header.height, header.width)], None, None, "center", 128)
    return decode(image, page, fit, 3, Ranges(deep=deep))


def _idx(shape: tuple[int, ...]) -> bytes:
    head = bytes([0, 0, 8, len(shape)]) + b"".join(side.to_bytes(4, "big") for side in shape)
    return head + bytes(i % 251 for i in range(int(np.prod(shape))))


def _npy(x: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, x)
    return file.getvalue()


def _npz(**arrays: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _read_array(folder: Path, content: bytes) -> bool:
    path = folder / "array"
    path.write_bytes(content)
    kind = kind_of(path)
    if kind is Kind.OTHER or (kind is Kind.ZIP and not is_npz(path)):
        raise ValueError("no array: its pictures are decoded elsewhere")
    read_source(str(path), Request(ImageOptions()))
    return True


def _zips() -> list[bytes]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i, png in enumerate(_pictures("PNG")):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", png, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[i % 2])
    return [file.getvalue()]


def _read_zip(folder: Path, content: bytes) -> bool:
    path = folder / f"{hash(content)}.zip"  # a worker keeps one archive open, by its name
    path.write_bytes(content)
    try:
        archive = open_archive(path)
        for i in range(len(archive.names)):
            entry = io.BytesIO(read_entry(archive.base, *archive.location(i)))
            try:
                with open_image(entry) as image:
                    decode(image, None, Fit((16, 16)), 3, UNSCALED)
            except Exception as error:
                raise ValueError(reason(error)) from error
    finally:
        path.unlink()
    return bool(archive.names)


NAMES = [f"{c}/{i}.png" for c in "ab" for i in range(4)]


def _read_labels(folder: Path, content: bytes) -> bool:
    path = folder / "labels"
    path.write_bytes(content)
    labels = read_labels(on_disk(path), NAMES, len(NAMES))
    assert labels.y.shape == (len(NAMES),) and all("\n" not in note for note in labels.notes)
    return True


def _tars() -> list[bytes]:
    files = []
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as archive:
            for i, png in enumerate(_pictures("PNG")[:2]):
                entry = tarfile.TarInfo(f"{'ab'[i % 2]}/{i}é{'x' * 120}.png")
                entry.size = len(png)
                archive.addfile(entry, io.BytesIO(png))
        files.append(file.getvalue())
    return files


def _damaged_tar(content: bytes, chance: random.Random) -> bytes:
    """Changed fields of headers, under right checksums; or changed bytes."""
    data = bytearray(damage.of_bytes(content, chance) if chance.random() < 0.5 else content)
    for start in range(0, len(data) - 511, 512):
        if data[start + 257 : start + 262] == b"ustar":
            if chance.random() < 0.5:
                place = start + chance.choice((0, 100, 124, 130, 156, 157, 329, 345))
                data[place : place + 4] = chance.randbytes(4)
            block = data[start : start + 148] + b" " * 8 + data[start + 156 : start + 512]
            data[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    return bytes(data)


def _read_tar(folder: Path, content: bytes) -> bool:
    path = folder / "a.tar"
    path.write_bytes(content)
    archive = open_tar(path)
    for i in range(len(archive.names)):
        assert len(read_part(archive.base, **archive.location(i))) == archive.location(i)["size"]
    return bool(archive.names)


def _read_numbers(folder: Path, content: bytes) -> bool:
    path = folder / "a.csv"
    path.write_bytes(content)
    raw = read_number_table(path, None)
    assert raw.x.ndim == 2 and bool(raw.x.isfinite().all())
    return True


def _read_rows(folder: Path, content: bytes) -> bool:
    entry = CacheEntry(folder, "k")
    entry.rows.write_bytes(bytes(3 * 8 * 8))
    entry.rows.with_suffix(".json").write_bytes(content)
    return entry.load(3) is not None


def _rows() -> list[bytes]:
    text = '{"shape": [3, 1, 8, 8], "content": [8, 8], "notes": ["a"], "skipped": [], "fingerprint": "f", '
    text += '"deep_range": null, "checksum": %d}'
    return [(text % zlib.crc32(bytes(3 * 8 * 8))).encode()]


def _tiny() -> Training:
    """Networks of a few numbers, with BatchNorm's counts and Adam's moments."""
    from gansmith.data import load

    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1), _Flat())
    game = GAN(MLP(2, 2, 3), critic, NonSaturating(), Normal(2))
    return Training(Experiment([Stage(game, adam(game, 4, 1e-3), load("ring", limit=80), 4, 8)]), device="cpu")


class _Flat(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten()


@cache
def _state() -> dict[str, Any]:
    training = _tiny()
    training.advance()
    return training.state_dict()


@cache
def _fresh() -> Training:
    return _tiny()


def _states() -> list[bytes]:
    return [_packed(_state())]


def _packed(state: object) -> bytes:
    file = io.BytesIO()
    torch.save({"format": 1, "sha256": checkpoint.digest(state), "state": state}, file)
    return file.getvalue()


ODD_STATE = (
    *(*damage.ODD, torch.zeros(0), torch.full((3, 2), float("nan")), torch.zeros(3, dtype=torch.int64)),
    *(torch.zeros(10**4), torch.tensor(1j), torch.zeros(1, 1, 1, 1, dtype=torch.bool)),
)


def _damaged_state(content: bytes, chance: random.Random) -> bytes:
    """Another value anywhere in the state, under a right checksum; or changed bytes."""
    if chance.random() < 0.3:
        return damage.of_bytes(content, chance)
    if chance.random() < 0.2:
        return damage.of_zip(content, chance)
    state: Any = _state()
    for _ in range(chance.choice((1, 1, 2))):
        state = damage.changed(state, chance, ODD_STATE)
    try:
        return _packed(state)
    except (ValueError, TypeError, OverflowError, RecursionError):  # no Unicode, or too deep to be written
        return damage.of_bytes(content, chance)


def _read_state(folder: Path, content: bytes) -> bool:
    path = folder / "checkpoint.pt"
    path.write_bytes(content)
    state = checkpoint.load(path)
    _fresh().load_state_dict(state)
    return True


def _copied(run: Path, folder: Path) -> Path:
    copy = folder / "run"
    if not copy.exists():
        shutil.copytree(run, copy)
    return copy


def _read_record(folder: Path, content: bytes) -> bool:
    run = _copied(STORED, folder)
    (run / "run.json").write_bytes(content)
    opened(open_folder(run), "cpu", trust=False)
    return True


def _read_lines(folder: Path, content: bytes) -> bool:
    path = folder / "log.jsonl"
    path.write_bytes(content)
    return bool(gather(read_log(path)))


def _write_page(name: str, folder: Path, content: bytes) -> bool:
    copied = (folder / "run").exists()
    run = _copied(_trained(), folder)
    if not copied:
        _few_pictures(run)
    before = (run / name).read_bytes()
    (run / name).write_bytes(content)
    try:
        write_report(run)
    finally:
        (run / name).write_bytes(before)
    return True


def _few_pictures(run: Path) -> None:
    """No frames, so that a page shows the run at a glance, a small picture: most of the time goes into pictures."""
    for file in run.glob("*/*.png"):
        file.unlink()
    overview = run / "overview.png"
    with Image.open(overview) as image:
        image.convert("RGB").resize((48, 32)).save(overview)


def make_run(path: Path) -> None:
    """A run with everything that a page shows, for the readers in this process and in those that it starts."""
    import gansmith

    gansmith.train("ogan", "digits", steps=100, width=16, out=path)
    os.environ["FUZZED_RUN"] = str(path)


def _trained() -> Path:
    return Path(os.environ["FUZZED_RUN"])


def _of_run(name: str) -> list[bytes]:
    return [(_trained() / name).read_bytes()]


def _stored(name: str) -> list[bytes]:
    return [(STORED / name).read_bytes()]


NUMBERS = b"age,income\n" + b"".join(b"%d,%d.5\n" % (20 + i, 1000 * i) for i in range(9))
LABELS = ["file,label", *(f"{name},{i % 3}" for i, name in enumerate(NAMES))]
WORDS = [f"{name};{('cat', 'dog')[i % 2]}" for i, name in enumerate(NAMES)]
JSON_LABELS = b'{"labels": [["a/0.png", 1], ["a/1.png", 0], ["b/0.png", 2]]}'
IMAGES = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)
FLOATS = np.linspace(0, 1, 4 * 8 * 8, dtype=np.float32).reshape(4, 8, 8)

READERS = [
    Reader("PNG", partial(_pictures, "PNG"), damage.of_png, _read_picture),
    Reader("JPEG", partial(_pictures, "JPEG"), damage.of_bytes, _read_picture),
    Reader("GIF", _gifs, damage.of_bytes, _read_picture),
    Reader("TIFF", _tiffs, damage.of_bytes, _read_picture),
    Reader("WebP", partial(_pictures, "WEBP"), damage.of_bytes, _read_picture),
    Reader("BMP", partial(_pictures, "BMP"), damage.of_bytes, _read_picture),
    Reader("IDX", lambda: [_idx((4, 8, 8)), _idx((4, 8, 8, 3))], damage.of_bytes, _read_array),
    Reader("IDX, gzip", lambda: [gzip.compress(_idx((4, 8, 8)), mtime=0)], damage.of_gzip, _read_array),
    Reader(".npy", lambda: [_npy(IMAGES), _npy(FLOATS), _npy(FLOATS[0])], damage.of_npy, _read_array),
    Reader(".npz", lambda: [_npz(x=IMAGES, y=np.arange(4)), _npz(x=FLOATS[0])], damage.of_npz, _read_array),
    Reader(".zip of pictures", _zips, damage.of_zip, _read_zip),
    Reader(".tar of pictures", _tars, _damaged_tar, _read_tar),
    Reader("table of numbers", lambda: [NUMBERS, NUMBERS.replace(b",", b"\t")], damage.of_table, _read_numbers),
    Reader("labels, table", lambda: ["\n".join(t).encode() for t in (LABELS, WORDS)], damage.of_table, _read_labels),
    Reader("labels, JSON", lambda: [JSON_LABELS], damage.of_json, _read_labels),
    Reader("labels, .npy", lambda: [_npy(np.arange(8))], damage.of_npy, _read_labels),
    Reader("labels, IDX", lambda: [_idx((8,)), gzip.compress(_idx((8,)), mtime=0)], damage.of_bytes, _read_labels),
    Reader("cache of pictures", _rows, damage.of_json, _read_rows),
    Reader("checkpoint", _states, _damaged_state, _read_state),
    Reader("run.json", lambda: _stored("run.json"), damage.of_json, _read_record),
    Reader("log", partial(_of_run, "log.jsonl"), damage.of_lines, _read_lines),
    Reader("monitor", partial(_of_run, "monitor.jsonl"), damage.of_lines, _read_lines),
    *(
        Reader(f"page of {name}", partial(_of_run, name), how, partial(_write_page, name))
        for name, how in (
            ("run.json", damage.of_json),
            ("metrics.json", damage.of_json),
            ("log.jsonl", damage.of_lines),
            ("monitor.jsonl", damage.of_lines),
            ("overview.png", damage.of_png),
        )
    ),
]
