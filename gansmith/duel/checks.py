"""What is wrong with samples or with a critic's output, and the cure; every check raises ValueError."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gansmith.duel.samples import Critic, Sample, parts, size


def same_shape(real: Sample, fake: Sample) -> None:
    """Distances and segments are taken number by number.

    Raises:
        ValueError: the batches, or what belongs to a sample, differ in shape; torch would broadcast.
    """
    same_size(real, fake)
    shapes = [[tuple(p.shape) for p in parts(sample)] for sample in (real, fake)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"needs real and fake samples of one shape, but got {shapes[0]} real and {shapes[1]} fake: "
            "does the generator make what the data are?"
        )


def same_size(real: Sample, fake: Sample) -> None:
    """Pairs are made by position.

    Raises:
        ValueError: the batches differ in size.
    """
    if size(real) != size(fake):
        raise ValueError(
            f"needs pairs, as many fake as real samples, but got {size(real)} real and {size(fake)} fake: "
            "draw one latent for each real sample"
        )


def check_tensor(output: object, n: int, what: str) -> Tensor:
    """The output, where it is one tensor and the batch has samples."""
    if n == 0:
        raise ValueError("needs at least one sample, but got an empty batch: drop the last, partial batch")
    if not isinstance(output, Tensor):
        cure = "take Several(objective)" if isinstance(output, (list, tuple)) else "return it as such"
        raise ValueError(f"needs a critic that returns one tensor of {what}, but got {type(output).__name__}: {cure}")
    return output


def check_scores(output: Tensor, n: int) -> None:
    """(n, 1) against (n,) would silently broadcast to (n, n)."""
    shape = tuple(output.shape)
    if shape == (n,):
        return
    if shape == (n, 1):
        cure = "add .squeeze(1)"
    elif shape == ():
        cure = "return each sample's score, not their mean"
    elif output.ndim == 2:
        cure = "let every place count by Patchwise(objective), or take an objective of features, which reads (n, m)"
    else:
        cure = "reduce over all but the batch, or let every place count by Patchwise(objective)"
    raise ValueError(f"needs one score per sample, shape ({n},), but the critic returned {shape}: {cure}")


def check_features(output: Tensor, n: int) -> None:
    """One row of numbers for each sample."""
    if output.ndim != 2 or len(output) != n:
        cure = "add .flatten(1)" if output.ndim > 2 else "return the layer before the score"
        raise ValueError(
            f"needs features of each sample, shape ({n}, m), but the critic returned {tuple(output.shape)}: {cure}"
        )


def check_not_compiled(critic: Critic) -> None:
    """torch.compile makes critics that can be differentiated once only."""
    module = getattr(critic, "module", critic)
    for part in (module, *module.children()) if isinstance(module, nn.Module) else ():
        if "_orig_mod" in part._modules:
            raise ValueError(
                "needs a critic that can be differentiated twice, for a penalty on its slope, but got one that is "
                "compiled (torch.compile): pass the module itself, critic._orig_mod, and compile the generator alone"
            )


def call(critic: Critic, sample: Sample) -> Any:
    """The critic's output; where it fails because samples and weights differ in dtype or device, that is said."""
    try:
        return critic(sample)
    except RuntimeError as error:
        if mixture := _mixture(critic, sample):
            raise ValueError(mixture) from error
        raise


def _mixture(critic: Critic, sample: Sample) -> str:
    """Which dtypes or devices differ, or nothing."""
    module = getattr(critic, "module", critic)
    weight = next(module.parameters(), None) if isinstance(module, nn.Module) else None
    for part in parts(sample):
        if weight is None or (part.dtype, part.device) == (weight.dtype, weight.device):
            continue
        if not part.is_floating_point() and part.device == weight.device:
            return (
                f"needs samples that the critic takes, but it failed on samples of {part.dtype}: scale pictures to "
                "[-1, 1], embed what counts or names"
            )
        return (
            f"needs samples like the critic's weights, but the critic's weights are {weight.dtype} on {weight.device} "
            f"and the samples {part.dtype} on {part.device}: move one of them by .to(...), or cast under autocast"
        )
    return ""
