"""The parsers of the commands: flags, help and examples; nothing heavy is imported."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from gansmith.refusal import Refusal
from gansmith.runs import flags


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
            if Path(word).exists() and "--data" in self._option_string_actions:
                return f": to train on it, --data {word}"
            if not word.startswith("-") and "train" in self.prog:
                return f": a recipe comes first, as in {self.prog.split()[0]} train {word}"
        return f" (see {self.prog} --help)"


def recipes() -> Parser:
    return Parser(
        prog="gansmith recipes",
        description="The built-in recipes; each is a function whose arguments are flags of train.",
        epilog="example:\n  gansmith recipes\n  gansmith train wgan-gp --help",
    )


def data() -> Parser:
    """The parser of what says which data, before a recipe is chosen for them."""
    parser = Parser(prog="gansmith train", description="", epilog="")
    _add_data(parser)
    _add_out(parser)
    _add_start(parser)
    return parser


def train(recipe: Callable[..., Any], name: str, named: bool) -> tuple[Parser, list[str]]:
    """The parser for a recipe, and the names of the recipe's own arguments."""
    parser = Parser(
        prog=f"gansmith train {name}" if named else "gansmith train",
        usage="gansmith train [RECIPE] [--data D] [--steps N | --minutes M] [--out RUN] [--seed S] [...]",
        description=flags.summary(recipe),
        epilog=flags.examples(recipe, name) + "\n\ngansmith recipes lists the recipes; the default is\n"
        "photos for color pictures, and ogan for others.",
    )
    _add_data(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=flags.count, help=f"rounds (default: {flags.default(recipe, 'steps')})")
    length.add_argument("--minutes", type=flags.positive, help="train about this long; some trial rounds plan it")
    parser.add_argument("--seed", type=flags.seed, default=0, help="of all randomness (default: 0)")
    _add_out(parser)
    _add_start(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"), help="default: auto")
    _add_checkpoint(parser)
    return parser, flags.add(parser, recipe)


def resume() -> Parser:
    parser = Parser(
        prog="gansmith resume",
        description="Goes on where a run stopped or was killed. The result is the same, bit for bit.",
        epilog="examples:\n  gansmith resume runs/ogan-digits-1\n  gansmith resume runs/photos-pictures-1 --minutes 30",
    )
    _add_run(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=flags.count, help="go on to this step instead (schedules stretch with it)")
    length.add_argument("--more", type=flags.count, metavar="N", help="go on for so many rounds from here instead")
    length.add_argument("--minutes", type=flags.positive, metavar="M", help="go on about this long from here instead")
    _add_moved(parser)
    parser.add_argument("--device", help="auto, cpu, cuda, ... (default: the one that the run began on)")
    _add_checkpoint(parser)
    _add_trust(parser)
    return parser


def sample() -> Parser:
    parser = Parser(
        prog="gansmith sample",
        description="Pictures from a trained run's averaged generator: DIR/000000.png, ..., and DIR/grid.png.",
        epilog="example:\n  gansmith sample runs/ogan-digits-1 -n 16 --seed 3 -o pictures",
    )
    _add_run(parser)
    parser.add_argument("-n", type=flags.count, default=64, help="how many (default: 64)")
    parser.add_argument("--seed", type=flags.seed, default=0, help="of the latents (default: 0)")
    _add_output(parser, "sampled")
    return parser


def reconstruct() -> Parser:
    parser = Parser(
        prog="gansmith reconstruct",
        description="Encodes images and decodes the codes: pairs side by side, and the errors.",
        epilog="example:\n  gansmith reconstruct runs/ogan-digits-1 my-digits/ -o pairs",
    )
    _add_run(parser, "a run folder of a game that encodes")
    _add_images(parser, "images")
    _add_strict(parser)
    parser.add_argument("-n", type=flags.count, default=64, help="of the first so many images (default: 64)")
    parser.add_argument(
        "--truncation", type=flags.factor, default=1.0, help="shrinks codes to smoother pictures (default: 1)"
    )
    _add_output(parser, "reconstructed")
    return parser


def encode() -> Parser:
    parser = Parser(
        prog="gansmith encode",
        description="The codes of images: an .npz file of arrays codes (n, d), names (n,), and labels where there are.",
        epilog="example:\n  gansmith encode runs/ogan-digits-1 my-digits/ -o codes.npz",
    )
    _add_run(parser, "a run folder of a game that encodes")
    _add_images(parser, "images")
    _add_strict(parser)
    parser.add_argument("-o", "--out", metavar="FILE", help="a new file (default: RUN/encoded-1/codes.npz, -2, ...)")
    _add_best(parser)
    _add_device(parser)
    _add_trust(parser)
    return parser


def interpolate() -> Parser:
    parser = Parser(
        prog="gansmith interpolate",
        description="Pictures on the way from image A to image B; with several images a row for each pair.",
        epilog="example:\n  gansmith interpolate runs/ogan-digits-1 one.png seven.png --steps 8 -o between",
    )
    _add_run(parser, "a run folder of a game that encodes")
    _add_images(parser, "a")
    _add_images(parser, "b")
    _add_strict(parser)
    parser.add_argument("--steps", type=flags.count, default=12, help="pictures between the two (default: 12)")
    parser.add_argument("-n", type=flags.count, default=8, help="at most so many pairs (default: 8)")
    _add_output(parser, "interpolated")
    return parser


def evaluate() -> Parser:
    parser = Parser(
        prog="gansmith evaluate",
        description="Numbers for a run against its held-out data, or for a folder of pictures against another.\n"
        "Beside each value stand its 95 % interval and that of real pictures against real ones.\n"
        "-n also says how many samples of a run are measured (default: as many as were held out, to 10,000).",
        epilog="examples:\n  gansmith evaluate runs/ogan-digits-1\n"
        "  gansmith evaluate generated/ --against photos/ --features inception --json",
    )
    parser.add_argument("what", metavar="RUN|DIR", help="a run folder, or any form of images that --data takes")
    against = parser.add_mutually_exclusive_group()
    against.add_argument("--data", help="for a run: where its data lie now, if they were moved")
    parser.add_argument("--labels", metavar="FILE", help="for a run: where its file of labels lies now")
    against.add_argument(
        "--against",
        metavar="DIR",
        help="for images: the real ones, in any form that --data takes, or an .npz file with their mu and sigma",
    )
    parser.add_argument(
        "--features",
        default=None,
        help="pixels, random, digits, objects, inception, dinov2, or module:callable with --trust (default: what fits)",
    )
    parser.add_argument("-n", type=flags.count, help="pictures on each side (default: all; all pairs of 10,000)")
    parser.add_argument(
        "--size", type=flags.size, help="side of the pictures in pixels, as 96x64, or median (default: a square)"
    )
    parser.add_argument("--crop", default="center", choices=CROPS, help="how others get that shape (default: center)")
    _add_strict(parser)
    parser.add_argument("--seed", type=flags.seed, default=0, help="of samples and choices (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")
    parser.add_argument("-o", "--out", metavar="FILE", help="also write the numbers into a new JSON file")
    _add_best(parser)
    _add_device(parser)
    _add_trust(parser, "run the run's recipe file, and load module:callable")
    return parser


def report() -> Parser:
    parser = Parser(
        prog="gansmith report",
        description="Writes RUN/report.html anew: one page of pictures, curves, numbers and advice.",
        epilog="examples:\n  gansmith report runs/ogan-digits-1\n  gansmith report runs/ogan-digits-1 --gif growth.gif",
    )
    _add_run(parser)
    parser.add_argument("--gif", metavar="FILE", help="only write how the samples grew, as an animation: a new file")
    _add_moved(parser)
    _add_device(parser)
    _add_trust(parser)
    return parser


def verify() -> Parser:
    parser = Parser(
        prog="gansmith verify",
        description="Measures the library's mathematics: a row for each claim, with the error against a closed form\n"
        "or an independent computation. The exit code is 1 if a claim fails.",
        epilog="examples:\n  gansmith verify\n  gansmith verify --only hinge --json",
    )
    parser.add_argument(
        "--only",
        metavar="WORD",
        help="only claims with this in their statement or source: hinge, f-gan, mcgan, mmd, dirac, rotation, ...",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")
    return parser


CROPS = ("center", "pad", "stretch")


def _add_data(parser: Parser) -> None:
    parser.add_argument(
        "--data",
        default="digits",
        help="digits, ring, grid, mnist, fashion-mnist, cifar10, hf:NAME, a folder, .zip or .tar of images (with "
        "sub-folders as classes), an .npy, .npz, .csv or IDX file (default: digits)",
    )
    parser.add_argument(
        "--size",
        type=flags.size,
        help="side of the pictures in pixels, 8, 16, 32, 64, 128 or 256; width and height, as 96x64; or median, for "
        "the proportions that they have",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="labels by file name (a table, dataset.json) or in order (.npy, .npz, IDX)"
    )
    parser.add_argument("--label-column", metavar="NAME", help="the column of labels, where a table has several")
    parser.add_argument("--limit", type=flags.count, help="take at most so many samples")
    parser.add_argument("--crop", default="center", choices=CROPS, help="how pictures get that shape (default: center)")
    parser.add_argument(
        "--range",
        dest="value_range",
        type=flags.pair,
        metavar="A,B",
        help="the values that become black and white (default: 0,255; for pictures of more than 8 bits one that is "
        "found); --range=A,B if A is negative",
    )
    parser.add_argument(
        "--held-out",
        type=flags.share,
        metavar="SHARE",
        help="of the samples, kept for the numbers: 0.3 of a few hundred (default: the data's own split, or 0.1)",
    )
    parser.add_argument(
        "--alpha", action="store_true", help="keep transparency as a fourth channel (default: pictures on white)"
    )
    parser.add_argument("--first-page", action="store_true", help="take the first page of a TIFF alone")
    _add_strict(parser)
    parser.add_argument("--flip", action="store_true", help="mirror training pictures left to right at random")
    parser.add_argument(
        "--shift", type=flags.whole, default=0, metavar="PIXELS", help="move training pictures at random (default: 0)"
    )


def _add_out(parser: Parser) -> None:
    parser.add_argument("--out", metavar="RUN", help="the run folder, a new one (default: runs/RECIPE-DATA-1, -2, ...)")


def _add_start(parser: Parser) -> None:
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="RUN",
        help="begin with the networks of a run, by its recipe and size; 'clothes': with some that come with gansmith; "
        "'scratch': with none (default: clothes for photos of 64 pixels in color, otherwise none)",
    )


def _add_moved(parser: Parser) -> None:
    parser.add_argument("--data", help="where the data lie now, if they were moved")
    parser.add_argument("--labels", metavar="FILE", help="where the file of labels lies now, if it was moved")


def _add_run(parser: Parser, what: str = "a run folder") -> None:
    parser.add_argument("run", metavar="RUN", help=what)


def _add_images(parser: Parser, name: str) -> None:
    parser.add_argument(name, metavar=name.upper(), help="an image, or any form of images that --data takes")


def _add_strict(parser: Parser) -> None:
    parser.add_argument("--strict", action="store_true", help="refuse data with files that cannot be used")


def _add_best(parser: Parser) -> None:
    parser.add_argument(
        "--best", action="store_true", help="at the step whose samples came nearest to the training pictures"
    )


def _add_device(parser: Parser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")


def _add_checkpoint(parser: Parser) -> None:
    parser.add_argument(
        "--checkpoint-every",
        type=flags.positive,
        metavar="SECONDS",
        help="between checkpoints (default: 20, and more for large ones: at most 2 GB an hour are written)",
    )


def _add_output(parser: Parser, name: str) -> None:
    parser.add_argument("-o", "--out", metavar="DIR", help=f"a new folder (default: RUN/{name}-1, -2, ...)")
    _add_best(parser)
    _add_device(parser)
    _add_trust(parser)


def _add_trust(parser: Parser, what: str = "run the recipe file that the run was made with") -> None:
    parser.add_argument("--trust", action="store_true", help=what)
