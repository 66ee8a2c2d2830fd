"""Features of DINOv2, a vision transformer trained on pictures without labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm, linear, scaled_dot_product_attention

from gansmith.evaluate.features import Features
from gansmith.evaluate.weights import Weights

WEIGHTS = Weights(
    "dinov2-small.safetensors",
    "https://huggingface.co/facebook/dinov2-small/resolve/ed25f3a31f01632728cabb09d1542f84ab7b0056/model.safetensors",
    "ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1",
)
SIDE, PATCH, SIZE, HEADS = 224, 14, 384, 6
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colors, as in training


def dinov2() -> Features:
    """The 384 numbers of the class token of DINOv2's smallest transformer, ViT-S/14.

    Pictures are resized to 224x224 by bicubic interpolation with antialiasing and clamped to [-1, 1]. Distances in
    these features agree better with human judgment of photographs than distances in Inception's features. Most
    published numbers use larger transformers. It needs a file of weights, which is never downloaded automatically, and
    no package.

    Raises:
        ValueError: the weights are missing; the message says what to download and where to put it.

    References:
        DINOv2: learning robust visual features without supervision, Oquab et al., 2023, https://arxiv.org/abs/2304.07193.
        Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion models, Stein et
        al., 2023, https://arxiv.org/abs/2306.04675.
    """
    from safetensors.torch import load

    w = load(WEIGHTS.read("dinov2"))

    def embed(x: Tensor) -> Tensor:
        w.update({name: array.to(x.device) for name, array in w.items()})
        return class_token(w, _preprocess(x))

    why = "the transformer ViT-S/14 of DINOv2, which learned from pictures of all kinds"
    return Features("dinov2", SIZE, why, embed, version=WEIGHTS.sha256[:16], most=32)


def _preprocess(x: Tensor) -> Tensor:
    x = interpolate(x.expand(-1, 3, -1, -1), (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False)
    mean, std = (torch.tensor(each, device=x.device).view(3, 1, 1) for each in (MEAN, STD))
    return ((x.clamp(-1, 1) + 1) / 2 - mean) / std


def class_token(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """The class token (n, d) after the last norm, for the weights of `Dinov2Model` of the package transformers.

    Arguments:
        w: weights by their names in that package.
        x: normalized pictures, shape `(n, 3, s, s)`, s a multiple of 14.
    """
    patches = conv2d(
        x, w["embeddings.patch_embeddings.projection.weight"], w["embeddings.patch_embeddings.projection.bias"], PATCH
    )
    h = patches.flatten(2).transpose(1, 2)
    h = torch.cat([w["embeddings.cls_token"].expand(len(x), -1, -1), h], 1)
    h = h + _positions(w["embeddings.position_embeddings"], x.shape[-1] // PATCH)
    depth = sum(name.endswith(".norm1.weight") for name in w)
    for i in range(depth):
        h = _block(w, f"encoder.layer.{i}.", h)
    return _norm(w, "layernorm", h)[:, 0]


def _block(w: dict[str, Tensor], name: str, h: Tensor) -> Tensor:
    x = _norm(w, f"{name}norm1", h)
    n, t, d = x.shape
    q, k, v = (
        _linear(w, f"{name}attention.attention.{each}", x).view(n, t, HEADS, d // HEADS).transpose(1, 2)
        for each in ("query", "key", "value")
    )
    x = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d)
    h = h + _linear(w, f"{name}attention.output.dense", x) * w[f"{name}layer_scale1.lambda1"]
    x = gelu(_linear(w, f"{name}mlp.fc1", _norm(w, f"{name}norm2", h)))
    return h + _linear(w, f"{name}mlp.fc2", x) * w[f"{name}layer_scale2.lambda1"]


def _positions(table: Tensor, side: int) -> Tensor:
    """Position embeddings (1, 1 + side^2, d), interpolated from the grid of the training."""
    grid = round((table.shape[1] - 1) ** 0.5)
    patches = table[:, 1:].view(1, grid, grid, -1).permute(0, 3, 1, 2)
    patches = interpolate(patches, (side, side), mode="bicubic", align_corners=False)
    return torch.cat([table[:, :1], patches.flatten(2).transpose(1, 2)], 1)


def _linear(w: dict[str, Tensor], name: str, h: Tensor) -> Tensor:
    return linear(h, w[f"{name}.weight"], w[f"{name}.bias"])


def _norm(w: dict[str, Tensor], name: str, h: Tensor) -> Tensor:
    return layer_norm(h, h.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)
