"""Runs, reports and results: what Vivado leaves once a design is made."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from pathlib import Path

from tests.build.vivado.recorder import saif_text, texts
from tests.build.vivado.recorder.diagram import Diagram
from tests.build.vivado.recorder.objects import Object, Registry
from tests.build.vivado.recorder.projects import Projects
from tests.build.vivado.recorder.syntax import Call, TclError

STEPS = ("opt_design", "place_design", "route_design", "post_route_phys_opt_design", "write_bitstream")
REPORTS = ("report_utilization", "report_timing_summary", "report_cdc", "report_power")
ERRORS = {
    "broken": ("synth_1", "ERROR: [Synth 8-439] module 'mystery' not found"),
    "killed": ("synth_1", ""),
    "large": ("impl_1", "ERROR: [DRC UTLZ-1] Resource utilization: LUT as Logic over-utilized in Top Level Design"),
}


class Runs:
    """Runs of the project, and the design that is open."""

    def __init__(
        self, registry: Registry, projects: Projects, diagram: Diagram, outcome: str, say: Callable[[str], None]
    ) -> None:
        self._registry, self._projects, self._diagram, self._outcome = registry, projects, diagram, outcome
        self._say = say
        self._open = self._matched = False
        self._reported: set[str] = set()
        self.delays: dict[tuple[str, str], float] = {}
        """Of the constraints: the longest that a path between two clocks may be, in ns."""
        self.constraints: list[Object] = []
        """The files that the implementation obeyed."""

    def launch_runs(self, call: Call) -> str:
        (name,) = call.words
        run = self._registry.find_one(name, "run")
        step = call.values.get("-to_step")
        if (step is None) != (name == "synth_1") or step not in (None, *STEPS):
            raise TclError(f"launch_runs: {name} has no step {step}")
        self._projects.top()
        if name == "impl_1" and self._registry.find_one("synth_1").properties["progress"] != "100%":
            raise TclError("launch_runs: synthesis is not done")
        if self._diagram.name and self._diagram.state != "generated":
            raise TclError("launch_runs: the block design was not generated")
        directory = Path(run.properties["directory"])
        directory.mkdir(parents=True, exist_ok=True)
        failing, complaint = ERRORS.get(self._outcome, ("", ""))
        fails = failing == name
        run.properties |= {
            "progress": "0%",
            "status": "Running...",
            "ends at": "40%" if fails else "100%",
            "ends as": f"{step or 'synth_design'} {'ERROR' if fails else 'Complete!'}",
        }
        if not fails or complaint:
            (directory / "runme.log").write_text(f"Command: {step or 'synth_design'}\n{complaint if fails else ''}\n")
        if name == "impl_1" and not fails:
            self._implement(directory, step)
        return ""

    def _implement(self, directory: Path, step: str | None) -> None:
        phys_opt = self._registry.find_one("impl_1").properties
        for option in ("phys_opt_design", "post_route_phys_opt_design"):
            if phys_opt.get(f"steps.{option}.is_enabled") not in ("1", "true"):
                raise TclError(f"{option} is not enabled")
        self.constraints = [file for file in self._registry.of_kind("file") if file.name.endswith(".xdc")]
        top = self._registry.find_one("sources_1").get("top")
        if step == "write_bitstream" and self._outcome != "silent":
            (directory / f"{top}.bit").write_text("bits\n")

    def wait_on_runs(self, call: Call) -> str:
        """Of Vivado 2021.2 and later; ``wait_on_run`` is its older name, for one run."""
        runs = [self._registry.find_one(name, "run") for name in call.words]
        for run in runs:
            if "ends at" not in run.properties:
                raise TclError(f"{call.name}: {run.name} was not launched")
            run.properties |= {"progress": run.properties["ends at"], "status": run.properties["ends as"]}
        if failed := [run.name for run in runs if run.properties["progress"] != "100%"]:
            names = ", ".join(f"'{name}'" for name in failed)
            self._say(f"ERROR: [Vivado 12-13638] Failed runs(s) : {names}")
            raise TclError("ERROR: [Common 17-39] 'wait_on_runs' failed due to earlier errors.")
        return ""

    wait_on_run = wait_on_runs

    def open_run(self, call: Call) -> str:
        run = self._registry.find_one(call.words[0], "run")
        if run.name != "impl_1" or run.properties["progress"] != "100%":
            raise TclError(f"open_run: {run.name} is not done")
        self._open = True
        return "impl_1"

    def _report(self, call: Call, text: str) -> str:
        if not self._open or "-file" not in call.values:
            raise TclError(f"{call.name}: needs an open design and -file")
        Path(call.values["-file"]).write_text(text if self._diagram.name else texts.without_processor(text))
        self._reported.add(call.name)
        return ""

    def report_utilization(self, call: Call) -> str:
        if ("-hierarchical_depth" in call.values) != ("-hierarchical" in call.flags):
            raise TclError("report_utilization: a depth, and no hierarchy, or the other way round")
        whole = "-hierarchical" not in call.flags
        return self._report(
            call, texts.UTILIZATION if whole else texts.hierarchy(int(call.values["-hierarchical_depth"]))
        )

    def report_timing_summary(self, call: Call) -> str:
        return self._report(call, texts.timing(late=self._outcome == "late"))

    def report_cdc(self, call: Call) -> str:
        return self._report(call, "CDC Report\n")

    def report_power(self, call: Call) -> str:
        return self._report(call, texts.power(matched=self._matched))

    def read_saif(self, call: Call) -> str:
        if not self._open:
            raise TclError("read_saif: no open design")
        saif = saif_text.parse(Path(call.words[0]).read_text())
        top = self._registry.find_one("sources_1").get("top")
        inside = (*call.values["-strip_path"].split("/"), top.replace("_wrapper", "_i"), "accelerator", "inst", "aclk")
        if inside not in saif.nets or inside[-5] != top:
            raise TclError(f"read_saif: no net {'/'.join(inside)}")
        Path(call.values["-out_file"]).write_text("")
        self._matched = True
        return ""

    def omissions(self) -> list[str]:
        """What a build should have done and did not."""
        left = [name for name in REPORTS if name not in self._reported]
        unused = [] if self._matched else ["read_saif"]
        return [f"no {name}" for name in left + unused]

    def get_clocks(self, call: Call) -> str:
        """Those that the cores make: by PG201 and PG082, and by UG903 after the wizard's net and the cell's module."""
        clocks = {
            "clk_pl_0": "/zynq/pl_clk0",
            "clk_fpga_0": "/zynq/FCLK_CLK0",
            f"clk_out1_{self._diagram.name}_pipeline_clock_0": "/pipeline_clock/clk_out1",
        }
        pins, known = self._diagram.pins(), {one.name for one in self._registry.of_kind("clock")}
        found = [name for name, pin in clocks.items() if pin in pins and fnmatch.fnmatchcase(name, call.words[0])]
        for name in found:
            if name not in known:
                self._registry.add(Object("clock", name))
        return " ".join(found)

    def set_max_delay(self, call: Call) -> str:
        if "-datapath_only" not in call.flags or not {"-from", "-to"} == call.values.keys():
            raise TclError("set_max_delay: clocks of different sources need -datapath_only, -from and -to")
        ends = [self._registry.find_one(call.values[end], "clock").name for end in ("-from", "-to")]
        self.delays[ends[0], ends[1]] = float(call.words[0])
        return ""

    def write_hw_platform(self, call: Call) -> str:
        file = Path(call.words[0])
        if not {"-fixed", "-include_bit"} <= call.flags or file.suffix != ".xsa" or not file.stem.isidentifier():
            raise TclError(f"write_hw_platform: not a fixed platform with its bitstream, or a bad name {file.name}")
        if not self._open or (file.exists() and "-force" not in call.flags):
            raise TclError("write_hw_platform: no open design, or the file exists")
        file.write_text("platform\n")
        return ""
