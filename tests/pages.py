"""A small run folder for the tests of its page, and what a browser would find on a page."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.report import save_png

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onload='alert(1)",
    "</style><b>",
    "a\nb\r\nc",
    "\u202egnp.exe",
    "\ud800",
    "\x00\x1b[31m",
    "العربية",
    "漢字",
    "&amp;&lt;",
    "--><!--",
]


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words, self.open = "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.elements.append((tag, dict(attributes)))
        self.open = tag

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        if self.open not in ("script", "style"):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def record(**other: Any) -> dict[str, Any]:
    return {
        "gansmith": "0.1.0",
        "recipe": "ogan",
        "arguments": {"steps": 400, "latent": None},
        "seed": 0,
        "data": {"source": "digits", "name": "digits", "n": 1797, "shape": [1, 8, 8], "notes": []},
        "device": "cpu",
        "precision": "float32",
        "machine": {"torch": "2.13.0", "processor": "a processor", "threads": 2, "cores": 2},
        "status": "finished",
        "seconds": 12.0,
        "step": 400,
    } | other


METRICS: dict[str, Any] = {
    "n": 180,
    "samples": 2000,
    "against": "held-out part of the data",
    "split": {"train": 1617, "held_out": 180},
    "features": {"name": "digits", "size": 64, "why": "a classifier"},
    "metrics": {
        "frechet_distance": {"value": 1.25, "interval": [1.0, 1.5], "floor": 0.5},
        "precision": {"value": 0.71, "interval": None, "floor": 0.9},
        "coverage": {"value": 0.82, "interval": [0.8, 0.84], "floor": 0.97},
    },
    "classes": {
        "judge_accuracy": 0.99,
        "names": ["zero", "one"],
        "shares": {"0": 0.4, "1": 0.6},
        "real_shares": {"0": 0.5, "1": 0.5},
        "rarest": 0.4,
        "of": 2,
    },
    "memorization": {"nearest_ratio": 1.0, "floor": 1.0, "c_t": 0.3, "authenticity": 0.6, "authenticity_of_real": 0.55},
    "duplicates": {"share": 0.01, "floor": 0.02},
    "reconstruction": {
        "code": 32,
        "principal_code": 32,
        "n": 180,
        "game": {"mse": 0.04},
        "principal_components": {"mse": 0.01},
    },
}
LOG = [
    {
        "stage": 0,
        "step": s,
        "seconds": s / 10,
        "images/s": 99.0,
        "critic/loss": 1.0,
        "generator/loss": 2.0,
        "critic/R1": 3.0,
    }
    for s in range(10, 410, 10)
]
MONITOR = [
    {
        "stage": 0,
        "step": s,
        "seconds": s / 10,
        "score/train": 1.0,
        "score/held_out": 0.9,
        "score/fake": 0.0,
        "slope": 1.0,
    }
    | {"score/error": 0.1, "doubt": 0.4, "diversity": 0.9}
    for s in range(50, 450, 50)
]


def run_folder(path: Path, frames: int = 3, **other: Any) -> Path:
    path.mkdir(exist_ok=True)
    (path / "run.json").write_text(json.dumps(record(**other)))
    (path / "metrics.json").write_text(json.dumps(METRICS))
    for name, lines in (("log", LOG), ("monitor", MONITOR)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for i in range(frames):
        save_png(path / "samples" / f"{10 * i:06d}.png", np.full((40, 60), i, np.uint8))
    for name in ("reconstructions", "interpolations", "codes"):
        save_png(path / name / "000400.png", np.zeros((20, 20, 3), np.uint8))
    return path
