"""What a module gives, traced back to what it is made of: the last neurons' spikes, their membranes, or currents."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from hwsnn.errors import InputError

from .recording import Call, Value, tensors

OverTime: TypeAlias = Literal["all", "last", "largest"]
"""Which steps count: all, added up or averaged; the last one; the largest value of any."""

ALIKE = {"contiguous", "clone", "detach", "float", "double", "to", "type", "cpu", "squeeze", "unsqueeze", "data"}
ALIKE |= {"view", "reshape", "flatten", "transpose", "permute", "__setitem__"}
"""Functions that change neither the order of scores nor the steps they are of."""
SQUASHING = {"softmax", "log_softmax", "logsoftmax"}
PILING = {"stack", "cat", "concat"}
ADDING = {"sum", "mean", "add", "add_", "__add__", "__radd__", "__iadd__"}
TIMES = {"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"}
DIVIDED = {"div", "div_", "true_divide", "divide", "__truediv__", "__itruediv__"}
LARGEST = {"max", "amax", "maximum"}
PICKED = {"__getitem__", "select"}


@dataclass(frozen=True, eq=False)
class Scores:
    """``values``: of every step that counts, or one that has all steps; each is an output of the same module.

    ``squashed``: whether a softmax follows, which keeps the order of the scores, but not that of sums of them.
    """

    values: tuple[Value, ...]
    over_time: OverTime
    squashed: bool


def scores(output: Value | None, is_whole: Callable[[Call], bool]) -> Scores:
    """The scores that ``output`` holds. ``is_whole``: whether a call is of a layer, where the search ends."""
    if output is None:
        raise InputError(
            "its output does not follow from its input by functions of torch; return the spikes, the membrane before "
            "the reset or the currents of the last layer, or sums of them over time"
        )
    found: dict[Value, float] = {}  # and how much of each is in the scores
    over_time: OverTime = "all"
    squashed = added = False
    waiting = {output: 1.0}
    while waiting:
        value = max(waiting, key=_made_at)  # what takes it was made later, so all of that is known
        share = waiting.pop(value)
        call = value.call
        if call is None or is_whole(call):
            found[value] = share
            continue
        name = call.name if call.module is None else type(call.module).__name__.lower()
        if name in LARGEST:
            over_time = "largest"
        elif name in PICKED:
            over_time = _picked(call, over_time)
        elif name in TIMES | DIVIDED:
            share *= _factor(call)
        elif name in ADDING:
            share *= _part(call)
            added = True
        elif name in SQUASHING:
            if added or over_time == "largest":
                raise call.error("squashes the scores of single steps; leave it out, or put it behind their sum")
            squashed = True
        elif call.module is None and name not in ALIKE | PILING:
            raise call.error(
                "follows the last layer; scores are its spikes, membranes or currents, added up, averaged, the last "
                "or the largest over time"
            )
        for one in call.inputs:
            waiting[one] = waiting.get(one, 0.0) + share
    if any(value.call is None for value in found):
        raise InputError("its output adds its input to what its layers give; only chains of layers are built")
    if added and over_time == "largest":
        raise InputError("its scores are sums and largest values of steps at once; only one of them is built")
    return _in_time(found, over_time, squashed)


def _made_at(value: Value) -> int:
    return -1 if value.call is None else value.call.number


def _in_time(found: dict[Value, float], over_time: OverTime, squashed: bool) -> Scores:
    """Of one module alone, and of all the steps or of the last."""
    calls = sorted({value.call for value in found if value.call}, key=lambda call: call.number)
    first = calls[0]
    for call in calls:
        if call.module is not first.module or call.module is None:
            raise call.error(f"its output and that of {first.title} both make the scores; return one layer's")
    if len({value.position for value in found}) > 1:
        raise first.error("its spikes and its membrane both make the scores; return one of them")
    if not math.isclose(min(found.values()), max(found.values()), rel_tol=1e-4):
        raise first.error("its steps count differently in the scores; only a sum or a mean of all is built")
    return Scores(tuple(sorted(found, key=_made_at)), over_time, squashed)


def _picked(call: Call, over_time: OverTime) -> OverTime:
    """Of ``x[-1]``: the last step. An element of a pair, or everything, leaves the steps as they are."""
    index = call.args[-1] if call.name == "__getitem__" else call.args[2]
    first = index[0] if isinstance(index, tuple) and index else index
    others = index[1:] if isinstance(index, tuple) else ()
    if not all(one is Ellipsis or one is None or (isinstance(one, slice) and one == slice(None)) for one in others):
        raise call.error("picks from what the last layer gives; give all scores of the last step, x[-1], or all")
    if first is Ellipsis or first is None or (isinstance(first, slice) and first == slice(None)):
        return over_time
    length = len(call.args[0])
    if isinstance(first, int) and first in (-1, length - 1) and over_time == "all":
        return "last"
    raise call.error("picks steps of what the last layer gives; only the last one, x[-1], or all of them are built")


def _factor(call: Call) -> float:
    factors = [float(one) for one in call.args if isinstance(one, int | float)]
    factors += [float(one) for one in call.args if isinstance(one, torch.Tensor) and one.numel() == 1]
    turned = call.name in DIVIDED and call.args[0] is not call.inputs[0].tensor
    if len(call.inputs) != 1 or not factors or factors[0] <= 0 or turned or call.kwargs.get("rounding_mode"):
        raise call.error("scales the scores; only a division or multiplication by one positive number is read")
    return 1 / factors[0] if call.name in DIVIDED else factors[0]


def _part(call: Call) -> float:
    """The factor of a mean, or 1; what is added besides must be the same for all scores, and so does not count."""
    own = {id(value.tensor) for value in (*call.inputs, *call.values)}  # of a sum in place, the sum itself
    constants = [one for one in tensors(call.args) if id(one) not in own and one.numel()]
    if any(bool((one != one.flatten()[0]).any()) for one in constants) or call.kwargs.get("alpha", 1) != 1:
        raise call.error("adds something of its own to the scores; put it into the last layer's bias")
    return call.values[0].tensor.numel() / call.inputs[0].tensor.numel() if call.name == "mean" else 1.0
