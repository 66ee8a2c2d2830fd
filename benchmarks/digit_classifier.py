"""The digit classifier whose weights come with the package: trains it on MNIST, and measures it.

The last 5,000 training images are the validation part, by which settings are chosen; training prints the accuracy there
and writes the weights. ``--record`` reads the committed weights and is the only step that opens the test part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from classifier import Classifier
from classifier_training import Pictures, Training
from results import record, root
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from gansmith.data.idx import read_idx
from gansmith.evaluate.digit_features import WEIGHTS, DigitClassifier

VALIDATION = 5_000
LAYERS = ((1, 24, 1), (24, 48, 2), (48, 48, 1), (48, 80, 2), (80, 80, 1), (80, 96, 2))  # channels in, out; stride


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a new file for the weights")
    parser.add_argument("--record", action="store_true", help="measure the committed weights on the test part")
    args = parser.parse_args()
    if args.record:
        measured()
    elif args.out is None or args.out.exists():
        parser.error("needs --out FILE, a new file for the weights, or --record")
    else:
        trained(args.epochs, args.seed, args.out)


def trained(epochs: int, seed: int, out: Path) -> None:
    """Trains on all but the validation part and writes the weights."""
    x, y = mnist("train")
    data = Pictures(x[:-VALIDATION], y[:-VALIDATION], x[-VALIDATION:], y[-VALIDATION:])
    Training(epochs, seed)(LAYERS, data, moved, out)


def moved(x: Tensor) -> Tensor:
    """Pictures shifted by up to 2 pixels, turned by up to 12 degrees, scaled and sheared by up to a tenth."""
    n = len(x)
    angle, shear = (torch.rand(2, n) * 2 - 1) * torch.tensor([[0.21], [0.1]])
    scale = 1 + (torch.rand(2, n) * 2 - 1) * 0.1
    shift = (torch.rand(2, n) * 2 - 1) * (2 / 14)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = torch.stack([cos[0], -sin[0] + shear, shift[0], sin[1], cos[1], shift[1]], 1)
    return grid_sample(x, affine_grid(rows.view(n, 2, 3), list(x.shape), align_corners=False), align_corners=False)


def mnist(part: str) -> tuple[Tensor, Tensor]:
    """Pictures (n, 1, 28, 28) in [0, 1] and labels (n,) of the part `train` or `t10k`."""
    x, y = (read_idx(root() / "mnist" / f"{part}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    return x[:, None].float() / 255, y.long()


def measured() -> None:
    """The committed weights on the test part, beside a classifier that others trained."""
    from safetensors import safe_open

    ours, others = DigitClassifier(), Classifier(root() / "mnist_classifier" / "pytorch_example_mnist_cnn.npz")
    x, y = mnist("t10k")
    said, second = ours.predict(x * 2 - 1), others.predict(x * 2 - 1)
    right = [float((each == y).double().mean()) for each in (said, second)]
    both = float((said == second).double().mean())
    with safe_open(WEIGHTS, "pt") as file:
        about = file.metadata()
    record(
        "digit classifier",
        "## The digit classifier that comes with the package\n\n"
        f"Trained on the first 55,000 training images of MNIST, {about['epochs']} epochs on one core in bfloat16; the "
        f"last 5,000 are for validation ({float(about['validation']):.2%} right); the test part is read for this table "
        "only.\n\n"
        "| | right on the test part | bytes | seconds of training | seed |\n|---|---|---|---|---|\n"
        f"| ours, weights in half precision | {right[0]:.2%} | {WEIGHTS.stat().st_size:,} | {about['seconds']} | "
        f"{about['seed']} |\n"
        f"| PyTorch's example, trained by others | {right[1]:.2%} | | | |\n\n"
        f"The two say the same of {both:.2%}.",
    )


if __name__ == "__main__":
    main()
