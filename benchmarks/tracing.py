"""Which modules torch.fx traces, and which recording reads: the table of docs/decisions/0008-recording-modules.md.

    PYTHONPATH=. .venv/bin/python benchmarks/tracing.py

Each network is traced by torch.fx, with the layers and neurons as leaves that recording does not look into either, and
read by ``hwsnn.from_torch``, which runs it. Frameworks that are not installed are left out. Half a minute.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import torch
from torch import fx, nn

import hwsnn
from hwsnn.frontends.modules.frameworks import framework_of
from hwsnn.frontends.modules.layers import is_layer

STEPS = 5


@dataclass(frozen=True)
class Spelling:
    """A way to write a network; ``sample``: the shape of its input at a step."""

    framework: str
    text: str
    make: Callable[[], nn.Module]
    sample: tuple[int, ...] = (64,)


class Forward(nn.Module):  # type: ignore[misc]
    """``layers`` by their names, and a ``forward`` of one's own."""

    def __init__(self, run: Callable[[Any, Any], Any], **layers: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Any) -> Any:
        return self.run(self, x)


def snntorch() -> Iterator[Spelling]:
    """Leaky with and without a hidden state, and loops over time."""
    import snntorch as snn

    def with_loop(run: Callable[[Any, Any], Any]) -> Callable[[], nn.Module]:
        return lambda: Forward(
            run, fc1=nn.Linear(64, 20), lif1=snn.Leaky(0.5), fc2=nn.Linear(20, 10), lif2=snn.Leaky(0.5)
        )

    def hidden(run: Callable[[Any, Any], Any]) -> Callable[[], nn.Module]:
        return lambda: Forward(run, fc=nn.Linear(64, 10), lif=snn.Leaky(0.5, init_hidden=True))

    def loop(net: Any, inputs: Any) -> Any:
        mem1, mem2, spikes = net.lif1.init_leaky(), net.lif2.init_leaky(), []
        for values in inputs:
            spk1, mem1 = net.lif1(net.fc1(values), mem1)
            spk2, mem2 = net.lif2(net.fc2(spk1), mem2)
            spikes.append(spk2)
        return torch.stack(spikes)

    def image(net: Any, x: Any) -> Any:
        return net.lif(net.fc(x.flatten(1) if x.dim() == 4 else x))

    def by_value(net: Any, x: Any) -> Any:
        return net.lif(net.fc(x if x.mean() > 0.1 else 10 * x))

    def sequential() -> nn.Module:
        layers = nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), snn.Leaky(0.5, init_hidden=True), nn.Flatten()
        return nn.Sequential(*layers, nn.Linear(36, 10), snn.Leaky(0.5, init_hidden=True, output=True))

    yield Spelling("snnTorch", "`nn.Sequential`, `init_hidden=True`", sequential, (1, 8, 8))
    yield Spelling("snnTorch", "`for step in range(5)`", with_loop(lambda net, x: loop(net, [x] * STEPS)))
    yield Spelling(
        "snnTorch",
        "`for t in range(x.shape[0])`",
        with_loop(lambda net, x: loop(net, [x[t] for t in range(x.shape[0])])),
    )
    yield Spelling("snnTorch", "`for x_t in x`", with_loop(loop))
    yield Spelling(
        "snnTorch",
        "`x.view(x.shape[0], -1)`",
        hidden(lambda net, x: net.lif(net.fc(x.view(x.shape[0], -1)))),
        (1, 8, 8),
    )
    yield Spelling("snnTorch", "`x.flatten(1) if x.dim() == 4 else x`", hidden(image), (1, 8, 8))
    yield Spelling("snnTorch", "`x if x.mean() > 0.1 else 10 * x`", hidden(by_value))


def spikingjelly() -> Iterator[Spelling]:
    """Both step modes, and layers without steps in a container."""
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")
    from spikingjelly.activation_based import functional, layer, neuron

    def layers(kit: Any) -> list[nn.Module]:
        return [kit.Conv2d(1, 4, 3, bias=False), kit.BatchNorm2d(4)]

    def single() -> nn.Module:
        return nn.Sequential(*layers(layer), neuron.IFNode(), layer.Flatten(), layer.Linear(144, 10), neuron.IFNode())

    def multi(before: nn.Module) -> nn.Module:
        def run(net: Any, x: Any) -> Any:
            return net.layers(x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1)).mean(0)

        neurons = neuron.IFNode(), neuron.IFNode()
        found = Forward(
            run, layers=nn.Sequential(before, neurons[0], layer.Flatten(), layer.Linear(144, 10), neurons[1])
        )
        functional.set_step_mode(found, "m")
        return found

    yield Spelling("SpikingJelly", "`nn.Sequential`, a step a call", single, (1, 8, 8))
    yield Spelling(
        "SpikingJelly",
        "step mode m, `x.unsqueeze(0).repeat(5, ...)`, `mean(0)`",
        lambda: multi(nn.Sequential(*layers(layer))),
        (1, 8, 8),
    )
    yield Spelling(
        "SpikingJelly", "`SeqToANNContainer`", lambda: multi(layer.SeqToANNContainer(*layers(nn))), (1, 8, 8)
    )


def sinabs() -> Iterator[Spelling]:
    """A converted network, and one that unfolds time itself."""
    from sinabs import layers
    from sinabs.from_torch import from_model

    def converted() -> nn.Module:
        ann = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10), nn.ReLU())
        found: nn.Module = from_model(ann, input_shape=(1, 8, 8), batch_size=1).spiking_model
        return found

    def unfolded() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 20), layers.IAF(), nn.Linear(20, 10), layers.IAF())

    yield Spelling("sinabs", "`from_model(...).spiking_model`", converted, (1, 8, 8))
    yield Spelling("sinabs", "`nn.Sequential` of `IAF`", unfolded)


def norse() -> Iterator[Spelling]:
    """States that are handed in and out, in containers and by one's own loop."""
    import norse.torch as norse

    def cells() -> nn.Module:
        return norse.SequentialState(nn.Linear(64, 20), norse.LIFBoxCell(), nn.Linear(20, 10), norse.LIFBoxCell())

    def lifted() -> nn.Module:
        return norse.SequentialState(
            norse.Lift(nn.Conv2d(1, 4, 3)), norse.LIF(), nn.Flatten(2), nn.Linear(144, 10), norse.LIF()
        )

    def loop(net: Any, x: Any) -> Any:
        state, spikes = None, []
        for step in range(x.shape[0]):
            spike, state = net.lif(net.fc(x[step]), state)
            spikes.append(spike)
        return torch.stack(spikes)

    yield Spelling("Norse", "`SequentialState` of cells, a step a call", cells)
    yield Spelling("Norse", "`Lift` of a `SequentialState` of cells", lambda: norse.Lift(cells()))
    yield Spelling("Norse", "`SequentialState` of `Lift` and `LIF`", lifted, (1, 8, 8))
    yield Spelling(
        "Norse", "`for step in range(x.shape[0])`", lambda: Forward(loop, fc=nn.Linear(64, 10), lif=norse.LIFCell())
    )


class Tracer(fx.Tracer):  # type: ignore[misc]
    """Looks into no layer and no neurons, as the recorder does."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return framework_of(m) is not None or is_layer(m)


def trace(module: nn.Module) -> None:
    """By torch.fx; without a state for a module that takes one."""
    _, *others = inspect.signature(module.forward).parameters.values()
    Tracer().trace(module, {one.name: None for one in others if one.default in (None, inspect.Parameter.empty)})


def outcome(act: Callable[[], object]) -> str:
    """``yes``, or why not, in a sentence."""
    try:
        act()
    except Exception as error:
        return f"no: {str(error).partition('. ')[0]}"
    return "yes"


def main() -> None:
    """Print a line for each network."""
    warnings.simplefilter("ignore")  # the frameworks', of each other's deprecated parts
    print(f"torch {version('torch')}")
    print("| framework | network | torch.fx traces it | recording reads it |\n| --- | --- | --- | --- |")
    for spellings in (snntorch, spikingjelly, sinabs, norse):
        try:
            found = list(spellings())
        except ModuleNotFoundError:
            print(f"| {spellings.__name__} | not installed | | |")
            continue
        for one in found:
            traced = outcome(partial(trace, one.make().eval()))
            read = outcome(partial(hwsnn.from_torch, one.make(), sample=one.sample, timesteps=STEPS))
            print(f"| {one.framework} | {one.text} | {traced} | {read} |", flush=True)


if __name__ == "__main__":
    main()
