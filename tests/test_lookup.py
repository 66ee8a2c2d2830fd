"""Recipes by name and by file, and their parameters as flags."""

import argparse
import os
import py_compile
import sys
from typing import Optional

import pytest

from gansmith.refusal import Refusal
from gansmith.runs import flags, lookup

OWN = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from gansmith.data import Dataset

@dataclass
class Size:
    width: int

def mine(data: Dataset, steps: int = 5, *, width: int = 16):
    return Size(width)
"""


def write(tmp_path, text, name="own.py"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_described_is_what_can_be_found():
    for name, line in lookup.described().items():
        recipe = lookup.find(name)
        assert recipe.name == name and recipe.source is None and line
        assert flags.summary(recipe.function).startswith(line)
        assert f"gansmith train {name}" in flags.examples(recipe.function, name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ogn", "did you mean ogan"),
        ("WGAN_GP", "did you mean wgan-gp"),
        ("gan_qp", "did you mean gan-qp"),
        ("zzz", "there are dcgan, fgan, .*, ogan, .*, wgan-gp, or path"),
        ("../../gan", "no recipe '../../gan'"),
        ("own.py", "name its function too, as in own.py:function"),
        ("pairs", "no recipe 'pairs'"),
        ("", "no recipe ''"),
    ],
)
def test_other_names_are_refused(name, said):
    with pytest.raises(Refusal, match=said):
        lookup.find(name)


def test_a_file_with_spaces_quotes_and_brackets(tmp_path):
    path = write(tmp_path, OWN, "my [red] 'ré:cipe'.py")
    recipe = lookup.find(f"{path}:mine")
    assert recipe.name == "mine" and recipe.source == path.read_bytes()
    assert recipe.function(None, width=3).width == 3


def test_a_file_keeps_its_own_reading_of_annotations(tmp_path):
    path = write(tmp_path, "def mine(data, steps: int = 1): ...\n")
    assert lookup.find(f"{path}:mine").function.__annotations__ == {"steps": int}


@pytest.mark.parametrize(
    ("text", "function", "said"),
    [
        (OWN, "mien", "no function 'mien': did you mean mine"),
        (OWN, "Size", "no function 'Size'"),
        (OWN, "", "no function ''"),
        ("x = 1\ny = 1 / 0\n", "mine", "line 2: ZeroDivisionError: division by zero"),
        ("x = 1\n\ndef f(:\n", "mine", "line 3: SyntaxError"),
        ("import no_such_module_here\n", "mine", "line 1: ModuleNotFoundError"),
        ("import sys; sys.exit(0)\n", "mine", "SystemExit"),
        ("\0", "mine", "fails when it is run"),
    ],
)
def test_files_that_fail_say_where(tmp_path, text, function, said):
    path = write(tmp_path, text)
    with pytest.raises(Refusal, match=said):
        lookup.find(f"{path}:{function}")


def test_no_file(tmp_path):
    with pytest.raises(Refusal, match="No such file"):
        lookup.find(f"{tmp_path}/none.py:f")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(Refusal, match="Is a directory"):
        lookup.find(f"{tmp_path}/folder.py:f")


def test_what_was_hashed_is_what_runs(tmp_path, monkeypatch):
    """Python would run bytecode that lies beside a file, if the file's time and size fit."""
    path = write(tmp_path, "def mine(data, steps: int = 1): return 'evil'\n")
    times = path.stat()
    py_compile.compile(str(path), doraise=True)
    text = "def mine(data, steps: int = 1): return 'good'\n"
    path.write_text(text)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    recipe = lookup.from_file(path, "mine", lookup.digest(text.encode()))
    assert recipe.function(None) == "good"
    with pytest.raises(Refusal, match="its content changed"):
        lookup.from_file(path, "mine", "0" * 64)


def test_running_a_file_leaves_nothing_beside_it(tmp_path):
    lookup.find(f"{write(tmp_path, OWN)}:mine")
    assert [file.name for file in tmp_path.iterdir()] == ["own.py"]
    sys.modules.pop("gansmith_recipe_file")


def example(
    data,
    steps: int = 5,
    *,
    width: int = 16,
    rate: float = 0.1,
    shift: float = -1.0,
    latent: "int | None" = None,
    code: Optional[int] = None,  # noqa: UP045
    pretrain: int = 0,
    head: str = "mean",
    fast: bool = False,
):
    """An example.

    Arguments:
        width: channels, 100 % of
            them.
        rate: of learning.

    Example:
        gansmith train this
    """


def test_parameters_become_flags():
    parser = argparse.ArgumentParser()
    names = flags.add(parser, example)
    found = vars(parser.parse_args(["--width", "3", "--fast", "--latent", "7", "--shift=-2"]))
    assert list(found) == names == ["width", "rate", "shift", "latent", "code", "pretrain", "head", "fast"]
    assert found["width"] == 3 and found["fast"] is True and found["latent"] == 7 and found["shift"] == -2.0
    assert found["code"] is None and found["rate"] == 0.1
    shown = " ".join(parser.format_help().split())
    assert "channels, 100 % of them. (default: 16)" in shown and "(default: None)" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"steps": 1, "width": 1, "rate": 0.0, "shift": -5.0, "latent": None, "pretrain": 0},
        {"rate": 1, "latent": 3, "fast": True, "head": "linear"},
    ],
)
def test_good_arguments_pass(arguments):
    flags.check(example, arguments)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("steps", 0, "--steps needs a whole number from 1"),
        ("width", 0, "--width needs a whole number from 1 to 1,000,000,000, but got 0"),
        ("width", 10**30, "--width needs"),
        ("width", 1.0, "--width needs"),
        ("width", True, "--width needs"),
        ("width", "3", "--width needs .* got '3'"),
        ("width", None, "--width needs"),
        ("latent", 0, "--latent needs a whole number from 1"),
        ("code", -1, "--code needs"),
        ("pretrain", -1, "--pretrain needs a whole number from 0"),
        ("rate", -0.1, "--rate needs a number from 0 to 1e30"),
        ("rate", float("nan"), "--rate needs"),
        ("rate", float("inf"), "--rate needs"),
        ("rate", "0.1", "--rate needs"),
        ("rate", [], "--rate needs"),
        ("shift", float("nan"), "--shift needs a finite number"),
        ("fast", 1, "--fast needs true or false"),
        ("head", 1, "--head needs a word"),
        ("data", 1, "takes no argument 'data'"),
        ("wdith", 1, "takes no argument 'wdith'"),
    ],
)
def test_bad_arguments_are_refused(name, value, said):
    with pytest.raises(Refusal, match=said):
        flags.check(example, {name: value})


def no_data(steps: int = 1): ...
def untyped(data, steps: int = 1, width=3): ...
def listed(data, steps: int = 1, widths: list[int] = ()): ...
def tunnel(data, steps: int = 1, **more: int): ...
def endless(data, steps: int): ...
def taken(data, steps: int = 1, help: int = 1): ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (no_data, "takes data and steps, but no_data takes steps"),
        (untyped, "'width' of untyped needs a default and a type"),
        (listed, "'widths' of listed needs"),
        (tunnel, "'more' of tunnel needs"),
        (endless, "'steps' of endless needs a default"),
        (taken, "'help' of taken is a flag of gansmith's own"),
    ],
)
def test_functions_that_are_no_recipe(function, said):
    with pytest.raises(Refusal, match=said):
        flags.add(argparse.ArgumentParser(), function)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (flags.count, ["1", "1,000"], ["0", "-1", "1e9", "abc", "nan", "9" * 5000, "", "1.5"]),
        (flags.seed, ["0", str(2**63 - 1)], ["-1", str(2**63), "x", "1.0"]),
        (flags.positive, ["0.5", "1e3"], ["0", "-1", "nan", "inf", "1e300", "x"]),
        (flags.factor, ["0", "0.7"], ["-1", "nan", "inf", "x"]),
    ],
)
def test_kinds_of_numbers(kind, good, bad):
    for text in good:
        assert kind(text) >= 0
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match="needs a"):
            kind(text)
