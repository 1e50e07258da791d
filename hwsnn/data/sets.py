"""The data sets that have a word. ``hwsnn/data/named.py`` says how to add one."""

from __future__ import annotations

from collections.abc import Mapping

from . import cifar10, fashion_mnist, mnist, mnist_events, spoken_digits
from .named import NamedData

SETS: dict[str, NamedData] = {
    found.word: found for found in (mnist.SET, fashion_mnist.SET, cifar10.SET, mnist_events.SET, spoken_digits.SET)
}
"""By word. Of sets that are read from the same files, the one that takes them as they are is first."""
SHIPPED: Mapping[str, str] = {"digits": "digits/samples.npz"}
"""By word, data files below ``models/``; a shipped model of that name takes them."""


def words() -> str:
    """All words, for messages."""
    return ", ".join((*SHIPPED, *SETS))


def word_of(model: str) -> str | None:
    """The word of the data that a model of that name is made with, as ``NamedData.models`` says; None if unknown."""
    made_with = {word: word for word in SHIPPED}
    made_with |= {name: word for word, found in SETS.items() for name in found.models}
    parts = model.split("-")
    names = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((made_with[name] for name in names if name in made_with), None)
