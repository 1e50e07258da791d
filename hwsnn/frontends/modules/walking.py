"""The way back from a tensor to the input, within one step: a graph of calls, without stacks of a loop over time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
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
    ``direct``: its calls that are not only behind a stack, which are of this step alone.
    """

    end: Value
    inputs: Mapping[Call, tuple[Value, ...]]
    late: frozenset[Call]
    direct: frozenset[Call]

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
        ordered = dict(sorted(found.items(), key=lambda item: item[0].number))
        return Way(end, ordered, frozenset(late), frozenset(self._direct(end, found)))

    def _direct(self, end: Value, inputs: Mapping[Call, tuple[Value, ...]]) -> set[Call]:
        """The calls on the way to ``end`` that are met without going through a stack."""
        found, waiting = set[Call](), [end]
        while waiting:
            call = waiting.pop().call
            if call is not None and call in inputs and call not in found:
                found.add(call)
                waiting += () if call in self.stacks else inputs[call]
        return found

    def _followed(self, call: Call) -> tuple[Value, ...]:
        """The inputs of a call that lead on to the network's input."""
        if is_neuron(call):
            current = call.inputs[0]
            if not call.args or call.args[0] is not current.tensor:
                raise call.error("its input current, its first argument, must follow from the network's input")
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


def picked(value: Value) -> dict[int, range]:
    """What a call picks along the dimensions of which it leaves something out; nothing for other calls."""
    call = value.call
    if call is None or call.name not in PICKING:
        return {}
    size = call.inputs[0].tensor.shape
    if call.name == "__getitem__":
        indices = _by_dimension(call.args[1], len(size))
    else:
        given: dict[str, Any] = dict(zip(("input", "dim", "index"), call.args, strict=False)) | dict(call.kwargs)
        index = value.position if call.name == "unbind" else given["index"]
        indices = {given.get("dim", 0) % len(size): index}
    found = {}
    for dim, index in indices.items():
        if isinstance(index, slice):
            found[dim] = range(size[dim])[index]
        elif isinstance(index, int):
            found[dim] = range(index % size[dim], index % size[dim] + 1)
    return {dim: positions for dim, positions in found.items() if len(positions) != size[dim]}


def picked_step(value: Value) -> int | None:
    """The step of ``x[step]``, or of a loop over x; None for other calls.

    In other dimensions than the first there are steps as well, as behind a transpose, but not in the module's input.
    """
    found = picked(value)
    if len(found) != 1 or value.call is None:
        return None
    ((dim, positions),) = found.items()
    return None if len(positions) > 1 or (dim and value.call.inputs[0].call is None) else positions[0]


def _by_dimension(index: Any, dimensions: int) -> dict[int, Any]:
    """What ``index`` says of each dimension of a tensor; nothing for tensors and lists of positions."""
    parts = [one for one in (index if isinstance(index, tuple) else (index,)) if one is not None]
    if any(isinstance(one, bool) or not (isinstance(one, int | slice) or one is Ellipsis) for one in parts):
        return {}
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (dimensions + 1 - len(parts))
    return dict(enumerate(parts))


def leaves(of: Any) -> Iterator[Any]:
    """What is in nested tuples and lists."""
    if isinstance(of, tuple | list):
        for one in of:
            yield from leaves(one)
    else:
        yield of


def _piled(value: Value) -> Value | None:
    """The element of a stack that ``value`` picks again; None if it is none of that."""
    call = value.call
    stack = None if call is None or call.name not in PICKING else call.inputs[0].call
    if call is None or stack is None or not stacks(stack) or len(stack.inputs) != len(stack.args[0]):
        return None
    step: Any = value.position
    if call.name == "unbind":
        dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
    elif call.name == "select" and len(call.args) == 3:
        _, dim, step = call.args
    else:
        dim, step = 0, call.args[1] if call.name == "__getitem__" else None
        if isinstance(step, tuple) and all(one is Ellipsis or one == slice(None) for one in step[1:]):
            step = step[0] if step else None
    inside = dim == 0 and isinstance(step, int) and not isinstance(step, bool)
    return stack.inputs[step] if inside and -len(stack.inputs) <= step < len(stack.inputs) else None


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
