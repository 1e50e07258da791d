"""Random NIR graphs of images and vectors, with branches, joins, loops and nested graphs; all small whole numbers."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from tests.frontends.nir.nir_graphs import DT, conv, cuba, flatten, leaky, sum_pool, whole

Shape = tuple[int, ...]


class RandomGraph:
    """``graph`` of a generator's choice: neurons feed neurons through linear nodes, and what is left the last layer."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._nodes: dict[str, Any] = {"in": nir.Input(np.array([2, 4, 4]))}
        self._edges: list[tuple[str, str]] = []
        self._shapes: dict[str, Shape] = {"in": (2, 4, 4)}
        self._used: set[str] = set()
        layers = ["in"]
        for _ in range(int(rng.integers(2, 6))):
            layers.append(self._layer(layers))
        left = [name for name in layers if name not in self._used]
        self._nodes["last"] = self._neurons((3,))
        self._shapes["last"] = (3,)
        for name in left:
            flat = self._flat(name)
            self._to(self._new(nir.Affine(whole(rng, 3, self._shapes[flat][0]), whole(rng, 3)), (3,), flat), "last")
        self._nodes["out"] = nir.Output(None)
        self._to("last", "out")
        order = list(self._edges)
        rng.shuffle(order)
        self.graph = nir.NIRGraph(self._nodes, [(str(a), str(b)) for a, b in order], type_check=False)

    def _layer(self, layers: list[str]) -> str:
        """Neurons behind what one or two layers give, maybe added before or behind the weights, maybe recurrent."""
        rng = self._rng
        first = self._any(layers)
        if rng.integers(2) and len(self._shapes[first]) == 3:
            channels = int(rng.integers(1, 4))
            one = self._new(conv(rng, channels, self._shapes[first][0], padding=1), (channels, 4, 4), first)
        else:
            first = self._flat(first)
            count = int(rng.integers(2, 6))
            one = self._new(nir.Affine(whole(rng, count, self._shapes[first][0]), whole(rng, count)), (count,), first)
        alike = [name for name in layers if self._shapes[name] == self._shapes[first] and name != first]
        if alike and rng.integers(2):
            self._to(self._any(alike), one)  # before the weights
        if rng.integers(3) == 0:
            one = self._new(nir.Scale(self._by_channel(one)), self._shapes[one], one)
        neurons = self._new(self._neurons(self._shapes[one]), self._shapes[one], one)
        alike = [name for name in layers if self._shapes[name] == self._shapes[neurons]]
        if alike and rng.integers(2):
            self._to(self._any(alike), neurons)
        match int(rng.integers(5)):
            case 0:
                self._to(neurons, neurons)
            case 1:
                self._to(self._new(nir.Scale(self._by_channel(neurons)), self._shapes[neurons], neurons), neurons)
            case 2:
                count = self._shapes[neurons][0]
                full = conv(rng, count, count, (1, 1)) if len(self._shapes[neurons]) == 3 else None
                back = full or nir.Affine(whole(rng, count, count), whole(rng, count))
                self._to(self._new(back, self._shapes[neurons], neurons), neurons)
        return neurons

    def _any(self, names: list[str]) -> str:
        name = names[int(self._rng.integers(len(names)))]
        self._used.add(name)
        return name

    def _flat(self, name: str) -> str:
        if len(self._shapes[name]) == 1:
            return name
        if self._rng.integers(2):
            name = self._new(sum_pool(), (self._shapes[name][0], 2, 2), name)
        return self._new(flatten(), (int(np.prod(self._shapes[name])),), name)

    def _by_channel(self, name: str) -> Any:
        values = whole(self._rng, self._shapes[name][0])
        return values.reshape(-1, *[1] * (len(self._shapes[name]) - 1))

    def _neurons(self, shape: Shape) -> Any:
        one, by_channel = np.ones(shape), (shape[0], *[1] * (len(shape) - 1))
        if self._rng.integers(3) == 0:
            return cuba(w_in=2 * one, tau_syn=2 * DT)
        threshold = one * self._rng.integers(1, 8, by_channel) / 2
        return leaky(threshold, tau=DT * one * 2.0 ** self._rng.integers(1, 3, by_channel))

    def _new(self, node: Any, shape: Shape, *sources: str) -> str:
        name = f"{type(node).__name__.lower()}{len(self._nodes)}"
        if self._rng.integers(6) == 0:  # within a graph of its own
            ends = {"in": nir.Input(np.array(shape)), "node": node, "out": nir.Output(np.array(shape))}
            node = nir.NIRGraph(ends, [("in", "node"), ("node", "out")], type_check=False)
        self._nodes[name], self._shapes[name] = node, shape
        for source in sources:
            self._to(source, name)
        return name

    def _to(self, source: str, target: str) -> None:
        if (source, target) not in self._edges:
            self._edges.append((source, target))
