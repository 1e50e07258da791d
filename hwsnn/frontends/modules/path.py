"""The way from the input to the scores: a graph of calls, the same in every step of a loop over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwsnn.errors import InputError

from .frameworks import framework_of
from .likeness import are_alike
from .recording import Call, Value
from .scores import Scores
from .walking import Walker, Way, is_neuron, picked_step

DETACHING = {"detach", "detach_", "clone", "contiguous"}


@dataclass(frozen=True, eq=False)
class Path:
    """``ways``: to what each call gives that makes the scores, of every step where it is called once a step.

    ``steps``: of loops over time that have neurons, None where there are none. ``scores``: what the last call gave.
    """

    ways: tuple[Way, ...]
    steps: int | None
    scores: Scores


def path(scores: Scores) -> Path:
    """The calls that lead to ``scores``. Raises ``InputError`` where no network can be built, or steps differ."""
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
    walker = Walker()
    ways = tuple(walker.way(call.values[last.position]) for call in calls)
    if not ways[-1].neurons:
        raise last.call.error("there are no spiking neurons before it; there is no network to build")
    if len(ways) > 1 and all(set(way.neurons) <= set(ways[0].neurons) for way in ways):
        for way in ways:
            if not any(picks(way, ways).values()):
                raise _late_or_early(way)
    inner = {call for loop in walker.stacks.values() for call in _own(loop[-1], loop)}
    steps = {_steps_of_stack(stack, loop) for stack, loop in walker.stacks.items()} | {_steps(ways, inner)}
    steps.discard(None)
    if len(steps) > 1:
        text = " and ".join(map(str, sorted(filter(None, steps))))
        raise last.call.error(f"loops over time before it make {text} steps; all must make the same")
    for call in {call: None for loop in (ways, *walker.stacks.values()) for way in loop for call in way.neurons}:
        _require_own_state(call)
    return Path(ways, steps.pop() if steps else None, replace(scores, over_time=over_time))


def picks(way: Way, loop: Sequence[Way]) -> dict[Value, bool]:
    """What this step of the ``loop`` alone picks by the number of a step, and whether neurons gave that."""
    behind = set[Call]()
    for call, taken in way.inputs.items():
        if is_neuron(call) or any(value.call in behind for value in taken):
            behind.add(call)
    others = set(_values(_other(way, loop))) if len(loop) > 1 else set()
    found = [value for value in _values(way) if value not in others and picked_step(value) is not None]
    return {value: value.call in behind for value in found}


def _values(way: Way) -> dict[Value, None]:
    return dict.fromkeys((*(value for taken in way.inputs.values() for value in taken), way.end))


def _other(way: Way, loop: Sequence[Way]) -> Way:
    return loop[1] if way is loop[0] else loop[0]


def _own(way: Way, loop: Sequence[Way]) -> set[Call]:
    """The calls of ``way`` that are not those of all steps of the ``loop``."""
    return set(way.inputs) - set(_other(way, loop).inputs if len(loop) > 1 else ())


def _steps_of_stack(stack: Call, loop: Sequence[Way]) -> int | None:
    """The steps of the ``loop`` that makes the elements of ``stack``, each of a step of the same tensors."""
    found = [list(picks(way, loop)) for way in loop]
    lengths = {len(value.call.inputs[0].tensor) for values in found for value in values if value.call}
    if (
        len(stack.inputs) != len(stack.args[0])
        or any(picked_step(value) != step for step, values in enumerate(found) for value in values)
        or not (lengths == {len(loop)} or (not lengths and any(call.occurrence for call in loop[-1].neurons)))
        or not _are_all_alike(loop)
    ):
        raise stack.error(
            "joins tensors that are not made alike of each step of one; all steps in their order are built"
        )
    return _steps(loop, set())


def _are_all_alike(loop: Sequence[Way], before: int = 0) -> bool:
    """Whether every step does the same; ``before``: steps before the first of ``loop``."""
    return all(are_alike(way, loop[-1], first=not step) for step, way in enumerate(loop[:-1], before))


def _steps(loop: Sequence[Way], elsewhere: set[Call]) -> int | None:
    """The steps of a ``loop`` that has neurons, once a step each; None where all take all steps a call, or one.

    ``elsewhere``: calls that belong to other loops.
    """
    parts = [_own(way, loop) - elsewhere for way in loop]
    own = [[call for call in way.neurons if call in part] for way, part in zip(loop, parts, strict=True)]
    steps = own[-1][-1].occurrence + 1 if own[-1] else None
    before = 0 if steps is None else steps - len(loop)
    if not _are_all_alike(loop, before):
        assert loop[-1].end.call is not None
        raise loop[-1].end.call.error("is reached on other ways in some steps than in others; all must do the same")
    for step, (way, neurons) in enumerate(zip(loop, own, strict=True), before):
        for call in neurons:
            if call.occurrence != step:
                raise call.error(
                    f"its call {call.occurrence + 1} is part of step {step + 1}: delays, and neurons that are called "
                    "more than once a step, are not built"
                )
        if len(loop) > 1 and any(behind and picked_step(value) != step for value, behind in picks(way, loop).items()):
            raise _late_or_early(way)
    return None if steps == 1 else steps


def _late_or_early(way: Way) -> InputError:
    assert way.end.call is not None
    return way.end.call.error("must be called with step after step of what the neurons before it give")


def _require_own_state(call: Call) -> None:
    """Neurons go on from where their call before left them; the first call begins at zeros."""
    assert call.module is not None
    framework = framework_of(call.module)
    assert framework is not None
    if not call.fresh:
        raise call.error("gets a state that is neither its own nor zeros; begin with zeros, as its own functions do")
    states = [_kept(state) for state in call.inputs[1:]]
    for state in states:
        own = state.call is not None and state.call.module is call.module
        if not own or (state.call and state.call.occurrence != call.occurrence - 1):
            raise call.error("gets a second tensor that is not its own state of the step before")
    if states and states[0].call is not None:
        given, positions = len(states[0].call.values), [state.position for state in states]
        its_spikes = framework.takes_its_spikes(call.module)
        if positions != list(range(given - len(states), given)) or (its_spikes and positions[0]):
            what = "its spikes and states" if its_spikes else "its own states"
            raise call.error(f"must get {what} of the step before, in the order in which it gives them")
    if call.occurrence and (call.handed or not (framework.keeps_states or states)):
        raise call.error(f"begins anew in its call {call.occurrence + 1}; hand it its state of the step before")


def _kept(state: Value) -> Value:
    """A state before it was detached from the steps before it."""
    while state.call is not None and state.call.name in DETACHING:
        state = state.call.inputs[0]
    return state
