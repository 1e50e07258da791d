"""All figures of one run of a benchmark, and their JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hwsnn.folding.file import to_json as folding_json
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.plan import Plan

from ..cycles import result_clocks
from ..rtl.network import layer_instance
from ..spec import Network
from ..version import __version__
from .cpu import Cpu, CpuFigure, fastest
from .published import Published, comparable
from .rates import Rate, clocks, rate
from .synapses import synapses_per_cycle

if TYPE_CHECKING:
    from hwsnn.build.analysis.resources import Resources, Use

    from ..sim.network_bench import NetworkResult


@dataclass(frozen=True)
class LayerSize:
    """Resources of a layer. ``sums_lut``: of its synaptic sums alone, None if they are too small to be separated.

    ``synapses_per_cycle``: as the function of that name; None for a layer without weights.
    """

    use: Use
    sums_lut: int | None = None
    synapses_per_cycle: float | None = None

    @property
    def lut_per_synapse(self) -> float | None:
        """Look-up tables of the whole layer (window, sums, neurons, queues) per synapse per cycle."""
        return None if self.synapses_per_cycle is None else self.use.lut / self.synapses_per_cycle

    @property
    def sums_lut_per_synapse(self) -> float | None:
        """Look-up tables of the sums alone per synapse per cycle."""
        if self.sums_lut is None or self.synapses_per_cycle is None:
            return None
        return self.sums_lut / self.synapses_per_cycle


@dataclass(frozen=True)
class BenchReport:
    """A design (``plan``) of ``network``, simulated (``simulated``), at a clock, and the CPU's ``figures`` on ``cpu``.

    ``resources``: by synthesis, None if it was not requested.
    """

    network: Network
    plan: Plan
    simulated: NetworkResult
    assumed_mhz: float
    cpu: Cpu
    figures: tuple[CpuFigure, ...]
    resources: Resources | None = None

    @property
    def rates(self) -> tuple[Rate, ...]:
        """Rates of the simulated cycles: at the assumed clock, then at the clocks of boards with the device."""
        return tuple(
            rate(self.simulated.cycles_per_frame, self.simulated.latency_cycles, clock)
            for clock in clocks(self.plan.device, self.assumed_mhz)
        )

    @property
    def fastest(self) -> CpuFigure:
        """The CPU: its fastest implementation."""
        return fastest(self.figures)

    @property
    def cpu_fps(self) -> float:
        """The CPU's frames/s: those of its fastest implementation."""
        return self.fastest.fps

    @property
    def published(self) -> tuple[Published, ...]:
        """Published systems for the same task."""
        return comparable(self.network)

    @property
    def model_difference(self) -> str | None:
        """How the cycle model and the simulation differ, in words; None if they are equal.

        They are equal if every result comes in the same cycle in both, and the measured interval is the model's in the
        steady state.
        """
        simulated, exact = self.simulated, self.plan.cycles
        modelled = result_clocks(self.network, self.plan.folding, len(simulated.result_clocks))
        for frame, (seen, said) in enumerate(zip(simulated.result_clocks, modelled, strict=True)):
            if seen != said:
                return f"the result of frame {frame} comes at clock {seen:,} in simulation, {said:,} by the cycle model"
        if simulated.cycles_per_frame != exact.cycles_per_frame:
            return (
                f"{simulated.cycles_per_frame:,.10g} cycles per frame are those of {len(modelled)} frames; in the long "
                f"run the cycle model says {float(exact.cycles_per_frame):,.10g}"
            )
        return None

    @property
    def sizes(self) -> dict[str, LayerSize]:
        """Resources by synthesis of each part below the top: layers, encoder and readout."""
        if self.resources is None:
            return {}
        weighted = {layer.name: index for index, layer in self.network.populations()}
        layers = {layer_instance(layer.name): layer.name for layer in self.network.layers}
        sizes = {}
        for instance, use in self.resources.layers.items():
            name = layers.get(instance, instance)
            if name in weighted:
                synapses = synapses_per_cycle(self.network, self.plan.folding, weighted[name])
                sizes[name] = LayerSize(use, self._sums_lut(name), synapses)
            else:
                sizes[name] = LayerSize(use)
        return sizes

    def _sums_lut(self, layer: str) -> int | None:
        assert self.resources is not None
        engine = f"{layer_instance(layer)}.engine.synapses"
        steps = [
            use.lut
            for path, use in self.resources.components.items()
            if path.startswith(engine) and path.count(".") == engine.count(".")
        ]
        return sum(steps) if steps else None

    def to_json(self) -> dict[str, Any]:
        """All figures as JSON values."""
        plan, simulated = self.plan, self.simulated
        cpu, assumed = self.fastest, self.rates[0]
        return {
            "hwsnn": __version__,
            "model": {
                "name": self.network.name,
                "sha256": model_hash(self.network),
                "timesteps": self.network.timesteps,
            },
            "device": plan.device.name,
            "folding": folding_json(plan.folding),
            "estimated_lut": plan.cost.lut,
            "estimated_ff": plan.cost.ff,
            "estimated_bram18": plan.cost.bram18,
            "estimated_percent": plan.cost.shares(plan.device),
            "limiting": plan.limiting,
            "frames": len(simulated.result_clocks),
            "bits_compared": simulated.spikes_compared,
            "mismatches": simulated.mismatches,
            "first_mismatch": simulated.first_mismatch,
            "cycles_per_frame": simulated.cycles_per_frame,
            "latency_cycles": simulated.latency_cycles,
            "clock_mhz": assumed.clock.mhz,
            "fpga_fps": assumed.fps,
            "cpu_fps": cpu.fps,
            "cpu_name": self.cpu.name,
            "speedup": assumed.fps / cpu.fps,
            "busy": cpu.busy,
            "load": self.cpu.load,
            "cycle_model": {
                "cycles_per_frame": float(plan.cycles.cycles_per_frame),
                "latency_cycles": plan.cycles.latency_cycles,
                "difference": self.model_difference,
            },
            "rates": [rate.to_json() | {"speedup": rate.fps / cpu.fps} for rate in self.rates],
            "cpu": asdict(self.cpu) | {"figures": [asdict(figure) for figure in self.figures]},
            "published": [asdict(system) for system in self.published],
            **self._resources_json(),
        }

    def _resources_json(self) -> dict[str, Any]:
        if self.resources is None:
            return {}
        device, total = self.resources.device, self.resources.total
        synthesized = {
            "tool": self.resources.tool,
            "total": asdict(total) | {"percent": total.shares(device)},
            "layers": {
                name: asdict(size.use)
                | {
                    "percent": size.use.shares(device),
                    "sums_lut": size.sums_lut,
                    "synapses_per_cycle": size.synapses_per_cycle,
                    "lut_per_synapse_per_cycle": size.lut_per_synapse,
                    "sums_lut_per_synapse_per_cycle": size.sums_lut_per_synapse,
                }
                for name, size in self.sizes.items()
            },
        }
        return {
            "lut": total.lut,
            "ff": total.ff,
            "bram36": total.bram36,
            "dsp": total.dsp,
            "synthesized": synthesized,
        }
