"""Every neuron of docs/numerics.md that a framework has, against the framework's own module: spikes and membranes.

    PYTHONPATH=. .venv/bin/python benchmarks/framework_neurons.py     (`make test` installs the frameworks)

Currents and thresholds are integers times a power of two so large that no decay ever rounds; the frameworks compute in
double precision. So a difference is one of meaning. Membranes are compared where the framework gives those that the
readouts of docs/numerics.md mean, before the reset. Frameworks that are not installed are left out. Half a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hwsnn.reference import run
from hwsnn.spec import (
    AnyNeuron,
    Dense,
    Encoder,
    Integrator,
    Leak,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    Reset,
    ShiftLeak,
    SynapticCurrent,
)

FRAMES, STEPS, NEURONS = 400, 10, 64
WEIGHT, GAIN = 64, 1 << 14
UNIT = WEIGHT * GAIN
"""2^20 = 4^10: ten decays of 3/4 stay integers."""
SMALLEST, LARGEST = -4, 9
"""Of a current, in units."""
THETA = 6 * UNIT

Framework = Callable[[Tensor], tuple[Tensor, Tensor | None]]
"""Currents (T, N, neurons) to spikes and, where they are to be had, membranes before the reset, of the same shape."""


@dataclass(frozen=True)
class Case:
    """A neuron of a framework, and the one of ``docs/numerics.md`` that it must equal."""

    name: str
    neuron: AnyNeuron
    framework: Framework


def neuron(
    reset: Reset, leak: Leak, *, above: bool, alpha: Leak | None = None, spikes: int = 1, **fields: Any
) -> Neuron:
    """With the threshold theta; ``above``: fires on v > theta, rather than v >= theta."""
    theta = np.full(NEURONS, THETA)
    return Neuron(
        theta + above,
        leak,
        reset,
        32,
        theta if "subtract" in reset else None,
        synapse=None if alpha is None else SynapticCurrent(alpha, 32),
        further=np.stack([k * theta for k in range(2, spikes + 1)]) if spikes > 1 else None,
        **fields,
    )


def network(of: AnyNeuron, readout: str) -> Network:
    """A neuron for each input, whose current is (the input + SMALLEST) units."""
    weight = WEIGHT * np.eye(NEURONS, dtype=np.int64)[:, :, None, None]
    dense = Dense("last", weight, 8, np.full(NEURONS, GAIN))
    layer = Population("last", (dense,), np.full(NEURONS, SMALLEST * UNIT), of)
    return Network("neurons", (NEURONS, 1, 1), 4, Encoder("steps"), STEPS, (layer,), readout)  # type: ignore[arg-type]


def snntorch_cases() -> Iterator[Case]:
    """Leaky and Synaptic: all resets, with and without delay, membranes as they leave the module where they are u."""
    import snntorch

    half, most = ShiftLeak(1), MultiplyLeak(3, 2)

    def runs(module: Any, *, membranes: bool) -> Framework:
        def run_it(currents: Tensor) -> tuple[Tensor, Tensor | None]:
            steps = [module(current) for current in currents]
            return torch.stack([s[0] for s in steps]), torch.stack([s[-1] for s in steps]) if membranes else None

        return run_it

    kinds: dict[tuple[str, bool], Reset] = {
        ("subtract", True): "late-subtract",
        ("subtract", False): "undelayed-subtract",
        ("zero", True): "zero",
        ("zero", False): "zero",
        ("none", True): "none",
    }
    for (mechanism, delay), reset in kinds.items():
        how: Any = {"threshold": THETA, "reset_mechanism": mechanism, "reset_delay": delay}
        name = f"{mechanism}, reset_delay={delay}"
        leaks: list[tuple[float, Leak]] = [(1.0, NoLeak()), (0.75, most)]
        for beta, leak in leaks:
            module = snntorch.Leaky(beta=beta, **how)
            ours = neuron(reset, leak, above=True)
            yield Case(f"snnTorch Leaky {name}, beta {beta}", ours, runs(module, membranes=delay))
        late: Reset = "late-zero" if (mechanism, delay) == ("zero", True) else reset
        pairs: list[tuple[float, float, Leak, Leak]] = [(0.5, 0.75, half, most), (1.0, 0.5, NoLeak(), half)]
        for alpha, beta, synapse, leak in pairs:
            module = snntorch.Synaptic(alpha=alpha, beta=beta, **how)
            ours = neuron(late, leak, above=True, alpha=synapse)
            yield Case(f"snnTorch Synaptic {name}, {alpha}, {beta}", ours, runs(module, membranes=delay))


def spikingjelly_cases() -> Iterator[Case]:
    """IF and LIF, hard and soft, one that starts at half a threshold."""
    from spikingjelly.activation_based import neuron as cells

    def runs(cell: Any, scale: float = 1.0, start: float | None = None) -> Framework:
        def run_it(currents: Tensor) -> tuple[Tensor, Tensor | None]:
            cell.reset()
            if start is not None:
                cell.v = torch.full_like(currents[0], start)
            return torch.stack([cell(scale * current) for current in currents]), None

        return run_it

    resets: dict[Reset, float | None] = {"subtract": None, "zero": 0.0}
    for reset, v_reset in resets.items():
        how: Any = {"v_threshold": float(THETA), "v_reset": v_reset}
        yield Case(f"SpikingJelly IF {reset}", neuron(reset, NoLeak(), above=False), runs(cells.IFNode(**how)))
        started = neuron(reset, NoLeak(), above=False, initial=np.full(NEURONS, THETA // 2))
        yield Case(f"SpikingJelly IF {reset}, v = theta / 2", started, runs(cells.IFNode(**how), start=THETA / 2))
        leaky = neuron(reset, ShiftLeak(1), above=False)
        for decay_input, scale in ((True, 2.0), (False, 1.0)):
            cell = cells.LIFNode(tau=2.0, decay_input=decay_input, **how)
            yield Case(f"SpikingJelly LIF {reset}, decay_input={decay_input}", leaky, runs(cell, scale))


def sinabs_cases() -> Iterator[Case]:
    """IAF: several spikes, one, and a lower bound."""
    from sinabs import activation, layers

    def runs(**how: Any) -> Framework:
        def run_it(currents: Tensor) -> tuple[Tensor, Tensor | None]:
            layer = layers.IAF(spike_threshold=torch.tensor(float(THETA)), **how)
            return layer(currents.transpose(0, 1)).detach().transpose(0, 1), None

        return run_it

    several, one = {"spike_fn": activation.MultiSpike}, {"spike_fn": activation.SingleSpike}
    zero = {"reset_fn": activation.MembraneReset()}
    floor = np.full(NEURONS, -2 * UNIT)
    low = {"min_v_mem": float(-2 * UNIT)}
    yield Case("sinabs IAF MultiSpike", neuron("subtract", NoLeak(), above=False, spikes=15), runs(**several))
    yield Case("sinabs IAF MultiSpike, zero", neuron("zero", NoLeak(), above=False, spikes=15), runs(**several, **zero))
    yield Case("sinabs IAF SingleSpike", neuron("subtract", NoLeak(), above=False), runs(**one))
    bounded = neuron("subtract", NoLeak(), above=False, spikes=15, floor=floor)
    yield Case("sinabs IAF MultiSpike, min_v_mem", bounded, runs(**several, **low))
    bounded = neuron("zero", NoLeak(), above=False, floor=floor)
    yield Case("sinabs IAF SingleSpike, zero, min_v_mem", bounded, runs(**one, **zero, **low))


def norse_cases() -> Iterator[Case]:
    """LIFBox, LIF with its synaptic current, and the integrator LI; their gain is dt tau_mem_inv = 1/2."""
    from norse.torch.functional import leaky_integrator, lif, lif_box
    from norse.torch.functional.reset import reset_subtract, reset_value

    half, theta = torch.tensor(0.5), torch.tensor(float(THETA))
    zero = torch.tensor(0.0)

    def runs(step: Any, parameters: Any, state: Callable[[Tensor], Any], *, spikes: bool = True) -> Framework:
        def run_it(currents: Tensor) -> tuple[Tensor, Tensor | None]:
            now, out = state(currents[0]), list[Tensor]()
            for current in currents:
                given, now = step(2 * current, now, parameters, dt=1.0)
                out.append(given)
            seen = torch.stack(out)
            return (seen, None) if spikes else (torch.zeros_like(seen), seen)

        return run_it

    for reset, method in (("subtract", reset_subtract), ("zero", reset_value)):
        box = lif_box.LIFBoxParameters(half, zero, theta, zero, "heaviside", reset_method=method)
        ours = neuron(reset, ShiftLeak(1), above=True)  # type: ignore[arg-type]
        state = lambda like: lif_box.LIFBoxFeedForwardState(v=torch.zeros_like(like))  # noqa: E731
        yield Case(f"Norse LIFBox {reset}", ours, runs(lif_box.lif_box_feed_forward_step, box, state))
    cuba = lif.LIFParameters(torch.tensor(0.25), half, zero, theta, zero, "heaviside")
    ours = neuron("zero", ShiftLeak(1), above=True, alpha=MultiplyLeak(3, 2))
    both = lambda like: lif.LIFFeedForwardState(v=torch.zeros_like(like), i=torch.zeros_like(like))  # noqa: E731
    yield Case("Norse LIF (synaptic current)", ours, runs(lif.lif_feed_forward_step, cuba, both))
    li = leaky_integrator.LIParameters(torch.tensor(0.25), half, zero)
    integrator = Integrator(ShiftLeak(1), 32, SynapticCurrent(MultiplyLeak(3, 2), 32))
    start = lambda like: leaky_integrator.LIState(v=torch.zeros_like(like), i=torch.zeros_like(like))  # noqa: E731
    step = leaky_integrator.li_feed_forward_step
    yield Case("Norse LI (integrator)", integrator, runs(step, li, start, spikes=False))


FRAMEWORKS: dict[str, Callable[[], Iterator[Case]]] = {
    "snntorch": snntorch_cases,
    "spikingjelly": spikingjelly_cases,
    "sinabs": sinabs_cases,
    "norse": norse_cases,
}


def compare(case: Case, frames: np.ndarray) -> str:
    """A line of the table."""
    currents = torch.from_numpy((frames.astype(np.int64) + SMALLEST)[..., 0, 0] * UNIT).double().transpose(0, 1)
    with torch.no_grad():
        spikes, membranes = (None if x is None else x.transpose(0, 1).numpy() for x in case.framework(currents))
    of_spikes = of_membranes = fires = "-"
    if isinstance(case.neuron, Neuron):
        ours = run(network(case.neuron, "count"), frames, trace=True).spikes["last"][..., 0, 0]
        of_spikes, fires = f"{int((ours != spikes).sum()):,}", f"{(ours > 0).mean():.0%}"
    if membranes is not None:
        ours_u = run(network(case.neuron, "membrane"), frames, trace=True).membranes["last"][..., 0, 0]
        of_membranes = f"{int((ours_u != membranes).sum()):,}"
    return f"{case.name:58} {FRAMES * STEPS * NEURONS:>9,} {fires:>6} {of_spikes:>10} {of_membranes:>10}"


def main() -> None:
    """Print the table."""
    torch.set_default_dtype(torch.float64)
    random = np.random.default_rng(0)
    shape = (FRAMES, STEPS, NEURONS, 1, 1)
    frames = random.integers(0, LARGEST - SMALLEST, shape, np.uint8, endpoint=True)
    print(f"{'neuron':58} {'steps':>9} {'fires':>6} {'spikes':>10} {'membranes':>10}   (that differ)")
    for framework, cases in FRAMEWORKS.items():
        try:
            print(f"{framework} {version(framework)}")
        except PackageNotFoundError:
            print(f"{framework}: not installed")
            continue
        for case in cases():
            print(compare(case, frames))


if __name__ == "__main__":
    main()
