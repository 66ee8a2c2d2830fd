"""What tests of commands share: flags that keep a run tiny, and a user's own recipes."""

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
