"""The command line: parses, calls, prints. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from gansmith.commands import parsers
from gansmith.refusal import Refusal, out_of_memory
from gansmith.version import __version__

EXAMPLES = """examples:
  gansmith train                                  an O-GAN on handwritten digits, in minutes
  gansmith train --data photos/ --minutes 30      your own pictures
  gansmith resume runs/photos-photos-1            go on where it stopped
  gansmith sample runs/photos-photos-1 -n 16      pictures from a trained run
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0, 2 for a wrong call or input, 3 where training diverged, 130 for Ctrl-C.

    A mistake of ours keeps its traceback; GANSMITH_DEBUG=1 shows that of a refusal, too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what the terminal cannot show
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        if sys.stdout is not None:  # it is None where it was closed before Python began
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return _print_error("interrupted; what was saved last is whole", 130)
    except (Refusal, FloatingPointError, OSError, MemoryError, RuntimeError) as error:
        if os.environ.get("GANSMITH_DEBUG"):
            raise
        if isinstance(error, (Refusal, FloatingPointError)):
            return _print_error(str(error), 2 if isinstance(error, Refusal) else 3)
        if isinstance(error, OSError):
            file = f"{error.filename}: " if error.filename else ""
            return _print_error(f"{file}{error.strerror or error}; what was saved before is whole", 2)
        if out_of_memory(error):
            return _print_error("not enough memory: take a smaller --batch, --width, --latent or -n", 2)
        raise


def _print_error(message: str, code: int) -> int:
    """One line, whatever characters a file's name has."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    print(f"gansmith: {line}", file=sys.stderr)
    return code


def _run(words: list[str]) -> int:
    try:
        return _command(words)
    except SystemExit as end:  # argparse has shown a help
        return int(end.code or 0)


COMMANDS = {
    "resume": ("training", parsers.resume),
    "sample": ("looking", parsers.sample),
    "reconstruct": ("looking", parsers.reconstruct),
    "encode": ("looking", parsers.encode),
    "interpolate": ("looking", parsers.interpolate),
    "evaluate": ("measuring", parsers.evaluate),
    "report": ("reporting", parsers.report),
    "verify": ("verifying", parsers.verify),
}


def _command(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview(), end="")
        return 0
    if words[0] == "--version":
        print(f"gansmith {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name == "recipes":
        return _recipes(rest)
    if name == "train":
        return _train(rest)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, ["train", *COMMANDS, "recipes"], 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "see gansmith --help"
        raise Refusal(f"no command {name!r}: {hint}")
    module, parser = COMMANDS[name]
    args = parser().parse_args(rest)
    code: int = getattr(import_module(f"gansmith.commands.{module}"), name)(args)
    return code


def _overview() -> str:
    return f"""usage: gansmith COMMAND ...

Adversarial objectives whose mathematics is tested, games that generate and encode.

commands:
  train [RECIPE]            train a game on data; leaves a run folder with pictures, numbers and a page
  resume RUN                go on where a run stopped, exactly
  sample RUN                pictures from a trained run
  reconstruct RUN IMAGES    images beside their reconstructions, where the game encodes
  encode RUN IMAGES         the codes of images
  interpolate RUN A B       pictures on the way from one image to another
  evaluate RUN              numbers against held-out data; evaluate DIR --against DIR for any pictures
  report RUN                write the run's page anew
  verify                    measure the mathematics against closed forms
  recipes                   the recipes that there are

{EXAMPLES}
gansmith COMMAND --help says more.
"""


def _recipes(words: list[str]) -> int:
    from gansmith.runs.lookup import described

    parsers.recipes().parse_args(words)
    lines = described()
    width = max(map(len, lines))
    for name, line in lines.items():
        print(f"{name:{width}}  {line}")
    return 0


def _train(words: list[str]) -> int:
    from gansmith.runs import lookup as finding

    named = bool(words) and not words[0].startswith("-")
    name, rest = (words[0], words[1:]) if named else (_fitting(words), words)
    recipe = finding.find(name)
    parser, given = parsers.train(recipe.function, name, named)
    args = parser.parse_args(rest)
    from gansmith.commands import training

    return training.train(recipe, {key: getattr(args, key) for key in given}, args)


def _fitting(words: list[str]) -> str:
    """The recipe for the data that a command names; where it names none, or asks for help, the one for digits."""
    if "-h" in words or "--help" in words:
        return "ogan"
    args, _ = parsers.data().parse_known_args(words)
    from gansmith.commands import training

    return training.fitting(args)
