"""The networks that come with gansmith for `--from clothes`: takes them from a run, and rounds them to 8 bits.

python benchmarks/packaged_start.py RUN --out NEW.safetensors

RUN is one of `photos` on clothes at 64 pixels (`clothing_cc0` of the benchmark data, CC0): 30 minutes of one core from
scratch, and 75 more that began with those by --from. The generator is that of the average, the critic that of the game.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from gansmith.runs.opening import newest, open_folder
from gansmith.runs.packaged import PICTURES, SCALE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--out", type=Path, required=True, help="a new file for the weights")
    args = parser.parse_args()
    if args.out.exists():
        parser.error(f"{args.out} exists: name a new file")
    run = open_folder(args.run)
    state = newest(run)
    entries = {f"generator.{name}": state["average"][f"module.generator.{name}"] for name in _names(state, "generator")}
    entries |= {f"critic.{name}": state["game"][f"critic.{name}"] for name in _names(state, "critic")}
    before = run.record.get("from", {}).get("pictures", 0)
    entries[PICTURES] = torch.tensor(before + state["step"] * run.record["arguments"]["batch"])
    save(entries, args.out, {"data": "clothing_cc0", "steps": str(state["step"])})


def _names(state: dict[str, dict[str, Tensor]], network: str) -> list[str]:
    return [name.removeprefix(f"{network}.") for name in state["game"] if name.startswith(f"{network}.")]


def save(entries: dict[str, Tensor], out: Path, about: dict[str, str]) -> None:
    from safetensors.torch import save_file

    arrays: dict[str, Tensor] = {}
    for name, value in entries.items():
        if value.ndim < 2:
            arrays[name] = value.half() if value.is_floating_point() else value
        else:
            arrays[name], arrays[name + SCALE] = rounded(value)
    save_file({name: array.contiguous() for name, array in arrays.items()}, out, about)
    print(f"{out}: {out.stat().st_size:,} bytes")


def rounded(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of weights (n, ...) as whole numbers from -127 to 127, and what these are multiplied by, (n, 1, ...)."""
    scale = (weights.flatten(1).abs().amax(1) / 127).clamp(min=torch.finfo(torch.half).tiny).half()
    scale = scale.view(-1, *[1] * (weights.ndim - 1))
    return (weights / scale.float()).round().clamp(-127, 127).to(torch.int8), scale


if __name__ == "__main__":
    main()
