"""The IP cores of a block design: their properties, pins, interfaces and address segments, as AMD documents them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.build.vivado.recorder.objects import BOOLEAN

FLAG = "0|1"
AXI, AXIS = "aximm", "axis"
MEMORY = "memory"
"""A setting of a processing system that only the preset of a board makes: bytes of DDR."""
NUMBER = r"\d+(\.\d+)?"

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Pin:
    """``kind``: clock, reset (active low) or data. ``needed``: where it is an input, something must drive it."""

    name: str
    output: bool
    kind: str
    needed: bool = True


@dataclass(frozen=True)
class Bus:
    """An interface. ``clock``: the pin it belongs to. ``word_bytes``: of a stream."""

    name: str
    master: bool
    kind: str
    clock: str
    word_bytes: int = 0


@dataclass(frozen=True)
class Segment:
    """Addresses behind a slave interface; ``base`` None where the design chooses it."""

    path: str
    bus: str
    base: int | None
    size: int


@dataclass(frozen=True)
class Core:
    """``properties``: patterns of values and defaults. ``windows``: where a space's addresses may lie (start, size).

    ``parts``: beginnings of the parts that have it. ``preset``: what the rule of a processing system is asked for.
    """

    versions: tuple[str, ...]
    properties: Mapping[str, tuple[str, str]]
    pins: Callable[[Settings], list[Pin]]
    buses: Callable[[Settings], list[Bus]]
    spaces: Callable[[Settings], dict[str, str]] = lambda settings: {}
    segments: Callable[[Settings], list[Segment]] = lambda settings: []
    windows: tuple[tuple[int, int], ...] = ((0, 1 << 64),)
    forwards: bool = False
    parts: tuple[str, ...] = ("xc",)
    preset: Mapping[str, str] | None = None


def _on(settings: Settings, name: str) -> bool:
    return settings[name] in ("1", "true")


# AMD PG201, Zynq UltraScale+ Processing System: parameters and ports; UG1085 table 10-1 for the addresses.
def _zynq_pins(s: Settings) -> list[Pin]:
    pins = [Pin("pl_clk0", True, "clock")] if _on(s, "PSU__FPGA_PL0_ENABLE") else []
    pins += [Pin("pl_resetn0", True, "reset")] if _on(s, "PSU__USE__FABRIC__RST") else []
    pins += [Pin("pl_ps_irq0", False, "data", False)] if _on(s, "PSU__USE__IRQ0") else []
    return pins + [Pin(bus.clock, False, "clock") for bus in _zynq_buses(s)]


def _zynq_buses(s: Settings) -> list[Bus]:
    ports = {
        "PSU__USE__M_AXI_GP0": Bus("M_AXI_HPM0_FPD", True, AXI, "maxihpm0_fpd_aclk"),
        "PSU__USE__M_AXI_GP1": Bus("M_AXI_HPM1_FPD", True, AXI, "maxihpm1_fpd_aclk"),
        "PSU__USE__M_AXI_GP2": Bus("M_AXI_HPM0_LPD", True, AXI, "maxihpm0_lpd_aclk"),
        "PSU__USE__S_AXI_GP2": Bus("S_AXI_HP0_FPD", False, AXI, "saxihp0_fpd_aclk"),
    }
    return [bus for name, bus in ports.items() if _on(s, name)]


def _zynq_segments(s: Settings) -> list[Segment]:
    memory, low = int(s[MEMORY]), 1 << 31
    ranges = {
        "DDR_LOW": (0, min(memory, low)),
        "DDR_HIGH": (0x8_0000_0000, memory - low),
        "LPS_OCM": (0xFF00_0000, 1 << 24),
        "QSPI": (0xC000_0000, 1 << 29),
    }
    return [
        Segment(f"SAXIGP2/HP0_{name}", "S_AXI_HP0_FPD", base, size)
        for name, (base, size) in ranges.items()
        if _on(s, "PSU__USE__S_AXI_GP2") and size > 0
    ]


ZYNQ = Core(
    ("3.5",),
    {
        "PSU__FPGA_PL0_ENABLE": (FLAG, "1"),
        "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ": (NUMBER, "100"),
        "PSU__USE__FABRIC__RST": (FLAG, "1"),
        "PSU__USE__M_AXI_GP0": (FLAG, "1"),
        "PSU__USE__M_AXI_GP1": (FLAG, "1"),
        "PSU__USE__M_AXI_GP2": (FLAG, "1"),
        "PSU__USE__S_AXI_GP2": (FLAG, "0"),
        "PSU__USE__IRQ0": (FLAG, "1"),
        "PSU__MAXIGP0__DATA_WIDTH": ("32|64|128", "128"),
        "PSU__SAXIGP2__DATA_WIDTH": ("32|64|128", "128"),
    },
    _zynq_pins,
    _zynq_buses,
    lambda s: {"Data": "M_AXI_HPM0_FPD"},
    _zynq_segments,
    ((0xA000_0000, 1 << 28), (0x4_0000_0000, 1 << 32), (0x10_0000_0000, 224 << 30)),
    parts=("xczu", "xck26"),
    preset={"apply_board_preset": "1"},
)


# AMD PG082, Processing System 7: parameters and ports; UG585 table 4-1 for the addresses.
def _zynq_7_pins(s: Settings) -> list[Pin]:
    pins = [Pin("FCLK_CLK0", True, "clock")] if _on(s, "PCW_EN_CLK0_PORT") else []
    pins += [Pin("FCLK_RESET0_N", True, "reset")] if _on(s, "PCW_EN_RST0_PORT") else []
    pins += [Pin("IRQ_F2P", False, "data", False)] if _on(s, "PCW_USE_FABRIC_INTERRUPT") else []
    return pins + [Pin(bus.clock, False, "clock") for bus in _zynq_7_buses(s)]


def _zynq_7_buses(s: Settings) -> list[Bus]:
    names = [name for name in ("M_AXI_GP0", "M_AXI_GP1", "S_AXI_HP0") if _on(s, f"PCW_USE_{name}")]
    return [Bus(name, name.startswith("M"), AXI, f"{name}_ACLK") for name in names]


def _zynq_7_segments(s: Settings) -> list[Segment]:
    if not _on(s, "PCW_USE_S_AXI_HP0") or s[MEMORY] == "0":
        return []
    return [Segment("S_AXI_HP0/HP0_DDR_LOWOCM", "S_AXI_HP0", 0, int(s[MEMORY]))]


ZYNQ_7 = Core(
    ("5.5",),
    {
        "PCW_FPGA0_PERIPHERAL_FREQMHZ": (NUMBER, "50"),
        "PCW_EN_CLK0_PORT": (FLAG, "0"),
        "PCW_EN_RST0_PORT": (FLAG, "0"),
        "PCW_USE_M_AXI_GP0": (FLAG, "0"),
        "PCW_USE_M_AXI_GP1": (FLAG, "1"),
        "PCW_USE_S_AXI_HP0": (FLAG, "0"),
        "PCW_S_AXI_HP0_DATA_WIDTH": ("32|64", "64"),
        "PCW_USE_FABRIC_INTERRUPT": (FLAG, "1"),
    },
    _zynq_7_pins,
    _zynq_7_buses,
    lambda s: {"Data": "M_AXI_GP0"},
    _zynq_7_segments,
    ((0x4000_0000, 1 << 30),),
    parts=("xc7z",),
    preset={"make_external": "FIXED_IO, DDR", "apply_board_preset": "1", "Master": "Disable", "Slave": "Disable"},
)
"""Its defaults are those of a board whose preset is of no use: the design is to say all that it needs."""


# AMD PG065, Clocking Wizard.
def _clocking_pins(s: Settings) -> list[Pin]:
    pins = [Pin("clk_in1", False, "clock"), Pin("clk_out1", True, "clock")]
    if _on(s, "USE_RESET"):
        low = s["RESET_TYPE"] == "ACTIVE_LOW"
        pins.append(Pin("resetn" if low else "reset", False, "reset" if low else "data"))
    return pins + ([Pin("locked", True, "data")] if _on(s, "USE_LOCKED") else [])


CLOCKING = Core(
    ("6.0",),
    {
        "PRIM_SOURCE": (
            "Single_ended_clock_capable_pin|Differential_clock_capable_pin|Global_buffer|No_buffer",
            "Single_ended_clock_capable_pin",
        ),
        "CLKOUT1_REQUESTED_OUT_FREQ": (NUMBER, "100.000"),
        "USE_RESET": (BOOLEAN, "true"),
        "RESET_TYPE": ("ACTIVE_HIGH|ACTIVE_LOW", "ACTIVE_HIGH"),
        "USE_LOCKED": (BOOLEAN, "true"),
    },
    _clocking_pins,
    lambda s: [],
)

# AMD PG164, Processor System Reset Module.
RESETS = Core(
    ("5.0",),
    {"C_EXT_RST_WIDTH": (r"\d+", "4"), "C_AUX_RST_WIDTH": (r"\d+", "4")},
    lambda s: [
        Pin("slowest_sync_clk", False, "clock"),
        Pin("ext_reset_in", False, "reset"),
        Pin("aux_reset_in", False, "data", False),
        Pin("mb_debug_sys_rst", False, "data", False),
        Pin("dcm_locked", False, "data"),  # may stay open, but not where the clock is made from another
        Pin("mb_reset", True, "data"),
        Pin("bus_struct_reset", True, "data"),
        Pin("peripheral_reset", True, "data"),
        Pin("interconnect_aresetn", True, "reset"),
        Pin("peripheral_aresetn", True, "reset"),
    ],
    lambda s: [],
)


# AMD PG021, AXI DMA.
def _dma_pins(s: Settings) -> list[Pin]:
    clocks = dict.fromkeys(bus.clock for bus in _dma_buses(s))
    pins = [Pin(name, False, "clock") for name in clocks] + [Pin("axi_resetn", False, "reset")]
    for side in ("mm2s", "s2mm"):
        if _on(s, f"c_include_{side}"):
            pins += [Pin(f"{side}_prmry_reset_out_n", True, "reset"), Pin(f"{side}_introut", True, "data")]
    return pins


def _dma_buses(s: Settings) -> list[Bus]:
    buses = [Bus("S_AXI_LITE", False, AXI, "s_axi_lite_aclk")]
    if _on(s, "c_include_sg"):
        buses.append(Bus("M_AXI_SG", True, AXI, "m_axi_sg_aclk"))
    control = _on(s, "c_include_sg") and _on(s, "c_sg_include_stscntrl_strm")
    if _on(s, "c_include_mm2s"):
        buses.append(Bus("M_AXI_MM2S", True, AXI, "m_axi_mm2s_aclk"))
        buses.append(Bus("M_AXIS_MM2S", True, AXIS, "m_axi_mm2s_aclk", int(s["c_m_axis_mm2s_tdata_width"]) // 8))
        buses += [Bus("M_AXIS_CNTRL", True, AXIS, "m_axi_mm2s_aclk", 4)] if control else []
    if _on(s, "c_include_s2mm"):
        buses.append(Bus("M_AXI_S2MM", True, AXI, "m_axi_s2mm_aclk"))
        buses.append(Bus("S_AXIS_S2MM", False, AXIS, "m_axi_s2mm_aclk", int(s["c_s_axis_s2mm_tdata_width"]) // 8))
        buses += [Bus("S_AXIS_STS", False, AXIS, "m_axi_s2mm_aclk", 4)] if control else []
    return buses


WIDTHS = "32|64|128|256|512|1024"
STREAM_WIDTHS = f"8|16|{WIDTHS}"
DMA = Core(
    ("7.1",),
    {
        "c_include_sg": (FLAG, "1"),
        "c_sg_include_stscntrl_strm": (FLAG, "1"),
        "c_sg_length_width": ("[89]|1[0-9]|2[0-6]", "14"),
        "c_addr_width": ("3[2-9]|[45][0-9]|6[0-4]", "32"),
        "c_include_mm2s": (FLAG, "1"),
        "c_include_mm2s_dre": (FLAG, "0"),
        "c_m_axi_mm2s_data_width": (WIDTHS, "32"),
        "c_m_axis_mm2s_tdata_width": (STREAM_WIDTHS, "32"),
        "c_include_s2mm": (FLAG, "1"),
        "c_include_s2mm_dre": (FLAG, "0"),
        "c_m_axi_s2mm_data_width": (WIDTHS, "32"),
        "c_s_axis_s2mm_tdata_width": (STREAM_WIDTHS, "32"),
    },
    _dma_pins,
    _dma_buses,
    lambda s: {
        f"Data_{bus.name.removeprefix('M_AXI_')}": bus.name for bus in _dma_buses(s) if bus.master and bus.kind == AXI
    },
    lambda s: [Segment("S_AXI_LITE/Reg", "S_AXI_LITE", None, 1 << 16)],
)

# AMD PG247, SmartConnect.
SMARTCONNECT = Core(
    ("1.0",),
    {
        "NUM_SI": ("[1-9]|1[0-6]", "2"),
        "NUM_MI": ("[1-9]|[1-5][0-9]|6[0-4]", "1"),
        "NUM_CLKS": (r"\d+", "1"),
        "HAS_ARESETN": (FLAG, "1"),
    },
    lambda s: [Pin("aclk", False, "clock"), Pin("aresetn", False, "reset")],
    lambda s: [
        *(Bus(f"S{number:02}_AXI", False, AXI, "aclk") for number in range(int(s["NUM_SI"]))),
        *(Bus(f"M{number:02}_AXI", True, AXI, "aclk") for number in range(int(s["NUM_MI"]))),
    ],
    forwards=True,
)

CATALOG = {
    "xilinx.com:ip:zynq_ultra_ps_e": ZYNQ,
    "xilinx.com:ip:processing_system7": ZYNQ_7,
    "xilinx.com:ip:clk_wiz": CLOCKING,
    "xilinx.com:ip:proc_sys_reset": RESETS,
    "xilinx.com:ip:axi_dma": DMA,
    "xilinx.com:ip:smartconnect": SMARTCONNECT,
}
