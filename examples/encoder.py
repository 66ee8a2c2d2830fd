"""An O-GAN's encoder as a feature extractor: how well do its codes tell digits apart, beside principal components?

python examples/encoder.py [STEPS]
"""

from __future__ import annotations

import sys

import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gansmith.data import load
from gansmith.games import Encodes
from gansmith.recipes import ogan
from gansmith.training import Training, train


def main(steps: int = 400) -> None:
    torch.manual_seed(0)
    data = load("digits")
    game = train(Training(ogan(data, steps=steps, latent=16, width=16), device="cpu")).average
    assert data.y is not None and isinstance(game, Encodes)
    codes = {"O-GAN": [game.encode(data.values(part)).numpy() for part in (data.train, data.held_out)]}
    pixels = [data.values(part).flatten(1).numpy() for part in (data.train, data.held_out)]
    pca = PCA(16).fit(pixels[0])
    codes["principal components"] = [pca.transform(part) for part in pixels]
    for name, (seen, unseen) in codes.items():
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        probe.fit(seen, data.y[data.train].numpy())
        right = probe.score(unseen, data.y[data.held_out].numpy())
        print(f"codes of 16 numbers from {name}: a linear probe names {right:.1%} of held-out digits")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
