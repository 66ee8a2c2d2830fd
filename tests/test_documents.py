"""What README and docs name exists: modules, names, files, links, commands; and their Python runs as it stands."""

import ast
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from gansmith.commands import parsers
from gansmith.commands.cli import COMMANDS, main
from gansmith.report import save_png
from gansmith.runs.lookup import described, find
from gansmith.testing.oracles import CLAIMS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gansmith"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in DOCUMENTS}
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
INSIDE = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py") and path.stem.isidentifier()}
EXAMPLES = ("path/to/", "file.py", "recipe.py")
FILES = {"csv", "html", "jpg", "json", "jsonl", "md", "npy", "npz", "png", "pt", "py", "toml", "zip"}


def blocks(text):
    """Fenced Python, less its indentation, the number of its line with it."""
    for found in FENCE.finditer(text):
        if found[2] == "python":
            lines = found[3].splitlines()
            yield text[: found.start()].count("\n") + 2, "\n".join(line[len(found[1]) :] for line in lines)


def quoted(text):
    """What stands between backticks, outside fences; a double backtick is none of ours."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def resolve(dotted):
    """The object of a dotted name, under its place of today: an old module's name warns, which is an error here."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            found = getattr(found, part)
        return found
    raise AttributeError(f"no module of {dotted!r}")


def chain(node):
    """``gansmith.a.b`` of an expression; None of another."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) and node.id == "gansmith" else None


def named(code):
    """The dotted names of this package that a piece of Python imports or uses."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "gansmith")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gansmith":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and (name := chain(node)):
            yield name


def dotted(text):
    """Dotted names between backticks: ``gansmith.duel.Once``, or ``duel.Once`` for short."""
    for words in quoted(text):
        for name in re.findall(r"(?<![\w./-])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)", words):
            first, *_, last = name.split(".")
            if last not in FILES and (first == "gansmith" or first in INSIDE):
                yield name if first == "gansmith" else f"gansmith.{name}"


def files(text):
    """Paths between backticks that name a folder, a module, or another file of the repository."""
    for words in quoted(text):
        for path in re.findall(r"(?<![\w.:/-])([a-z_]+(?:/[\w]+)*(?:/|\.py\b(?!:)|\.md\b))", words):
            if not path.startswith(EXAMPLES):
                yield path


PYTHON = [(name, line, code) for name, text in TEXTS.items() for line, code in blocks(text)]


@pytest.mark.parametrize(("name", "line", "code"), PYTHON, ids=lambda value: str(value)[:30].split("\n")[0])
def test_python_can_be_read_and_names_what_there_is(name, line, code):
    compile(code, f"{name}:{line}", "exec")
    for each in named(code):
        resolve(each)


RECIPE = "# mine.py"
SHORTER = {r"minutes=10\b": "steps=2", r"steps=5000\b": "steps=2", r"range\(4000\)": "range(2)"}
"""How long the README trains, and how long a test does."""


def sections(text):
    """The Python of each part under a heading, as a reader pastes it: one block after the other."""
    for part in re.split(r"^## ", text, flags=re.MULTILINE):
        code = "\n".join(code for _, code in blocks(part) if not code.startswith(RECIPE))
        if code:
            yield part.split("\n")[0], code


RUNS = [
    pytest.param(code, id=f"{name}: {title}")
    for name, text in TEXTS.items()
    if name != "CONTRIBUTING.md"
    for title, code in sections(text)
]


@pytest.fixture
def photos(elsewhere):
    """The user's own folder of pictures, in the folder that is worked in."""
    pixels = np.random.default_rng(0).integers(0, 256, (80, 16, 16, 3), np.uint8)
    for number, picture in enumerate(pixels):
        save_png(Path("photos") / f"{number}.png", picture)
    return Path.cwd()


def shorter(code):
    for long, short in SHORTER.items():
        code = re.sub(long, short, code)
    return code


@pytest.mark.parametrize("code", RUNS)
def test_python_runs_as_it_stands_in_a_fresh_interpreter(code, photos):
    done = subprocess.run(
        [sys.executable, "-c", shorter(code)], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"save_png\(\"(.*?)\"", code)
    assert all((photos / name).stat().st_size > 100 for name in shown)
    assert shown or done.stdout


def test_each_way_to_train_in_the_readme_is_run_shorter():
    code = "\n".join(code for _, code in sections(TEXTS["README.md"]))
    assert len(re.findall(r"range\(|minutes=|steps=", code)) == len(re.findall("|".join(SHORTER), code)) >= 4


def test_the_recipe_of_the_readme_trains_and_opens(elsewhere, refused, capsys):
    text = TEXTS["README.md"]
    [recipe] = [code for _, code in blocks(text) if code.startswith(RECIPE)]
    Path("mine.py").write_text(recipe)
    train, sample = (
        shlex.split(line)[1:] for line in re.findall(r"^\.venv/bin/gansmith .*mine.*$", text, re.MULTILINE)
    )
    assert main([*train, "--steps", "2"]) == 0
    assert "--trust" in refused(*(word for word in sample if word != "--trust"))
    assert main(sample) == 0
    assert "64 pictures" in capsys.readouterr().out


LINES = [
    shlex.split(line, comments=True) for line in re.findall(r"^\.venv/bin/gansmith (.*)$", TEXTS["README.md"], re.M)
]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_every_command_of_the_readme_has_the_flags_that_it_names(words):
    command, *rest = words
    if command != "train":
        assert COMMANDS[command][1]().parse_args(rest)
        return
    named = not rest[0].startswith("-")
    recipe = {"mine.py:mine": "gan"}.get(rest[0], rest[0]) if named else "photos"
    parser, _ = parsers.train(find(recipe).function, recipe, named)
    assert parser.parse_args(rest[1:] if named else rest)


def test_the_list_of_recipes_says_when_to_take_which():
    openings = ("The default, for", "A good first choice", "As wgan-gp,", "Where ", "To study ", "To compare with: ")
    assert all(line.startswith(openings) for line in described().values())


@pytest.mark.parametrize("name", TEXTS)
def test_dotted_names_exist(name):
    for each in dotted(TEXTS[name]):
        resolve(each)


@pytest.mark.parametrize("name", TEXTS)
def test_files_exist(name):
    """From the root of the repository or of the package; in a row of a table that begins with a folder, from there."""
    missing = []
    for line in FENCE.sub("", TEXTS[name]).splitlines():
        row = re.match(r"\| `([a-z_]+/)`", line)
        places = [ROOT, PACKAGE, *([PACKAGE / row[1]] if row else [])]
        missing += [path for path in files(line) if not any((place / path).exists() for place in places)]
    assert set(missing) <= MADE


MADE = {"codes/", "generated/", "photos/", "points/", "real/"}
"""Folders that a user or a run makes."""


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    folder = ROOT if (ROOT / name).exists() else ROOT / "docs"
    for target in re.findall(r"\]\(([^)#\s]+)\)", FENCE.sub("", TEXTS[name])):
        assert "://" in target or (folder / target).exists(), target


@pytest.mark.parametrize("name", ["README.md", "design.md"])
def test_the_table_of_folders_names_every_folder(name):
    folders = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    found = {path for line in TEXTS[name].splitlines() if line.startswith("| `") for path in files(line)}
    left = folders - found
    assert left <= ({"disk/", "drawing/", "data/", "testing/"} if name == "README.md" else set())


def test_the_table_of_commands_names_every_command(capsys):
    [row] = re.findall(r"^\| `commands/` \| (.*) \|$", TEXTS["README.md"], re.MULTILINE)
    assert set(quoted(row)) == {"train", "recipes", *COMMANDS}
    assert main(["--help"]) == 0
    assert set(quoted(row)) <= set(re.findall(r"^  ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))


def test_the_readme_counts_the_claims_between_marks():
    [said] = re.findall(r"<!-- claims -->measures ([\d,]+) claims<!-- end claims -->", TEXTS["README.md"])
    assert int(said.replace(",", "")) == len(CLAIMS)


def test_a_script_writes_the_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    claims = import_module("claims")
    copy = tmp_path / "README.md"
    copy.write_text(TEXTS["README.md"], encoding="utf-8")
    claims.count(1234, copy)
    after = copy.read_text(encoding="utf-8")
    assert "<!-- claims -->measures 1,234 claims<!-- end claims -->" in after
    claims.count(len(CLAIMS), copy)
    assert copy.read_text(encoding="utf-8") == TEXTS["README.md"]
    with pytest.raises(ValueError, match="needs marks named claims"):
        claims.count(1, ROOT / "LICENSE")
    for module in ("claims", "results"):
        monkeypatch.delitem(sys.modules, module)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("names", "`gansmith.nothing`"),
        ("names", "`gansmith.conflicts.warn`"),
        ("names", "`duel.Twice`"),
        ("code", "from gansmith.duel import Twice"),
        ("code", "import gansmith\ngansmith.forget()"),
        ("files", "`dynamics/kept.py`"),
    ],
)
def test_a_wrong_name_is_seen(kind, text):
    if kind == "files":
        assert not any((place / path).exists() for path in files(text) for place in (ROOT, PACKAGE))
        return
    found = list(dotted(text) if kind == "names" else named(text))
    with pytest.raises((AttributeError, DeprecationWarning)):
        [resolve(name) for name in found]
