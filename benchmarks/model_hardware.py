"""What shipped models are in hardware, into their cards: simulated on test images, and counted by Yosys.

    python benchmarks/model_hardware.py NAME... [--data DATA] [--target-fps F]

Each is the design that `hwsnn generate NAME` makes, for a ZCU102, or with `--target-fps F`. Twenty images go through
the simulated hardware, and every bit at every layer boundary is compared with the reference. Minutes for each model.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from hwsnn.build.analysis.resources import Resources
from hwsnn.build.analysis.resources import measure as count
from hwsnn.data import load
from hwsnn.data.sets import word_of
from hwsnn.files.atomic import written_whole
from hwsnn.files.shipped import model_folders
from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import DEFAULT_MHZ, Constraints
from hwsnn.planner.plan import Plan
from hwsnn.progress import stages
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.network_bench import NetworkResult, run_network
from hwsnn.spec import Network
from hwsnn.spec.integers import Images

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


def main() -> None:
    """Measure each model, and write the rows into its card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=model_folders(), metavar="NAME")
    parser.add_argument("--data", help="as of hwsnn run (default: the word of the model's data)")
    parser.add_argument("--target-fps", type=float, metavar="F", help="as of hwsnn generate")
    options = parser.parse_args()
    target = "" if options.target_fps is None else f" --target-fps {options.target_fps:g}"
    for name in options.names:
        network = load_model(name)
        data = options.data or word_of(name)
        assert data is not None  # every shipped model has its data
        made = measure(network, load(data, network, FRAMES).images, Constraints(target_fps=options.target_fps))
        rows = {"design": f"`hwsnn generate {name}{target}`"} | made.rows()
        card = model_folders()[name] / "card.md"
        with written_whole(card) as partial:
            partial.write_text(with_rows(card.read_text(encoding="utf-8"), rows), encoding="utf-8")
        print(f"{name}: {rows}", flush=True)


def with_rows(card: str, rows: dict[str, str]) -> str:
    """The card with these rows at the end of its first table, in place of those of the same names."""
    lines = card.splitlines()
    start = lines.index("| --- | --- |")
    end = next(index for index in range(start, len(lines)) if not lines[index].startswith("|"))
    kept = [line for line in lines[:end] if line.split("|")[1:2] not in [[f" {name} "] for name in rows]]
    return "\n".join([*kept, *(f"| {name} | {value} |" for name, value in rows.items()), *lines[end:]]) + "\n"


def measure(network: Network, images: Images, constraints: Constraints) -> Hardware:
    """Simulate the design of ``network`` on ``images``, and count its resources."""
    plan = constraints.plan(network)
    with stages() as show:
        show.at("building the simulator")
        simulated = run_network(
            network,
            plan.folding,
            images,
            stalls=False,
            progress=lambda done, total: show.at("simulating frames", done, total),
        )
        if simulated.mismatches:
            raise SystemExit(f"{network.name}: the hardware's results differ: {simulated.first_mismatch}")
        resources = count(
            Pipeline(network, plan.folding),
            plan.device,
            progress=lambda done, total: show.at("synthesizing parts", done, total),
        )
    return Hardware(plan, simulated, resources)


if __name__ == "__main__":
    main()
