"""Fully connected networks, for points and vectors."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from gansmith.refusal import check_sizes


class MLP(nn.Module):
    """Linear layers with leaky ReLUs between them: a generator, an encoder, or (``outputs=None``) a critic.

    Arguments:
        inputs: numbers per sample.
        outputs: numbers per sample; None for one score per sample, shape (n,).
        width: of the hidden layers.
        layers: hidden layers.
        normalize: width -> module, after each hidden linear layer, such as ``nn.LayerNorm``; None for nothing.

    Example:
        >>> import torch
        >>> MLP(2, 5)(torch.zeros(3, 2)).shape, MLP(2, None)(torch.zeros(3, 2)).shape
        (torch.Size([3, 5]), torch.Size([3]))
    """

    def __init__(
        self,
        inputs: int,
        outputs: int | None,
        width: int = 128,
        layers: int = 3,
        normalize: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        check_sizes(inputs=inputs, outputs=outputs, width=width)
        if layers < 0:
            raise ValueError(f"needs at least 0 hidden layers, but got layers={layers}")
        modules: list[nn.Module] = []
        for i in range(layers):
            modules.append(nn.Linear(inputs if i == 0 else width, width))
            if normalize is not None:
                modules.append(normalize(width))
            modules.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*modules, nn.Linear(width if layers else inputs, outputs or 1))
        self.scores = outputs is None
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.kaiming_normal_(m.weight, a=0.2)
                nn.init.zeros_(m.bias)
        nn.init.xavier_normal_(self.body[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.squeeze(1) if self.scores else out
