"""Trains the small classifiers whose weights come with the package: convolutions with BatchNorm, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as packed
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Layers = tuple[tuple[int, int, int], ...]
"""Channels in, channels out and stride of each convolution."""
Ship = Callable[[dict[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True)
class Pictures:
    """What a classifier learns from and by what its settings are chosen: pictures and labels of each part."""

    x: Tensor
    y: Tensor
    other: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Training:
    """Settings of one training: SGD with momentum, one cycle of its rate, an average of the weights."""

    epochs: int
    seed: int
    batch: int = 128
    most_lr: float = 0.1
    decay: float = 5e-4
    smoothing: float = 0.05
    average: float = 0.999
    half: bool = True
    """bfloat16, which is faster only on a processor that has it."""

    def __call__(
        self,
        layers: Layers,
        data: Pictures,
        moved: Callable[[Tensor], Tensor],
        out: Path,
        ship: Ship = dict[str, Tensor],
    ) -> None:
        """Writes what is to be shipped of the weights, BatchNorm folded into them, in half precision."""
        began = time.perf_counter()
        torch.manual_seed(self.seed)
        model = network(layers)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(self.average), use_buffers=True)
        optimizer = torch.optim.SGD(
            model.parameters(), self.most_lr, momentum=0.9, nesterov=True, weight_decay=self.decay
        )
        rounds = len(data.x) // self.batch
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.most_lr, total_steps=self.epochs * rounds)
        for epoch in range(self.epochs):
            model.train()
            for rows in torch.randperm(len(data.x))[: rounds * self.batch].split(self.batch):
                with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
                    logits = model(moved(data.x[rows]))
                loss = cross_entropy(logits.float(), data.y[rows], label_smoothing=self.smoothing)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                average.update_parameters(model)
            said = accuracy(average, data.other, data.labels)
            seconds = time.perf_counter() - began
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}, validation {said:.2%}, {seconds:.0f} s", flush=True)
        about = {"seed": self.seed, "epochs": self.epochs, "validation": f"{said:.4f}"}
        about |= {"seconds": f"{seconds:.0f}", "torch": torch.__version__}
        with out.open("xb") as file:
            file.write(packed(ship(folded(average.module)), {key: str(value) for key, value in about.items()}))
        print(f"{out}: {out.stat().st_size:,} bytes, validation {about['validation']}")


def network(layers: Layers) -> nn.Sequential:
    """Convolutions of 3x3, a mean over what is left of the picture, ten classes."""
    modules: list[nn.Module] = []
    for inner, outer, stride in layers:
        modules += [nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()]
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(layers[-1][1], 10))


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    said = torch.cat([model(part).argmax(1) for part in x.split(500)])
    return float((said == y).double().mean())


def folded(model: nn.Module) -> dict[str, Tensor]:
    """Weights and biases by layer, in half precision; those of BatchNorm go into the convolution before it."""
    layers = list(model.children())
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
