"""Values as runs of bits, which are few where the bits are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Run = tuple[int | None, int, int]
"""Where the bits come from, the first of them, and how many they are. Of constant bits: None, and their value in place
of the first."""
Value = tuple[Run, ...]
"""The lowest bits first, in as few runs as there can be: equal values are equal tuples."""


def constant(value: int, width: int) -> Value:
    """The lowest ``width`` bits of an integer."""
    return ((None, value & ((1 << width) - 1), width),) if width else ()


def joined(runs: Iterable[Run]) -> Value:
    """Runs side by side."""
    made: list[Run] = []
    for source, first, count in runs:
        if made:
            before, start, length = made[-1]
            if source is None and before is None:
                made[-1] = None, start | first << length, length + count
                continue
            if source == before and source is not None and start + length == first:
                made[-1] = source, start, length + count
                continue
        if count:
            made.append((source, first, count))
    return tuple(made)


def width_of(value: Value) -> int:
    """How many bits they are."""
    return sum(count for _, _, count in value)


def cut(value: Value, start: int, stop: int) -> Value:
    """The bits from ``start`` to before ``stop``."""
    return joined(_between(value, start, stop))


def _between(value: Value, start: int, stop: int) -> Iterator[Run]:
    for source, first, count in value:
        low, high = max(start, 0), min(stop, count)
        if low < high:
            if source is None:
                yield None, first >> low & ((1 << (high - low)) - 1), high - low
            else:
                yield source, first + low, high - low
        start, stop = start - count, stop - count


def extended(value: Value, signed: bool, width: int) -> Value:
    """The value in ``width`` bits: more by its sign, or by zeros, or only the lowest."""
    missing = width - width_of(value)
    if missing <= 0:
        return cut(value, 0, width) if missing else value
    if not signed or not value:
        return joined([*value, (None, 0, missing)])
    top = _top(value[-1])
    if top[0] is None:
        return joined([*value, (None, -top[1] & ((1 << missing) - 1), missing)])
    return joined([*value, *[top] * missing])


def shortened(value: Value, signed: bool) -> Value:
    """The value without the bits that extending it again would give back."""
    runs = list(value)
    while runs:
        source, first, count = runs[-1]
        if signed:
            below = _top((source, first, count - 1)) if count > 1 else _top(runs[-2]) if len(runs) > 1 else None
            if below != _top(runs[-1]):
                break
            needed = count - 1
        elif source is None:
            needed = first.bit_length()
        else:
            break
        if needed == count:
            break
        runs[-1] = source, first & ((1 << needed) - 1) if source is None else first, needed
        if not needed:
            runs.pop()
    return tuple(runs)


def _top(run: Run) -> Run:
    source, first, count = run
    return (None, first >> (count - 1) & 1, 1) if source is None else (source, first + count - 1, 1)
