"""Words on the command line: help, mistakes and pipes."""

import os
import re
import subprocess
import sys

import pytest
from runs import child

from gansmith.commands.cli import main

pytestmark = pytest.mark.usefixtures("elsewhere")

# help and start


def test_help_and_recipes_come_without_torch():
    code = """if True:
        import sys
        from gansmith.commands.cli import main
        for words in (["--help"], [], ["--version"], ["recipes"], ["recipes", "--help"], ["resume", "--help"],
                      ["sample", "--help"], ["reconstruct", "--help"]):
            assert main(words) == 0, words
        assert main(["trian"]) == main(["train", "ogn"]) == main(["sample"]) == 2
        heavy = {"torch", "numpy", "PIL", "sklearn", "matplotlib", "rich"} & set(sys.modules)
        sys.exit(f"imported {heavy}" if heavy else 0)
    """
    found = child(code=code)
    assert found.returncode == 0, found.stderr
    assert "wgan-gp     Where the loss is to be a distance" in found.stdout and "Traceback" not in found.stderr


def test_python_m_is_the_same():
    found = child("--version")
    assert found.returncode == 0 and found.stdout.startswith("gansmith 0.")


@pytest.mark.parametrize("command", ["train", "resume", "sample", "reconstruct", "recipes"])
def test_each_help_shows_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  gansmith {command}" in re.split("examples?:", shown)[1]


def test_a_recipes_help_shows_its_own_flags(capsys):
    assert main(["train", "ogan", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--weight FLOAT of the correlation (default: 0.25;" in shown and "--width INT" in shown
    assert "whose critic encodes" in shown and "%%" not in shown


def test_the_overview_names_every_command(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in ("train", "resume", "sample", "reconstruct", "recipes"))


# wrong words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trian", "no command 'trian': did you mean train?"),
        ("zzz", "see gansmith --help"),
        ("train ogn", "no recipe 'ogn': did you mean ogan?"),
        ("train gan --widht 3", "unrecognized arguments: --widht 3: did you mean --width?"),
        ("train gan --widht=3", "did you mean --width?"),
        ("train gan --stesp 3", "did you mean --steps?"),
        ("train --data ring gan", "a recipe comes first, as in gansmith train gan"),
        ("train gan --ste 3", "unrecognized arguments"),
        ("train gan --steps", "expected one argument"),
        ("train gan --steps 0", "--steps: needs a whole number from 1"),
        ("train gan --steps -1", "--steps: needs a whole number from 1"),
        ("train gan --steps abc", "got 'abc'"),
        ("train gan --steps 1e9", "got '1e9'"),
        ("train gan --steps 3 --minutes 1", "not allowed with"),
        ("train gan --minutes nan", "--minutes: needs a number above 0"),
        ("train gan --minutes 0", "--minutes: needs a number above 0"),
        ("train gan --minutes 1e300", "--minutes: needs a number above 0"),
        ("train gan --checkpoint-every -1", "--checkpoint-every: needs a number above 0"),
        ("train gan --seed 99999999999999999999", "--seed: needs a whole number from 0 to 2^63 - 1"),
        ("train gan --seed -1", "--seed: needs"),
        ("train gan --precision half", "invalid choice: 'half'"),
        ("train gan --width abc", "invalid int value: 'abc'"),
        ("train gan --width 0", "--width needs a whole number from 1 to 1,000,000,000, but got 0"),
        ("train gan --width -3", "--width needs"),
        ("train gan --batch 0", "--batch needs"),
        ("train gan --latent 0", "--latent needs"),
        ("train gan --rate -1", "--rate needs a number from 0 to 1e30, but got -1.0"),
        ("train gan --rate nan", "--rate needs"),
        ("train gan --gamma inf", "--gamma needs"),
        ("train wgan-gp --moves 0", "--moves needs"),
        ("train ogan --latent 2", "needs a latent of at least 3 numbers, but got 2"),
        ("train gan --latent 1000000000", "not enough memory: take a smaller"),
        ("train gan --rate 1e300", "--rate needs a number from 0 to 1e30"),
        ("train gan --size 7", "power of two from 8 to 256, but got 7"),
        ("train gan --data ring --size 8", "vectors, which have neither size nor channels"),
        ("train gan --data rnig", "did you mean ring?"),
        ("train gan --batch 5000", "needs at least 5000 training images"),
        ("train gan --device nonsense", "no device 'nonsense'"),
        ("train gan --device meta", "no device 'meta'"),
        ("train gan --device cuda:99", "no device 'cuda:99'"),
        ("recipes more", "unrecognized arguments: more"),
        ("sample", "the following arguments are required: RUN"),
        ("sample run -n 0", "-n: needs a whole number from 1"),
        ("reconstruct run images --truncation nan", "--truncation: needs a number from 0"),
        ("reconstruct run", "the following arguments are required: IMAGES"),
    ],
)
def test_wrong_words(words, said, refused, tmp_path):
    assert said in refused(*words.split())
    assert list(tmp_path.iterdir()) == []


# pipes


@pytest.mark.parametrize("words", [["recipes"], ["--help"], ["sample", "--help"]])
def test_whoever_reads_may_have_seen_enough(words):
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "gansmith", *words]
    try:
        process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=buffered, timeout=60, check=False)
    finally:
        os.close(writing)
    assert process.returncode == 141 and process.stderr == b""


def test_a_terminal_that_knows_ascii_only(ogan):
    run = ogan.rename(ogan.with_name("größe"))
    found = child("sample", run.name, "-n", "1", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 0, found.stderr
    assert "gr\\xf6\\xdfe" in found.stdout
