"""588 odd or broken files with a manifest of verdicts: what must decode does, what must not is named, none crashes."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gansmith.data.decode import _to_mode, open_image
from gansmith.data.listing import walk
from gansmith.data.pictures import read_pictures
from gansmith.data.resizing import ImageOptions
from gansmith.data.value_range import UNSCALED

DATA = Path(os.environ.get("GANSMITH_DATA", Path(__file__).parents[2] / "../shared/data")) / "malformed_images"


@pytest.fixture(scope="module")
def verdicts():
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent: set GANSMITH_DATA to the folder that holds malformed_images/")
    files = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))["files"]
    return {entry["file"].removeprefix("files/"): entry for entry in files}


def files(names):
    """The files of pictures, some of which are pages."""
    return {name.partition("#")[0] for name in names}


@pytest.fixture(scope="module")
def pictures(verdicts):
    return read_pictures(walk(str(DATA / "files")), ImageOptions(size=32))


def test_every_file_is_kept_or_skipped_with_a_reason(verdicts, pictures):
    assert len(pictures.data.names) == len(pictures.data.x) == len(pictures.indices)
    assert files(pictures.data.names) | files(pictures.data.skipped) == set(verdicts) and len(verdicts) == 588
    assert all(reason and len(reason) <= 120 for reason in pictures.data.skipped.values())
    whole = len(pictures.data.names) + len(pictures.data.skipped)
    assert pictures.data.notes[0].startswith(f"{whole} pictures, as ")
    skipped = next(note for note in pictures.data.notes if note.startswith("skipped"))
    assert skipped.startswith(f"skipped {len(pictures.data.skipped)} of {whole} files: ")
    assert skipped.endswith(f" and {len(pictures.data.skipped) - 5} more, see skipped.csv")


def test_what_must_decode_decodes(verdicts, pictures):
    expected = {name for name, entry in verdicts.items() if entry["verdict"] == "must_decode"}
    assert len(expected) == 414 and expected <= files(pictures.data.names)


def test_what_must_be_rejected_is_skipped(verdicts, pictures):
    expected = {name for name, entry in verdicts.items() if entry["verdict"] == "must_reject"}
    assert len(expected) == 28 and expected <= files(pictures.data.skipped)


def test_pixels_are_those_of_the_manifest(verdicts):
    """Where neither transparency nor depth nor orientation is at play, the pixels have the published hash."""
    checked = 0
    for name, entry in verdicts.items():
        if entry["verdict"] != "must_decode" or entry["pillow"]["mode"] not in ("RGB", "L", "1", "CMYK", "P"):
            continue
        with (DATA / "files" / name).open("rb") as file, open_image(file) as image:
            image.load()
            if not image.has_transparency_data:
                pixels = hashlib.sha256(_to_mode(image, UNSCALED, alpha=False).convert("RGB").tobytes()).hexdigest()
                assert pixels == entry["pillow"]["rgb_sha256"], name
                checked += 1
    assert checked > 300


def test_they_load_in_12_gb_of_address_space(verdicts, pictures):
    code = f"from gansmith.data import load; print(len(load({str(DATA / 'files')!r}, size=32)))"
    limited = f'ulimit -v 12582912; exec "{sys.executable}" -c "$0"'
    done = subprocess.run(["bash", "-c", limited, code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(pictures.data.x)
