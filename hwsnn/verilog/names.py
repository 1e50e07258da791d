"""Names of modules: by what they are and how large where a few integers say it, else by their place in the design."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from amaranth.hdl import Shape, ShapeLike

from ..rtl.stream.chain import ChainComponent
from .modules import DistinctModule, Place

_LAYER = re.compile(r"_layer$")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def module_names(modules: Iterable[DistinctModule], top: str) -> dict[str, str]:
    """The name of each module by its key; the one at the top is called ``top``.

    ``modulo_counter_13``: what its class and integers describe. ``conv1_neurons``: what stands once, by its layer and
    its instance; if there are several such, by the instances above it as well. ``conv1_adder_tree_2``: what stands
    several times.
    """
    wanted = {module.key: [top] if () in module.places else list(_candidates(module)) for module in modules}
    common = Counter(candidate for candidates in wanted.values() for candidate in set(candidates))
    taken, names = {top}, {}
    for key, candidates in wanted.items():
        if candidates == [top]:
            names[key] = top
            continue
        free = [name for name in candidates if name not in taken]
        name = next((name for name in free if common[name] == 1), candidates[-1])
        number, stem = 1, name
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        names[key] = name
    return names


def kind(component: Any) -> str:
    """What a component is, in small letters, and no keyword."""
    name = _CAPITAL.sub("_", type(component).__name__).lower()
    return f"stream_{name}" if name in ("fork", "join") else name


def parameters(component: Any) -> dict[str, int | None]:
    """The parameters of a component: those that are integers, and that it keeps under their names; else None.

    A shape counts as its width.
    """
    found: dict[str, int | None] = {}
    for name in list(inspect.signature(type(component).__init__).parameters)[1:]:
        value = getattr(component, name, getattr(component, f"_{name}", None))
        if name == "shape" and isinstance(value, ShapeLike):
            value = Shape.cast(value).width
        found[name] = value if isinstance(value, int) else None
    return found


def _candidates(module: DistinctModule) -> Iterator[str]:
    """Names for a module, the best first, and last one that others may want as well."""
    numbers = parameters(module.component).values()
    if None not in numbers:
        yield "_".join([kind(module.component), *(str(int(number)) for number in numbers if number is not None)])
        return
    if len(module.places) == 1:
        (place,) = module.places
        place = place[_outermost(place) :]
        if len(place) == 1:
            if not _LAYER.search(place[0]) and not isinstance(module.component, ChainComponent):
                yield kind(module.component)
            yield place[0]
            return
        for start in range(len(place) - 1, 0, -1):
            yield "_".join([_LAYER.sub("", place[0]), *place[start:]])
        return
    shared = _shared(module.places)
    around = shared[_outermost(shared) :][:1] or ("common",)
    yield "_".join([_LAYER.sub("", around[0]), kind(module.component)])


def _outermost(place: Place) -> int:
    """The index of the layer, or of the part beside the layers, that a place is in."""
    return next((index for index, part in enumerate(place) if _LAYER.search(part)), 0)


def _shared(places: Iterable[Place]) -> Place:
    """The instances that all places are in."""
    first, *others = places
    length = 0
    while all(other[: length + 1] == first[: length + 1] for other in others) and length + 1 < len(first):
        length += 1
    return first[:length]
