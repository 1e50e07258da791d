"""Who imports whom, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hwsnn

PACKAGE = Path(hwsnn.__file__).parent

MEANING = {"numeric", "checks", "spec", "errors"}
FROM_MODELS = MEANING | {"trained", "quantization_report"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "progress": set(),
    "shipped": set(),
    "numeric": set(),
    "checks": set(),
    "register_map": set(),
    "spec": {"numeric", "checks"},
    "packages": {"errors"},
    "closed": {"errors"},
    "cache": {"errors", "closed"},
    "scratch": set(),
    "start": set(),
    "children": set(),
    "files": {"errors", "scratch"},
    "bounds": {"spec", "trained"},
    "tensor_file": {"errors", "files", "bounds"},
    "model_names": {"files", "shipped", "model", "spec"},
    "model": MEANING | {"bounds", "tensor_file"},
    "trained_file": FROM_MODELS | {"model", "tensor_file"},
    "data": MEANING | {"shipped", "cache", "files"},
    "random_networks": MEANING | {"folding"},
    "trained": MEANING,
    "quantization_report": FROM_MODELS,
    "scales": FROM_MODELS,
    "quantize": FROM_MODELS | {"scales", "bounds"},
    "frontends": FROM_MODELS | {"files"},
    "folding": {"checks", "spec"},
    "devices": {"folding"},
    "tables": {"folding"},
    "arrange": {"spec", "folding"},
    "fold": {"spec", "folding", "errors", "files", "devices", "tables", "arrange"},
    "cycles": {"spec", "folding", "rtl"},
    "plan": {"spec", "folding", "errors", "devices", "fold", "cycles"},
    "reference": FROM_MODELS,
    "rtl": {
        "numeric",
        "spec",
        "folding",
        "errors",
        "packages",
        "cache",
        "children",
        "tables",
        "arrange",
        "register_map",
    },
}
"""What the parts that carry meaning may import of hwsnn, besides themselves."""

USERS = {"activity", "sim", "build", "bench", "explore", "host", "manifest"}
"""Parts that bring those together; they may import all of those, and one another."""

TOP = {"__init__", "__main__", "cli", "demo", "train"}
"""Parts that may import everything, and that nothing else imports."""

HEAVY = {"amaranth", "cocotb", "click", "dask", "distributed", "h5py", "matplotlib", "nir", "rich", "safetensors"}
HEAVY |= {"pynq", "scipy", "serial", "sklearn", "torch"}
NETWORK = {"http", "socket"}
"""What ``urllib.request`` loads; urllib itself comes with pathlib."""


def imports(source: Path) -> Iterator[tuple[str, ...]]:
    """Every absolute dotted name that a file imports, as parts."""
    package = ("hwsnn", *source.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def part_of(source: Path) -> str:
    """The file or folder directly below hwsnn/ that ``source`` belongs to."""
    return source.relative_to(PACKAGE).with_suffix("").parts[0]


def parts() -> list[str]:
    return sorted({part_of(source) for source in PACKAGE.rglob("*.py")})


def imported_parts(part: str) -> set[str]:
    found = set()
    for source in PACKAGE.rglob("*.py"):
        if part_of(source) == part:
            found |= {name[1] for name in imports(source) if name[0] == "hwsnn" and len(name) > 1}
    return found & set(parts()) - {part}


def test_the_search_finds_imports() -> None:
    assert imported_parts("spec") == {"numeric", "checks"}
    assert {"reference", "model", "rtl"} & imported_parts("cli")
    assert ("numpy", "typing") in set(imports(PACKAGE / "numeric.py"))


def test_every_part_has_its_rule() -> None:
    assert set(parts()) - MAY_IMPORT.keys() - USERS - TOP == set(), "say in this file who may import the new part"


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_meaning_is_imported_in_one_direction(part: str) -> None:
    assert imported_parts(part) - MAY_IMPORT[part] == set()


@pytest.mark.parametrize("part", sorted(USERS))
def test_nobody_imports_the_command_line(part: str) -> None:
    assert imported_parts(part) & TOP == set()


def test_reference_and_hardware_are_independent() -> None:
    assert "rtl" not in imported_parts("reference")
    assert "reference" not in imported_parts("rtl")


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in ``sys.modules`` after ``statement`` in a fresh interpreter."""
    script = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_hwsnn_is_light() -> None:
    assert loaded_by("import hwsnn") & (HEAVY | NETWORK | {"numpy"}) == set()


def test_meaning_needs_numpy_alone() -> None:
    light = [part for part in MAY_IMPORT if part not in ("rtl", "frontends", "start")]
    loaded = loaded_by("; ".join(f"import hwsnn.{part}" for part in light))
    assert "numpy" in loaded
    assert loaded & (HEAVY | NETWORK) == set()


def test_a_driver_is_light() -> None:
    """What a program on a ZCU102 imports; serial ports and simulators are for those who open one."""
    parts = ("accelerator", "open", "dma_accelerator", "pynq_bus", "selftest")
    loaded = loaded_by("; ".join(f"import hwsnn.host.{part}" for part in parts))
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
    ["demo", "data", "quantize", "inspect", "run", "generate", "verify", "build", "bench", "explore", "board"],
)
def test_a_command_loads_little_before_it_runs(command: str) -> None:
    loaded = loaded_by(f"import hwsnn.cli.{command}")
    assert loaded & (HEAVY - {"click"}) == set()
