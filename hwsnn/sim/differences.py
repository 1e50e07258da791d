"""The first difference between a stream's beats and those of the reference: where it is, and of what kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .boundaries import RESULT, Boundary, Bytes

Kind: TypeAlias = Literal["wrong", "lost", "surplus", "missing"]
"""A wrong number; a beat that was left out, or one too many, after which the others go on; beats that never came."""

MOST_SHIFTED = 8
"""Maximum number of beats lost or surplus in one place, as far as they are told from wrong ones."""

WORDS: dict[Kind, str] = {
    "wrong": "",
    "lost": "a beat was lost, and later ones come too early: ",
    "surplus": "a beat too many: ",
    "missing": "no beat came any more: ",
}


@dataclass(frozen=True)
class Difference:
    """The first difference at the output of ``layer``: a layer's name, ``encoder`` or ``result``.

    ``frame``: in the order of the simulation; ``y``, ``x``, ``step``, ``channel``: of the number that differs. A result
    has no coordinates: ``channel`` is the class of a score, and None for the predicted class. ``expected`` is None in a
    surplus beat, ``found`` where no beat came, or one was lost. ``cycle``: in which the beat moved, in cycles since the
    first pixel of the run did; None if it never came. ``stalls``: the difference is in the run with random stalls.
    """

    layer: str
    frame: int
    y: int | None
    x: int | None
    step: int | None
    channel: int | None
    expected: int | None
    found: int | None
    cycle: int | None
    kind: Kind
    stalls: bool

    def __str__(self) -> str:
        place = [f"frame {self.frame}"]
        coordinates = {"row": self.y, "column": self.x, "step": self.step}
        place += [f"{name} {value}" for name, value in coordinates.items() if value is not None]
        if self.layer == RESULT:
            place.append("predicted class" if self.channel is None else f"score of class {self.channel}")
        else:
            place.append(f"channel {self.channel}")
        numbers = {"expected": self.expected, "found": self.found}
        values = ", ".join(f"{name} {'nothing' if value is None else value}" for name, value in numbers.items())
        when = [] if self.cycle is None else [f"cycle {self.cycle}"]
        when += ["with stalls"] if self.stalls else []
        remark = f" ({', '.join(when)})" if when else ""
        return f"{self.layer}: {WORDS[self.kind]}{', '.join(place)}: {values}{remark}"


def differing_bits(expected: Bytes, found: Bytes) -> int:
    """Bits that differ between (beats, bytes) arrays; a beat that is missing or surplus counts as one."""
    both = min(len(expected), len(found))
    return int(np.unpackbits(expected[:both] ^ found[:both]).sum()) + abs(len(expected) - len(found))


def first_difference(
    boundary: Boundary, expected: Bytes, found: Bytes, cycles: npt.NDArray[np.int64], *, stalls: bool
) -> Difference | None:
    """The first difference of the beats ``found``, which moved in ``cycles``; None if there is none.

    ``expected``: what ``boundary`` expects, packed, as is ``found``.
    """
    beat = _alike(expected, found)
    if beat == max(len(expected), len(found)):
        return None
    wanted = boundary.expected[beat] if beat < len(expected) else None
    came = boundary.numbers(found[beat : beat + 1])[0] if beat < len(found) else None
    entry = 0 if wanted is None or came is None else int(np.flatnonzero(wanted != came)[0])
    kind = _kind(expected, found, beat)
    place = boundary.place(beat, entry)
    return Difference(
        boundary.name,
        place.frame,
        place.y,
        place.x,
        place.step,
        place.channel,
        expected=None if wanted is None or kind == "surplus" else int(wanted[entry]),
        found=None if came is None or kind == "lost" else int(came[entry]),
        cycle=int(cycles[beat]) if beat < len(cycles) else None,
        kind=kind,
        stalls=stalls,
    )


def _kind(expected: Bytes, found: Bytes, beat: int) -> Kind:
    """The kind of the difference at ``beat``."""
    if beat == len(found):
        return "missing"
    if beat == len(expected):
        return "surplus"
    more = len(found) - len(expected)
    after, due = found[beat:], expected[beat:]
    if 0 < -more <= MOST_SHIFTED and _alike(due[-more:], after) == len(after):
        return "lost"
    if 0 < more <= MOST_SHIFTED and _alike(after[more:], due) == len(due):
        return "surplus"
    for shift in range(1, MOST_SHIFTED + 1):
        if _shifted(due, after, shift):
            return "lost"
        if _shifted(after, due, shift):
            return "surplus"
    return "wrong"


def _shifted(longer: Bytes, shorter: Bytes, shift: int) -> bool:
    """Whether ``shorter`` is ``longer`` without its first ``shift`` beats, as far as can be told.

    Beats behind a wrong one are in their places. Where they are all alike, or one after the other alike, they are also
    those of other places. So more than one of them must differ from the beat in its place, and not all be alike.
    """
    run = _alike(longer[shift:], shorter)
    misplaced = (shorter[:run] != longer[:run]).any(axis=1).sum()
    return bool(misplaced > 1 and (shorter[:run] != shorter[:1]).any())


def _alike(one: Bytes, other: Bytes) -> int:
    """The number of beats up to the first that differs, or to the end of the shorter."""
    both = min(len(one), len(other))
    unequal = np.flatnonzero((one[:both] != other[:both]).any(axis=1))
    return int(unequal[0]) if len(unequal) else both
