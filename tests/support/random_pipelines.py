"""Random pipelines with forks and joins, of few beats, for the cycle model and for ``stepped_pipeline``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import gcd
from random import Random

from hwsnn.cycles import components
from hwsnn.cycles.components import Component, CreditFifo, Push
from hwsnn.cycles.graph import Passes
from hwsnn.cycles.sections import Branch, Part, Queue, Section, Sections

from . import stepped_pipeline as stepped

DEPTHS = ((1, 2), (1, 2, 3, 5), (2, 4, 8, 20), (60, 80))
"""What the queues of a pipeline are drawn from."""
MOST_BEATS = 12


class RandomPipeline:
    """A pipeline in both forms: ``sections`` and ``depths``, and ``parts`` with their ``sink``.

    ``beats``: of a frame at the end. ``queues``: the simulated queues by name.
    """

    def __init__(self, seed: int) -> None:
        self._random = random = Random(seed)
        self._sections = Sections()
        self._choices = random.choice(DEPTHS)
        self.depths = dict[Queue, float]()
        self.queues = dict[Queue, stepped.Queue]()
        self.source = stepped.Source()
        self.parts: list[stepped.Part] = [self.source]
        nodes = random.randint(2, 5)
        inputs = [sorted(random.choices(range(node + 1), k=random.choice((1, 1, 2, 3)))) for node in range(nodes)]
        used = {source for sources in inputs for source in sources}
        inputs[-1] = sorted({*inputs[-1], *(node for node in range(nodes) if node not in used)})
        branch, part = Branch(None, random.randint(1, 6)), self.parts[0]
        ends = [[(branch, part)]]
        for node in range(nodes + 1):
            if node:
                sources = [(source, ends[source].pop()) for source in inputs[node - 1]]
                branch, part = self._node(f"{node}", [end for _, end in sources])
            consumers = [
                f"{to + 1}.{source}" for to, sources in enumerate(inputs) for source in sources if source == node
            ]
            ends[node:] = [self._ends(branch, part, consumers)]
        branch, part = ends[-1][0]
        self._sections.close([branch])
        self.sink = stepped.Sink()
        stepped.connect(part, self.sink)
        self.parts.append(self.sink)
        self.beats = branch.leave

    @property
    def sections(self) -> list[Section]:
        """For the cycle model."""
        return self._sections.all

    def _ends(self, branch: Branch, part: stepped.Part, consumers: list[str]) -> list[tuple[Branch, stepped.Part]]:
        """A node's output for each consumer, behind a queue if there are several."""
        if len(consumers) < 2:
            return [(branch, part)]
        if branch.source is None or branch.parts:
            branch = self._sections.close([branch])
        queues = list[stepped.Part]()
        ends = list[tuple[Branch, stepped.Part]]()
        for number, name in enumerate(consumers):
            made, queue = self._queue(f"{name}.{number}", branch.leave, 1, kind="edges")
            ends.append((self._sections.extend(branch, [made]), queue))
            queues.append(queue)
        self.parts.append(stepped.connect(part, stepped.Fork(queues)))
        return ends

    def _queue(self, name: str, beats: int, delay: int, kind: str = "results") -> tuple[Part, stepped.Queue]:
        depth, key = self._random.choice(self._choices), (name, kind)
        simulated = stepped.Queue(depth, delay)
        self.depths[key], self.queues[key] = depth, simulated  # type: ignore[index]
        self.parts.append(simulated)
        return Part("", partial(CreditFifo, delay=delay), beats, key), simulated  # type: ignore[arg-type]

    def _node(self, name: str, ends: list[tuple[Branch, stepped.Part]]) -> tuple[Branch, stepped.Part]:
        branches = [self._through(f"{name}.{number}", *end) for number, end in enumerate(ends)]
        if len(branches) == 1:
            return self._queued(name, *branches[0])
        repeats = gcd(*(branch.leave for branch, _ in branches))
        repeats = self._random.choice([part for part in range(1, repeats + 1) if repeats % part == 0])
        passes = self._passes([branch.leave // repeats for branch, _ in branches])
        beats = repeats * sum(makes for _, makes, _ in passes.joint)
        queue, simulated = self._queue(name, beats, self._random.randint(1, 6))
        join = stepped.Join(passes.joint, passes.alone)
        for (_, part), port in zip(branches, join.ports, strict=True):
            self.parts.append(stepped.connect(part, port))
        self.parts.append(join)
        stepped.connect(join, simulated)
        return self._sections.close([branch for branch, _ in branches], queue, passes), simulated

    def _passes(self, windows: list[int]) -> Passes:
        random = self._random
        joint = [random.randint(1, each) for each in windows]
        count = max(joint) + random.choice((0, 0, 1, 3))
        takes = [{0, *random.sample(range(1, count), each - 1)} for each in joint]
        makes = [random.random() < 0.7 for _ in range(count - 1)] + [True]
        return Passes(
            [
                ([port for port, each in enumerate(takes) if number in each], makes[number], random.choice((1, 2, 5)))
                for number in range(count)
            ],
            [
                [random.randint(1, 5) for _ in range(each - last)] + [None] * last
                for each, last in zip(windows, joint, strict=True)
            ],
            [f"port {number}" for number in range(len(windows))],
        )

    def _queued(self, name: str, branch: Branch, part: stepped.Part) -> tuple[Branch, stepped.Part]:
        queue, simulated = self._queue(name, branch.leave, self._random.randint(1, 6))
        stepped.connect(part, simulated)
        return self._sections.extend(branch, [queue]), simulated

    def _through(self, name: str, branch: Branch, part: stepped.Part) -> tuple[Branch, stepped.Part]:
        """Some parts one after the other."""
        random = self._random
        for number in range(random.randint(0, 4)):
            beats = branch.leave
            kind = random.choice(("skid", "register", "padding", "engine", "queue"))
            if kind == "queue":
                branch, part = self._queued(f"{name}.{number}", branch, part)
                continue
            make: Callable[[Push, float], Component]
            simulated: stepped.Part
            if kind == "skid":
                make, simulated = (lambda push, _: components.SkidBuffer(push)), stepped.Skid()
            elif kind == "register":
                wanted = [*(random.random() < 0.7 for _ in range(beats - 1)), True]
                make, simulated = _made(components.LineBuffer, wanted), stepped.Register(wanted)
                beats = sum(wanted)
            elif kind == "padding":
                most = random.randint(beats, max(beats, MOST_BEATS))
                places = random.sample(range(most), beats)
                inside = [at in places for at in range(most)]
                make, simulated, beats = _made(components.Padding, inside), stepped.Padding(inside), most
            else:
                first = random.randint(1, beats)
                passes = [(number < first, random.random() < 0.6, random.choice((1, 2, 4))) for number in range(first)]
                passes += [(False, True, 1)] * random.choice((0, 1, 2))
                random.shuffle(tail := passes[1:])
                passes = [passes[0], *tail]
                passes += [(True, True, 2)] * (beats - first)
                make, simulated = _made(components.Engine, passes), stepped.Engine(passes)
                beats = sum(makes for _, makes, _ in passes)
                if not beats:
                    continue
            stepped.connect(part, simulated)
            self.parts.append(simulated)
            branch, part = self._sections.extend(branch, [Part("", make, beats)]), simulated
            if kind == "engine":
                branch, part = self._queued(f"{name}.{number}", branch, part)
        return branch, part


def _made(component: Callable[..., Component], *parameters: object) -> Callable[[Push, float], Component]:
    return lambda push, _: component(push, *parameters)
