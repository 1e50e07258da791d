"""The way back from a tensor to the input, within one step: a graph of calls, without stacks of a loop over time."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from .frameworks import framework_of
from .recording import Call, Value

ADDING = {"add", "add_", "__add__", "__radd__", "__iadd__"}
JOINING = {"cat", "concat", "concatenate"}
MULTIPLYING = {"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply", "logical_and", "__and__"}
PICKING = {"__getitem__", "select", "unbind"}


@dataclass(frozen=True, eq=False)
class Way:
    """What leads to ``end`` in one step.

    ``inputs``: its calls in the order of the data, and the values that each takes of what follows from the input; of
    neurons the current alone. ``late``: calls of its neurons at the step before, whose spikes come back in this one.
    """

    end: Value
    inputs: Mapping[Call, tuple[Value, ...]]
    late: frozenset[Call]

    @property
    def neurons(self) -> tuple[Call, ...]:
        """In the order of the data."""
        return tuple(call for call in self.inputs if is_neuron(call))

    def positions(self, call: Call) -> set[int]:
        """Of the tensors that ``call`` gives, those that are used."""
        used = (value for taken in (*self.inputs.values(), (self.end,)) for value in taken)
        return {value.position for value in used if value.call is call}


class Walker:
    """Walks back. ``stacks``: those that pile up steps, as they were met, each with the ways to its elements."""

    def __init__(self) -> None:
        self.stacks: dict[Call, tuple[Way, ...]] = {}

    def way(self, end: Value) -> Way:
        """The way to ``end``. Raises ``InputError`` for calls that no network can be built of."""
        found: dict[Call, tuple[Value, ...]] = {}
        late, current = set[Call](), dict[nn.Module, Call]()
        reached: dict[int, Call] = {}
        waiting: list[int] = []

        def reach(value: Value, taker: Call | None) -> Value:
            value = resolved(value)
            call = value.call
            if call is not None:
                _require_output(value, taker)
                if call.number not in reached:
                    reached[call.number] = call
                    heapq.heappush(waiting, -call.number)
            return value

        end = reach(end, None)
        while waiting:  # the last call first: of neurons, that of this step is met before that of the step before
            call = reached[-heapq.heappop(waiting)]
            if call.module is not None and is_neuron(call):
                own = current.setdefault(call.module, call)
                if own is not call:
                    if own.occurrence != call.occurrence + 1:
                        raise call.error(
                            "its spikes of several steps, or of more than a step before, come together; only those of "
                            "one step before are built, where they come back to itself"
                        )
                    late.add(call)
                    continue
            found[call] = tuple(reach(value, call) for value in self._followed(call))
        return Way(end, dict(sorted(found.items(), key=lambda item: item[0].number)), frozenset(late))

    def _followed(self, call: Call) -> tuple[Value, ...]:
        """The inputs of a call that lead on to the network's input."""
        if is_neuron(call):
            current = call.inputs[0]
            if not call.args or call.args[0] is not current.tensor:
                raise call.error("its first argument must be its input current, which follows from the network's input")
            return (current,)
        different = {id(value): value for value in call.inputs}
        if len(different) > 1 and stacks(call):
            if call not in self.stacks:
                self.stacks[call] = ()
                self.stacks[call] = tuple(map(self.way, call.inputs))
            return call.inputs[-1:]
        if call.name in ADDING | JOINING:
            return call.inputs
        if len(different) > 1:
            text = f"takes {len(call.inputs)} tensors that follow from the input; sums and concatenations are built"
            if call.name in MULTIPLYING:
                text = "multiplies what follows from the input, as gates and SEW's AND and IAND do; only ADD is built"
            raise call.error(text)
        return call.inputs[:1]


def is_neuron(call: Call) -> bool:
    """Whether a call is of a framework's neurons."""
    return call.module is not None and framework_of(call.module) is not None


def takes_all_steps(call: Call) -> bool:
    """Whether a call is of neurons that take all steps a call."""
    framework = None if call.module is None else framework_of(call.module)
    return framework is not None and call.module is not None and framework.takes_all_steps(call.module)


def stacks(call: Call) -> bool:
    """Whether a call piles up steps."""
    return call.name == "stack" and [*call.args[1:], *call.kwargs.values()] in ([], [0])


def resolved(value: Value) -> Value:
    """What ``value`` is where it is picked from a stack: the element that was put there."""
    while (piled := _piled(value)) is not None:
        value = piled
    return value


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


def _piled(value: Value) -> Value | None:
    """The element of a stack that ``value`` picks again; None if it is none of that."""
    step = picked_step(value)
    if step is None or value.call is None:
        return None
    stack = value.call.inputs[0].call
    if stack is None or not stacks(stack):
        return None
    pile = stack.args[0]
    if len(stack.inputs) != len(pile) or not -len(pile) <= step < len(pile):
        return None
    return stack.inputs[step]


def _require_output(value: Value, taker: Call | None) -> None:
    """Of several tensors that a call gives, only the first is what it computes."""
    call = value.call
    assert call is not None
    if not value.position or call.name == "unbind":
        return
    if taker is not None and value.membrane:
        raise taker.error(f"takes the membrane of {call.title}; only its spikes can go on")
    if taker is not None or not value.membrane:
        raise call.error("gives several tensors, of which not the first goes on")
