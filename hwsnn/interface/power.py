"""Which power monitors a board has: its supply rails, by the names that Linux gives their monitors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rail:
    """A supply rail. ``monitors``: names of its monitor under Linux; which one it has depends on the kernel."""

    name: str
    monitors: tuple[str, ...]


@dataclass(frozen=True)
class Supply:
    """Rails whose power is added up. ``feeds``: what they feed, in words."""

    feeds: str
    rails: tuple[Rail, ...]
