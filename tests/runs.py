"""What tests of commands share: flags that keep a run tiny, and a user's own recipes."""

import json
import subprocess
import sys
from pathlib import Path

ODD = "a [red]b[bold] 'q' \"é\" \x1b[1m\nend"
OF_IMAGES = {"dcgan", "photos"}
"""Recipes that take no vectors."""

TINY = ["--steps", "2", "--width", "16", "--batch", "16", "--device", "cpu", "--precision", "float32"]

OWN = """
from gansmith.recipes.gan import gan

def mine(data, steps: int = 3, *, width: int = 16, flat: bool = False):
    '''My own recipe.

    Arguments:
        width: how wide.
    '''
    return gan(data, steps, batch=16, width=width)

def other(data, steps: int = 3):
    return None

def broken(data, steps: int = 3):
    return undefined

def shapes(data, steps: int = 3):
    experiment = gan(data, steps, batch=16, width=16)
    experiment.stages[0].game.critic.scores = False
    return experiment

def bug(data, steps: int = 3):
    experiment = gan(data, steps, batch=16, width=16)
    experiment.stages[0].schedule = experiment.stages[0].dynamics.schedule = lambda *_: [][0]
    return experiment

def nan(data, steps: int = 3):
    experiment = gan(data, steps, batch=16, width=16)
    game, dynamics = experiment.stages[0].game, experiment.stages[0].dynamics
    def poison(step, optimizers):
        if step == 2:
            game.critic.body[0].weight.data.fill_(float("nan"))
    dynamics.schedule = poison
    return experiment
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def tampered(run: Path, **changes) -> Path:
    """Writes into run.json; ``a__b=3`` changes entry b of entry a, ``...`` takes it out."""
    file = run / "run.json"
    record = json.loads(file.read_text())
    for keys, value in changes.items():
        *path, last = keys.split("__")
        at = record
        for key in path:
            at = at[key]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    file.write_text(json.dumps(record))
    return run


def child(*words, code=None, **options):
    command = [sys.executable, *(["-c", code] if code else ["-m", "gansmith"]), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
