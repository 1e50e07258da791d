"""Projects, their files, boards and IP cores."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from tests.build.vivado.recorder.boards import KNOWN, KnownBoard, board_files, of_version
from tests.build.vivado.recorder.cores import CATALOG
from tests.build.vivado.recorder.objects import Object, Registry
from tests.build.vivado.recorder.syntax import Call, TclError, as_list, tcl_list

KINDS = ("project", "fileset", "file", "run")
"""What a project holds: gone when it is closed."""
LOCAL_CORE = "hwsnn:user:{name}:{version}"


class Projects:
    """The one project that may be open, and the catalogue of cores."""

    def __init__(self, registry: Registry, lacks: str) -> None:
        self._registry, self._lacks = registry, lacks
        self.name, self.folder, self.part = "", Path(), ""
        self.local_cores: dict[str, Path] = {}

    def create_project(self, call: Call) -> str:
        if self.name:
            raise TclError(f"project {self.name} is open")
        name, folder = call.words
        if call.values.get("-part") not in {board.part for board in KNOWN.values()}:
            raise TclError(f"unknown part '{call.values.get('-part')}'")
        if Path(folder).exists() and "-force" not in call.flags:
            raise TclError(f"{folder} exists")
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.name, self.folder, self.part = name, Path(folder), call.values["-part"]
        self._registry.add(Object("project", name))
        self._registry.add(Object("fileset", "sources_1"))
        self._registry.add(Object("fileset", "constrs_1"))
        for run in ("synth_1", "impl_1"):
            directory = self.folder / f"{name}.runs" / run
            self._registry.add(Object("run", run, {"directory": str(directory), "progress": "0%"}))
        return name

    def close_project(self, call: Call) -> str:
        self.require()
        self._registry.forget(KINDS)
        self.name = ""
        return ""

    def require(self) -> None:
        """Raise ``TclError`` where no project is open."""
        if not self.name:
            raise TclError("no open project")

    def board(self) -> KnownBoard:
        """The project's board. Raises ``TclError`` where none is set, or it is of another part."""
        (project,) = self._registry.of_kind("project")
        name = project.properties.get("board_part", "")
        if name not in board_files():
            raise TclError(f"there is no board '{name}'")
        board = of_version(name)
        if board.part != self.part:
            raise TclError(f"{name} has the part {board.part}, not {self.part}")
        return board

    def connected(self) -> bool:
        """Whether the project connects its board with all that belongs to it. ``TclError`` if with something else."""
        (project,) = self._registry.of_kind("project")
        words = tcl_list(project.properties.get("board_connections", ""))
        connections = dict(zip(words[::2], words[1::2], strict=True))
        if not connections.items() <= self.board().carriers.items():
            raise TclError(f"no such connections: {words}")
        return connections == self.board().carriers

    def current_project(self, call: Call) -> str:
        self.require()
        return self.name

    def current_fileset(self, call: Call) -> str:
        self.require()
        return "sources_1"

    def add_files(self, call: Call) -> str:
        self.require()
        fileset = self._registry.find_one(call.values.get("-fileset", "sources_1"), "fileset").name
        for entry in call.words:
            for path in tcl_list(entry):
                if not Path(path).is_file():
                    raise TclError(f"file '{path}' does not exist")
                if (Path(path).suffix == ".xdc") != (fileset == "constrs_1"):
                    raise TclError(f"file '{path}' does not belong into {fileset}")
                self._registry.add(Object("file", path, {"fileset": fileset}))
        return " ".join(call.words)

    def files(self, *suffixes: str) -> list[Path]:
        """The project's files of some kinds."""
        return [Path(one.name) for one in self._registry.of_kind("file") if one.name.endswith(suffixes)]

    def top(self) -> Path:
        """The file with the top module. Raises ``TclError`` where none is set, or no file has it."""
        top = self._registry.find_one("sources_1").get("top")
        for file in self.files(".v"):
            if top and re.search(rf"^module {top}\b", file.read_text(), re.MULTILINE):
                return file
        raise TclError(f"no file has the top module '{top}'")

    def get_files(self, call: Call) -> str:
        self.require()
        (pattern,) = call.words
        names = [one.name for one in self._registry.of_kind("file") if fnmatch.fnmatch(Path(one.name).name, pattern)]
        return as_list(names)

    def get_runs(self, call: Call) -> str:
        return self._registry.find_one(call.words[0], "run").name

    def update_compile_order(self, call: Call) -> str:
        self._registry.find_one(call.values.get("-fileset", "sources_1"), "fileset")
        self.top()
        return ""

    def get_board_parts(self, call: Call) -> str:
        found = [board for board in board_files() if any(fnmatch.fnmatch(board, word) for word in call.words)]
        if self._lacks == "board":
            found = []
        if "-latest_file_version" in call.flags:
            found = list({board.rpartition(":")[0]: board for board in found}.values())
        return " ".join(found)

    def update_ip_catalog(self, call: Call) -> str:
        self.require()
        for path in tcl_list(self._registry.find_one("sources_1").properties.get("ip_repo_paths", "")):
            described = Path(path) / "component.xml"
            if not described.is_file():
                raise TclError(f"{path} holds no IP core")
            self.local_cores[described.read_text().split()[0]] = Path(path)
        return ""

    def get_ipdefs(self, call: Call) -> str:
        self.require()
        known = [f"{vlnv}:{version}" for vlnv, core in CATALOG.items() for version in core.versions]
        known = [core for core in known if self._lacks != "core" or "axi_dma" not in core]
        known += list(self.local_cores)
        return " ".join(core for core in known if any(fnmatch.fnmatch(core, word) for word in call.words))
