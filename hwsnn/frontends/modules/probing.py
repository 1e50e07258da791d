"""What a module does behind its last layer, tried with random values: its scores must be that layer's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from hwsnn.errors import InputError

from .calling import by_step
from .framework import Layout
from .recording import Call, Value, tensors
from .scores import Scores

LEAST_LOGARITHM = -8.0
"""Below it floats of half precision are 0, or hardly more."""
OFFSETS = (0.0, -3.0, 3.0, 0.0)
"""Of random values, a try each: all of a class may be below 0, or above."""
TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 0.1, torch.bfloat16: 0.25}
"""Of sums over many steps, in parts of the largest."""


def order_of(output: Value, scores: Scores, layout: Layout, frames: int, classes: int, *, spikes: bool) -> Layout:
    """The layout in which ``output`` has the steps, where it has several and ranks the classes as ``scores`` do.

    ``layout``: of the last layer's values. ``spikes``: whether those are 0 and 1. Raises ``InputError`` where it ranks
    them otherwise for anything that the last layer gives.
    """
    last = scores.values[-1].call
    assert last is not None
    generator = torch.Generator().manual_seed(0)
    tolerance = TOLERANCES[output.tensor.dtype] if output.tensor.dtype in TOLERANCES else TOLERANCES[torch.float32]
    orders: list[Layout] = [layout, "batch_first", "sequence"]
    for offset in OFFSETS:
        given = [_random(value.tensor, None if spikes else offset, generator) for value in scores.values]
        steps = max(1, sum(one.numel() for one in given) // (frames * classes))
        whole = (torch.stack(given) if len(given) > 1 else given[0]).double().cpu()
        expected = _over_time(by_step(whole, layout if len(given) == 1 else "step", steps, frames), scores.over_time)
        found = replayed(output, zip(scores.values, given, strict=True)).double().cpu()
        rest = found.numel() // expected.numel()
        if (found.ndim < 2 and classes > 1) or found.numel() % expected.numel() or rest not in (1, steps):
            raise _error(last, f"{'x'.join(map(str, found.shape)) or 'one number'} for {frames} frames", classes)
        orders = [
            order
            for order in orders
            if ranks_alike(_over_time(by_step(found, order, rest, frames), scores.over_time), expected, tolerance)
        ]
        if not orders:
            raise _error(last, "other scores", classes)
    return orders[0]


def _error(last: Call, what: str, classes: int) -> InputError:
    return last.error(
        f"what follows it makes {what} of its {classes} values a frame; scores are those values, added up, averaged, "
        "the last or the largest over time"
    )


def _random(like: torch.Tensor, offset: float | None, generator: torch.Generator) -> torch.Tensor:
    """Values about ``offset``, or spikes."""
    values = torch.randn(like.shape, generator=generator)
    return (values > 0 if offset is None else values + offset).to(like)


def _over_time(values: torch.Tensor, which: str) -> torch.Tensor:
    """(frames, classes) of (steps, frames, classes)."""
    if which == "all":
        return values.sum(0)
    return values[-1] if which == "last" else values.amax(0)


def ranks_alike(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    """Whether one (N, classes) is a positive multiple of the other, or its exponential, but for what all classes share.

    One class shares nothing: its scores are numbers that say something, so they are a multiple.
    """
    if expected.shape[1] == 1:
        return _is_multiple(found, expected, tolerance)
    return _is_multiple(_centred(found), _centred(expected), tolerance) or _is_exponential(found, expected, tolerance)


def _centred(scores: torch.Tensor) -> torch.Tensor:
    return scores - scores.mean(1, keepdim=True)


def _is_multiple(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    size = (expected**2).sum()
    if size == 0:
        return True
    factor = (found * expected).sum() / size
    return bool(factor > 0 and ((found - factor * expected).abs() <= tolerance * factor * expected.abs().max()).all())


def _is_exponential(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    """Whether the logarithms are a positive multiple, but for what all classes share; of small ones floats keep 0."""
    largest, winner = found.max(1, keepdim=True)
    if not bool((found >= 0).all() and (largest > 0).all()):
        return False
    behind, below = expected - expected.gather(1, winner), (found / largest).log()
    seen = below > LEAST_LOGARITHM
    if bool((behind > tolerance * behind.abs().max()).any()):
        return False
    size = (behind[seen] ** 2).sum()
    if size == 0:
        return True
    factor = (below * behind)[seen].sum() / size
    off = (below - factor * behind).abs() <= tolerance * torch.maximum(below.abs(), torch.ones(()))
    return bool(factor > 0 and off[seen].all() and (factor * behind[~seen] <= LEAST_LOGARITHM / 2).all())


def replayed(output: Value, given: Iterable[tuple[Value, torch.Tensor]]) -> torch.Tensor:
    """``output``, had the last layer given other values."""
    made = {id(value): tensor.clone() for value, tensor in given}
    calls, waiting = set[Call](), [output]
    while waiting:
        value = waiting.pop()
        if id(value) not in made and value.call is not None and value.call not in calls:
            calls.add(value.call)
            waiting += value.call.inputs
    copies: dict[int, torch.Tensor] = {}
    for call in sorted(calls, key=lambda call: call.number):
        known = {id(value.tensor): made[id(value)] for value in call.inputs}

        if call.overwritten is not None:
            known[id(call.args[0])] = call.overwritten.clone()

        def instead(one: Any, known: dict[int, torch.Tensor] = known) -> Any:
            if isinstance(one, torch.Tensor):
                found = known.get(id(one))
                return copies.setdefault(id(one), one.clone()) if found is None else found
            return type(one)(map(instead, one)) if type(one) in (tuple, list) else one

        args = instead(call.args)
        result = call.function(*args, **{key: instead(one) for key, one in call.kwargs.items()})
        results = tensors(args[0] if call.name == "__setitem__" else result)
        made |= {id(value): tensor for value, tensor in zip(call.values, results, strict=True)}
    return made[id(output)]
