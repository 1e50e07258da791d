"""What a module gives, traced back to what it is made of: the last neurons' spikes, their membranes, or currents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from hwsnn.errors import InputError

from .recording import Call, Value

OverTime: TypeAlias = Literal["all", "last", "largest"]
"""Which steps count: all, added up or averaged; the last one; the largest value of any."""

ALIKE = {"contiguous", "clone", "detach", "float", "double", "to", "type", "cpu", "squeeze", "unsqueeze", "data"}
ALIKE |= {"view", "reshape", "flatten", "unflatten", "transpose", "permute", "dropout", "softmax", "log_softmax"}
ALIKE |= {"__setitem__"}
"""Functions that change neither the order of scores nor the steps they are of."""
ADDING = {"stack", "cat", "concat", "sum", "mean", "add", "add_", "__add__", "__radd__", "__iadd__"}
TIMES = {"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"}
DIVIDED = {"div", "div_", "true_divide", "divide", "__truediv__", "__itruediv__"}
LARGEST = {"max", "amax", "maximum"}
PICKED = {"__getitem__", "select"}
LAST = slice(-1, None)


@dataclass(frozen=True, eq=False)
class Scores:
    """``values``: of every step that counts, or one that has all steps; each is an output of the same module."""

    values: tuple[Value, ...]
    over_time: OverTime


def scores(output: Value | None, is_whole: Callable[[Call], bool]) -> Scores:
    """The scores that ``output`` holds. ``is_whole``: whether a call is of a layer, where the search ends.

    Whether they are these, and nothing is made of them, is ``require_order``'s to try.
    """
    if output is None:
        raise InputError(
            "its output does not follow from its input by functions of torch; return the spikes, the membrane before "
            "the reset or the currents of the last layer, or sums of them over time"
        )
    found: list[Value] = []
    over_time: OverTime = "all"
    seen = set[int]()
    waiting = [output]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        call = value.call
        if call is None or is_whole(call):
            found.append(value)
            continue
        name = call.name
        if call.module is not None:
            pass
        elif name in LARGEST:
            over_time = "largest"
        elif name in PICKED:
            over_time = _picked(call, over_time)
        elif name not in ALIKE | ADDING | TIMES | DIVIDED:
            raise call.error(
                "follows the last layer; scores are its spikes, membranes or currents, added up, averaged, the last "
                "or the largest over time"
            )
        waiting += call.inputs
    if any(value.call is None for value in found):
        raise InputError("its output adds its input to what its layers give; only chains of layers are built")
    return _in_time(found, over_time)


def over_time_of(last: Call, which: OverTime, given: Sequence[int], steps: int) -> OverTime:
    """Which steps count, where ``last`` gives those ``given`` of ``steps``: all, or the last of all."""
    if list(given) == list(range(steps)):
        return which
    if given[-1] == steps - 1 and (which == "last" or len(given) == 1):
        return "last"
    text = ", ".join(str(step + 1) for step in given)
    raise last.error(
        f"gives scores of step {text} of {steps}; only those of all steps, or of the last alone, are built"
    )


def _in_time(found: list[Value], over_time: OverTime) -> Scores:
    """Of one module alone, and of all the steps or of the last."""
    calls = sorted({value.call for value in found if value.call}, key=lambda call: call.occurrence)
    first = calls[0]
    for call in calls:
        if call.module is not first.module or call.module is None:
            raise call.error(f"its output and that of {first.title} both make the scores; return one layer's")
    if len({value.position for value in found}) > 1:
        raise first.error("its spikes and its membrane both make the scores; return one of them")
    values = tuple(sorted(found, key=lambda value: value.call.occurrence if value.call else 0))
    return Scores(values, over_time)


def _picked(call: Call, over_time: OverTime) -> OverTime:
    """Of ``x[-1]`` or ``x[:, -1]``: the last step. An element of a pair, or everything, leaves them as they are."""
    size = call.args[0].shape if isinstance(call.args[0], torch.Tensor) else (len(call.args[0]),)
    if call.name == "__getitem__":
        index = call.args[1]
        picks = index if isinstance(index, tuple) else (index,)
    else:
        dim, index = (*call.args[1:], *(call.kwargs[name] for name in ("dim", "index") if name in call.kwargs))
        picks = (*(slice(None),) * (dim % len(size)), index)
    first, *rest = picks or (Ellipsis,)
    whole = first is Ellipsis or (isinstance(first, slice) and first == slice(None))
    if whole and not any(isinstance(one, int) or one == LAST for one in rest):
        return over_time
    axis, at = (1, rest[0]) if whole else (0, first)
    if over_time == "all" and isinstance(at, int | slice) and at in (-1, LAST, size[axis] - 1):
        return "last"  # if it is that: it is tried
    if whole:
        raise call.error("picks from what the last layer gives; give all scores of the last step, x[-1], or all")
    raise call.error("picks steps of what the last layer gives; only the last one, x[-1], or all of them are built")
