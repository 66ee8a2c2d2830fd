"""Chooses features by their name, or by the data."""

from __future__ import annotations

import difflib

from gansmith.data.dataset import Dataset
from gansmith.evaluate.features import Features, pixels

LARGE = 32  # pixels of the shorter side from which gray pictures may be photographs
ENOUGH = 0.95  # the least accuracy of a classifier whose features are chosen
NAMES = ("pixels", "random", "digits", "objects", "inception", "dinov2")


def choose(name: str | None, data: Dataset, *, trust: bool = False) -> Features:
    """Features by their name, or the default for the data.

    The default is a digit classifier if it fits the data. It fits if the pictures are gray and square, their labels are
    0..9, and its accuracy on held-out ones (2,000 at most) is above 95 %. Color pictures, and gray ones of 32 pixels
    and more, are seen by a classifier of objects, others by a network with random weights. Nothing is downloaded
    automatically.

    Arguments:
        name: `pixels`, `random`, `digits`, `objects`, `inception`, `dinov2`, or a function of the user as
            `module:callable` or `path/to/file.py:callable`; None for the default.
        data: the samples to compare; padding is cut off first.
        trust: whether a function of the user may run.

    Raises:
        ValueError: no such features; they do not fit the data; they would run code without `trust`; or a package or
            weights that they need are missing.

    Example:
        >>> from gansmith.data import load
        >>> choose(None, load("digits")).name
        'digits'
    """
    if not data.is_images:
        if name is not None:
            raise ValueError(f"needs pictures for features {name!r}, but {data.source} holds vectors: name no features")
        why = f"the samples are vectors, and are compared {'as they are' if data.scale is None else 'standardized'}"
        return Features("vectors", data.shape[0], why, lambda x: x, version=None)
    shape = tuple(data.crop(data.x[:1]).shape[1:])
    shape = (min(shape[0], 3), *shape[1:])  # features see what is transparent over white
    if name is None:
        return _default(data, shape)
    if ":" in name:
        from gansmith.evaluate.custom_features import custom_features

        return custom_features(name, shape, trust=trust)
    if name == "pixels":
        return pixels(shape)
    if name == "digits":
        from gansmith.evaluate.digit_features import digit_features

        return digit_features(shape)
    return _network(name)


def _network(name: str) -> Features:
    if name == "random":
        from gansmith.evaluate.random_features import random_features

        return random_features("a convolutional network with fixed random weights, as asked for")
    if name == "objects":
        from gansmith.evaluate.object_features import object_features

        return object_features("as asked for")
    if name == "inception":
        from gansmith.evaluate.inception import inception

        return inception()
    if name == "dinov2":
        from gansmith.evaluate.dinov2 import dinov2

        return dinov2()
    near = difflib.get_close_matches(name.lower(), NAMES, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}, or module:callable"
    raise ValueError(f"no features {name!r}: {hint}")


def _default(data: Dataset, shape: tuple[int, ...]) -> Features:
    from gansmith.evaluate.object_features import object_features

    if shape[0] == 3:
        return object_features("the default for color pictures")
    if shape == (1, shape[1], shape[1]) and data.y is not None and data.classes == 10:
        from gansmith.evaluate.digit_features import digit_features

        features = digit_features(shape)
        index = data.held_out[data.y[data.held_out] >= 0][:2000]
        if len(index) and features.judge is not None:
            predicted = features.judge.predict(data.crop(data.values(index)))
            if float((predicted == data.y[index]).double().mean()) > ENOUGH:
                return features
    if min(shape[1:]) >= LARGE:
        return object_features("the default for pictures of 32 pixels and more; it learned from pictures in color")
    from gansmith.evaluate.random_features import random_features

    return random_features(
        "a convolutional network with fixed random weights, because no classifier that comes with gansmith fits these "
        "pictures; it sees edges and textures, and hardly what they show"
    )
