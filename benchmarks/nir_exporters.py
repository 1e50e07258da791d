"""How far models that other frameworks export to NIR score as the frameworks do: figures of docs/nir.md.

    .venv/bin/python benchmarks/nir_exporters.py [--seeds N]     (`make test` installs the frameworks)

For each neuron small networks with random weights, which 8 bits hold exactly: a fully connected and a convolutional one
with each seed. The framework runs black-and-white images, spike by spike, and its exporter writes the file, with the
cures that docs/nir.md gives; hwsnn reads it, makes integers of it and runs the same images. A line for each
neuron, from the lowest to the highest part that was equal. Frameworks that are not installed are left out. Two minutes.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from math import floor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

from hwsnn import reference
from hwsnn.cli.source import read_trained
from hwsnn.float_network import Compare
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import Reset

TIMESTEPS = 5
IMAGES = 200
WHITE = 0.4  # part of the pixels that are 255; the others are 0
LARGEST_WEIGHT = 7
"""Weights are integers of at most this size, divided by a power of two that makes a layer fire."""
POWERS = range(-2, 8)
RATE = 0.2
"""Spikes a neuron and step that the powers of two come nearest to, over some images."""
RATE_IMAGES = 50

Shape = tuple[int, ...]
Cell = Callable[[Shape], nn.Module]  # neurons of a layer of that shape
Builder = Callable[[Cell], nn.Module]
Writer = Callable[[nn.Module, Tensor, Path], None]  # exports a network, given an image (1, ...), to a file


@dataclass(frozen=True)
class Options:
    """What ``hwsnn quantize`` is told of the file."""

    reset: Reset | None = None
    compare: Compare | None = None
    dt: float | None = None

    def __str__(self) -> str:
        given = {"reset": self.reset, "compare": self.compare, "dt": self.dt and f"{self.dt:g}"}
        return " ".join(f"--{name} {value}" for name, value in given.items() if value) or "none"


@dataclass(frozen=True)
class Case:
    """A kind of neuron, and how it is exported and imported: a line of the table."""

    neuron: str
    cell: Cell
    write: Writer
    options: Options = Options()


@dataclass(frozen=True)
class Framework:
    """Its two networks, for images (N, 64) and (N, 1, 8, 8); its own run; and what is measured of it.

    ``spikes`` takes a network and images and gives the spikes (T, N, ...) of every layer.
    """

    package: str
    dense: Builder
    conv: Builder
    spikes: Callable[[nn.Module, Tensor], list[Tensor]]
    cases: tuple[Case, ...]


def dense_network(cell: Cell, kit: Any = nn, container: Any = nn.Sequential) -> nn.Module:
    """64 inputs, 20 and 10 neurons. ``kit`` has the layers: PyTorch's, or a framework's of the same names."""
    return container(kit.Linear(64, 20), cell((20,)), kit.Linear(20, 10), cell((10,))).eval()


def conv_network(cell: Cell, kit: Any = nn, pool: Callable[[int], nn.Module] = nn.AvgPool2d) -> nn.Module:
    """8x8 pixels, two convolutions with a pool between them, and 10 neurons."""
    first, second, last = kit.Conv2d(1, 4, 3, padding=1), kit.Conv2d(4, 8, 3, padding=1), kit.Linear(128, 10)
    before = (first, cell((4, 8, 8)), pool(2), second, cell((8, 4, 4)))
    return nn.Sequential(*before, kit.Flatten(), last, cell((10,))).eval()


def recorded(network: nn.Module, kinds: tuple[type, ...], run: Callable[[], object]) -> list[Tensor]:
    """The spikes that each layer of neurons gave, one call after another, while ``run`` ran."""
    calls: dict[Any, list[Tensor]] = {module: [] for module in network.modules() if isinstance(module, kinds)}

    def keep(module: nn.Module, given: Any, output: Any) -> None:
        calls[module].append(output[0] if isinstance(output, tuple) else output)

    hooks = [module.register_forward_hook(keep) for module in calls]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return [torch.stack(spikes) for spikes in calls.values()]


def snntorch() -> Framework:
    """``Leaky`` neurons, whose beta and threshold are tensors so that they are exported."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir
    from snntorch.utils import reset

    def leaky(shape: Shape, beta: float, **more: Any) -> nn.Module:
        return snn.Leaky(torch.full(shape, beta), torch.ones(shape), init_hidden=True, **more)

    def synaptic(shape: Shape, beta: float, **more: Any) -> nn.Module:
        alpha = torch.full(shape, 0.5)
        return snn.Synaptic(alpha, torch.full(shape, beta), torch.ones(shape), init_hidden=True, **more)

    def spikes(network: nn.Module, images: Tensor) -> list[Tensor]:
        reset(network)
        return recorded(network, (snn.Leaky, snn.Synaptic), lambda: [network(images) for _ in range(TIMESTEPS)])

    def write(network: nn.Module, image: Tensor, path: Path) -> None:
        nir.write(path, export_to_nir(network, image, ignore_dims=[0]))

    zero = Options(reset="late-zero")
    late, undelayed = Options(reset="late-subtract"), Options(reset="undelayed-subtract")
    cases = (
        Case('Leaky, "zero", beta 0.5', partial(leaky, beta=0.5, reset_mechanism="zero"), write),
        Case('Leaky, "zero", beta 0.9', partial(leaky, beta=0.9, reset_mechanism="zero"), write),
        Case("Leaky, default, beta 0.5", partial(leaky, beta=0.5), write, late),
        Case("Leaky, default, beta 0.9", partial(leaky, beta=0.9), write, late),
        Case("Leaky, reset_delay=False, beta 0.5", partial(leaky, beta=0.5, reset_delay=False), write, undelayed),
        Case("Leaky, reset_delay=False, beta 0.9", partial(leaky, beta=0.9, reset_delay=False), write, undelayed),
        Case('Synaptic, "zero", alpha 0.5, beta 0.5', partial(synaptic, beta=0.5, reset_mechanism="zero"), write, zero),
        Case("Synaptic, default, alpha 0.5, beta 0.5", partial(synaptic, beta=0.5), write, late),
        Case("Synaptic, default, alpha 0.5, beta 0.9", partial(synaptic, beta=0.9), write, late),
    )
    return Framework("snntorch", dense_network, conv_network, spikes, cases)


def spikingjelly() -> Framework:
    """IF and LIF nodes a step at a time."""
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")  # its exporter tells of each node
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    def spikes(network: nn.Module, images: Tensor) -> list[Tensor]:
        functional.reset_net(network)
        return recorded(network, (neuron.BaseNode,), lambda: [network(images) for _ in range(TIMESTEPS)])

    def write(network: nn.Module, image: Tensor, path: Path) -> None:
        for module in network.modules():
            if isinstance(module, neuron.BaseNode):
                module.v_reset = 0.0
        export_to_nir(network, image, path)

    hard = Options(compare="greater_equal")
    soft = Options(compare="greater_equal", reset="subtract")
    cases = (
        Case("IFNode", lambda shape: neuron.IFNode(), write, hard),
        Case("LIFNode, tau 2", lambda shape: neuron.LIFNode(2.0), write, hard),
        Case("LIFNode, tau 10", lambda shape: neuron.LIFNode(10.0), write, hard),
        Case("LIFNode, tau 2, v_reset=None", lambda shape: neuron.LIFNode(2.0, v_reset=None), write, soft),
    )
    dense, conv = partial(dense_network, kit=layer), partial(conv_network, kit=layer, pool=layer.AvgPool2d)
    return Framework("spikingjelly", dense, conv, spikes, cases)


def sinabs() -> Framework:
    """IAF and LIF layers, which take all steps of an image at once."""
    from sinabs import layers
    from sinabs.activation import SingleSpike
    from sinabs.nir import to_nir

    def iaf(shape: Shape, **more: Any) -> nn.Module:
        return layers.IAFSqueeze(batch_size=1, **more)

    def lif(shape: Shape, **more: Any) -> nn.Module:
        tau, threshold = torch.full(shape, 10.0), torch.ones(shape)
        return layers.LIFSqueeze(tau_mem=tau, spike_threshold=threshold, spike_fn=SingleSpike, batch_size=1, **more)

    def spikes(network: nn.Module, images: Tensor) -> list[Tensor]:
        for module in network.modules():
            if isinstance(module, layers.StatefulLayer):
                module.reset_states()
                module.batch_size = len(images)
        steps = images.repeat_interleave(TIMESTEPS, dim=0)
        found = recorded(network, (layers.StatefulLayer,), lambda: network(steps))
        return [calls[0].reshape(len(images), TIMESTEPS, -1).transpose(0, 1) for calls in found]

    def write(network: nn.Module, image: Tensor, path: Path, tau: bool = False, r: bool = False) -> None:
        graph = to_nir(network, image)
        for node in graph.nodes.values():
            if isinstance(node, nir.LIF) and tau:
                node.tau = 1 / (1 - np.exp(-1 / node.tau))
                node.r = node.tau if r else node.r
        graph.infer_types()
        nir.write(path, graph)

    told = Options(compare="greater_equal", dt=1, reset="subtract")
    no_norm = partial(lif, norm_input=False)
    set_tau, set_both = partial(write, tau=True), partial(write, tau=True, r=True)
    cases = (
        Case("IAF, SingleSpike", partial(iaf, spike_fn=SingleSpike), write, told),
        Case("IAF, default", iaf, write, told),
        Case("LIF, SingleSpike, tau 10, as exported", lif, write, told),
        Case("LIF, SingleSpike, tau 10, tau set", lif, set_tau, told),
        Case("LIF, SingleSpike, tau 10, norm_input=False, tau and r set", no_norm, set_both, told),
    )
    return Framework("sinabs", dense_network, partial(conv_network, pool=layers.SumPool2d), spikes, cases)


def norse() -> Framework:
    """IAF and LIFBox cells, whose parameters are tensors so that they are exported."""
    import norse.torch as norse
    from norse.torch.functional.iaf import IAFParameters
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.utils.export_nir import to_nir

    def iaf(shape: Shape) -> nn.Module:
        return norse.IAFCell(IAFParameters(v_th=torch.ones(shape)))

    def box(shape: Shape, **more: Any) -> nn.Module:
        inverse, leak, threshold = torch.full(shape, 100.0), torch.zeros(shape), torch.ones(shape)
        return norse.LIFBoxCell(LIFBoxParameters(tau_mem_inv=inverse, v_leak=leak, v_th=threshold, **more))

    def conv(cell: Cell) -> nn.Module:
        """To 1x1: there can be no Linear after a convolution, as Flatten is not exported."""
        convolutions = nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 10, 3)
        return norse.SequentialState(convolutions[0], cell((4, 3, 3)), convolutions[1], cell((10, 1, 1))).eval()

    def spikes(network: nn.Module, images: Tensor) -> list[Tensor]:
        def run() -> None:
            state = None
            for _ in range(TIMESTEPS):
                _, state = network(images, state)

        return recorded(network, (norse.IAFCell, norse.LIFBoxCell), run)

    def write(network: nn.Module, image: Tensor, path: Path) -> None:
        graph = to_nir(network, image[0])
        graph.infer_types()
        nir.write(path, graph)

    subtracting = partial(box, reset_method=reset_subtract)
    cases = (
        Case("IAFCell", iaf, write),
        Case("LIFBoxCell", box, write, Options(dt=1e-6)),
        Case("LIFBoxCell, reset_subtract", subtracting, write, Options(dt=1e-6, reset="subtract")),
    )
    return Framework("norse", partial(dense_network, container=norse.SequentialState), conv, spikes, cases)


def weighted(network: nn.Module) -> list[nn.Module]:
    """The layers with weights, in order."""
    return [module for module in network.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]


def set_weights(network: nn.Module, images: Tensor, framework: Framework, rng: np.random.Generator) -> None:
    """Random integers over that power of two, layer after layer, at which it fires as ``RATE`` says."""
    for index, layer in enumerate(weighted(network)):
        integers = {
            name: torch.tensor(rng.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1, tuple(values.shape)))
            for name, values in layer.named_parameters()
        }
        candidates = {power: {name: values / 2.0**power for name, values in integers.items()} for power in POWERS}
        distances = {}
        for power, values in candidates.items():
            layer.load_state_dict(values)
            distances[power] = abs(float(framework.spikes(network, images)[index].mean()) - RATE)
        layer.load_state_dict(candidates[min(distances, key=distances.__getitem__)])


def measure(framework: Framework, case: Case, seed: int) -> Iterator[tuple[float, float]]:
    """The parts of the scores and of the answers that are equal, for each of the two networks."""
    for build, shape in ((framework.dense, (64,)), (framework.conv, (1, 8, 8))):
        rng = np.random.default_rng(seed)
        pixels = (rng.random((IMAGES, *shape)) < WHITE).astype(np.uint8) * 255
        images = torch.tensor(pixels / np.float32(255))
        network, exported = build(case.cell), build(case.cell)  # one to run, one without a run's state
        set_weights(network, images[:RATE_IMAGES], framework, rng)
        scores = framework.spikes(network, images)[-1].sum(0).reshape(IMAGES, -1).numpy()
        for mine, theirs in zip(weighted(exported), weighted(network), strict=True):
            mine.load_state_dict(theirs.state_dict())
        told = case.options
        with TemporaryDirectory() as folder:
            path = Path(folder) / "network.nir"
            case.write(exported, images[:1], path)
            trained = read_trained(str(path), told.dt, reset=told.reset, compare=told.compare).network
        integers, _ = quantize(trained, timesteps=TIMESTEPS, encoding="direct", reset=told.reset)
        result = reference.run(integers, pixels.reshape(IMAGES, *integers.input_shape))
        yield float((result.scores == scores).mean()), float((result.predictions == scores.argmax(1)).mean())


def parts(values: tuple[float, ...]) -> str:
    """From the lowest to the highest part in percent, rounded down: 100 says all."""
    low, high = (f"{floor(value * 1000 + 1e-9) / 10:g}" for value in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def main() -> None:
    """Measure, and print a line for each neuron."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, metavar="N")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the networks are too small for more
    warnings.simplefilter("ignore")  # the frameworks', of each other's deprecated parts
    print(f"nir {version('nir')}, torch {version('torch')}; seeds 0 to {options.seeds - 1}", flush=True)
    print("| framework | neuron | options | scores equal | answers equal |\n| --- | --- | --- | --- | --- |")
    for make in (snntorch, spikingjelly, sinabs, norse):
        try:
            name = f"{make.__name__} {version(make.__name__)}"
        except PackageNotFoundError:
            print(f"| {make.__name__} | not installed | | | |")
            continue
        framework = make()
        for case in framework.cases:
            measured = [found for seed in range(options.seeds) for found in measure(framework, case, seed)]
            scores, answers = zip(*measured, strict=True)
            print(f"| {name} | {case.neuron} | {case.options} | {parts(scores)} | {parts(answers)} |", flush=True)


if __name__ == "__main__":
    main()
