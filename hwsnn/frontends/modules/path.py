"""The way from the input to the scores: calls in a row, the same in every step of a loop over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from .frameworks import framework_of
from .recording import Call, Value
from .scores import Scores

JOINING = {"add", "add_", "cat", "concat", "mul", "sub", "stack"}
DETACHING = {"detach", "detach_", "clone", "contiguous"}
PICKING = {"__getitem__", "select", "unbind"}


@dataclass(frozen=True, eq=False)
class Path:
    """``calls``: from the input on, of the last step; ``ways``: those to the last neurons, of every step.

    ``steps``: of the loop over time, None where there is none. ``scores``: what the last call gave.
    """

    calls: tuple[Call, ...]
    ways: tuple[tuple[Call, ...], ...]
    steps: int | None
    scores: Scores


def is_neuron(call: Call) -> bool:
    """Whether a call is of a framework's neurons."""
    return call.module is not None and framework_of(call.module) is not None


def path(scores: Scores) -> Path:
    """The calls that lead to ``scores``. Raises ``InputError`` where they are no chain, or differ from step to step."""
    last, over_time = scores.values[-1], scores.over_time
    assert last.call is not None
    calls = last.call.of_module
    if len(scores.values) not in (1, len(calls)):
        raise last.call.error(
            f"{len(scores.values)} of its {len(calls)} calls make the scores; return all, or the last, and use another "
            "module in another place"
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
    if steps == 1 < len(ways):
        _require_steps_of_one(ways)
        ways = ways[-1:]
    _require_alike(ways, steps)
    for way in ways:
        _require_own_states(way)
    scores = replace(scores, over_time=over_time)
    return Path(tuple(ways[-1]), tuple(map(tuple, ways)), steps if steps > 1 else None, scores)


def _require_alike(ways: Sequence[Sequence[Call]], steps: int) -> None:
    """Every step takes the same way, and every layer of neurons takes part once a step."""
    for step, way in enumerate(ways, steps - len(ways)):
        if not _are_alike(way, ways[-1]):
            raise way[-1].error("is reached on other ways in some steps than in others; only a chain is built")
        for call in way:
            if is_neuron(call) and call.occurrence != step:
                raise call.error(
                    f"its call {call.occurrence + 1} is part of step {step + 1}: delays, and neurons that are called "
                    "more than once a step, are not built"
                )


def _require_steps_of_one(ways: Sequence[Sequence[Call]]) -> None:
    """Each way goes on from a step of what the last neurons gave, which take all steps a call, in their order."""
    found = []
    for way in ways:
        last = max(index for index, call in enumerate(way) if is_neuron(call))
        behind = zip(way[last:], way[last + 1 :], strict=False)
        picked = (picked_step(value) for call, taker in behind for value in taker.inputs if value.call is call)
        found.append(next((step for step in picked if step is not None), None))
    if not all(_are_alike(way, ways[0]) for way in ways) or found != list(range(len(ways))):
        raise ways[-1][-1].error("must be called with step after step of what the neurons before it give")


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
        for state in map(_kept, call.inputs[1:]):
            own = state.call is not None and state.call.module is call.module
            if not own or (state.call and state.call.occurrence != call.occurrence - 1):
                raise call.error(
                    "gets a second tensor that is not its own state of the step before: recurrence is not built"
                )
        if call.occurrence and (call.handed or not (framework.keeps_states or call.inputs[1:])):
            raise call.error(f"begins anew in its call {call.occurrence + 1}; hand it its state of the step before")


def _are_alike(way: Sequence[Call], other: Sequence[Call]) -> bool:
    """Whether two ways are of calls that do the same."""
    return len(way) == len(other) and all(map(_is_like, way, other))


def _is_like(call: Call, other: Call) -> bool:
    """Whether two calls do the same, apart from the step that they pick and the state that they get."""
    if (call.name, call.module) != (other.name, other.module):
        return False
    if call.name in PICKING or is_neuron(call):
        return True
    constants, others = _constants(call), _constants(other)
    return len(constants) == len(others) and all(map(_is_equal, constants, others))


def _constants(call: Call) -> list[Any]:
    """The arguments that do not follow from the input."""
    known = {id(value.tensor) for value in call.inputs}
    found, waiting = [], [call.args, sorted(call.kwargs.items())]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple | list):
            waiting += one
        elif id(one) not in known:
            found.append(one)
    return found


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return bool(torch.equal(one, other))
    return type(one) is type(other) and bool(one == other)


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
    if len(inputs) > 1 and _stacks(call):
        _require_step_by_step(call)
        return call.inputs[0]
    if len(inputs) > 1:
        what = "adds or joins" if call.name in JOINING else "takes"
        raise call.error(
            f"{what} {len(inputs)} tensors that follow from the input; residual, concatenated and recurrent networks "
            "are not built, only chains of layers"
        )
    return next(iter(inputs.values()))


def _stacks(call: Call) -> bool:
    """Whether a call piles up steps."""
    return call.name == "stack" and [*call.args[1:], *call.kwargs.values()] in ([], [0])


def _require_step_by_step(stack: Call) -> None:
    """Each tensor of ``stack`` is made of a step of the same tensor, of all in their order, without neurons."""
    sections = []
    for value in stack.inputs:
        section: list[Value] = [value]
        while picked_step(section[-1]) is None:
            call = section[-1].call
            if call is None or is_neuron(call):
                raise stack.error("joins tensors that are not made alike of each step of one; only chains are built")
            section.append(_signal(call))
        sections.append(section)
    calls = [[value.call for value in section if value.call] for section in sections]
    whole = calls[0][-1].inputs[0]
    if not (
        [picked_step(section[-1]) for section in sections] == list(range(len(whole.tensor)))
        and all(each[-1].inputs[0] is whole for each in calls)
        and all(_are_alike(each, calls[0]) for each in calls)
    ):
        raise stack.error("joins tensors that are not made alike of each step of one; only chains are built")


def _kept(state: Value) -> Value:
    """A state before it was detached from the steps before it."""
    while state.call is not None and state.call.name in DETACHING:
        state = state.call.inputs[0]
    return state


def _piled(value: Value) -> Value | None:
    """The element of a stack that ``value`` picks again; None if it is none of that."""
    step = picked_step(value)
    if step is None or value.call is None:
        return None
    stack = value.call.inputs[0].call
    if stack is None or not _stacks(stack):
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
