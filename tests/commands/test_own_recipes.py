"""A user's own recipe on the command line."""

import shutil

import pytest
from runs import OWN

from gansmith.commands import cli
from gansmith.commands.cli import main
from gansmith.runs.folder import RunFolder
from gansmith.runs.preparation import discard

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_an_own_recipe_needs_trust(trained, refused, capsys, tmp_path):
    run = shutil.copytree(trained / "own", tmp_path / "own")
    assert (run / "recipe.py").read_text() == OWN and RunFolder.open(run).record["recipe"] == "mine"
    for words in (["resume", run, "--steps", "3"], ["sample", run, "-n", "1"]):
        assert "recipe.py, then add --trust (in Python trust=True) to run it" in refused(*words)
        assert main([*map(str, words), "--trust"]) == 0
    (run / "recipe.py").write_text(OWN + "import os; os.mkdir('ran')\n")
    assert "its content changed" in refused("sample", run, "--trust")
    (run / "recipe.py").unlink()
    assert "cannot read the recipe file" in refused("sample", run, "--trust")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("mien", "no function 'mien': did you mean mine?"),
        ("other", "a recipe returns an Experiment, but other returned NoneType"),
        ("broken", "line 16: NameError: name 'undefined' is not defined"),
        ("shapes", "needs one score per sample"),
        ("mine --width 0", "--width needs a whole number from 1"),
        ("mine --flta", "did you mean --flat?"),
    ],
)
def test_own_recipes_that_fail(function, said, refused, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    assert said in refused("train", *f"own.py:{function} --data ring --device cpu".split())
    assert not list(tmp_path.glob("runs/*"))  # also where networks did not fit at the first pass


def test_what_a_user_puts_into_a_run_is_never_removed(tmp_path):
    run = RunFolder.create(tmp_path / "run", {"recipe": "gan"})
    (run.path / "samples").mkdir()
    for name in ("notes.txt", "samples/mine.png", "samples/000000.png"):
        (run.path / name).write_text("mine or the run's")
    discard(run)
    left = sorted(file.relative_to(run.path).as_posix() for file in run.path.rglob("*"))
    assert left == ["notes.txt", "samples", "samples/mine.png"]


FAULTS = """
from torch.optim import Adam
from gansmith.recipes.gan import gan

def untyped(data, steps: int = 3, *,
            width=16):
    return gan(data, steps, batch=16, width=width)

def betas(data, steps: int = 3):
    Adam(gan(data, steps, batch=16, width=16).stages[0].game.parameters(), betas=(0, 0.9))

def kinds(data, steps: int = 3):
    return gan(data, steps, batch="16" + 1, width=16)

def halves(data, steps: int = 3):
    return inner(0)

def inner(width):
    return 16 // width

def sizes(data, steps: int = 3):
    import torch
    torch.zeros(2, 3) @ torch.zeros(2, 3)

def refused(data, steps: int = 3):
    return gan(data, steps, batch=16, width=16, head=3)

def values(data, steps: int = 3):
    raise ValueError("of two\\nlines")

def few(data, steps: int = 3):
    return gan(data, steps, batch=2**20, width=16)
"""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            "untyped",
            "needs a default and a type int, float, str or bool, as in width: int = 1 (own.py, line 5)",
        ),
        ("betas", "own.py, line 10: ValueError: betas must be"),
        ("kinds", "own.py, line 13: TypeError: can only concatenate str"),
        ("halves", "own.py, line 19: ZeroDivisionError: integer division or modulo by zero"),
        ("sizes", "own.py, line 23: RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
        ("refused", "own.py, line 26: TypeError: gan() got an unexpected keyword argument 'head'"),
        ("values", "own.py, line 29: ValueError: of two lines"),
        ("few", "gansmith: needs at least 1048576 training samples for a batch"),  # no mistake of the file
    ],
)
def test_mistakes_in_a_recipe_name_file_and_line(function, said, refused, tmp_path):
    (tmp_path / "own.py").write_text(FAULTS)
    line = refused("train", *f"own.py:{function} --data ring --device cpu".split())
    assert said in line and "with such numbers" not in line
    assert not list(tmp_path.glob("runs/*"))


def test_memory_that_runs_out_in_a_recipe_is_told_as_such(refused, tmp_path):
    text = "def big(data, steps: int = 3):\n    raise MemoryError\n"
    (tmp_path / "own.py").write_text(text)
    assert "not enough memory: take a smaller" in refused("train", *["own.py:big", "--data", "ring", "--device", "cpu"])


def test_an_own_recipes_help(capsys, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    assert main(["train", "own.py:mine", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "My own recipe." in shown and "--width INT how wide. (default: 16)" in shown and "--no-flat" in shown
    assert "gansmith train own.py:mine --data digits" in shown


def test_mistakes_keep_their_traceback(monkeypatch, tmp_path, refused):
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(IndexError):
        main(["train", "own.py:bug", "--data", "ring", "--device", "cpu"])

    def bug(data):
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(cli, "_recipes", bug)
    with pytest.raises(ValueError, match="a mistake of ours"):
        main(["recipes"])
    monkeypatch.setenv("GANSMITH_DEBUG", "1")
    with pytest.raises(ValueError, match="did you mean"):
        main(["train", "ogn"])
