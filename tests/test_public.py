"""The public functions: ``import hwsnn`` and nothing else, as a user's program does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hwsnn
from tests.frontends.nir import nir_graphs, nir_oracle

NAMES = ["read", "from_torch", "quantize", "load", "save", "run", "firing", "check", "generate", "verify", "open_board"]
DT = 1e-3


@pytest.fixture
def floats(tmp_path: Path) -> hwsnn.FloatNetwork:
    """A float network, written by the nir package and read again."""
    file = nir_graphs.write(tmp_path, nir_oracle.random_graph(np.random.default_rng(0), DT))
    return hwsnn.read(str(file), dt=DT)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_there_and_documented(name: str) -> None:
    assert name in dir(hwsnn)
    assert name in hwsnn.__all__
    function = getattr(hwsnn, name)
    assert function.__doc__
    assert "return" in function.__annotations__


def test_no_part_shadows_a_name(tmp_path: Path) -> None:
    """A submodule of a public name would replace it as soon as anybody imports that module."""
    parts = {source.stem for source in Path(hwsnn.__file__).parent.iterdir()}
    assert parts & set(hwsnn.__all__) == set()


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="module 'hwsnn' has no attribute 'quantise'"):
        _ = hwsnn.quantise  # type: ignore[attr-defined]


def test_a_public_name_loads_what_it_needs() -> None:
    script = (
        "import sys, hwsnn; before = set(sys.modules); hwsnn.load; loaded = set(sys.modules) - before; "
        "print(sorted(name for name in loaded if name.split('.')[0] in ('torch', 'amaranth', 'cocotb', 'h5py')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_from_a_file_to_predictions(floats: hwsnn.FloatNetwork, tmp_path: Path) -> None:
    integers, report = hwsnn.quantize(floats, timesteps=4, bits=6)
    assert isinstance(floats, hwsnn.FloatNetwork)
    assert isinstance(integers, hwsnn.Network)
    assert all(layer.projection.weight_bits == 6 for _, layer in integers.populations())
    assert str(report)
    hwsnn.save(floats, tmp_path / "floats.safetensors")
    hwsnn.save(integers, str(tmp_path / "net.safetensors"), {"from": "a test"})
    again, _ = hwsnn.quantize(hwsnn.read(tmp_path / "floats.safetensors"), timesteps=4, bits=6)
    images = np.random.default_rng(1).integers(0, 256, (5, *integers.input_shape), dtype=np.uint8)
    expected = hwsnn.run(integers, images)
    for network in (hwsnn.load(tmp_path / "net.safetensors"), hwsnn.load(str(tmp_path / "net.safetensors")), again):
        assert (hwsnn.run(network, images).scores == expected.scores).all()


def test_a_design(tmp_path: Path) -> None:
    network = hwsnn.load("digits")
    design = hwsnn.generate(network, tmp_path / "design", max_lut=2)
    assert design.verilog.read_text().count("\n") == design.lines > 1000
    assert json.loads(design.manifest.read_text())["cycles_per_frame"] == design.plan.cycles.cycles_per_frame
    refolded = hwsnn.generate(network, tmp_path / "again", fold=design.folding)
    assert refolded.verilog.read_bytes() == design.verilog.read_bytes()


@pytest.mark.parametrize(
    ("constraints", "pattern"),
    [
        ({"device": "xc7z020x"}, "device must be one of xczu9eg, .*, not 'xc7z020x'"),
        ({"target_fps": 0}, "target_fps must be from 0.001 to 1e.09, not 0"),
        ({"max_lut": float("nan")}, "max_lut must be from 0.001 to 100, not nan"),
        ({"max_lut": 5, "target_fps": 5}, "target_fps and max_lut must not be given together"),
        ({"pixels_per_cycle": 3}, "pixels_per_cycle must be an integer from 1 to 2, not 3"),
        ({"fold": "f.json", "pixels_per_cycle": 1}, "fold and pixels_per_cycle must not be given together: a folding"),
    ],
)
def test_bad_constraints(constraints: dict[str, float | str], pattern: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=pattern):
        hwsnn.generate(hwsnn.load("digits"), tmp_path / "design", **constraints)  # type: ignore[arg-type]
    assert not (tmp_path / "design").exists()


def test_notes_are_for_integer_networks(floats: hwsnn.FloatNetwork, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="notes must be None for a float network"):
        hwsnn.save(floats, tmp_path / "floats.safetensors", {"from": "a test"})


def test_the_other_kind_of_network(floats: hwsnn.FloatNetwork, tmp_path: Path) -> None:
    integers = hwsnn.load("digits")
    with pytest.raises(TypeError, match=r"^network must be a FloatNetwork, not Network$"):
        hwsnn.quantize(integers)  # type: ignore[arg-type]
    images = np.zeros((1, *floats.input_shape), np.uint8)
    with pytest.raises(TypeError, match=r"^network must be a Network, not FloatNetwork$"):
        hwsnn.run(floats, images)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^network must be a Network, not str$"):
        hwsnn.run("digits", images)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^network must be a Network, not FloatNetwork$"):
        hwsnn.generate(floats, tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_files_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no network\n")
    with pytest.raises(hwsnn.InputError, match=r"it is no HDF5; give a NIR graph or a float .safetensors"):
        hwsnn.read(tmp_path / "notes.txt")
    with pytest.raises(hwsnn.InputError, match=r"not a readable safetensors file \(.*\); .*hwsnn quantize"):
        hwsnn.load(tmp_path / "notes.txt")
