"""What ran, and the command that runs it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from gansmith.counting import counted

DATA: dict[str, object] = {
    **{"size": None, "labels": None, "label_column": None, "limit": None, "crop": "center"},
    **{"held_out": None, "first_page": False, "alpha": False, "flip": False, "shift": 0},
}
"""What is said of the data beside their source, where it is not the default."""


def command(record: Mapping[str, Any], folder: str = "RUN") -> list[str]:
    """The command line that repeats a run: its words, each flag together with its value, quoted for a shell.

    Arguments:
        record: ``run.json``.
        folder: the run's, for a recipe file that is kept in it.

    Example:
        >>> record = {"recipe": "gan", "arguments": {"steps": 9}, "seed": 1, "data": {"source": "my art"}}
        >>> " ".join(command(record))
        "gansmith train gan --data 'my art' --steps 9 --seed 1"
    """
    file = record.get("file")
    recipe = record["recipe"] if file is None else f"{folder}/recipe.py:{file['function']}"
    words = ["gansmith", "train", shlex.quote(str(recipe))]
    data = record["data"]
    options = {"data": data["source"], **{k: data[k] for k, default in DATA.items() if data.get(k, default) != default}}
    options |= {**record["arguments"], "seed": record["seed"]}
    options |= {k: record[k] for k in ("device", "precision") if k in record}
    if "from" in record or recipe == "photos":  # which begins with some networks by itself
        options["from"] = record.get("from", {}).get("run", "scratch")
    if data.get("value_range"):
        low, high = data["value_range"]
        words.append(shlex.quote(f"--range={low},{high}"))  # in one word, as it may begin with a minus
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(shlex.quote(f"--{flag}" if value else f"--no-{flag}"))
        elif value is not None:
            words.append(shlex.join([f"--{flag}", str(value)]))
    return words


def facts(record: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a repetition needs to know, as pairs of a title and a text."""
    data, machine = record["data"], record.get("machine", {})
    shape = "x".join(map(str, data.get("shape", [])))
    split = metrics.get("split", {})
    parts = f" ({split['train']:,} to train on, {split['held_out']:,} held out)" if split else ""
    count = f"{counted(data['n'], 'sample')} of {shape}{parts}" if "n" in data else f"samples of {shape}{parts}"
    seconds = record.get("seconds")
    threads = machine.get("threads")
    pairs = [
        ("data", f"{data.get('name')}: {count}"),
        ("from", data.get("source")),
        ("fingerprint of the data", data.get("fingerprint")),
        ("seed", record.get("seed")),
        ("started", record.get("started")),
        ("took", None if seconds is None else f"{seconds:,.0f} s"),
        ("computed on", " ".join(str(record[k]) for k in ("device", "precision") if record.get(k))),
        ("machine", machine.get("gpu") or machine.get("processor")),
        ("threads", None if threads is None else f"{threads} of {counted(machine.get('cores') or 0, 'core')}"),
        ("system", machine.get("system")),
        ("gansmith", record.get("gansmith")),
        ("PyTorch", machine.get("torch")),
        ("Python", machine.get("python")),
    ]
    return [(title, str(value)) for title, value in pairs if value is not None]
