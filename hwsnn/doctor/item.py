"""One thing that hwsnn uses, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """``found``: version or place, in words; None if it is missing or of no use, and then ``remedy`` says what to do.

    ``purpose``: what it is for. ``needed``: whether hwsnn as installed cannot do its main work without it.
    """

    group: str
    name: str
    purpose: str
    needed: bool
    found: str | None
    remedy: str = ""

    @property
    def state(self) -> str:
        """In a word: found, MISSING if it is needed, else absent."""
        return "found" if self.found is not None else "MISSING" if self.needed else "absent"
