"""``--from``: a run begins with the networks of another one, and with nothing else of it."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import Second

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.disk.folders import folder_of
from gansmith.refusal import Refusal
from gansmith.report import save_png
from gansmith.runs import packaged
from gansmith.runs.lookup import as_recipe
from gansmith.runs.opening import begin
from gansmith.runs.packaged import restored
from gansmith.runs.starting import start_from
from gansmith.training import checkpoint

pytestmark = pytest.mark.usefixtures("few_samples")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    run = tmp_path_factory.mktemp("first") / "run"
    gansmith.train("r3", "ring", steps=20, width=8, out=run)
    return run


def begun(recipe="r3", data="grid", **arguments):
    return begin(as_recipe(recipe), load(data), {"steps": 3, "width": 8} | arguments, 1, "cpu", "float32")


def equal(game, state, prefix=""):
    return all(torch.equal(p, state[prefix + name]) for name, p in game.state_dict().items() if "objective" not in name)


def test_networks_are_those_of_the_other_run_and_nothing_else_is(first):
    state, training = checkpoint.load(first / "checkpoint.pt"), begun()
    assert not equal(training.game, state["game"])
    start_from(training, first)
    assert equal(training.game, state["game"]) and equal(training.average, state["average"], "module.")
    assert not equal(training.game, state["average"], "module.")
    assert training.step == 0 and training.stage.dynamics.steps == 0
    assert not any(o.state for several in training.stage.dynamics.optimizers.values() for o in several)


@pytest.mark.parametrize(("recipe", "arguments"), [("r3", {"width": 16}), ("r3", {"latent": 3}), ("ogan", {})])
def test_other_networks_are_refused_before_anything_is_taken(recipe, arguments, first):
    training = begun(recipe, **arguments)
    before = {name: p.clone() for name, p in training.game.state_dict().items()}
    with pytest.raises(Refusal, match=r"needs a run of the same networks to begin from, but (generator|critic)\."):
        start_from(training, first)
    assert equal(training.game, before)


def test_the_command_says_and_repeats_where_it_began(first, tmp_path, capsys):
    out = tmp_path / "second"
    words = ["train", "r3", "--data", "grid", "--steps", "3", "--width", "8", "--out", str(out)]
    assert main([*words, "--from", str(first)]) == 0
    record = json.loads((out / "run.json").read_text())
    assert record["from"]["run"] == str(first) and f"--from {first}" in (out / "report.html").read_text()
    assert main([*words[:-1], str(tmp_path / "third"), "--from", str(tmp_path / "nothing")]) == 2
    assert not (tmp_path / "third").exists()


def killed_at_the_start(first, out):
    """A run as it is where it was killed before its first checkpoint."""
    gansmith.train("r3", "grid", steps=3, width=8, out=out, start_from=first)
    whole = checkpoint.load(out / "checkpoint.pt")
    record = json.loads((out / "run.json").read_text())
    del record["step"], record["seconds"]
    for file in out.iterdir():
        if file.is_file():
            file.unlink()
    (out / "run.json").write_text(json.dumps(record | {"status": "running"}))
    return whole


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_there_again(first, tmp_path):
    whole = killed_at_the_start(first, tmp_path / "run")
    gansmith.resume(tmp_path / "run")
    again = checkpoint.load(tmp_path / "run/checkpoint.pt")
    assert checkpoint.digest(again["game"]) == checkpoint.digest(whole["game"])


def test_a_run_that_went_on_since_is_not_what_another_began_with(first, tmp_path):
    killed_at_the_start(first, tmp_path / "run")
    record = json.loads((tmp_path / "run/run.json").read_text())
    record["from"]["sha256"] = "0" * 64
    (tmp_path / "run/run.json").write_text(json.dumps(record))
    with pytest.raises(Refusal, match="is not what this run began with"):
        gansmith.resume(tmp_path / "run")


@pytest.mark.parametrize(
    "wrong", [3, {"run": 3, "sha256": ""}, {"run": "a"}, {"run": "a", "sha256": "", "pictures": -1}]
)
def test_a_record_that_says_it_otherwise_is_refused(wrong, first, tmp_path):
    run = folder_of(str(tmp_path / "run"))
    gansmith.train("r3", "ring", steps=1, width=8, out=run)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"from": wrong}))
    with pytest.raises(Refusal, match="it needs a proper 'from'"):
        gansmith.resume(run)


PHOTOS = {"plain": {"augment": False}, "adaptive": {"adaptive": True}, "features": {"features": 0.4}}
SMALL = {"steps": 2, "batch": 8, "width": 4, "critic_width": 4}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder, data = tmp_path_factory.mktemp("photographs"), load("digits", channels=3)
    for name, flags in PHOTOS.items():
        gansmith.train("photos", data, out=folder / name, device="cpu", **SMALL, **flags)
    return folder


@pytest.mark.parametrize(
    ("first", "flags"),
    [
        ("plain", {"adaptive": True}),
        ("plain", {"augment": True}),
        ("plain", {"augment": False, "freeze": 1}),
        ("adaptive", {"augment": False}),
        ("adaptive", {"adaptive": True}),
        ("features", {"features": 0.4}),
    ],
)
def test_augmentation_and_further_objectives_begin_anew(first, flags, photographs):
    """A run without augmentation begins one that adapts, and the other way round."""
    data = load("digits", channels=3)
    training = begin(as_recipe("photos"), data, SMALL | flags, 1, "cpu", "float32")
    start_from(training, photographs / first)
    state = checkpoint.load(photographs / first / "checkpoint.pt")["game"]
    assert torch.equal(training.game.state_dict()["critic.body.0.weight"], state["critic.body.0.weight"])
    start = torch.tensor(0.8 if flags.get("adaptive") else 0.95)
    assert torch.equal(getattr(training.game.augment, "share", start), start)
    assert not torch.equal(state.get("augment.share", torch.zeros(())), start)


def test_what_was_rounded_comes_back(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    rounded = import_module("packaged_start").rounded
    weights = torch.randn(5, 4, 3, 3) * torch.tensor([1e-3, 1, 10, 0, 1]).view(-1, 1, 1, 1)
    whole, scale = rounded(weights)
    assert whole.dtype == torch.int8 and scale.shape == (5, 1, 1, 1)
    back = restored({"a": whole.float(), "a.scale": scale.float(), "b": torch.ones(2)})
    assert (back["a"] - weights).abs().max(0).values.max() < 0.51 * float(scale.max()) and back["b"].sum() == 2
    assert ((back["a"] - weights).abs() <= 0.51 * scale.float()).all() and list(back) == ["a", "b"]
    monkeypatch.delitem(sys.modules, "packaged_start")


@pytest.fixture(scope="module")
def colors(tmp_path_factory):
    """Twenty photographs of noise, of 64 pixels."""
    folder = tmp_path_factory.mktemp("colors")
    for i, picture in enumerate(np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)):
        save_png(folder / f"{i}.png", picture)
    return folder


@pytest.mark.parametrize("flags", [[], ["--from", "clothes"]])
def test_photographs_begin_with_networks_of_clothes(flags, colors, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--data", str(colors), "--steps", "1", *flags, "--out", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "begins with networks that have learned clothes; --from scratch begins without them" in shown
    record, (arrays, seen) = json.loads((run / "run.json").read_text()), packaged.networks()
    assert record["from"]["run"] == "clothes" and record["from"]["pictures"] == seen >= 80_000
    assert "--from clothes" in (run / "report.html").read_text()
    weight = checkpoint.load(run / "checkpoint.pt")["game"]["generator.convolutions.0.weight"]
    assert 0 < (weight - arrays["generator.convolutions.0.weight"]).abs().max() < 0.01  # one step from there


@pytest.mark.parametrize("flags", [["--from", "scratch"], ["--width", "8"], ["--encode"], ["--size", "32"]])
def test_other_networks_begin_from_scratch(flags, colors, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "photos", "--data", str(colors), "--steps", "1", *flags, "--out", str(run)]) == 0
    assert "clothes" not in capsys.readouterr().out
    assert "from" not in json.loads((run / "run.json").read_text())
    assert "--from scratch" in (run / "report.html").read_text()


def test_clothes_are_no_beginning_for_another_size(colors, refused):
    words = refused("train", "photos", "--data", colors, "--steps", 1, "--from", "clothes", "--size", 32)
    assert "needs a run of the same networks to begin from" in words and "in clothes and" in words
    assert "that is 'photos' of 64 pixels in color" in words


@pytest.mark.parametrize("word", ["clothes", "scratch"])
def test_a_run_folder_of_the_same_name_is_asked_for_by_its_path(word, elsewhere, refused):
    gansmith.train("r3", "ring", steps=1, width=8, out=word)
    words = ["train", "r3", "--data", "grid", "--steps", 1, "--width", 8]
    assert f"name the folder ./{word}" in refused(*words, "--from", word)
    assert main([*map(str, words), "--from", f"./{word}"]) == 0
    assert gansmith.train("r3", "grid", steps=1, width=8, start_from=Path(word)).folder.record["from"]


def test_a_changed_file_of_weights_is_refused(colors, tmp_path, monkeypatch, refused):
    file = tmp_path / "clothes.safetensors"
    file.write_bytes(packaged.WEIGHTS.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(packaged, "WEIGHTS", file)
    words = refused("train", "photos", "--data", colors, "--steps", 1, "--out", tmp_path / "run")
    assert "as it was shipped" in words and not (tmp_path / "run").exists()
    assert packaged.WEIGHTS.stat().st_size < 2_000_000


def test_a_folder_called_clothes_is_in_nobodys_way(tmp_path, monkeypatch):
    """Only who says --from clothes may mean either."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), np.uint8)
    for i, picture in enumerate(pixels):
        save_png(tmp_path / "pictures" / f"{i}.png", picture)
    words = ["train", "photos", "--data", "pictures", "--steps", "1", "--batch", "4", "--device", "cpu"]
    assert main([*words, "--out", "clothes"]) == 0
    assert main([*words, "--out", "second"]) == 0
    record = json.loads(Path("second/run.json").read_text())
    assert record["from"]["run"] == "clothes"
    del record["step"], record["seconds"]
    for file in Path("second").iterdir():
        if file.is_file():
            file.unlink()
    Path("second/run.json").write_text(json.dumps(record | {"status": "running"}))
    assert main(["resume", "second"]) == 0  # as it was killed before its first checkpoint
    with pytest.raises(
        Refusal, match=r"'clothes' is a word of --from, and a run folder here: name the folder \./clothes"
    ):
        gansmith.train("photos", "pictures", steps=1, start_from="clothes")


def test_weights_are_read_in_the_form_that_they_were_saved_in(tmp_path):
    def own(data, steps: int = 2):
        experiment = import_module("gansmith.recipes.gan").gan(data, steps, batch=8, width=4)
        experiment.stages[0].game.generator = torch.nn.Sequential(experiment.stages[0].game.generator, Second())
        game = experiment.stages[0].game
        experiment.stages[0].dynamics = import_module("gansmith.recipes.pairs").adam(game, steps, 1e-3)
        return experiment

    run = gansmith.train(own, "ring", out=tmp_path / "run")
    learned = run.training.game.generator[1].weight.detach()
    training = begin(as_recipe(own), load("ring"), {}, 1, "cpu", "float32")
    start_from(training, tmp_path / "run")
    assert torch.equal(training.game.generator[1].weight, learned)
