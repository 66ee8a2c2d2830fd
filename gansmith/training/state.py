"""What a state may hold: what can be read again, of known types, finite, and no larger than it looks."""

from __future__ import annotations

import cmath
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from gansmith.dynamics.checks import as_number
from gansmith.training.archive import DTYPES

LONGEST = 2000  # bits of a whole number
DEEPEST = 50  # lists within lists
MOST = 200_000  # numbers, words, tensors, lists and dicts in all
SHARED = 16  # names under which a tensor may be saved once, on average

State = dict[str, Any]
PLAIN = (bool, int, float, complex, str, type(None), torch.dtype, torch.device)
CURE = "convert it in get_extra_state or state_dict"


def plain(state: Mapping[str, Any]) -> State:
    """A state of what a checkpoint can hold, with numbers of numpy as Python's.

    A tensor with many names (a layer that is registered often) is written more than once: a file that is small beside
    what it holds is refused when it is read.

    Raises:
        ValueError: it holds something that could not be read again without running code; or lists that are too deep or
            too many, as of one that holds itself. The message names it, as in ``dynamics.optimizers``.

    Example:
        >>> import numpy as np
        >>> plain({"lr": np.float64(0.5)})
        {'lr': 0.5}
        >>> plain({"game": [{1, 2}]})
        Traceback (most recent call last):
        ...
        ValueError: needs a state of tensors, ... but game.0 is a set: convert it in get_extra_state or state_dict
    """
    reading = _Reading()
    return {key: reading.plain(value, str(key), 0) for key, value in state.items()}


@dataclass
class _Reading:
    """One walk through a state: how many entries it has had, and how many names each tensor's memory, of which type."""

    entries: int = 0
    names: Counter[int] = field(default_factory=Counter)
    types: dict[int, torch.dtype] = field(default_factory=dict)

    def plain(self, value: Any, name: str, depth: int) -> Any:
        """A value of the state; ``name`` is that of its place."""
        self.entries += 1
        if depth > DEEPEST or self.entries > MOST:
            what = (
                f"lies within more than {DEEPEST} lists" if depth > DEEPEST else f"comes after {MOST:,} other entries"
            )
            raise ValueError(f"needs a state that is small beside its tensors, but {name[:200]} {what}: {CURE}")
        if isinstance(value, Tensor):
            return self._tensor(value, name)
        if type(value) in PLAIN and not _is_beyond(value):
            return value
        number = as_number(value)
        if type(number) is not type(value):  # a long double is its own item
            return self.plain(number, name, depth)
        if type(value) in (dict, OrderedDict):
            return self._named(value, name, depth + 1)
        if type(value) in (list, tuple, torch.Size):
            items = [self.plain(item, f"{name}.{i}", depth + 1) for i, item in enumerate(value)]
            return items if isinstance(value, list) else tuple(items)
        raise ValueError(
            f"needs a state of tensors, numbers, words, lists and dicts, but {name} is a {type(value).__name__}: {CURE}"
        )

    def _named(self, values: Mapping[Any, Any], name: str, depth: int) -> dict[Any, Any]:
        found = {}
        for key, item in values.items():
            place = f"{name}.{key}"
            found[key if type(key) is str else self.plain(key, place, depth)] = self.plain(item, place, depth)
        return found

    def _tensor(self, value: Tensor, name: str) -> Tensor:
        """A tensor that has its own numbers, and nothing else, so that torch writes it in the form that is read."""
        kind = type(value)
        dense = value.layout == torch.strided and not value.is_meta and not value.is_nested
        if kind not in (Tensor, Parameter) or not dense or _is_beyond(value.dtype):
            raise ValueError(
                f"needs dense tensors of the types {', '.join(DTYPES)}, but {name} is a {kind.__name__}, "
                f"{value.dtype}, {value.layout}, on {value.device}: {CURE}"
            )
        value = value.detach().resolve_conj().resolve_neg()
        if _repeats(value):
            value = value.contiguous()
        memory = value.untyped_storage().data_ptr()
        self.names[memory] += 1
        other_type = self.types.setdefault(memory, value.dtype) != value.dtype  # torch saves no memory under two
        return value.clone() if other_type or self.names[memory] % (SHARED // 2) == 0 else value


def _is_beyond(value: Any) -> bool:
    """Whether a plain value is one that is not read: a type of tensors of few machines, or an endless whole number."""
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.") not in DTYPES
    return type(value) is int and value.bit_length() > LONGEST


def check_tensors(state: Mapping[str, Any]) -> None:
    """Refuses parameters and buffers that cannot be moved or averaged, because they have no numbers of their own.

    Raises:
        ValueError: one has none, or fewer than places; the message names it.
    """
    for name, value in state.items():
        if isinstance(value, Tensor) and (value.is_meta or (value.layout == torch.strided and _repeats(value))):
            raise ValueError(
                f"needs tensors with a number for each place, but {name} has fewer: clone() it, or fill it"
            )


def _repeats(value: Tensor) -> bool:
    """Whether a tensor has more places than numbers, as after ``expand``."""
    return not value.is_nested and value.numel() * value.element_size() > value.untyped_storage().nbytes()


def versioned(state: State, versions: Mapping[str, Any] | None, prefix: str = "") -> State:
    """A state as torch's modules read it: by the versions they look whether it is of an older form."""
    if versions is None:
        return state
    found: OrderedDict[str, Any] = OrderedDict(state)
    of_modules = OrderedDict((f"{prefix}{name}".rstrip("."), of) for name, of in versions.items())
    found._metadata = of_modules  # type: ignore[attr-defined]
    return found


def form(value: Any) -> str:
    """A digest of what a state is made of, whatever its numbers: two states of one form are written alike.

    A word that becomes twice as long is another form.

    Example:
        >>> form({"a": torch.zeros(2)}) == form({"a": torch.ones(2)}) != form({"a": torch.ones(3)})
        True
    """
    return hashlib.sha256(repr(_form(value)).encode("utf-8", "surrogatepass")).hexdigest()


def _form(value: Any) -> Any:
    if isinstance(value, Tensor):
        return type(value), value.dtype, tuple(value.shape), value.layout
    if isinstance(value, Mapping):
        return [(key, _form(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [_form(item) for item in value]
    return (str, len(value).bit_length()) if isinstance(value, str) else type(value)


def not_finite(value: Any, name: str = "") -> dict[str, Tensor]:
    """The names of tensors and numbers in a `plain` state that hold NaN (1) or infinity (2); and in which places.

    Example:
        >>> not_finite({"a": torch.zeros(2), "b": [torch.tensor([float("inf"), 1.0]), float("nan")]})
        {'b.0': tensor([2, 0], dtype=torch.int8), 'b.1': tensor(1, dtype=torch.int8)}
    """
    if isinstance(value, Tensor):
        numbers = value.is_floating_point() or value.is_complex()
        if not numbers or bool(value.isfinite().all()):
            return {}
        return {name: (value.isnan().to(torch.int8) + 2 * value.isinf().to(torch.int8)).cpu()}
    if isinstance(value, (float, complex)):
        return {} if cmath.isfinite(value) else not_finite(torch.tensor(value), name)
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, (list, tuple)) else items
    bad: dict[str, Tensor] = {}
    for key, item in items:
        bad |= not_finite(item, f"{name}.{key}" if name else str(key))
    return bad


def spreads(before: Tensor | None, now: Tensor) -> bool:
    """Whether `not_finite` finds a place now that was finite before, or was so in another way.

    Example:
        >>> spreads(torch.tensor([2, 2]), torch.tensor([2, 0])), spreads(torch.tensor([2, 0]), torch.tensor([0, 2]))
        (False, True)
    """
    return before is None or before.shape != now.shape or bool(((now != 0) & (now != before)).any())
