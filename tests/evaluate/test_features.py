import hashlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from gansmith.data import Dataset, load
from gansmith.evaluate import frechet_distance
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.dinov2 import class_token, dinov2
from gansmith.evaluate.features import Features, extract, pixels
from gansmith.evaluate.inception import WEIGHTS, inception
from gansmith.evaluate.random_features import _weights, random_features
from gansmith.evaluate.weights import Weights

RANDOM = random_features("for a test")
DATA = Path(os.environ.get("GANSMITH_DATA", Path(__file__).parents[2] / "../shared/data"))


def shared(name: str) -> str:
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is absent: set GANSMITH_DATA to the folder that holds {name}")
    return str(DATA / name)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def dataset(x: Tensor, y: Tensor | None, **more: object) -> Dataset:
    index = torch.arange(len(x))
    fields = {
        "content": None,
        "source": "x",
        "fingerprint": "",
        "notes": (),
        "train": index[20:],
        "held_out": index[:20],
    }
    return Dataset(name="x", x=x, y=y, **(fields | more))


def test_pictures_are_rounded_to_8_bits_whoever_made_them() -> None:
    real = torch.randint(0, 256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0)) / 127.5 - 1
    near = real + 0.4 / 127.5 * noise(4, 3, 8, 8).clamp(-1, 1)
    assert not torch.equal(real, near)
    for features in (pixels((3, 8, 8)), RANDOM):
        assert_close(features(near), features(real), rtol=0, atol=0)
    assert_close(pixels((3, 8, 8))(real), real.flatten(1), rtol=0, atol=1e-6)
    assert float(pixels((3, 8, 8))(real * 9).abs().max()) == 1


def test_extraction_in_parts_is_extraction_at_once() -> None:
    x = noise(7, 1, 12, 9)
    parts = extract(RANDOM, [x[:3], x[3:3], x[3:]], torch.device("cpu"))
    assert parts.dtype == torch.float32 and parts.shape == (7, RANDOM.size)
    assert_close(parts, RANDOM(x), rtol=1e-5, atol=1e-6)
    sizes = []
    counted = Features("counted", 1, "", lambda part: sizes.append(len(part)) or part.mean((1, 2, 3))[:, None], most=3)
    assert_close(counted(x), pixels((1, 12, 9))(x).mean(1, keepdim=True))
    assert sizes == [3, 3, 1]
    with pytest.raises(ValueError, match="at least one picture"):
        extract(RANDOM, iter(()))


def test_few_large_pictures_go_through_at_a_time() -> None:
    sizes = []
    Features("counted", 1, "", lambda x: sizes.append(len(x)) or x[:, 0, 0, :1])(torch.zeros(5, 1, 1024, 1024))
    assert sizes == [2, 2, 1]


def test_random_weights_are_these_and_no_others() -> None:
    first, _, last = _weights()
    assert_close(
        first[0, 0, 0], torch.tensor([-0.22838641703128815, 0.1435602754354477, 0.34523922204971313]), rtol=0, atol=0
    )
    assert_close(
        last[-1, -1, -1], torch.tensor([0.07960391789674759, -0.0383978895843029, 0.03482614457607269]), rtol=0, atol=0
    )
    assert_close(first.double().var(), torch.tensor(2 / 27).double(), rtol=0.1, atol=0)


def test_random_features_by_the_formula() -> None:
    x = torch.randint(0, 256, (2, 3, 11, 9), generator=torch.Generator().manual_seed(0)) / 127.5 - 1
    h, expected = x.double(), []
    for w, stride in zip(_weights(), (1, 2, 2), strict=True):
        patches = nn.functional.unfold(h, 3, padding=1, stride=stride)
        maps = (w.double().contiguous().flatten(1) @ patches).clamp(min=0)
        expected += [maps.mean(2), maps.var(2, unbiased=False).sqrt()]
        h = maps.view(2, len(w), -(-h.shape[2] // stride), -(-h.shape[3] // stride))
    assert_close(RANDOM(x).double(), torch.cat(expected, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 64, 64), (3, 1, 1), (1, 3, 40)])
def test_random_features_of_any_size(shape: tuple[int, ...]) -> None:
    output = RANDOM(noise(2, *shape))
    assert output.shape == (2, 256) and bool((output[0] != output[1]).any())
    gray = noise(2, 1, *shape[1:])
    assert_close(RANDOM(gray), RANDOM(gray.expand(-1, 3, -1, -1)))


def blurred(x: Tensor, times: int) -> Tensor:
    for _ in range(times):
        x = avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return x


def check_order(data: Dataset, features: Features, n: int) -> None:
    """More blur, more noise and fewer classes are farther from real pictures than real ones are."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    first, second = data.crop(data.values(order[:n])), data.crop(data.values(order[n : 2 * n]))
    assert data.y is not None and data.classes == 10
    y, real, grain = data.y[order[n : 2 * n]], features(first), noise(*second.shape)
    for kind, sets in {
        "blur": [blurred(second, times) for times in (0, 1, 3, 9)],
        "noise": [second + level * grain for level in (0, 0.1, 0.3, 0.9)],
        "classes": [second[y < kept] for kept in (10, 6, 4, 2)],
    }.items():
        far = [frechet_distance(real, features(x)) for x in sets]
        assert far == sorted(far) and far[-1] > 3 * far[0], (kind, far)


def test_random_features_order_corruptions_of_digits() -> None:
    check_order(load("digits"), RANDOM, 800)


def test_random_features_order_corruptions_of_photographs() -> None:
    check_order(load(shared("clothing_cc0/clothing64_train.zip"), 32), RANDOM, 600)


def test_the_default_is_decided_by_trying() -> None:
    digits = load("digits")
    assert choose(None, digits).name == "digits" and "98.3%" in choose(None, digits).why
    inverted = dataset(255 - digits.x, digits.y)
    assert choose(None, inverted).name == "random" and "no classifier" in choose(None, inverted).why
    assert choose(None, dataset(digits.x, None)).name == "random"
    unlabeled = digits.y.clone()
    unlabeled[:20] = -1
    assert choose(None, dataset(digits.x, unlabeled)).name == "random"
    others = dataset(torch.zeros(40, 1, 32, 32, dtype=torch.uint8), torch.arange(40) % 10, content=(28, 28))
    assert choose(None, others).name == "random" and "hardly what they show" in choose(None, others).why
    photographs = dataset(torch.zeros(40, 1, 40, 32, dtype=torch.uint8), None)
    assert choose(None, photographs).name == "objects" and "in color" in choose(None, photographs).why


def test_features_by_name() -> None:
    x = dataset(torch.zeros(40, 1, 8, 8, dtype=torch.uint8), None, content=(6, 5))
    assert choose("pixels", x).size == 30
    assert choose("random", x).name == "random" and "asked" in choose("random", x).why
    with pytest.raises(ValueError, match=r"gray square pictures for features 'digits', but got \(1, 6, 5\)"):
        choose("digits", x)
    with pytest.raises(ValueError, match="did you mean inception"):
        choose("incption", x)
    with pytest.raises(ValueError, match="there are pixels, random"):
        choose("resnet", x)
    vectors = dataset(torch.zeros(40, 2), None)
    assert choose(None, vectors).name == "vectors" and choose(None, vectors).size == 2
    with pytest.raises(ValueError, match="holds vectors"):
        choose("random", vectors)


def test_what_is_no_picture_and_no_feature_is_refused() -> None:
    x = torch.zeros(3, 1, 8, 8)
    with pytest.raises(ValueError, match=r"images of shape \(n, c, h, w\)"):
        RANDOM(x[0])
    with pytest.raises(ValueError, match="NaN"):
        RANDOM(x * torch.nan)
    for embed, said in (
        (lambda part: part.flatten(1)[:, :3], r"shape \(3, 2\) for 3 pictures, but got \(3, 3\)"),
        (lambda part: part.flatten(1)[:2, :2], r"but got \(2, 2\)"),
        (lambda part: part.flatten(1)[:, :2].tolist(), "but got list"),
        (lambda part: part.flatten(1)[:, :2] / 0, "needs finite features 'own'"),
    ):
        with pytest.raises(ValueError, match=said):
            Features("own", 2, "", embed)(x + 1)


OWN = r"""
from pathlib import Path
Path(__file__).with_suffix(".ran").touch()
size = 3
def embed(x):
    assert x.ndim == 4 and float(x.min()) >= -1
    return x.flatten(1)[:, :2].double()
def flat(x): return x.mean()
def broken(x): raise OSError("no\nsuch thing")
"""


def test_custom_features_run_only_where_they_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, data = tmp_path / "own_things.py", load("digits")
    file.write_text(OWN)
    with pytest.raises(ValueError, match="--trust"):
        choose(f"{file}:embed", data)
    assert not file.with_suffix(".ran").exists()
    features = choose(f"{file}:embed", data, trust=True)
    assert file.with_suffix(".ran").exists() and features.size == 2 and features.version is None
    x = data.values(torch.arange(3))
    assert_close(features(x), x.flatten(1)[:, :2])
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    assert_close(choose("own_things:embed", data, trust=True)(x), features(x))
    assert sys.path == path
    del sys.modules["own_things"]


def test_a_module_of_features_may_change_where_modules_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_path.py").write_text(f"import sys\nsys.path.insert(0, 'own entry')\n{OWN}")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    monkeypatch.setattr(sys, "path", list(path))
    choose("own_path:embed", load("digits"), trust=True)
    assert sys.path == ["own entry", *path]
    del sys.modules["own_path"]


def test_what_is_wrong_with_custom_features_is_said(tmp_path: Path) -> None:
    file, data = tmp_path / "own.py", load("digits")
    file.write_text(OWN)
    (tmp_path / "exits.py").write_text("raise SystemExit(3)")
    for name, said in (
        (f"{file}:other", "holds no function 'other': its functions are embed, flat, broken$"),
        (f"{file}:size", "holds no function 'size'"),
        (f"{file}:flat", r"\(2, d\) for 2 pictures, but got \(\)"),
        (f"{file}:broken", "OSError: no such thing"),
        (f"{tmp_path / 'exits.py'}:embed", "SystemExit: 3"),
        (f"{tmp_path / 'none.py'}:embed", "No such file"),
        ("no_such_module_here:embed", "No module named"),
        (":embed", "module:callable"),
    ):
        with pytest.raises(ValueError, match=said) as error:
            choose(name, data, trust=True)
        assert "\n" not in str(error.value)


@pytest.fixture
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path))
    return tmp_path / "weights"


@pytest.fixture
def fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of torch-fidelity: the mean gray level of a picture, 2,048 times."""

    class Network(nn.Module):
        def __init__(self, name: str, layers: list[str], feature_extractor_weights_path: BinaryIO) -> None:
            super().__init__()
            assert layers == ["2048"]
            assert feature_extractor_weights_path.read() == b"damaged"
            self.normal = nn.BatchNorm1d(1, eps=0.0)

        def forward(self, x: Tensor) -> tuple[Tensor]:
            assert x.dtype == torch.uint8 and x.shape[1] == 3
            return (self.normal(x.float().mean((1, 2, 3))[:, None]).expand(-1, 2048),)

    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Network
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.usefixtures("fidelity")
def test_inception_says_what_to_fetch_and_where_to_put_it(
    weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = weights_folder / WEIGHTS.file
    for content, said in ((None, "not here"), (..., r"cannot be read \(Is a directory\)"), (b"damaged", "but it has")):
        if content is ...:
            file.mkdir()
        elif content is not None:
            file.rmdir()
            file.write_bytes(content)
        with pytest.raises(ValueError, match=said) as error:
            inception()
        line = str(error.value)
        assert all(each in line for each in (WEIGHTS.url, WEIGHTS.sha256, str(file))) and "\n" not in line
    weights = Weights(WEIGHTS.file, "", hashlib.sha256(b"damaged").hexdigest())
    monkeypatch.setattr("gansmith.evaluate.inception.WEIGHTS", weights)
    features = inception()
    assert_close(features(torch.full((2, 1, 8, 8), 0.5)), torch.full((2, 2048), 191.0))
    x = torch.linspace(-1, 1, 6)[:, None, None, None].expand(-1, 1, 8, 8)
    assert_close(features(x)[:2], features(x[:2]))


@pytest.mark.parametrize("error", [ImportError("no torch_fidelity"), RuntimeError("operator nms\ndoes not exist")])
def test_inception_without_its_package(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr("gansmith.evaluate.inception.import_module", fail)
    with pytest.raises(ValueError, match=r"pip install 'gansmith\[inception\]'") as refused:
        inception()
    assert "\n" not in str(refused.value)


def test_dinov2_says_what_to_fetch(weights_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"https://huggingface\.co/facebook/dinov2-small.*ae1e99fcefd5") as error:
        dinov2()
    assert str(weights_folder) in str(error.value)


def test_dinov2_is_the_transformer_of_torch() -> None:
    d = 12
    torch.manual_seed(0)
    layers = [nn.TransformerEncoderLayer(d, 6, 4 * d, 0.0, "gelu", 1e-6, True, True).double() for _ in range(2)]
    end = nn.LayerNorm(d, 1e-6).double()
    patch = nn.Conv2d(3, d, 14, 14).double()
    w = {
        "embeddings.cls_token": torch.randn(1, 1, d).double(),
        "embeddings.position_embeddings": torch.randn(1, 5, d).double(),
        "embeddings.patch_embeddings.projection.weight": patch.weight,
        "embeddings.patch_embeddings.projection.bias": patch.bias,
        "layernorm.weight": end.weight,
        "layernorm.bias": end.bias,
    }
    for i, layer in enumerate(layers):
        for p in layer.parameters():
            p.data += 0.1 * torch.randn(p.shape).double()
        name, attention = f"encoder.layer.{i}.", layer.self_attn
        for j, each in enumerate(("query", "key", "value")):
            w[f"{name}attention.attention.{each}.weight"] = attention.in_proj_weight.chunk(3)[j]
            w[f"{name}attention.attention.{each}.bias"] = attention.in_proj_bias.chunk(3)[j]
        for each, module in {
            "attention.output.dense": attention.out_proj,
            "norm1": layer.norm1,
            "norm2": layer.norm2,
            "mlp.fc1": layer.linear1,
            "mlp.fc2": layer.linear2,
        }.items():
            w |= {f"{name}{each}.weight": module.weight, f"{name}{each}.bias": module.bias}
        # Layer scale is a factor of the last map of each branch.
        scales = 1 + torch.rand(2, d).double()
        w |= {f"{name}layer_scale1.lambda1": scales[0], f"{name}layer_scale2.lambda1": scales[1]}
        for key, scale in (("attention.output.dense", scales[0]), ("mlp.fc2", scales[1])):
            w[f"{name}{key}.weight"] = w[f"{name}{key}.weight"] / scale[:, None]
            w[f"{name}{key}.bias"] = w[f"{name}{key}.bias"] / scale
    x = torch.randn(3, 3, 28, 28).double()
    h = torch.cat([w["embeddings.cls_token"].expand(3, -1, -1), patch(x).flatten(2).transpose(1, 2)], 1)
    h = h + w["embeddings.position_embeddings"]
    for layer in layers:
        h = layer(h)
    assert_close(class_token(w, x), end(h)[:, 0])
    assert class_token(w, torch.zeros(1, 3, 56, 56).double()).shape == (1, d)
