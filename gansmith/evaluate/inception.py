"""Features of the Inception network, as in the published Frechet inception distance (FID)."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from torch import Tensor

from gansmith.drawing.grids import to_uint8
from gansmith.evaluate.features import Features
from gansmith.evaluate.weights import Weights

WEIGHTS = Weights(
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)


def inception() -> Features:
    """The 2,048 numbers before the last layer of the Inception network of 2015, as `torch-fidelity` computes them.

    Pictures are resized to 299x299 as TensorFlow 1 did. With 50,000 samples of each kind the Frechet distance in these
    features is the published FID; with fewer samples it is larger. The network was trained on photographs of ImageNet:
    for small gray pictures it means little. It needs the extra `inception` and a file of weights, which is never
    downloaded automatically.

    Raises:
        ValueError: the package or the weights are missing; the message says what to install or to download.

    References:
        GANs trained by a two time-scale update rule converge to a local Nash equilibrium, Heusel, Ramsauer,
        Unterthiner, Nessler, Hochreiter, 2017, https://arxiv.org/abs/1706.08500.
        High-fidelity performance metrics for generative models in PyTorch, Obukhov, Seitzer, Wu, Zhydenko, Kyl, Lin,
        2020, https://github.com/toshas/torch-fidelity.
    """
    network = _network()

    def embed(x: Tensor) -> Tensor:
        features: Tensor = network.to(x.device)(to_uint8(x).expand(-1, 3, -1, -1))[0]
        return features

    why = "the Inception network of 2015, in which published Frechet inception distances are measured"
    return Features("inception", 2048, why, embed, version=WEIGHTS.sha256[:16], most=32)


def _network() -> Any:
    try:
        package = import_module("torch_fidelity.feature_extractor_inceptionv3")
    except (ImportError, RuntimeError) as error:  # torchvision for another torch fails with a RuntimeError
        raise ValueError(
            f"features 'inception' need the package torch-fidelity ({' '.join(str(error).split())}): pip install "
            "'gansmith[inception]', with the torchvision that belongs to your torch"
        ) from error
    # The package unpickles the file, which is safe: the bytes have the hash above.
    content = io.BytesIO(WEIGHTS.read("inception"))
    network = package.FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=content)
    return network.eval()  # some versions of the package do not
