"""Projects to try scripts on: that of a small network, without simulated activity, and what a good build leaves."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from hwsnn.build.boards import AxiBoard, VivadoSerialBoard, load_board
from hwsnn.build.deployment.folder import Deployment
from hwsnn.build.vivado.axi_project import ACTIVITY, LEVELS, AxiProject
from hwsnn.build.vivado.build import read_reports
from hwsnn.build.vivado.serial_project import SerialProject
from hwsnn.errors import ToolError
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.axi.shell import ACCELERATOR
from tests.build.vivado.recorder.boards import GIBIBYTE, KNOWN
from tests.build.vivado.recorder.recorder import Recording, run_constraints, run_script
from tests.build.vivado.recorder.session import Session
from tests.support.random_networks import random_network

NETWORK = random_network(1)
BOARD = load_board("kv260", AxiBoard)
"""Of the boards, one that is connected with a carrier card."""
STAGES = ("packaging", "block design", "synthesis", "implementation", "reports", "hand-off", "done")
CONSTRAINTS = {
    "crossings.xdc": {"fileset": "constrs_1", "used_in_synthesis": "false", "processing_order": "LATE"},
}
"""Read once the cores have made their clocks."""
ULTRASCALE, ZYNQ_7 = ("/zynq/SAXIGP2/HP0_DDR_LOW", "/zynq/SAXIGP2/HP0_DDR_HIGH"), "/zynq/S_AXI_HP0/HP0_DDR_LOWOCM"
"""Where the memory of each kind of Zynq is."""


def addresses(board: AxiBoard) -> dict[str, dict[str, tuple[int, int]]]:
    """Where docs/vivado.md says that everything lies."""
    size = KNOWN[board.board_part].memory
    if board.part.startswith("xc7z"):
        first, memory = 0x4000_0000, {ZYNQ_7: (0, size)}
    else:
        first, low = 0xA000_0000, min(2 * GIBIBYTE, size)
        places = ((0, low), (0x8_0000_0000, size - low))
        memory = {segment: place for segment, place in zip(ULTRASCALE, places, strict=True) if place[1]}
    return {
        "/zynq/Data": {
            "/accelerator/s_axi/reg0": (first, 0x1_0000),
            "/dma/S_AXI_LITE/Reg": (first + 0x1_0000, 0x1_0000),
        },
        **{f"/dma/Data_{name}": memory for name in ("SG", "MM2S", "S2MM")},
    }


def delays(board: AxiBoard) -> dict[tuple[str, str], float]:
    """Between the clocks, both ways, in ns: a period of the faster one."""
    period = round(1000 / max(board.clock_mhz, board.bus_mhz), 3)
    bus = "clk_fpga_0" if board.part.startswith("xc7z") else "clk_pl_0"
    clocks = (bus, "clk_out1_hwsnn_pipeline_clock_0")
    return {clocks: period, clocks[::-1]: period}


def project(board: AxiBoard = BOARD) -> AxiProject:
    """The project of the small network."""
    return AxiProject(NETWORK, for_utilization(NETWORK, DEVICES[board.device]), board, board.clock_mhz)


def write_project(folder: Path, board: AxiBoard = BOARD) -> None:
    """Write it, with an activity file of one net, and little of what makes scripts slow."""
    project(board).write(folder)
    verilog = folder / "rtl" / f"{ACCELERATOR}.v"
    top = re.search(rf"^module {ACCELERATOR} \(.*?^\);\n", verilog.read_text(), re.MULTILINE | re.DOTALL)
    assert top is not None
    verilog.write_text(top[0] + "endmodule\n")
    instances = "".join(f"(INSTANCE {name} " for name in LEVELS)
    net = "(NET (aclk (T0 5) (T1 5) (TX 0) (TC 2)))"
    (folder / ACTIVITY).write_text(f"(SAIFILE (DURATION 10) {instances}{net}{')' * len(LEVELS)})\n")
    with (folder / "settings.tcl").open("a") as settings:
        settings.write(f"set activity {ACTIVITY}\nset registers [lrange $registers 0 14]\n")


def write_serial_project(folder: Path, *, deployed: bool = False) -> SerialProject:
    """Write the project of the small network behind a serial line, with a folder for the board if ``deployed``."""
    board = load_board("zcu102-uart", VivadoSerialBoard)
    deployment = Deployment(NETWORK, board, board.name, folder) if deployed else None
    made = SerialProject(NETWORK, for_utilization(NETWORK, DEVICES[board.device]), board, deployment)
    made.write(folder)
    return made


@dataclass
class Outcome:
    """What became of a build of a copy of the project: what is wrong with it, in words; nothing where all is well."""

    recording: Recording
    faults: list[str]


def build(
    original: Path, folder: Path, session: Session, changed: dict[str, str] | None = None, board: AxiBoard = BOARD
) -> Outcome:
    """Build a copy of the project in ``folder``, with other texts in some of its files."""
    shutil.copytree(original, folder)
    for name, text in (changed or {}).items():
        (folder / name).write_text(text)
    recording = run_script(folder / "build.tcl", session)
    if recording.error is not None:
        return Outcome(recording, [recording.error])
    return Outcome(recording, _faults(folder, session, recording, board))


def _faults(folder: Path, session: Session, recording: Recording, board: AxiBoard) -> list[str]:
    """What an accepted build lacks."""
    made = project(board)
    faults = [f"no {made.result}{end}" for end in made.endings if not (folder / f"{made.result}{end}").is_file()]
    try:
        read_reports(folder / "reports", made)
    except ToolError as error:
        faults.append(error.summary)
    if tuple(recording.printed) != tuple(f"hwsnn: stage {stage}" for stage in STAGES):
        faults.append(f"stages {recording.printed}")
    if session.diagram.addresses() != addresses(board):
        faults.append(f"addresses {session.diagram.addresses()}")
    obeyed = {Path(file.name).name: file.properties for file in session.runs.constraints}
    if obeyed != CONSTRAINTS:
        faults.append(f"constraints {obeyed}")
    faults += session.runs.omissions()
    for file in session.runs.constraints:
        refused = run_constraints(Path(file.name), session).error
        faults += [] if refused is None else [refused]
    if session.runs.delays != delays(board):
        faults.append(f"between the clocks {session.runs.delays}")
    return faults
