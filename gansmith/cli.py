"""The command line: parses, calls, prints. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from gansmith import __version__
from gansmith.refusal import Refusal, out_of_memory

EXAMPLES = """examples:
  gansmith train                                  an O-GAN on handwritten digits, in minutes
  gansmith train r3 --data photos/ --minutes 10   your own images
  gansmith resume runs/r3-photos-1                go on where it stopped
  gansmith sample runs/r3-photos-1 -n 16          pictures from a trained run
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest right flag."""

    def __init__(self, **texts: str) -> None:
        super().__init__(
            prog=texts["prog"],
            usage=texts.get("usage"),
            description=texts["description"],
            epilog=texts["epilog"],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise Refusal(message + self._hint(message))

    def _hint(self, message: str) -> str:
        if message.startswith("unrecognized arguments: "):
            word = re.split(r"[\s=]", message.split(": ", 1)[1])[0]
            near = difflib.get_close_matches(word, self._option_string_actions, 1, 0.6)
            if near:
                return f": did you mean {near[0]}?"
            if not word.startswith("-") and "train" in self.prog:
                return f": a recipe comes first, as in {self.prog.split()[0]} train {word}"
        return f" (see {self.prog} --help)"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0, 2 for a wrong call or input, 3 where training diverged, 130 for Ctrl-C.

    A mistake of ours keeps its traceback; GANSMITH_DEBUG=1 shows that of a refusal, too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what the terminal cannot show
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return _say("interrupted; what was saved last is whole", 130)
    except (Refusal, FloatingPointError, OSError, MemoryError, RuntimeError) as error:
        if os.environ.get("GANSMITH_DEBUG"):
            raise
        if isinstance(error, (Refusal, FloatingPointError)):
            return _say(str(error), 2 if isinstance(error, Refusal) else 3)
        if isinstance(error, OSError):
            file = f"{error.filename}: " if error.filename else ""
            return _say(f"{file}{error.strerror or error}; what was saved before is whole", 2)
        if out_of_memory(error):
            return _say("not enough memory: take a smaller --batch, --width, --latent or -n", 2)
        raise


def _say(message: str, code: int) -> int:
    """One line, whatever characters a file's name has."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    print(f"gansmith: {line}", file=sys.stderr)
    return code


def _run(words: list[str]) -> int:
    try:
        return _command(words)
    except SystemExit as end:  # argparse has shown a help
        return int(end.code or 0)


def _command(words: list[str]) -> int:
    commands = {"train": _train, "resume": _resume, "sample": _sample, "reconstruct": _reconstruct}
    if not words or words[0] in ("-h", "--help"):
        print(_overview(), end="")
        return 0
    if words[0] == "--version":
        print(f"gansmith {__version__}")
        return 0
    if words[0] == "recipes":
        return _recipes(words[1:])
    if words[0] not in commands:
        near = difflib.get_close_matches(words[0], [*commands, "recipes"], 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "see gansmith --help"
        raise Refusal(f"no command {words[0]!r}: {hint}")
    return commands[words[0]](words[1:])


def _overview() -> str:
    return f"""usage: gansmith COMMAND ...

Adversarial objectives whose mathematics is tested, games that generate and encode.

commands:
  train [RECIPE]            train a game on data; leaves a run folder with pictures and numbers
  resume RUN                go on where a run stopped, exactly
  sample RUN                pictures from a trained run
  reconstruct RUN IMAGES    images beside their reconstructions, where the game encodes
  recipes                   the recipes that there are

{EXAMPLES}
gansmith COMMAND --help says more.
"""


def _recipes(words: list[str]) -> int:
    from gansmith.finding import described

    parser = Parser(
        prog="gansmith recipes",
        description="The built-in recipes; each is a function whose arguments are flags of train.",
        epilog="example:\n  gansmith recipes\n  gansmith train wgan-gp --help",
    )
    parser.parse_args(words)
    found = described()
    width = max(map(len, found))
    for name, line in found.items():
        print(f"{name:{width}}  {line}")
    return 0


def _train(words: list[str]) -> int:
    from gansmith import finding, flags

    named = bool(words) and not words[0].startswith("-")
    name, rest = (words[0], words[1:]) if named else ("ogan", words)
    recipe = finding.find(name)
    parser = Parser(
        prog=f"gansmith train {name}" if named else "gansmith train",
        usage="gansmith train [RECIPE] [--data D] [--steps N | --minutes M] [--out RUN] [--seed S] [...]",
        description=flags.summary(recipe.function),
        epilog=flags.examples(recipe.function, name) + "\n\ngansmith recipes lists the recipes; ogan is the default.",
    )
    _add_data(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=flags.count, help=f"rounds (default: {flags.default(recipe.function, 'steps')})"
    )
    length.add_argument("--minutes", type=flags.positive, help="train about this long; the steps are planned from 50")
    parser.add_argument("--seed", type=flags.seed, default=0, help="of all randomness (default: 0)")
    parser.add_argument("--out", metavar="RUN", help="the run folder, a new one (default: runs/RECIPE-DATA-1, -2, ...)")
    _add_machine(parser)
    given = flags.add(parser, recipe.function)
    found = parser.parse_args(rest)
    from gansmith import commands

    arguments = {key: getattr(found, key) for key in given}
    return commands.train(recipe, arguments, found)


def _resume(words: list[str]) -> int:
    from gansmith import flags

    parser = Parser(
        prog="gansmith resume",
        description="Goes on where a run stopped or was killed. The result is the same, bit for bit.",
        epilog="example:\n  gansmith resume runs/ogan-digits-1",
    )
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("--steps", type=flags.count, help="go on to this step instead (schedules stretch with it)")
    parser.add_argument("--data", help="where the data lie now, if they were moved")
    parser.add_argument("--device", help="auto, cpu, cuda, ... (default: the one that the run began on)")
    _add_checkpoint(parser)
    _add_trust(parser)
    asked = parser.parse_args(words)
    from gansmith import commands

    return commands.resume(asked)


def _sample(words: list[str]) -> int:
    from gansmith import flags

    parser = Parser(
        prog="gansmith sample",
        description="Pictures from a trained run's averaged generator: DIR/000000.png, ..., and DIR/grid.png.",
        epilog="example:\n  gansmith sample runs/ogan-digits-1 -n 16 --seed 3 -o pictures",
    )
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("-n", type=flags.count, default=64, help="how many (default: 64)")
    parser.add_argument("--seed", type=flags.seed, default=0, help="of the latents (default: 0)")
    _add_output(parser, "sampled")
    _add_trust(parser)
    asked = parser.parse_args(words)
    from gansmith import commands

    return commands.sample(asked)


def _reconstruct(words: list[str]) -> int:
    from gansmith import flags

    parser = Parser(
        prog="gansmith reconstruct",
        description="Encodes images and decodes the codes: pairs side by side, and the errors.",
        epilog="example:\n  gansmith reconstruct runs/ogan-digits-1 my-digits/ -o pairs",
    )
    parser.add_argument("run", metavar="RUN", help="a run folder of a game that encodes")
    parser.add_argument("images", metavar="IMAGES", help="an image, or any form that --data takes")
    parser.add_argument("-n", type=flags.count, default=64, help="of the first so many images (default: 64)")
    parser.add_argument(
        "--truncation", type=flags.factor, default=1.0, help="shrinks codes to smoother pictures (default: 1)"
    )
    _add_output(parser, "reconstructed")
    _add_trust(parser)
    asked = parser.parse_args(words)
    from gansmith import commands

    return commands.reconstruct(asked)


def _add_data(parser: Parser) -> None:
    parser.add_argument(
        "--data", default="digits", help="digits, ring, grid, a folder of images, an IDX or .npz file (default: digits)"
    )
    parser.add_argument("--size", type=int, help="side of the pictures in pixels, 8, 16, 32, 64 or 128")


def _add_machine(parser: Parser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"), help="default: auto")
    _add_checkpoint(parser)


def _add_checkpoint(parser: Parser) -> None:
    from gansmith import flags

    parser.add_argument(
        "--checkpoint-every",
        type=flags.positive,
        default=20.0,
        metavar="SECONDS",
        help="between checkpoints (default: 20)",
    )


def _add_output(parser: Parser, name: str) -> None:
    parser.add_argument("-o", "--out", metavar="DIR", help=f"a new folder (default: RUN/{name}-1, -2, ...)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")


def _add_trust(parser: Parser) -> None:
    parser.add_argument("--trust", action="store_true", help="run the recipe file that the run was made with")
