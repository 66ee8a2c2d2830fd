"""The digit classifier whose weights come with the package: trains it on MNIST, and measures it.

The last 5,000 training images are the validation part, by which settings are chosen; training prints the accuracy there
and writes the weights. ``--record`` reads the committed weights and is the only step that opens the test part.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from classifier import Classifier
from results import record, root
from safetensors.torch import save as packed
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gansmith.data.idx import read_idx
from gansmith.evaluate.digit_features import WEIGHTS, DigitClassifier

VALIDATION = 5_000
LAYERS = ((1, 24, 1), (24, 48, 2), (48, 48, 1), (48, 80, 2), (80, 80, 1), (80, 96, 2))  # channels in, out; stride
BATCH = 128
MOST_LR, DECAY, SMOOTHING, AVERAGE = 0.1, 5e-4, 0.05, 0.999


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
    """Trains on all but the validation part and writes the weights, BatchNorm folded into them, in half precision."""
    began = time.perf_counter()
    x, y = mnist("train")
    x, y, other, labels = x[:-VALIDATION], y[:-VALIDATION], x[-VALIDATION:], y[-VALIDATION:]
    torch.manual_seed(seed)
    model = network()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True)
    optimizer = torch.optim.SGD(model.parameters(), MOST_LR, momentum=0.9, nesterov=True, weight_decay=DECAY)
    rounds = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, MOST_LR, total_steps=epochs * rounds)
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(len(x))[: rounds * BATCH].split(BATCH):
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(moved(x[rows]))
            loss = cross_entropy(logits.float(), y[rows], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
        print(
            f"epoch {epoch + 1}: loss {float(loss.detach()):.3f}, validation {accuracy(model, other, labels):.2%}, "
            f"average {accuracy(average, other, labels):.2%}, {time.perf_counter() - began:.0f} s",
            flush=True,
        )
    arrays = folded(list(average.module.children()))
    about = {"seed": seed, "epochs": epochs, "validation": f"{accuracy(average, other, labels):.4f}"}
    about |= {"seconds": f"{time.perf_counter() - began:.0f}", "torch": torch.__version__}
    with out.open("xb") as file:
        file.write(packed(arrays, {key: str(value) for key, value in about.items()}))
    print(f"{out}: {out.stat().st_size:,} bytes, validation {about['validation']}")


def network() -> nn.Sequential:
    """Six convolutions, a mean over what is left of the picture, ten classes."""
    layers: list[nn.Module] = []
    for inner, outer, stride in LAYERS:
        layers += [nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(LAYERS[-1][1], 10))


def moved(x: Tensor) -> Tensor:
    """Pictures shifted by up to 2 pixels, turned by up to 12 degrees, scaled and sheared by up to a tenth."""
    n = len(x)
    angle, shear = (torch.rand(2, n) * 2 - 1) * torch.tensor([[0.21], [0.1]])
    scale = 1 + (torch.rand(2, n) * 2 - 1) * 0.1
    shift = (torch.rand(2, n) * 2 - 1) * (2 / 14)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = torch.stack([cos[0], -sin[0] + shear, shift[0], sin[1], cos[1], shift[1]], 1)
    return grid_sample(x, affine_grid(rows.view(n, 2, 3), list(x.shape), align_corners=False), align_corners=False)


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    said = torch.cat([model(part).argmax(1) for part in x.split(500)])
    return float((said == y).double().mean())


def folded(layers: list[nn.Module]) -> dict[str, Tensor]:
    """Weights and biases by layer, in half precision; those of BatchNorm go into the convolution before it."""
    arrays: dict[str, Tensor] = {}
    for i, (convolution, norm) in enumerate(zip(layers[0:-3:3], layers[1:-3:3], strict=True), 1):
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        arrays[f"conv{i}.weight"] = convolution.weight * scale.view(-1, 1, 1, 1)
        arrays[f"conv{i}.bias"] = norm.bias - norm.running_mean * scale
    assert isinstance(layers[-1], nn.Linear)
    arrays["classes.weight"], arrays["classes.bias"] = layers[-1].weight, layers[-1].bias
    return {name: array.detach().half().contiguous() for name, array in arrays.items()}


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
