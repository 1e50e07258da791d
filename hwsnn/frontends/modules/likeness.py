"""Whether a loop over time does the same in every step.

The first step has zeros in place of the spikes of the step before, and so tensors that do not follow from the input.
"""

from __future__ import annotations

from typing import Any

import torch

from .probing import replayed
from .recording import Call, Value
from .walking import ADDING, PICKING, Way, is_neuron, leaves, picked, resolved, stacks


def are_alike(way: Way, other: Way, *, first: bool) -> bool:
    """Whether ``way`` does what ``other`` does, apart from the step that it picks and the states that it gets.

    ``first``: whether ``way`` is the first step, where nothing comes back yet.
    """
    return _Comparison(way, other, first).are_alike()


class _Comparison:
    def __init__(self, way: Way, other: Way, first: bool) -> None:
        self._way, self._other, self._first = way, other, first
        self._waiting: list[tuple[Value, Value]] = [(way.end, other.end)]
        self._only_late: dict[Call, bool] = {}

    def are_alike(self) -> bool:
        compared = set[tuple[int, int]]()
        while self._waiting:
            one, other = map(resolved, self._waiting.pop())
            if one is not other and (id(one), id(other)) not in compared:
                compared.add((id(one), id(other)))
                if not self._is_like(one, other):
                    return False
        return True

    def _is_like(self, one: Value, other: Value) -> bool:
        """Whether two values are made by calls that do the same; what those take is left to compare."""
        call, like = one.call, other.call
        if call is None or like is None or (one.position != other.position and call.name not in PICKING):
            return False
        if like in self._other.late:
            return call in self._way.late and call.module is like.module
        if call in self._way.late:
            return False
        if self._first and like.name in ADDING and call.name not in ADDING:
            return self._is_sum_without_late(one, like)
        if (call.name, call.module) != (like.name, like.module):
            return False
        if is_neuron(call) or _pick_alike(one, other) or self._are_stacks(call, like):
            pairs = list(zip(self._way.inputs[call], self._other.inputs[like], strict=False))
            self._waiting += pairs
            return True
        taken, its = ({id(value.tensor): value for value in each.inputs} for each in (call, like))
        arguments = list(leaves((call.args, sorted(call.kwargs.items()))))
        others = list(leaves((like.args, sorted(like.kwargs.items()))))
        return len(arguments) == len(others) and all(
            self._are_alike_arguments(argument, taken.get(id(argument)), own, its.get(id(own)))
            for argument, own in zip(arguments, others, strict=True)
        )

    def _are_stacks(self, call: Call, like: Call) -> bool:
        """Whether both pile up as many steps; each stack is looked through on its own."""
        return stacks(call) and stacks(like) and len(call.inputs) == len(like.inputs) > 1

    def _are_alike_arguments(self, one: Any, value: Value | None, other: Any, like: Value | None) -> bool:
        if value is not None and like is not None:
            self._waiting.append((value, like))
            return True
        if like is not None:
            return self._first and self._comes_late(like) and _is_equal(one, self._at_first(like))
        return value is None and _is_same(one, other)

    def _is_sum_without_late(self, one: Value, like: Call) -> bool:
        """Whether the first step leaves out the addition of what comes late, which adds nothing there."""
        others = [value for value in like.inputs if not self._comes_late(value)]
        late = [value for value in like.inputs if self._comes_late(value)]
        if len(others) != 1 or not all(_is_equal(0.0, self._at_first(value)) for value in late):
            return False
        self._waiting.append((one, others[0]))
        return True

    def _comes_late(self, value: Value) -> bool:
        """Whether a value of the other way follows from spikes of the step before alone."""
        call = resolved(value).call
        if call is None or call in self._other.late:
            return call is not None
        if call not in self._only_late:
            self._only_late[call] = not is_neuron(call) and all(map(self._comes_late, self._other.inputs[call]))
        return self._only_late[call]

    def _at_first(self, value: Value) -> torch.Tensor:
        """What comes late, were there no spikes at the step before."""
        spikes = [call.values[0] for call in self._other.late]
        return replayed(value, [(one, torch.zeros_like(one.tensor)) for one in spikes])


def _pick_alike(one: Value, other: Value) -> bool:
    """Whether both pick one position along the same dimensions; which one is for others to look at."""
    found, its = picked(one), picked(other)
    return bool(found) and [*found] == [*its] and all(len(at) == 1 for at in (*found.values(), *its.values()))


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return bool(torch.equal(one, other))
    return type(one) is type(other) and bool(one == other)


def _is_equal(one: Any, expected: torch.Tensor) -> bool:
    """Whether a tensor or number has the expected values once it is broadcast."""
    if not isinstance(one, torch.Tensor | int | float):
        return False
    try:
        return bool((one == expected).all())
    except RuntimeError:  # of other sizes
        return False
