"""What is wrong with a run, in plain sentences, each with what helps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gansmith.counting import counted
from gansmith.disk.json_files import is_number
from gansmith.examinations.classes import RARE
from gansmith.sides import written

Line = Mapping[str, Any]

RUNAWAY = 1000.0  # scores of real and fake farther apart than this
SURE = 0.05  # the critic's doubt below which it is saturated
LEARNED = 0.8  # of a critic's judgement, the part that holds for training samples only
NARROW = 0.5  # diversity of fakes over that of reals
REPEATED = 0.25  # near duplicates among samples, beyond those among real ones
CLOSE, CERTAIN = 0.9, -3.0  # distance to training samples, beside that of unseen real ones; C_T
FEW = 500  # training samples
AUGMENTED = 1000  # training samples below which `photos` changes them at random by itself where it does not adapt
SEEN, LEAST = 9_600, 6_400  # pictures seen in training: for silhouettes of 64 pixels; in any size
FAR, APART = 0.3, 4.0  # coverage beside that of real ones, and Frechet distance: beyond these samples are far
AT_HOME = 4  # part of the least that are of the run's own collection
PATIENT = 20  # times as many pictures, after which what is still far is no matter of time


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: ``diverged``, ``too early``, ``far``, ``saturated``, ``overfits``, ``collapsed``, ``duplicates``,
            ``copies``, ``leak`` or ``little data``.
        sentence: what is seen, with its numbers.
        remedy: what helps.
    """

    kind: str
    sentence: str
    remedy: str


def health(log: Sequence[Line], monitor: Sequence[Line], metrics: Line, record: Line) -> list[Finding]:
    r"""What is wrong with a run; nothing where nothing is.

    A state of training counts where it holds in three quarters of the looks of the run's last quarter. With the mean
    scores t of training samples, h of held-out samples and f of fakes:

    - diverged: the run said so, a last value is not finite, or :math:`t - f > 1000`. No other finding is made then.
    - too early: of pictures with s pixels a side the networks have seen fewer than :math:`9600\,(s/64)^2`, or 6,400;
      or fewer than twenty times as many, and samples are far: coverage is below 0.3 of that of real ones, or the
      Frechet distance more than four times theirs (clothes of 64 pixels: 5.5 after five minutes, silhouettes; 44 for
      blobs). What a run saw that this one began with counts, too, but a quarter of the least are to be of these data.
      It is then not called a lack of data, and as long as fewer than the least were seen not a collapse.
    - far: coverage is below 0.3 of that of real ones after twenty times as many pictures.
    - saturated: the critic's doubt is below 0.05. Every run provoked into it lost classes; with R1 the doubt stays
      above 0.15 even against a generator that makes one picture only.
    - overfits: :math:`(t - h) / (t - f) > 0.8`, and t - h exceeds two standard errors. Measured on digits: 0.3 to 0.6
      from 800 training images or more, 0.6 to 0.9 from 400, 0.8 to 1.1 from 200, 1.0 to 1.7 from 100 or fewer.
    - collapsed: fakes lie less than half as far apart as reals (0.9 to 1 is usual), or a class has less than a tenth
      of its share among the real samples.
    - duplicates: a quarter of the samples, beyond the share among real ones (digits: none from all, 20 % from 40,
      99 % from 8).
    - leak: the nearest training sample of half of the held-out ones is a copy.
    - copies: :math:`C_T < -3`, and the ratio of the distances to the nearest training and held-out image is less than
      0.9 of what it is for real images (digits: 1.2 from all, 0.9 from 100, 0.7 from 40, 0.3 from 8); where too few
      were held out for C_T, less than a half.
    - little data: fewer than 500 training samples, or too few held out to measure.

    A loss that rises or falls is no fault.

    Arguments:
        log: lines of ``log.jsonl``.
        monitor: lines of ``monitor.jsonl``.
        metrics: ``metrics.json``.
        record: ``run.json``.

    References:
        Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
        https://arxiv.org/abs/2006.06676, equation (1).
        A Non-Parametric Test to Detect Data-Copying in Generative Models, Meehan, Chaudhuri and Dasgupta, 2020,
        https://arxiv.org/abs/2004.05675.

    Example:
        >>> [finding.kind for finding in health([], [], {"split": {"train": 40}}, {"status": "finished"})]
        ['little data']
    """
    late = _late(monitor)
    lost = _diverged(log, late, record)
    findings = [lost]
    if lost is None:
        seen = _seen(record)
        early, far = (None, None) if seen is None else (_early(seen, _is_far(metrics)), _far(seen, metrics))
        begun = seen is None or seen.pictures >= seen.needed
        findings = [early, _saturated(late), _overfits(late, metrics, record)]
        findings += [*_collapsed(late, metrics), _duplicates(metrics)] if begun else []
        findings += [None if early else far, _copies(metrics), _leak(metrics), None if early else _little(metrics)]
    return [replace(f, remedy=_with_flags(f.remedy, record.get("arguments"))) for f in findings if f is not None]


def _with_flags(remedy: str, arguments: Any) -> str:
    """A remedy that names only flags of the run's own recipe; some recipes call their penalty otherwise."""
    if not isinstance(arguments, Mapping):
        return remedy

    def flag(match: re.Match[str]) -> str:
        names = ("gamma", "penalty") if match[1] == "gamma" else (match[1],)
        return next((f" (--{name})" for name in names if name in arguments), "")

    return re.sub(r" \(--(\w+)\)", flag, remedy)


def _diverged(log: Sequence[Line], late: Sequence[Line], record: Line) -> Finding | None:
    last = [line[-1] for line in (log, late) if line]
    names = [
        k for line in last for k, v in line.items() if v is None or (isinstance(v, float) and not math.isfinite(v))
    ]
    gap = _gap(late[-1], "score/train", "score/fake") if late else None
    if record.get("status") == "diverged":
        step = log[-1].get("step") if log else None
        sentence = "Diverged: a loss or a gradient became infinite" + (f" after step {step:,}." if step else ".")
    elif names:
        sentence = f"Diverged: {names[0]} is not a finite number at the end."
    elif gap is not None and gap > RUNAWAY:
        sentence = f"Diverged: the critic's scores ran away, {gap:,.0f} lie between training samples and fakes."
    else:
        return None
    return Finding("diverged", sentence, "Take a learning rate ten times smaller (--rate), or more penalty (--gamma).")


@dataclass(frozen=True)
class _Seen:
    """How many pictures of this size the networks have seen, those of a run that they began with too; how many of them
    were this run's own; and how many are the least."""

    pictures: int
    own: int
    needed: int
    sides: tuple[int, int]

    @property
    def of_these(self) -> int:
        """Pictures that count for these data: what was learned of others is worth the least of them, at most."""
        return self.own + min(self.pictures - self.own, self.needed)

    def __str__(self) -> str:
        return f"{counted(self.pictures, 'picture')} of {written(self.sides)} pixels"


def _seen(record: Line) -> _Seen | None:
    """What a run on pictures has seen, with what the one saw that it began with; None of other runs."""
    shape, batch, step = (_entry(record, *path) for path in (("data", "shape"), ("arguments", "batch"), ("step",)))
    if not (isinstance(shape, (list, tuple)) and len(shape) == 3 and type(batch) is int and type(step) is int):
        return None
    height, width = shape[1:]
    before = _entry(record, "from", "pictures")
    needed = max(LEAST, SEEN * height * width // 64**2)
    own = batch * step
    return _Seen(own + (before if type(before) is int else 0), own, needed, (height, width))


def _is_far(metrics: Line) -> bool:
    """Whether samples are far from real ones, by either number."""
    covered, distance = (
        _ratio(metrics, "metrics", name, "value", over="floor") for name in ("coverage", "frechet_distance")
    )
    return (covered is not None and covered < FAR) or (distance is not None and distance > APART)


def _far(seen: _Seen, metrics: Line) -> Finding | None:
    """Few real pictures have a sample near them, after a long time; a distance alone may be that of good samples."""
    covered = _ratio(metrics, "metrics", "coverage", "value", over="floor")
    if covered is None or covered >= FAR:
        return None
    return Finding(
        "far",
        f"Samples are far from real ones: their coverage is {covered:.0%} of that of real ones, after {seen}.",
        "More time alone will hardly help: try another recipe (gansmith recipes), wider networks (--width), smaller "
        "pictures (--size) or more training images.",
    )


def _early(seen: _Seen, far: bool) -> Finding | None:
    """Too few pictures for their size, or so few that samples need not yet be near real ones."""
    if seen.pictures < seen.needed:
        why = f"where {seen.needed:,} are the least"
    elif far and seen.of_these < PATIENT * seen.needed:
        why = "and samples are still far from real ones"
    elif seen.own < seen.needed // AT_HOME:
        why = f"but only {seen.own:,} of these"
    else:
        return None
    height, width = seen.sides
    half = written((height // 2, width // 2))
    smaller = f", or take smaller pictures (--size {half})" if min(height, width) > 32 else ""
    return Finding(
        "too early",
        f"Too early to judge: the networks have seen {seen}, {why}.",
        f"Train longer (gansmith resume RUN --minutes 30){smaller}.",
    )


def _entry(values: Any, *path: str) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _saturated(late: Sequence[Line]) -> Finding | None:
    doubts = [_number(line, "doubt") for line in late]
    if not _mostly([d is not None and d < SURE for d in doubts]):
        return None
    return Finding(
        "saturated",
        f"The critic is saturated: it tells real from fake so surely (it gives the wrong answer "
        f"{_middle(doubts):.1%} of its trust, where 50 % is a coin toss) that the generator has nothing to learn from.",
        "Add a penalty on the critic's slope, or a stronger one (--gamma), and give it one move a round.",
    )


def _overfits(late: Sequence[Line], metrics: Line, record: Line) -> Finding | None:
    parts = [_learned(line) for line in late]
    if not _mostly([part is not None and part > LEARNED for part in parts]):
        return None
    part = _middle(parts)
    words = (
        "it scores real samples that it has not seen no higher than fakes."
        if part >= 1
        else f"of the gap in scores between them and fakes {part:.0%} lies between them and real samples that it "
        "has not seen."
    )
    cures = ["Add training images", *([] if _is_mirrored(record) else ["mirror them"])]
    cures += ["change them at random (--augment)"] if _is_plain(metrics, record) else []
    return Finding(
        "overfits",
        f"The critic overfits: it knows the training samples by heart; {words}",
        f"{', or '.join(cures)}; otherwise take more penalty (--gamma), narrower networks (--width), or fewer steps.",
    )


def _is_mirrored(record: Line) -> bool:
    """Whether training pictures are mirrored at random: asked for, or as `photos` does of its own in color."""
    arguments, shape = _entry(record, "arguments") or {}, _entry(record, "data", "shape") or [0]
    by_itself = "mirror" in arguments and arguments["mirror"] is None and shape[0] >= 3
    return bool(_entry(record, "data", "flip") or arguments.get("mirror") or by_itself)


def _is_plain(metrics: Line, record: Line) -> bool:
    """Whether pictures could be changed at random before the critic sees them, and are not."""
    arguments, train = _entry(record, "arguments") or {}, _number(metrics, "split", "train")
    changed = any(arguments.get(name) for name in ("augment", "adaptive", "cutout"))
    changed = changed or (arguments.get("augment") is None and arguments.get("adaptive", False) is None)
    by_itself = arguments.get("augment") is None and train is not None and train < AUGMENTED
    return "augment" in arguments and not (changed or by_itself)


def _collapsed(late: Sequence[Line], metrics: Line) -> list[Finding | None]:
    remedy = "Take a smaller learning rate (--rate), more penalty (--gamma), or a larger batch (--batch)."
    ratio = _ratio(metrics, "metrics", "diversity", "value", over="floor")
    diversity = [_number(line, "diversity") for line in late]
    if ratio is None and _mostly([d is not None and d < NARROW for d in diversity]):
        ratio = _middle(diversity)
    findings: list[Finding | None] = []
    if ratio is not None and ratio < NARROW:
        sentence = f"Collapsed: samples are alike, they lie only {ratio:.0%} as far apart as real ones."
        findings.append(Finding("collapsed", sentence, remedy))
    missing, classes = _missing(metrics)
    if missing:
        names = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        kept = classes - len(missing)
        sentence = f"Collapsed to {kept} of {counted(classes, 'class', 'classes')}: hardly a sample is of {names}."
        findings.append(Finding("collapsed", sentence, remedy))
    return findings


def _missing(metrics: Line) -> tuple[list[str], int]:
    """The classes that have less than a tenth of their share among real samples, and the number of classes.

    A class of which chance alone could leave out all is not counted.
    """
    classes = metrics.get("classes")
    shares = classes.get("shares") if isinstance(classes, Mapping) else None
    if not isinstance(classes, Mapping) or not isinstance(shares, Mapping) or not shares:
        return [], 0
    real = classes.get("real_shares")
    names = classes.get("names")
    samples = _number(metrics, "samples") or 2000
    missing = []
    for i, key in enumerate(shares):
        real_share = _number(real, key) if isinstance(real, Mapping) else None
        expected = 1 / len(shares) if real_share is None else real_share
        share = _number(shares, key)
        if share is not None and share < RARE * expected and samples * expected >= 20:
            missing.append(str(names[i]) if isinstance(names, list) and len(names) == len(shares) else str(key))
    return missing, len(shares)


def _duplicates(metrics: Line) -> Finding | None:
    share, floor = _number(metrics, "duplicates", "share"), _number(metrics, "duplicates", "floor") or 0.0
    if share is None or share < floor + REPEATED:
        return None
    return Finding(
        "duplicates",
        f"{share:.0%} of the samples are near duplicates of others (of real ones {floor:.0%}).",
        "Take a larger latent (--latent) or more training images; the remedies of a collapse help too.",
    )


def _copies(metrics: Line) -> Finding | None:
    ratio = _ratio(metrics, "memorization", "nearest_ratio", over="floor")
    certain = _number(metrics, "memorization", "c_t")
    if certain is None:
        near = ratio is not None and ratio < 0.5
    else:
        near = ratio is not None and ratio < CLOSE and certain < CERTAIN
    if ratio is None or not near:
        return None
    pairs = _entry(metrics, "memorization", "closest")
    entries = [_entry(pair, "name") for pair in (pairs if isinstance(pairs, list) else ())]
    names = [name for name in entries if isinstance(name, str)]
    nearest = f" Nearest to one: {', '.join(names[:3])}." if names else ""
    degree = "are copies of training images" if ratio < 0.5 else "lean on single training images"
    return Finding(
        "copies",
        f"Samples {degree}: beside held-out images they lie nearer to training images than unseen real ones do, "
        f"{ratio:.0%} as far.{nearest}",
        "Add training images; take fewer steps, more penalty (--gamma) or narrower networks (--width). "
        "Look at the samples before you give them away.",
    )


def _leak(metrics: Line) -> Finding | None:
    """Held-out samples that lie in the training set: what is measured against them is too good."""
    if _number(metrics, "memorization", "floor") != 0:
        return None
    return Finding(
        "leak",
        "Half or more of the held-out samples are in the training set, too: what is measured against them is too good.",
        "Remove duplicates from the data.",
    )


def _little(metrics: Line) -> Finding | None:
    n = _number(metrics, "split", "train")
    remedy = "Add images: a few thousand make all numbers on this page mean something."
    if n is not None and n < FEW:
        sentence = f"Only {counted(round(n), 'training sample')}: a critic soon knows so little data by heart."
        return Finding("little data", sentence, remedy)
    reason = metrics.get("too_few")
    if not isinstance(reason, str) or not reason:
        return None
    return Finding("little data", f"{reason[:1].upper()}{reason[1:]}.", remedy)


def _late(monitor: Sequence[Line]) -> Sequence[Line]:
    """The looks of the last quarter of the steps of the last stage, one at least."""
    if not monitor:
        return []
    stage, end = monitor[-1].get("stage"), monitor[-1]["step"]
    return [line for line in monitor if line.get("stage") == stage and line["step"] > 0.75 * end]


def _mostly(held: Sequence[bool]) -> bool:
    return bool(held) and sum(held) >= 0.75 * len(held)


def _middle(values: Sequence[float | None]) -> float:
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2]


def _learned(line: Line) -> float | None:
    """Of the gap between training samples and fakes, what lies between training and held-out samples."""
    unseen, whole = _gap(line, "score/train", "score/held_out"), _gap(line, "score/train", "score/fake")
    error = _number(line, "score/error")
    if unseen is None or whole is None or error is None or whole <= 0 or unseen < 2 * error:
        return None
    return unseen / whole


def _gap(line: Line, above: str, below: str) -> float | None:
    a, b = _number(line, above), _number(line, below)
    return None if a is None or b is None else a - b


def _ratio(metrics: Line, *path: str, over: str) -> float | None:
    value, floor = _number(metrics, *path), _number(metrics, *path[:-1], over)
    return None if value is None or not floor else value / floor


def _number(values: Any, *path: str) -> float | None:
    values = _entry(values, *path)
    return values if is_number(values) and math.isfinite(values) else None
