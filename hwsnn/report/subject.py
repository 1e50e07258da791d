"""What the page is about: a model, and the hardware that is planned for it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

from hwsnn.cycles.timeline import Timeline, timeline
from hwsnn.errors import InputError
from hwsnn.float_network import FloatNetwork
from hwsnn.folding.column_pairs import as_built
from hwsnn.folding.folding import LayerFold, port_name
from hwsnn.model_file import float_file
from hwsnn.model_file.by_name import model_path
from hwsnn.model_file.integer_file import load, model_hash
from hwsnn.planner import Cost, edge_cost, layer_cost
from hwsnn.planner.constraints import DEFAULT_MHZ, Constraints
from hwsnn.planner.plan import Plan
from hwsnn.quantization.quantize import quantize
from hwsnn.quantization.report import QuantizationReport
from hwsnn.quantization.scaled import ScaledWeights, scaled_weights
from hwsnn.spec import Network

STEADY = 5
"""The frame of the time line that is one of many."""
QUEUES = "queues behind forks"


@dataclass(frozen=True, eq=False)
class Trained:
    """The float network that a model was made of: the quantizer's report, and by layer the weights."""

    path: Path
    report: QuantizationReport
    weights: dict[str, ScaledWeights]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model with its hardware.

    ``called``: as the user called it. ``costs``: the estimate for each layer. ``trained``: None where the float network
    is not at hand; ``untrained`` says why. ``timeline``: of frames up to ``STEADY`` and those that overlap with it.
    """

    called: str
    network: Network
    sha256: str
    plan: Plan
    clock_mhz: float
    timeline: Timeline
    costs: dict[str, Cost]
    trained: Trained | None
    untrained: str

    @property
    def fps(self) -> float:
        """Frames/s at the assumed clock."""
        return self.clock_mhz * 1e6 / float(self.plan.cycles.cycles_per_frame)

    @property
    def latency_us(self) -> float:
        """From a frame's first pixel to its result at the assumed clock, from an empty pipeline."""
        return self.plan.cycles.latency_cycles / self.clock_mhz

    @property
    def cycles_per_frame(self) -> int | float:
        """By the exact cycle model; an average where it alternates."""
        exact = self.plan.cycles.cycles_per_frame
        return float(exact) if isinstance(exact, Fraction) else exact

    @property
    def built(self) -> Network:
        """The network whose layers are made: of pairs of pixels, if two arrive per cycle."""
        return as_built(self.network, self.plan.folding)

    def fold_of(self, layer: str) -> LayerFold | None:
        """The fold of a layer with weights."""
        return self.plan.folding.layers.get(layer)

    def depths_before(self, index: int) -> list[tuple[str, int]]:
        """The queues at the inputs of layer ``index``: what they hold, and their depths."""
        folding, found = self.plan.folding, list[tuple[str, int]]()
        for port in range(len(self.network.edges[index])):
            name = port_name(self.network, index, port)
            if name in folding.edge_depths:
                found.append(("fork", folding.edge_depths[name]))
            if name in folding.column_depths:
                found.append(("columns", folding.column_depths[name]))
        return found


def model_and_hash(called: str) -> tuple[Network, str]:
    """The model of that name or file."""
    network = load(model_path(called))
    return network, model_hash(network)


def gather(called: str, network: Network, constraints: Constraints, trained: Path | None) -> Subject:
    """The model ``network``, planned by ``constraints``; ``trained``: the file of its float network, if it is named.

    Raises ``InputError`` for a float network that another model was made of.
    """
    return of_plan(called, network, constraints.plan(network), constraints.clock_mhz or DEFAULT_MHZ, trained)


def of_plan(called: str, network: Network, plan: Plan, clock_mhz: float, trained: Path | None = None) -> Subject:
    """The model with a plan that is there."""
    folding = plan.folding
    built, any_fold = as_built(network, folding), LayerFold(1, 1)
    costs = {
        layer.name: layer_cost(
            built, index, folding.layers.get(layer.name, any_fold), folding.steps_in(built, index), plan.device
        )
        for index, layer in enumerate(built.layers)
    }
    if folding.edge_depths:
        costs[QUEUES] = edge_cost(built, folding)
    source, why = _trained(called, network, trained)
    overlapping = ceil(plan.cycles.latency_cycles / plan.cycles.cycles_per_frame)
    return Subject(
        called,
        network,
        model_hash(network),
        plan,
        clock_mhz,
        timeline(network, folding, STEADY + 1 + overlapping),
        costs,
        source,
        why,
    )


def _trained(called: str, network: Network, named: Path | None) -> tuple[Trained | None, str]:
    """The float network of a model, or why it is not shown."""
    path = named or beside(called)
    if path is None:
        return None, "the float network is not at hand; --float FILE names it"
    source = float_file.load(path)
    made, report = requantized(source, network)
    if made is None or report is None:
        if named is not None:
            raise InputError(
                f"{path}: must be the float network that {called} was made of; quantized, it is another model"
            )
        return None, f"{path.name} quantized without options is another model"
    return Trained(path, report, scaled_weights(source, network)), ""


def beside(called: str) -> Path | None:
    """The float network that lies beside a model file, named as those of the shipped models."""
    path = model_path(called)
    file = path.with_name(f"{path.stem}-float.safetensors")
    return file if file.is_file() else None


def requantized(source: FloatNetwork, network: Network) -> tuple[Network | None, QuantizationReport | None]:
    """What the quantizer makes of ``source`` as ``network`` was made; None if it is another network."""
    bits = max(projection.weight_bits for _, layer in network.populations() for projection in layer.projections)
    try:
        made, report = quantize(
            source,
            bits=bits,
            timesteps=network.timesteps,
            encoding=network.encoder,
            readout=network.readout,
            pixel_bits=network.pixel_bits,
        )
    except InputError:
        return None, None
    return (made, report) if model_hash(made) == model_hash(network) else (None, None)
