"""`import gansmith` and what it offers: light, complete, and the same as the command line."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import gansmith
from gansmith.commands.cli import main
from gansmith.data import Augment, Dataset
from gansmith.games import GAN, OGAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.recipes.pairs import adam
from gansmith.refusal import Refusal
from gansmith.training import Experiment, Stage, checkpoint

QUICK = {"device": "cpu", "precision": "float32"}
SMALL = {**QUICK, "steps": 3, "batch": 16, "width": 16}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def experiment(steps=4, data=None):
    torch.manual_seed(5)
    game = GAN(MLP(4, 2, 16), MLP(2, None, 16), NonSaturating(), Normal(4))
    data = gansmith.load("ring", limit=300) if data is None else data
    return Experiment([Stage(game, adam(game, 4, 1e-3), data, steps, batch=16)])


def without_optimizer():
    made = experiment()
    del made.stages[0].dynamics.optimizers["critic"]
    return made


def digest(run):
    return checkpoint.digest(checkpoint.load(run.path / "checkpoint.pt"))


def test_the_import_is_light():
    code = "import sys, gansmith; heavy = {'torch', 'numpy', 'matplotlib', 'sklearn', 'PIL'} & set(sys.modules); "
    code += "assert not heavy, heavy; assert gansmith.__version__; print(len(dir(gansmith)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_is_there():
    assert all(getattr(gansmith, name) is not None for name in gansmith.__all__)
    assert set(gansmith.__all__) <= set(dir(gansmith))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = gansmith.trian


def test_a_name_trains_as_the_command_does():
    run = gansmith.train("ogan", limit=300, out="here", seed=7, gamma=0.5, **SMALL)
    words = ["--limit", "300", "--seed", "7", "--gamma", "0.5", "--steps", "3", "--batch", "16", "--width", "16"]
    assert main(["train", "ogan", *words, "--device", "cpu", "--precision", "float32", "--out", "there"]) == 0
    there = gansmith.load_run("there")
    assert digest(run) == digest(there)
    here, other = (json.loads((path / "run.json").read_text()) for path in (run.path, there.path))
    assert {key: here[key] for key in ("recipe", "arguments", "seed", "data")} == {
        key: other[key] for key in ("recipe", "arguments", "seed", "data")
    }


def test_a_run_does_what_its_game_can_do(capsys):
    run = gansmith.train("ogan", limit=300, **SMALL)
    assert isinstance(run.game, OGAN) and run.step == 3 and run.metrics["step"] == 3
    assert "runs/ogan-digits-1" in repr(run) and "step 3" in repr(run)
    opened = gansmith.load_run(run.path, device="cpu")
    for each in (run, opened):
        samples = each.sample(5, seed=1)
        assert samples.shape == (5, 1, 8, 8) and torch.equal(samples, run.sample(5, seed=1))
        assert torch.equal(torch.cat(list(each.samples(300))), each.sample(300))
        assert each.score(samples).shape == (5,)
        codes = each.encode(samples)
        assert codes.shape == (5, 32)
        assert torch.equal(each.encode("digits")[:4], each.encode(gansmith.load("digits", limit=None))[:4])
        assert each.reconstruct(samples).shape == samples.shape
        assert each.interpolate(samples[:2], samples[2:4], 3).shape == (2, 3, 1, 8, 8)


def test_what_a_game_cannot_do_is_said():
    run = gansmith.train("gan", data="ring", **SMALL)
    assert run.sample(3).shape == (3, 2)
    with pytest.raises(ValueError, match="needs a game that encodes, but gan only generates: train ogan"):
        run.encode(torch.zeros(3, 2))


def test_nothing_in_a_folder_is_run(tmp_path):
    recipe = tmp_path / "mine.py"
    recipe.write_text(
        "from pathlib import Path\nfrom gansmith.recipes import gan\nPath('ran').write_text('')\n"
        "def mine(data, steps: int = 3):\n    return gan(data, steps, batch=16, width=16)\n"
    )
    run = gansmith.train(f"{recipe}:mine", data="ring", **QUICK)
    (tmp_path / "ran").unlink()
    with pytest.raises(ValueError, match=r"was made with a recipe file; read .*recipe\.py"):
        gansmith.load_run(run.path)
    assert not (tmp_path / "ran").exists()
    assert gansmith.load_run(run.path, trust=True).sample(2).shape == (2, 2)
    assert (tmp_path / "ran").exists()


def test_an_experiment_trains_and_is_opened_with_the_same_code(refused):
    run = gansmith.train(experiment(), out="mine", **QUICK)
    record = json.loads((run.path / "run.json").read_text())
    assert record["recipe"] == "experiment" and record["python"] and record["status"] == "finished"
    assert (run.path / "report.html").exists() and run.sample(3).shape == (3, 2)
    again = gansmith.load_run("mine", recipe=experiment(), device="cpu")
    assert torch.equal(again.sample(3), run.sample(3))
    assert "was trained from 'experiment', which was made in Python" in refused("sample", "mine")
    with pytest.raises(ValueError, match="it is of another experiment"):
        gansmith.load_run("mine", recipe=gansmith.recipes.gan(gansmith.load("ring"), 3))


def test_an_experiment_goes_on_to_the_same_bits():
    whole = gansmith.train(experiment(4), out="whole", **QUICK)
    gansmith.train(experiment(2), out="part", **QUICK)
    part = gansmith.resume("part", steps=4, recipe=experiment(4))
    assert part.step == 4 and digest(part) == digest(whole)


def test_a_function_trains():
    def mine(data: Dataset, steps: int = 3, *, width: int = 16) -> Experiment:
        return gansmith.recipes.gan(data, steps, batch=16, width=width)

    run = gansmith.train(mine, data="ring", width=8, **QUICK)
    assert run.folder.record["recipe"] == "mine" and run.folder.record["arguments"] == {"steps": 3, "width": 8}
    assert gansmith.load_run(run.path, recipe=mine).sample(2).shape == (2, 2)
    built_in = gansmith.train(gansmith.recipes.wgan_gp, data="ring", **SMALL)
    assert built_in.folder.record["recipe"] == "wgan-gp" and gansmith.load_run(built_in.path).sample(2).shape == (2, 2)


def test_a_dataset_trains_and_is_found_again():
    data = gansmith.load("digits", size=16)
    data = replace(data, augment=Augment(flip=True))
    run = gansmith.train("gan", data=data, out="run", **SMALL)
    assert run.folder.record["data"]["size"] == 16 and run.folder.record["data"]["flip"]
    assert gansmith.resume(run.path, steps=4).step == 4


def test_a_part_of_a_dataset_is_not_taken_for_all_of_it():
    """The fingerprint of the source stays where the split is replaced: a resume once went on with all samples."""
    whole = gansmith.load("digits")
    part = replace(whole, train=whole.train[:100])
    run = gansmith.train("gan", data=part, out="run", **SMALL)
    with pytest.raises(Refusal, match=r"digits as it is loaded is not what run was trained on; give the dataset"):
        gansmith.resume("run", steps=5)
    with pytest.raises(Refusal, match="trained on other data than the dataset that was given"):
        gansmith.resume("run", steps=5, data=whole)
    assert gansmith.resume("run", steps=5, data=part).step == 5
    assert run.sample(2).shape == gansmith.load_run("run").sample(2).shape


def test_an_experiment_is_trained_once():
    used = experiment()
    gansmith.train(used, out="one", **QUICK)
    with pytest.raises(Refusal, match="this one was trained already: build it anew"):
        gansmith.train(used, out="two", **QUICK)
    assert not Path("two").exists()


def test_samples_less_their_padding_get_it_back(tmp_path):
    import numpy as np

    pictures = np.random.default_rng(0).integers(0, 256, (120, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=pictures)
    run = gansmith.train("ogan", data=tmp_path / "a.npz", **SMALL)
    data = gansmith.load(str(tmp_path / "a.npz"))
    assert data.content == (12, 12) and data.shape == (1, 16, 16)
    x = data.values(torch.arange(5))
    assert torch.equal(data.pad(data.crop(x)), x)
    assert run.sample(3).shape == (3, 1, 12, 12)
    assert torch.equal(run.encode(data.crop(x)), run.encode(x))
    assert torch.equal(run.score(data.crop(x)), run.score(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.sample(0), "needs at least one sample, but got n=0"),
        (lambda run: run.sample(-1), "needs at least one sample, but got n=-1"),
        (
            lambda run: run.encode(torch.zeros(2, 3, 8, 8)),
            r"shape \(1, 8, 8\).*but got torch.float32 of \(2, 3, 8, 8\)",
        ),
        (lambda run: run.encode(torch.zeros(1, 8, 8)), "needs one or more samples of shape"),
        (lambda run: run.encode(torch.zeros(0, 1, 8, 8)), "needs one or more samples of shape"),
        (lambda run: run.encode(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)), "as floats"),
        (lambda run: run.encode(gansmith.load("ring")), r"but got those of \(2,\)"),
        (lambda run: run.score(torch.zeros(2, 1, 9, 9)), "needs one or more samples of shape"),
        (lambda run: run.interpolate(torch.zeros(2, 1, 8, 8), torch.zeros(3, 1, 8, 8)), "but got 2 and 3"),
    ],
)
def test_what_a_run_cannot_take_is_refused(call, message):
    torch.manual_seed(0)
    run = gansmith.train("ogan", limit=300, **SMALL)
    with pytest.raises(Refusal, match=message):
        call(run)


def test_wrong_words_are_refused_before_anything_is_made(tmp_path):
    for arguments, message in [
        ({"recipe": "ogna"}, "no recipe 'ogna': did you mean ogan"),
        ({"recipe": 3}, "needs a recipe's name, a function or an Experiment, but got int"),
        ({"data": "rnig"}, "no data named 'rnig'"),
        ({"gama": 1.0}, "takes no argument 'gama'"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"recipe": experiment(), "minutes": 1.0, "limit": None}, "an experiment has steps of its own"),
        ({"recipe": experiment(), "data": "ring"}, "needs data or an experiment, but got both"),
        ({"data": torch.zeros(3, 2)}, "needs data as a name, a path or a Dataset, but got Tensor"),
        ({"data": gansmith.load("ring")}, "a dataset is loaded already"),
        ({"recipe": without_optimizer(), "limit": None}, "needs an optimizer for the player 'critic'"),
        ({"steps": -3}, "needs a whole number from 1"),
        ({"steps": 3, "minutes": 1.0}, "needs one of steps, more and minutes, but got steps and minutes"),
        ({"minutes": 0.0}, "needs minutes above 0, but got 0"),
        ({"minutes": float("nan")}, "needs minutes above 0, but got nan"),
        ({"checkpoint_every": -1.0}, "needs checkpoint_every above 0"),
        ({"seed": -1}, "needs a seed from 0"),
        ({"seed": 1.5}, "needs a seed from 0"),
    ]:
        with pytest.raises(Refusal, match=message):
            gansmith.train(**{"limit": 300, **QUICK, **arguments})
    assert not (tmp_path / "runs").exists()


def test_a_run_that_could_not_be_opened_is_not_made(tmp_path):
    data = gansmith.load("digits")
    odd = replace(data, class_names=(0, 1))
    with pytest.raises(Refusal, match=r"needs a class_names that a run can be opened with .*but got \[0, 1\]"):
        gansmith.train("gan", data=odd, out="run", **SMALL)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("classes", [-1, 0.5, True, 10**9, "10", 2**80])
def test_a_record_of_impossible_classes_is_refused(classes, refused):
    gansmith.train("gan", data="digits", limit=300, out="run", **SMALL)
    file = Path("run/run.json")
    record = json.loads(file.read_text())
    record["data"]["classes"] = classes
    file.write_text(json.dumps(record))
    assert "needs a proper 'classes'" in refused("sample", "run")
