"""What a finished model is in hardware, for its card: simulated on images, and counted by Yosys."""

from __future__ import annotations

from dataclasses import dataclass

from hwsnn.build.analysis.resources import Resources
from hwsnn.build.analysis.resources import measure as count
from hwsnn.build.tools import find
from hwsnn.errors import ToolError
from hwsnn.planner.constraints import DEFAULT_MHZ, Constraints
from hwsnn.planner.plan import Plan
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.network_bench import NetworkResult, run_network
from hwsnn.spec.integers import Images

from ..progress import Stages
from ..spec import Network

FRAMES = 20
"""Images that go through the simulated hardware."""


@dataclass(frozen=True)
class Hardware:
    """The design that ``hwsnn generate`` makes by default, simulated without a differing bit, and its resources."""

    plan: Plan
    simulated: NetworkResult
    resources: Resources

    def rows(self) -> dict[str, str]:
        """Of a card's table."""
        cycles, use, device = self.simulated.cycles_per_frame, self.resources.total, self.plan.device
        rate = DEFAULT_MHZ * 1e6 / cycles
        shares = use.shares(device)
        return {
            "hardware, simulated": (
                f"{self.simulated.frames} test images, {self.simulated.spikes_compared:,} bits compared with the "
                f"reference, {self.simulated.mismatches} differ"
            ),
            "cycles": (
                f"{cycles:,.10g} a frame, {rate:,.0f} frames/s at an assumed {DEFAULT_MHZ:g} MHz; "
                f"{self.simulated.latency_cycles:,} to a first result"
            ),
            f"{device.title}, by Yosys": (
                f"{use.lut:,} LUT ({shares['lut']:.1f} %), {use.ff:,} FF ({shares['ff']:.1f} %), {use.bram36:g} BRAM36 "
                f"({shares['bram36']:.1f} %), {use.dsp} DSP"
            ),
        }


def measure(network: Network, images: Images, show: Stages) -> Hardware:
    """Simulate ``network`` on the first ``FRAMES`` of ``images``, and count its resources on the default device.

    Raises ``InputError`` where there is no design that fits, or a tool is missing, and ``ToolError`` if a bit differs.
    """
    find("yosys")  # before minutes of other work
    show.at("planning")
    plan = Constraints().plan(network)
    show.at("building the simulator")
    simulated = run_network(
        network,
        plan.folding,
        images[:FRAMES],
        stalls=False,
        progress=lambda done, total: show.at("simulating frames", done, total),
    )
    if simulated.mismatches:
        raise ToolError(f"the hardware's results differ: {simulated.first_mismatch}")
    show.at("synthesizing parts")
    resources = count(
        Pipeline(network, plan.folding),
        plan.device,
        progress=lambda done, total: show.at("synthesizing parts", done, total),
    )
    return Hardware(plan, simulated, resources)
