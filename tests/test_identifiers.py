"""What things are called in the generated Verilog: nothing that a tool could take for a keyword."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.network import Pipeline, layer_instance
from hwsnn.rtl.serial.shell import SerialShell
from hwsnn.spec import Network, is_layer_name
from hwsnn.verilog.emit import TOP, to_verilog
from hwsnn.verilog.modules import ModuleSet
from hwsnn.verilog.names import module_names
from tests.support.keywords import KEYWORDS
from tests.support.layers import renamed_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding, random_network

DECLARED = re.compile(
    r"^\s*(?:module|cell \S+|(?:wire|memory)(?: (?:width|size|input|output|signed|\d+))*) +\\(\S+)$", re.MULTILINE
)
PLAIN = re.compile(r"[A-Za-z_]\w*")
SEEDS = range(24)


def identifiers(design: object) -> Iterator[str]:
    """Every name of a design that its Verilog has: none is escaped."""
    modules = ModuleSet()
    modules.add(design, modules.elaborated(design))
    yield from module_names(modules.modules, "top").values()
    for module in modules.modules:
        for name in DECLARED.findall(module.converted.rtlil):
            assert PLAIN.fullmatch(name), name
            yield name


def keywords(design: object) -> set[str]:
    """VHDL does not tell capital letters from small ones."""
    return {name for name in identifiers(design) if name.lower() in KEYWORDS}


def renamed(network: Network, names: list[str]) -> Network:
    layers = tuple(renamed_layer(layer, name) for layer, name in zip(network.layers, names, strict=True))
    return replace(network, layers=layers)


def test_the_search_finds_names() -> None:
    network = renamed(random_network(45), ["conv1", "dense1"])
    found = set(identifiers(Pipeline(network, random_folding(network, 45))))
    assert {"top", "clk", "pixels__valid", "conv1_layer", "conv1_layer_o__payload", "dense1_layer", "readout"} <= found


def test_layers_are_called_by_no_keyword() -> None:
    """And differently where their names differ, even where one is what the other becomes."""
    names = {word for word in KEYWORDS if is_layer_name(word)}
    assert len(names) > 300
    instances = {layer_instance(name) for name in names}
    assert not {name.lower() for name in instances} & KEYWORDS
    twice = names | instances
    assert len({layer_instance(name) for name in twice}) == len(twice)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_name_is_a_keyword(seed: int) -> None:
    """Of the parts of networks of all kinds, whose layers are called by keywords."""
    drawn = random_network(seed)
    network = renamed(drawn, ["randomize", "bool", "process"][: len(drawn.layers)])
    assert keywords(Pipeline(network, random_folding(network, seed))) == set()
    graph = random_graph(seed)
    assert keywords(Pipeline(graph, random_folding(graph, seed))) == set()


@pytest.mark.skipif(which("iverilog") is None, reason="needs Icarus Verilog")
def test_icarus_takes_every_name(tmp_path: Path) -> None:
    """Its version 11 takes ``bool`` for a keyword."""
    network = renamed(random_network(45), ["bool", "randomize"])
    folding = random_folding(network, 45)
    (tmp_path / "network.v").write_text(to_verilog(Pipeline(network, folding), model_hash(network)))
    command = ["iverilog", "-g2012", "-t", "null", "-s", TOP, "network.v"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_name_of_a_shell_is_a_keyword() -> None:
    network = random_network(3)
    folding, digest = random_folding(network, 3), model_hash(network)
    assert keywords(AxiShell(network, Pipeline(network, folding), digest, word_bytes=8)) == set()
    assert keywords(SerialShell(network, Pipeline(network, folding), 4, digest)) == set()
