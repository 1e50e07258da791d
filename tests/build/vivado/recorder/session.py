"""A session of Vivado, as far as the scripts need one: it answers commands, and leaves the files that Vivado would."""

from __future__ import annotations

from tests.build.vivado.recorder.diagram import Diagram
from tests.build.vivado.recorder.netlist import Netlist
from tests.build.vivado.recorder.objects import Registry
from tests.build.vivado.recorder.packager import Packager
from tests.build.vivado.recorder.projects import Projects
from tests.build.vivado.recorder.runs import Runs
from tests.build.vivado.recorder.syntax import Call, TclError


class Session:
    """Vivado. ``outcome`` is what becomes of the build:

    ``well``; ``late``: timing is missed; ``large``: placement fails for lack of room; ``broken``: synthesis fails;
    ``killed``: its process ends before it does anything; ``silent``: the bitstream does not appear.

    ``finds_all``: the packager finds clocks and address maps by itself, as far as is documented. ``lacks``: what this
    Vivado does not have: ``board``, ``core``, ``pin`` or ``interface``.
    """

    def __init__(self, outcome: str = "well", finds_all: bool = True, lacks: str = "") -> None:
        self.registry = Registry()
        self.projects = Projects(self.registry, lacks)
        self.packager = Packager(self.registry, self.projects, finds_all, lacks)
        self.diagram = Diagram(self.registry, self.projects, lacks)
        self.netlist = Netlist(self.registry, self.projects)
        self.said: list[str] = []
        """What it prints by itself, until somebody takes it from here."""
        self.runs = Runs(self.registry, self.projects, self.diagram, outcome, self.said.append)
        self._parts = (self.projects, self.packager, self.diagram, self.netlist, self.runs)

    def answer(self, call: Call) -> str:
        """What the command gives. Raises ``TclError`` where Vivado would refuse it."""
        if call.name == "set_property":
            answer = self.registry.set_property(call)
            if "board_connections" in call.words:
                self.projects.connected()
            return answer
        if call.name == "get_property":
            return self.registry.find_one(call.words[1]).get(call.words[0])
        for part in self._parts:
            command = getattr(part, call.name.replace("ipx::", ""), None)
            if command is not None:
                try:
                    answer = str(command(call))
                except TclError:
                    if "-quiet" not in call.flags:
                        raise
                    answer = ""
                return answer
        raise TclError(f"{call.name}: the recorder does not know what it does")
