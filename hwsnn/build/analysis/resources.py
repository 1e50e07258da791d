"""Resources of a design, component by component: synthesized by Yosys, not placed.

The design is cut into units (see ``units``). Each distinct unit is synthesized once by ``synth_xilinx``, without pads
and clock buffers, and counted as often as it occurs; nothing is optimized across the border of two units.

Counted cells of the netlist after technology mapping:

- LUT: every LUT1 to LUT6 as one, every remaining inverter as one (its load could not absorb it), and those of memories
  and shift registers (``LUTS``). Two small look-up tables may share one of the device's six-input ones; they are not
  counted as sharing it. MUXF7 to MUXF9 and carry chains are extra to look-up tables and take none.
- FF: every flip-flop and latch, also registers that a block RAM or a DSP slice could hold but that Yosys left outside.
- BRAM36: a RAMB36 as one, a RAMB18 as half a one.
- DSP: every DSP48.
- Carry: every CARRY4; Yosys writes those for UltraScale+ as well, whose CARRY8 is two of them.

The families are UltraScale+ and 7-series, whose cells differ only in the last letters of their names.

The borders of units cost: on the shipped `digits` and `mnist`, 0.4 % and 2.7 % more LUTs than a flat synthesis by
Yosys, at most 0.5 % more flip-flops, and the same block RAM. Vivado packs and places, and may need fewer. Routing and
timing are not covered.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hwsnn.errors import InputError, ToolError
from hwsnn.planner.devices import AMD_FAMILIES, DEVICES, Device
from hwsnn.progress import CountProgress, silent
from hwsnn.verilog.emit import modules_of

from ..tools import find
from .synthesis import synthesize
from .units import cut

ULTRASCALE = DEVICES["xczu9eg"]
LUTRAMS = {
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM512X1S": 8,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM256X1D": 8,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM32X16DR8": 8,
    "RAM64X8SW": 8,
}
"""Look-up tables of each cell of distributed memory (AMD UG974, UG574; of the 7-series UG953, UG474)."""
SRLS = {"SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
"""Look-up tables of each shift register."""
LUTS = {"INV": 1, **{f"LUT{inputs}": 1 for inputs in range(1, 7)}, **LUTRAMS, **SRLS}
FFS = dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE"), 1)
BRAM18S = {"RAMB18E2": 1, "RAMB36E2": 2, "RAMB18E1": 1, "RAMB36E1": 2}
DSPS = {"DSP48E2": 1, "DSP48E1": 1}
CARRIES = {"CARRY4": 1}
FREE = {"MUXF7", "MUXF8", "MUXF9", "$scopeinfo"}


@dataclass(frozen=True)
class Use:
    """Resources of a part of a design. ``lut`` includes ``lutram`` and ``srl``; ``carry`` in CARRY4."""

    lut: int = 0
    lutram: int = 0
    srl: int = 0
    ff: int = 0
    bram36: float = 0
    dsp: int = 0
    carry: int = 0

    def shares(self, device: Device) -> dict[str, float]:
        """The resources in percent of those of a device."""
        taken = {"lut": self.lut, "ff": self.ff, "bram36": self.bram36, "dsp": self.dsp}
        return {name: round(100 * amount / getattr(device, name), 2) for name, amount in taken.items()}


@dataclass(frozen=True)
class Resources:
    """Resources of a design on ``device``.

    ``layers``: by the names directly below the top; ``total`` is their sum and ``between``, the top's own logic.
    ``components``: every unit by its dotted path, including everything below it. ``cells``: the netlist's, by type.
    ``estimated_lcs``: Yosys's own estimate of look-up tables, small ones paired, without memories and shift registers.

    ``instances`` of units, of which ``distinct`` differ; ``synthesized`` of those were not in the cache. ``peak_mib``:
    the peak memory of a process, None if none was needed.
    """

    device: Device
    total: Use
    between: Use
    layers: dict[str, Use]
    components: dict[str, Use]
    cells: dict[str, int]
    estimated_lcs: int
    instances: int
    distinct: int
    synthesized: int
    seconds: float
    peak_mib: int | None
    tool: str

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values, with shares of the device in percent."""
        fields = asdict(self)
        fields["share_percent"] = {
            "total": self.total.shares(self.device),
            "layers": {name: use.shares(self.device) for name, use in self.layers.items()},
        }
        return fields


def measure(design: Any, device: Device = ULTRASCALE, progress: CountProgress = silent) -> Resources:
    """Synthesize the Amaranth component ``design``, or find it in the cache, and count its resources on ``device``.

    After an interruption, the units that were synthesized are in the cache for the next call. Raises ``InputError`` if
    there is no Yosys or no cache, or the device is of none of AMD's families, and ``ToolError`` if Yosys fails.
    """
    if device.family not in AMD_FAMILIES:
        raise InputError(f"{device.title}: resources are counted of UltraScale+ and 7-series devices alone")
    start = time.monotonic()
    tool = find("yosys")
    parts = cut(modules_of(design))
    units = list(dict.fromkeys(parts.values()))
    synthesized = synthesize(tool, units, device.family, progress)
    own = {path: synthesized.netlists[unit] for path, unit in parts.items()}
    cells = _sum(netlist.cells for netlist in own.values())
    uses = {
        path: use(_sum(netlist.cells for below, netlist in own.items() if below[: len(path)] == path)) for path in parts
    }
    return Resources(
        device=device,
        total=uses[()],
        between=use(own[()].cells),
        layers={path[0]: found for path, found in uses.items() if len(path) == 1},
        components={".".join(path): found for path, found in uses.items() if path},
        cells=dict(sorted(cells.items())),
        estimated_lcs=sum(netlist.estimated_lcs for netlist in own.values()),
        instances=len(parts),
        distinct=len(units),
        synthesized=synthesized.made,
        seconds=round(time.monotonic() - start, 1),
        peak_mib=None if synthesized.peak_bytes is None else -(-synthesized.peak_bytes // 2**20),
        tool=tool.version,
    )


def use(cells: Mapping[str, int]) -> Use:
    """The resources of a netlist's cells, by type. Raises ``ToolError`` if there are cells of unknown size."""
    known = (LUTS, FFS, BRAM18S, DSPS, CARRIES, FREE)
    if unknown := sorted(name for name in cells if not any(name in group for group in known)):
        raise ToolError(f"nothing is known of how much cells of Yosys take: {', '.join(unknown)}")

    def taken(group: Mapping[str, int]) -> int:
        return sum(number * group.get(name, 0) for name, number in cells.items())

    return Use(
        lut=taken(LUTS),
        lutram=taken(LUTRAMS),
        srl=taken(SRLS),
        ff=taken(FFS),
        bram36=taken(BRAM18S) / 2,
        dsp=taken(DSPS),
        carry=taken(CARRIES),
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total
