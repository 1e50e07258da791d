"""Who imports whom, and what an import costs. ``docs/architecture.md`` says it in words."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import hwsnn

PACKAGE = Path(hwsnn.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "version": set(),
    "errors": set(),
    "terminal": set(),
    "progress": {"terminal"},
    "processes": set(),
    "packages": {"errors"},
    "files": {"errors"},
    # What networks mean, and how they come in
    "spec": set(),
    "float_network": {"spec"},
    "model_file": {"errors", "files", "spec", "float_network"},
    "frontends": {"errors", "files", "packages", "spec", "float_network", "model_file"},
    "quantization": {"errors", "spec", "float_network", "model_file"},
    "reference": {"spec"},
    "compiled": {"files", "spec", "reference"},
    "data": {"errors", "files", "packages", "progress", "spec"},
    "checking": {"errors", "progress", "spec", "float_network", "frontends", "quantization", "reference"},
    # How they are built
    "interface": set(),
    "folding": {"errors", "files", "packages", "spec"},
    "rtl": {"spec", "folding", "interface"},
    "cycles": {"spec", "folding", "rtl"},
    "planner": {"errors", "spec", "folding", "cycles"},
    "verilog": {"errors", "files", "packages", "processes", "spec", "model_file"}
    | {"folding", "rtl", "cycles", "planner"},
    # What is done with them
    "build": {"errors", "files", "packages", "processes", "progress", "spec", "model_file", "reference"}
    | {"folding", "rtl", "interface", "planner", "verilog"},
    "host": {"errors", "files", "progress", "spec", "model_file", "reference", "data", "interface"},
    "sim": {"errors", "files", "packages", "processes", "progress", "spec", "model_file", "reference"}
    | {"folding", "rtl", "interface", "cycles", "planner", "verilog", "build", "host"},
    "board": {"errors", "progress", "spec", "model_file", "host", "sim", "build"},
    "doctor": {"errors", "files", "packages", "processes", "data", "build"},
    "board_doctor": {"errors", "progress", "model_file", "interface", "build", "host", "sim", "board"},
    "bench": {"progress", "spec", "model_file", "data", "reference", "compiled"}
    | {"folding", "rtl", "cycles", "planner", "build", "sim"},
    "explore": {"errors", "files", "processes", "spec", "float_network", "model_file", "quantization", "reference"}
    | {"data", "folding", "planner", "bench"},
    "report": {
        "errors",
        "files",
        "progress",
        "spec",
        "float_network",
        "model_file",
        "quantization",
        "reference",
        "data",
    }
    | {"folding", "cycles", "planner", "build", "sim", "bench", "explore"},
    "train": {"errors", "files", "progress", "spec", "float_network", "model_file", "frontends", "quantization"}
    | {"reference", "compiled", "data", "bench"},
}
"""What each part may import of hwsnn, besides itself and the version."""

TOP = {"__init__", "__main__", "public", "cli", "demo"}
"""Parts that may import everything, and that nothing else imports."""

HEAVY = {"amaranth", "cocotb", "click", "dask", "distributed", "h5py", "matplotlib", "nir", "rich", "safetensors"}
HEAVY |= {"PIL", "numba", "pynq", "scipy", "serial", "sklearn", "torch"}
FRAMEWORKS = {"norse", "sinabs", "snntorch", "spikingjelly"}
HEAVY |= FRAMEWORKS
NETWORK = {"http", "socket"}
"""What ``urllib.request`` loads; urllib itself comes with pathlib."""


def module_of(source: Path) -> str:
    """The dotted name under which ``source`` is imported."""
    parts = source.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(source): source for source in PACKAGE.rglob("*.py")}


def names(source: Path) -> Iterator[tuple[str, str]]:
    """Every import in a file, of a function too: the absolute dotted name of a module, and the name out of it or ""."""
    package = ("hwsnn", *source.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((".".join(base), alias.name) for alias in node.names)


def imported(source: Path) -> set[str]:
    """The modules of hwsnn that a file imports."""
    found = {f"{module}.{name}" if f"{module}.{name}" in MODULES else module for module, name in names(source)}
    return found & MODULES.keys() - {module_of(source)}


def part_of(module: str) -> str:
    """The file or folder directly below hwsnn/ that ``module`` belongs to."""
    return (*module.split("."), "__init__")[1]


def imported_parts(part: str) -> set[str]:
    found = {
        part_of(other) for module, source in MODULES.items() if part_of(module) == part for other in imported(source)
    }
    return found - {part, "version"}


def require_no_cycle(graph: Mapping[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import one another in a circle: {' -> '.join(error.args[1])}")


PARTS = sorted({part_of(module) for module in MODULES})


def test_the_search_finds_imports() -> None:
    assert "spec" in imported_parts("reference")
    assert {"reference", "model_file", "rtl"} <= imported_parts("cli")
    assert "hwsnn.spec.limits" in imported(PACKAGE / "spec" / "leaks.py")
    assert ("dataclasses", "dataclass") in set(names(PACKAGE / "spec" / "leaks.py"))
    with pytest.raises(pytest.fail.Exception, match=r"in a circle: (a -> b -> a|b -> a -> b)"):
        require_no_cycle({"a": {"b"}, "b": {"a"}})


def test_every_part_has_its_rule() -> None:
    assert set(PARTS) - MAY_IMPORT.keys() - TOP == set(), "say in this file what the new part may import"
    assert MAY_IMPORT.keys() - set(PARTS) == set(), "this file speaks of parts that are not there"


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_what_it_may(part: str) -> None:
    assert imported_parts(part) - MAY_IMPORT[part] == set()


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_what_a_part_may_import_is_used(part: str) -> None:
    """Rules that nothing needs would let the next import in without a thought."""
    assert MAY_IMPORT[part] - imported_parts(part) == set()


def test_no_circle_of_parts() -> None:
    require_no_cycle(MAY_IMPORT)


def test_no_circle_of_files() -> None:
    require_no_cycle({module: imported(source) for module, source in MODULES.items()})


def test_reference_and_hardware_are_independent() -> None:
    assert "rtl" not in imported_parts("reference")
    assert "reference" not in imported_parts("rtl")


def test_the_host_needs_neither_simulation_nor_hardware() -> None:
    assert imported_parts("host") & {"sim", "rtl", "build", "verilog"} == set()


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in ``sys.modules`` after ``statement`` in a fresh interpreter."""
    script = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_torch_and_frameworks_are_for_modules_alone() -> None:
    """A framework is imported for a module of its own, which has loaded it already."""
    assert "torch" not in loaded_by("import hwsnn.frontends.read, hwsnn.cli.source, hwsnn.cli.module_source")
    loaded = loaded_by("import hwsnn.frontends.modules.build, hwsnn.frontends.modules.source_file")
    assert "torch" in loaded
    assert loaded & FRAMEWORKS == set()
    packages = {module: {name.split(".")[0] for name, _ in names(source)} for module, source in MODULES.items()}
    users = {module for module, found in packages.items() if found & FRAMEWORKS}
    assert all(module.startswith("hwsnn.frontends.modules.frameworks.") for module in users)


def test_importing_hwsnn_is_light() -> None:
    assert loaded_by("import hwsnn") & (HEAVY | NETWORK | {"numpy"}) == set()


def test_meaning_needs_numpy_alone() -> None:
    light = ["spec", "float_network", "model_file.integer_file", "model_file.float_file", "quantization.quantize"]
    light += ["reference", "folding.folding", "interface", "data", "files.atomic"]
    loaded = loaded_by("; ".join(f"import hwsnn.{part}" for part in light))
    assert "numpy" in loaded
    assert loaded & (HEAVY | NETWORK) == set()


def test_a_driver_is_light() -> None:
    """What a program on a board imports; serial ports and simulators are for those who open one."""
    parts = [module for module in MODULES if module.startswith("hwsnn.host") and "serial" not in module]
    parts.append("hwsnn.board")
    loaded = loaded_by("; ".join(f"import {module}" for module in parts))
    assert "numpy" in loaded
    assert loaded & (HEAVY | NETWORK) == set()


def test_fetching_alone_needs_the_network() -> None:
    assert loaded_by("import hwsnn.data.fetch") >= NETWORK


def test_help_loads_no_command() -> None:
    loaded = loaded_by("from hwsnn.cli import cli; cli.get_help(cli.make_context('hwsnn', [], resilient_parsing=True))")
    assert "click" in loaded
    assert loaded & (HEAVY - {"click"} | NETWORK | {"numpy"}) == set()


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "data",
        "quantize",
        "check",
        "inspect",
        "run",
        "generate",
        "verify",
        "build",
        "bench",
        "explore",
        "report",
        "board",
    ],
)
def test_a_command_loads_little_before_it_runs(command: str) -> None:
    loaded = loaded_by(f"import hwsnn.cli.{command}")
    assert loaded & (HEAVY - {"click"}) == set()
