"""The way from the input to the scores: a graph of calls, the same in every step of a loop over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from hwsnn.errors import InputError

from .frameworks import framework_of
from .likeness import are_alike
from .recording import Call, Value, writes
from .scores import Scores
from .walking import Walker, Way, is_neuron, leaves, picked_step, takes_all_steps

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
    loops = [ways, *_loops_behind(ways, walker)]
    steps = {_steps_of_stack(stack, loop) for stack, loop in walker.stacks.items()} | {_steps(loop) for loop in loops}
    steps.discard(None)
    if len(steps) > 1:
        text = " and ".join(map(str, sorted(filter(None, steps))))
        raise last.call.error(f"loops over time before it make {text} steps; all must make the same")
    for call in {call: None for loop in (*loops, *walker.stacks.values()) for way in loop for call in way.neurons}:
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


def _values(way: Way, calls: Collection[Call] | None = None) -> dict[Value, None]:
    """What the calls on this way take, or those of ``calls``, and its end."""
    taken = (values for call, values in way.inputs.items() if calls is None or call in calls)
    return dict.fromkeys((*(value for values in taken for value in values), way.end))


def _other(way: Way, loop: Sequence[Way]) -> Way:
    return loop[1] if way is loop[0] else loop[0]


def _stepwise(way: Way) -> list[Call]:
    """The calls of neurons on this way, none behind a stack, that make one step."""
    return [call for call in way.neurons if call in way.direct and not (takes_all_steps(call) and _is_alone(call))]


def _is_alone(call: Call) -> bool:
    return len(call.of_module) == 1


def _loops_behind(ways: Sequence[Way], walker: Walker) -> Iterator[Sequence[Way]]:
    """The loops of neurons that ``ways`` show some steps of alone, as where a last layer is called behind the loop."""
    shown = set[object]()
    for call in reversed(_stepwise(ways[-1])):
        if call.occurrence >= len(ways) and call.module not in shown:
            loop = tuple(walker.way(one.values[0]) for one in call.of_module if one.occurrence <= call.occurrence)
            for step, way in enumerate(loop):
                for value in picks(way, loop) if len(loop) > 1 else ():
                    if picked_step(value) != step and value.call is not None:
                        raise value.call.error("must take step after step: x[0], x[1] and so on")
            shown |= {one.module for one in _stepwise(loop[-1])}
            yield loop


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
    return _steps(loop)


def _are_all_alike(loop: Sequence[Way], before: int = 0) -> bool:
    """Whether every step does the same; ``before``: steps before the first of ``loop``."""
    return all(are_alike(way, loop[-1], first=not step) for step, way in enumerate(loop[:-1], before))


def _steps(loop: Sequence[Way]) -> int | None:
    """The steps of a ``loop`` that has neurons, once a step each; None where all take all steps a call, or one."""
    end = loop[-1].end.call
    assert end is not None
    own = [_stepwise(way) for way in loop]
    steps = max(len(loop), own[-1][-1].occurrence + 1) if own[-1] else None
    before = 0 if steps is None else steps - len(loop)
    if own[-1] and not is_neuron(end):
        _require_one_place(end, loop, max(len(call.of_module) for call in own[-1]))
    if not _are_all_alike(loop, before):
        _require_input_kept(loop)
        if not (own[-1] or is_neuron(end) or any(picks(way, loop) for way in loop)):
            _require_one_place(end, loop, 1)
        raise end.error("is reached on other ways in some steps than in others; all must do the same")
    taken = Counter(call for calls in own for call in calls)
    for step, calls in enumerate(own, before):
        for call in calls:
            if call.occurrence != step:
                raise call.error(_out_of_step(call, step, taken[call], steps or 0))
    for step, way in enumerate(loop, before):
        if len(loop) > 1 and any(behind and picked_step(value) != step for value, behind in picks(way, loop).items()):
            raise _late_or_early(way)
    _require_nothing_held(loop)
    return None if steps == 1 else steps


def _require_one_place(end: Call, loop: Sequence[Way], calls: int) -> None:
    """A last layer is called as often as the neurons before it, which have ``calls``."""
    places, rest = divmod(len(loop), calls)
    if places > 1 and not rest:
        raise end.error(f"is called {places} times in one step; use a module of its own in each place")


def _require_input_kept(loop: Sequence[Way]) -> None:
    for way in loop:
        for call, taken in way.inputs.items():
            if call.module is None and writes(call.name) and any(value.call is None for value in taken):
                raise call.error("writes into the module's input; make a new tensor of it, as x = x * 2 does")


def _out_of_step(call: Call, step: int, ways: int, steps: int) -> str:
    """Why the neurons' ``call`` cannot be part of ``step``; ``ways`` of a loop of ``steps`` take what it gives."""
    if ways > 1 and _is_alone(call):
        return f"is called once, but {ways} steps of a loop take what it gives; call it in every step"
    number = call.occurrence + 1
    if ways > 1:
        return (
            f"what its call {number} gives is taken in {ways} steps of a loop; each step must take what is made in it, "
            "as spikes that are held are not built"
        )
    why = "delays, and neurons that are called more than once a step,"
    if call.occurrence > step and len(call.of_module) <= steps:
        why = "loops that take steps in another order than they come in,"
    return f"its call {number} is part of step {step + 1}: {why} are not built"


def _require_nothing_held(loop: Sequence[Way]) -> None:
    """No step takes a part of something that another one takes as well: a step of the input, or of spikes."""
    taken = Counter(value for way in loop for value in _values(way, way.direct))
    for value, ways in taken.items():
        if ways > 1 and value.call is not None and picked_step(value) is not None:
            raise value.call.error(
                f"picks a part that {ways} steps of a loop take; each step must take its own, x[0], x[1] and so on"
            )


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
        given, places = len(states[0].call.values), list(leaves(call.args[1:]))
        kept = dict(zip((id(state.tensor) for state in call.inputs[1:]), states, strict=True))
        places_of = {given - len(places) + at: kept.get(id(one)) for at, one in enumerate(places)}
        its_spikes = framework.takes_its_spikes(call.module)
        if any(state is not None and state.position != at for at, state in places_of.items()) or (
            len([state for state in places_of.values() if state is not None]) < len(states)
        ):
            what = "its spikes and states" if its_spikes else "its own states"
            raise call.error(
                f"must get {what} of the step before, in the order in which it gives them or by their names"
            )
    if call.occurrence and (call.handed or not (framework.keeps_states or states)):
        raise call.error(f"begins anew in its call {call.occurrence + 1}; hand it its state of the step before")


def _kept(state: Value) -> Value:
    """A state before it was detached from the steps before it."""
    while state.call is not None and state.call.name in DETACHING:
        state = state.call.inputs[0]
    return state
