"""Images a second of the numpy reference and of compiled code beside snnTorch and SpikingJelly, on the same cores.

    .venv/bin/python benchmarks/reference_peers.py [DATA] [-n N] [--rounds R] [--compile] [--json]

`make test` installs the others. DATA is a folder with the MNIST test images (default: mnist). Ours run the 8-bit
integers of models/mnist, the others the floats that those were made from. Each of the others takes its fastest
settings: memory layout and batch size (and, with --compile, torch.compile, which takes minutes), with all cores, in
inference mode, images made floats beforehand, the first convolution once an image as its input is the same at every
step. Then all are timed in turn. Beside each stands its processor time per image, and of how many cores it and all
other processes made use meanwhile: on a busy machine the ratios of the rates are not to be trusted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import product
from time import perf_counter

import numpy as np
import numpy.typing as npt
import snntorch
import torch
from spikingjelly.activation_based import functional, neuron
from threadpoolctl import threadpool_info
from torch import Tensor, nn

from hwsnn import reference
from hwsnn.bench import this_cpu
from hwsnn.bench.timing import Timing, usage
from hwsnn.compiled import CompiledNetwork
from hwsnn.data import load
from hwsnn.files.shipped import folder
from hwsnn.float_network import FloatConv, FloatIntegrator, FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.model_file import float_file, integer_file
from hwsnn.spec import MaxPool, Network

BATCHES = (8, 16, 32, 64, 128)
TUNING_IMAGES = 256
LEAST_AGREEMENT = 0.999
"""Part of the others' answers that must be those of the same floats written out; rounding decides the rest."""

Answers = npt.NDArray[np.int64]


@dataclass
class Contestant:
    """One implementation, its settings, and what was measured of it."""

    name: str
    settings: str
    answer: Callable[[], Answers] = field(repr=False)
    accuracy: float = 0.0
    agreement: float = 0.0
    rounds: list[Timing] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Images a second of each round."""
        return [timing.fps for timing in self.rounds]

    @property
    def processor_us(self) -> float:
        """Processor time per image in microseconds, the median."""
        return statistics.median(1e6 * timing.cores_used / timing.fps for timing in self.rounds)

    @property
    def rate(self) -> float:
        """Images a second, the median."""
        return statistics.median(self.rates)


class SnnTorch(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """The network of ``snntorch.Leaky`` neurons: images (N, C, H, W) from 0 to 1 to scores (N, classes)."""

    def __init__(self, network: FloatNetwork) -> None:
        super().__init__()
        self.timesteps = network.timesteps or 1
        self.first, *rest = _stages(network, _leaky)
        self.rest = nn.ModuleList(rest)

    def forward(self, images: Tensor) -> Tensor:
        current = self.first(images)
        membranes: list[Tensor | None] = [None] * len(self.rest)
        for _ in range(self.timesteps):
            x = current
            for index, stage in enumerate(self.rest):
                if isinstance(stage, snntorch.Leaky):
                    v = membranes[index]
                    x, membranes[index] = stage(x, torch.zeros_like(x) if v is None else v)
                else:
                    x = stage(x)
        return membranes[-1]


class SpikingJelly(nn.Module):  # type: ignore[misc]
    """The network of SpikingJelly's LIF nodes, all steps of a layer at once: as ``SnnTorch``."""

    def __init__(self, network: FloatNetwork) -> None:
        super().__init__()
        self.timesteps = network.timesteps or 1
        self.first, *rest = _stages(network, _node)
        self.rest = nn.ModuleList(rest)
        functional.set_step_mode(self, "m")

    def forward(self, images: Tensor) -> Tensor:
        functional.reset_net(self)
        current = self.first(images)
        x = current.expand(self.timesteps, *current.shape)
        for stage in self.rest:
            if isinstance(stage, (neuron.LIFNode, neuron.NonSpikingLIFNode)):
                x = stage(x)
            else:
                x = functional.seq_to_ann_forward(x, stage)
        return x


class PlainFloats(nn.Module):  # type: ignore[misc]
    """The network written out: what the answers should be."""

    def __init__(self, network: FloatNetwork) -> None:
        super().__init__()
        self.network = network
        self.stages = nn.ModuleList(_stages(network, lambda neuron: nn.Identity()))

    def forward(self, images: Tensor) -> Tensor:
        neurons = [layer.neuron for layer in self.network.layers if isinstance(layer, FloatPopulation)]
        v = [torch.zeros(())] * len(neurons)
        for _ in range(self.network.timesteps or 1):
            x, index = images, 0
            for stage in self.stages:
                x = stage(x)
                if isinstance(stage, nn.Identity):
                    cell = neurons[index]
                    v[index] = cell.beta * v[index] + x
                    if isinstance(cell, FloatNeuron):
                        threshold = float(cell.threshold[0])
                        x = (v[index] > threshold).to(x.dtype)
                        v[index] = v[index] - threshold * x
                    index += 1
        return v[-1]


def _stages(
    network: FloatNetwork, neurons: Callable[[FloatNeuron | FloatIntegrator], nn.Module]
) -> Iterator[nn.Module]:
    """Weights, neurons and pools in order; spikes are 0 or 1, of which the largest is the or."""
    for layer in network.layers:
        if isinstance(layer, MaxPool):
            yield nn.MaxPool2d(layer.size, layer.stride)
        if not isinstance(layer, FloatPopulation):
            continue
        one = layer.projection
        if isinstance(one, FloatConv):
            weights = nn.Conv2d(one.in_channels, one.out_channels, one.kernel, one.stride, one.padding, 1, one.groups)
        else:
            yield nn.Flatten()
            weights = nn.Linear(one.weight[0].size, one.out_channels)
        weights.weight.data = torch.tensor(one.weight, dtype=torch.float32).view(weights.weight.shape)
        weights.bias.data = torch.tensor(layer.bias, dtype=torch.float32)
        yield weights
        yield neurons(layer.neuron)


def _leaky(cell: FloatNeuron | FloatIntegrator) -> nn.Module:
    if isinstance(cell, FloatIntegrator):
        return snntorch.Leaky(cell.beta, reset_mechanism="none")
    return snntorch.Leaky(cell.beta, float(cell.threshold[0]), reset_mechanism="subtract", reset_delay=False)


def _node(cell: FloatNeuron | FloatIntegrator) -> nn.Module:
    """SpikingJelly's integrator takes a part 1 / tau of its current: all scores are smaller by that factor."""
    tau = 1 / (1 - cell.beta)
    if isinstance(cell, FloatIntegrator):
        return neuron.NonSpikingLIFNode(tau, decode="last_mem")
    return neuron.LIFNode(tau, decay_input=False, v_threshold=float(cell.threshold[0]), v_reset=None)


def answers(run: Callable[[Tensor], Tensor], images: Tensor, batch: int) -> Answers:
    """The class of every image, ``batch`` images at a time."""
    with torch.inference_mode():
        found: Answers = torch.cat([run(part).argmax(1) for part in images.split(batch)]).numpy()
    return found


def fastest(name: str, make: Callable[[], nn.Module], images: Tensor, compiles: bool) -> Contestant:
    """The network with the settings that run ``TUNING_IMAGES`` images fastest."""
    best_rate, best = 0.0, None
    layouts = (("channels first", torch.contiguous_format), ("channels last", torch.channels_last))
    for (layout, memory), compiled in product(layouts, (False, True) if compiles else (False,)):
        network = make().eval().to(memory_format=memory)
        x = images.contiguous(memory_format=memory)
        for batch in BATCHES:
            run = torch.compile(network, dynamic=False) if compiled else network
            some = x[: TUNING_IMAGES // batch * batch]
            answers(run, some, batch)
            rate = len(some) / min(_seconds(partial(answers, run, some, batch)) for _ in range(5))
            settings = f"batches of {batch}, {layout}" + (", torch.compile" if compiled else "")
            print(f"  {name}, {settings}: {rate:,.0f} images/s", file=sys.stderr, flush=True)
            if rate > best_rate:
                best_rate, best = rate, Contestant(name, settings, partial(answers, run, x, batch))
    assert best is not None  # there are settings to try
    return best


def _timed(run: Callable[[], object], images: int) -> Timing:
    before = usage()
    seconds = _seconds(run)
    return usage().since(before, images / seconds)


def _seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def main() -> None:
    """Measure, print a line for each implementation, and our rates over the others' in each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="mnist", metavar="DATA")
    parser.add_argument("-n", dest="count", type=int, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true", dest="compiles")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    place = folder("models") / "mnist"
    integers, floats = (
        integer_file.load(place / "mnist.safetensors"),
        float_file.load(place / "mnist-float.safetensors"),
    )
    images, labels = _images(options.data, integers, options.count)
    pixels = torch.tensor(images / np.float32(integers.largest_pixel))
    cpu = this_cpu()
    torch.set_num_threads(cpu.cores)

    compiled = CompiledNetwork(integers)
    ours = [
        Contestant("hwsnn.reference", "8-bit integers", lambda: reference.run(integers, images).predictions),
        Contestant("hwsnn.compiled", "8-bit integers", lambda: compiled.scores(images).argmax(axis=1)),
    ]
    others = [
        fastest("snnTorch", partial(SnnTorch, floats), pixels, options.compiles),
        fastest("SpikingJelly", partial(SpikingJelly, floats), pixels, options.compiles),
    ]
    expected = answers(PlainFloats(floats).eval(), pixels, 64)
    for contestant in (*ours, *others):
        given = contestant.answer()  # warms up, too
        contestant.accuracy, contestant.agreement = float((given == labels).mean()), float((given == expected).mean())
        if contestant in others and contestant.agreement < LEAST_AGREEMENT:
            sys.exit(f"{contestant.name} gives the float network's answer on {contestant.agreement:.2%} of the images")
    for _ in range(options.rounds):
        for contestant in (*ours, *others):
            contestant.rounds.append(_timed(contestant.answer, len(images)))

    ratios = {
        f"{one.name} / {other.name}": statistics.median(a / b for a, b in zip(one.rates, other.rates, strict=True))
        for one in ours
        for other in others
    }
    load_average = os.getloadavg()[0]
    versions = {name: version(name) for name in ("numpy", "numba", "torch", "snntorch", "spikingjelly")}
    blas = [f"{pool['version']} {pool['architecture']}" for pool in threadpool_info() if "openblas" in pool["filepath"]]
    if options.as_json:
        described = [
            {"name": c.name, "settings": c.settings, "images_per_second": c.rate, "processor_us": c.processor_us}
            | {"accuracy": c.accuracy, "agreement_with_floats": c.agreement}
            | {"rounds": [asdict(timing) for timing in c.rounds]}
            for c in (*ours, *others)
        ]
        machine = {"cpu": str(cpu), "load": load_average, "python": platform.python_version(), "openblas": blas}
        fields = {"images": len(images), "machine": machine, "versions": versions}
        print(json.dumps(fields | {"measured": described, "ratios": ratios}))
        return
    print(f"{len(images):,} images, {options.rounds} rounds in turn, medians; {cpu}, load {load_average:.1f}")
    print(f"Python {platform.python_version()},", ", ".join(f"{name} {number}" for name, number in versions.items()))
    print(f"numpy's OpenBLAS {', '.join(blas)}")
    for c in (*ours, *others):
        used = statistics.median(timing.cores_used for timing in c.rounds)
        others_used = statistics.median(timing.cores_used_by_others or 0 for timing in c.rounds)
        print(
            f"{c.name:<16} {c.rate:>8,.0f} images/s ({min(c.rates):,.0f} to {max(c.rates):,.0f}), "
            f"{c.processor_us:,.1f} us of processor time each, {used:.2f} cores used, {others_used:.2f} by others; "
            f"{c.settings}; accuracy {c.accuracy:.2%}, {c.agreement:.2%} the float network's answers"
        )
    print(*(f"{names} {ratio:.2f}" for names, ratio in ratios.items()), sep=", ")


def _images(data: str, network: Network, count: int) -> tuple[npt.NDArray[np.uint8], Answers]:
    found = load(data, network, count)
    if found.labels is None:
        sys.exit(f"{data} must have labels")
    return found.images, np.asarray(found.labels, np.int64)


if __name__ == "__main__":
    main()
