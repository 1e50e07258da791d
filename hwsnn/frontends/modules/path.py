"""The way from the input to the scores: calls in a row, the same in every step of a loop over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .frameworks import framework_of
from .recording import Call, Value
from .scores import OverTime, Scores

JOINING = {"add", "add_", "cat", "concat", "mul", "sub", "stack"}
PICKING = {"__getitem__", "select", "unbind"}


@dataclass(frozen=True, eq=False)
class Path:
    """``calls``: from the input on, of the last step; ``ways``: those of every step that makes the scores.

    ``steps``: of the loop over time, None where there is none. ``scores``: what the last call gave; ``over_time`` and
    ``squashed`` as in ``Scores``.
    """

    calls: tuple[Call, ...]
    ways: tuple[tuple[Call, ...], ...]
    steps: int | None
    scores: Value
    over_time: OverTime
    squashed: bool


def is_neuron(call: Call) -> bool:
    """Whether a call is of a framework's neurons."""
    return call.module is not None and framework_of(call.module) is not None


def path(scores: Scores, calls_of: Callable[[Call], Sequence[Call]]) -> Path:
    """The calls that lead to ``scores``, of all steps. ``calls_of``: all calls of the module of a call.

    Raises ``InputError`` where they are no chain, or differ from step to step.
    """
    last, over_time = scores.values[-1], scores.over_time
    assert last.call is not None
    calls = calls_of(last.call)
    if len(scores.values) not in (1, len(calls)):
        raise last.call.error(
            f"{len(scores.values)} of its {len(calls)} calls make the scores; return all, or the last"
        )
    if calls[0].occurrence:
        raise last.call.error("its first call does not follow from the input: delays are not built")
    if len(scores.values) == 1 < len(calls):
        if last.call is not calls[-1]:
            raise last.call.error("its last call must make the scores, or all of them")
        over_time = "last"
    ways = [_way(call.values[last.position]) for call in calls]
    neurons = [call for call in ways[-1] if is_neuron(call)]
    if not neurons:
        raise last.call.error("there are no spiking neurons before it; there is no network to build")
    steps = neurons[-1].occurrence + 1
    _require_alike(ways, steps)
    for way in ways:
        _require_own_states(way)
    known = steps if steps > 1 else None
    return Path(tuple(ways[-1]), tuple(map(tuple, ways)), known, last, over_time, scores.squashed)


def _require_alike(ways: Sequence[Sequence[Call]], steps: int) -> None:
    """Every step takes the same way, and every layer of neurons takes part once a step."""
    for step, way in enumerate(ways, steps - len(ways)):
        if [(call.name, call.module) for call in way] != [(call.name, call.module) for call in ways[-1]]:
            raise way[-1].error("is reached on other ways in some steps than in others; only a chain is built")
        for call in way:
            if is_neuron(call) and call.occurrence != step:
                raise call.error(
                    f"its call {call.occurrence + 1} is part of step {step + 1}: delays, and neurons that are called "
                    "more than once a step, are not built"
                )


def _require_own_states(way: Sequence[Call]) -> None:
    """Neurons go on from where their call before left them; the first call begins at zeros."""
    for call in way:
        framework = None if call.module is None else framework_of(call.module)
        if framework is None:
            continue
        if not call.fresh:
            raise call.error(
                "gets a state that is neither its own nor zeros; begin with zeros, as its own functions do"
            )
        for state in call.inputs[1:]:
            own = state.call is not None and state.call.module is call.module
            if not own or (state.call and state.call.occurrence != call.occurrence - 1):
                raise call.error(
                    "gets a second tensor that is not its own state of the step before: recurrence is not built"
                )
        if call.occurrence and (call.handed or not (framework.keeps_states or call.inputs[1:])):
            raise call.error(f"begins anew in its call {call.occurrence + 1}; hand it its state of the step before")


def _way(end: Value) -> list[Call]:
    """The calls back to the input, in the order in which they are made."""
    calls: list[Call] = []
    value = end
    while value.call is not None:
        call = value.call
        if value.position and call.name != "unbind":
            if calls and value.membrane:
                raise calls[-1].error(f"takes the membrane of {call.title}; only its spikes can go on")
            if calls or not value.membrane:
                raise call.error("gives several tensors, of which not the first goes on")
        piled = _piled(value)
        if piled is not None:
            value = piled
            continue
        calls.append(call)
        value = _signal(call)
    return calls[::-1]


def _signal(call: Call) -> Value:
    """The one input of a call that leads on to the network's input."""
    if is_neuron(call):
        signal = call.inputs[0]
        if not call.args or call.args[0] is not signal.tensor:
            raise call.error("its first argument must be its input current, which follows from the network's input")
        return signal
    inputs = {id(value): value for value in call.inputs}
    if len(inputs) > 1:
        what = "adds or joins" if call.name in JOINING else "takes"
        raise call.error(
            f"{what} {len(inputs)} tensors that follow from the input; residual, concatenated and recurrent networks "
            "are not built, only chains of layers"
        )
    return next(iter(inputs.values()))


def _piled(value: Value) -> Value | None:
    """The element of a stack that ``value`` picks again; None if it is none of that."""
    step = picked_step(value)
    if step is None or value.call is None:
        return None
    stack = value.call.inputs[0].call
    if stack is None or stack.name != "stack" or len(stack.args) > 1 or stack.kwargs:
        return None
    pile = stack.args[0]
    if len(stack.inputs) != len(pile) or not -len(pile) <= step < len(pile):
        return None
    return stack.inputs[step]


def picked_step(value: Value) -> int | None:
    """The step of ``x[step]``, or of a loop over x; None for other calls."""
    call = value.call
    if call is None or call.name not in PICKING:
        return None
    if call.name == "unbind":
        dim: Any = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
        return value.position if dim == 0 else None
    index = call.args[1] if call.name == "__getitem__" else call.args[2] if call.args[1] == 0 else None
    if isinstance(index, tuple) and all(one is Ellipsis or one == slice(None) for one in index[1:]):
        index = index[0] if index else None
    return index if isinstance(index, int) and not isinstance(index, bool) else None
