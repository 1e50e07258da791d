"""``FILE.py:NAME`` as SRC of ``quantize`` and ``explore``: a model, or one line and nothing written."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open

from hwsnn.cli import cli
from hwsnn.model_file.integer_file import load
from tests.cli.test_quantize import refused

torch: Any = pytest.importorskip("torch")
snntorch: Any = pytest.importorskip("snntorch")

NET = """
    import snntorch as snn
    import torch
    from torch import nn

    print("loading")

    class Net(nn.Module):
        '''Two layers, called once a step.'''

        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv2d(1, 2, 3)
            self.lif1 = snn.Leaky(beta=0.5, init_hidden=True)
            self.fc = nn.Linear(8, 3)
            self.lif2 = snn.Leaky(beta=0.5, init_hidden=True)

        def forward(self, x):
            print("running")
            return self.lif2(self.fc(self.lif1(self.conv(x)).flatten(1)))

    class Loop(Net):
        def forward(self, x):
            return sum(super(Loop, self).forward(x) for _ in range(5))

    class Relu(Net):
        def forward(self, x):
            return self.lif1(torch.relu(self.conv(x)))

    class Vector(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(4, 3), snn.Leaky(beta=0.5, init_hidden=True))

    def rates():
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.ReLU())

    def broken():
        net = Net()
        net.fc.weight.data[0, 0] = float("nan")
        return net
"""
SAMPLE = ("--sample", "1x4x4", "--timesteps", "4")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(textwrap.dedent(NET))
    return path


def run(file: Path, name: str, *options: str, output: str = "net.safetensors") -> Result:
    arguments = ["quantize", f"{file}:{name}", "-o", str(file.parent / output), *options]
    return CliRunner().invoke(cli, arguments)


def refused_after_prints(result: Result, folder: Path, *parts: str) -> None:
    """As ``refused``, but what the file prints comes before the line."""
    own = [line for line in result.stderr.splitlines() if line not in ("loading", "running")]
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(own) == 1
    assert own[0].startswith("hwsnn: error: ")
    for part in parts:
        assert part in own[0]
    assert [path.name for path in folder.iterdir() if path.suffix == ".safetensors"] == []


def test_a_model(file: Path) -> None:
    result = run(file, "Net", *SAMPLE)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("net: 4 time steps")
    network = load(file.parent / "net.safetensors")
    assert (network.name, network.timesteps, network.readout, network.input_shape) == ("net", 4, "count", (1, 4, 4))


def test_what_the_file_prints_goes_to_stderr(file: Path) -> None:
    result = run(file, "Net", *SAMPLE, "--json")
    values = json.loads(result.stdout)
    assert {"loading", "running"} <= set(result.stderr.split())
    assert values["source"] == f"{file}:Net"
    assert (values["sample_shape"], values["forward"]) == ([1, 4, 4], "step")


def test_weights(file: Path, tmp_path: Path) -> None:
    state = {
        "conv.weight": torch.full((2, 1, 3, 3), 0.25),
        "conv.bias": torch.tensor([0.5, -0.5]),
        "fc.weight": torch.eye(3, 8),
        "fc.bias": torch.zeros(3),
    }
    own = snntorch.Leaky(beta=0.75, init_hidden=True).state_dict()
    state |= {f"{lif}.{name}": value for lif in ("lif1", "lif2") for name, value in own.items()}
    torch.save({"state_dict": state}, tmp_path / "w.pt")
    result = run(file, "Net", *SAMPLE, "--weights", str(tmp_path / "w.pt"))
    assert result.exit_code == 0, result.stderr
    network = load(tmp_path / "net.safetensors")
    assert len(np.unique(network.population(0).projection.weight)) == 1
    with safe_open(tmp_path / "net.safetensors", framework="numpy") as opened:
        notes = json.loads(opened.metadata()["notes"])
    assert (notes["source"], notes["weights"], notes["sample_shape"]) == ("net.py:Net", "w.pt", [1, 4, 4])


def test_a_note_tells_weights_that_were_not_loaded(file: Path, tmp_path: Path) -> None:
    note = "note: weights: as net.py:Vector gives them; if it does not load trained ones, give --weights"
    sample = ("--sample", "4", "--timesteps", "4")
    assert note in run(file, "Vector", *sample).stdout.splitlines()
    torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3), snntorch.Leaky(beta=0.5)).state_dict(), tmp_path / "w.pt")
    result = run(file, "Vector", *sample, "--weights", str(tmp_path / "w.pt"))
    assert result.exit_code == 0, result.stderr
    assert "note: weights" not in result.stdout


def test_the_weights_are_not_overwritten(file: Path, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "w.safetensors")
    result = run(file, "Net", *SAMPLE, "--weights", str(tmp_path / "w.safetensors"), output="w.safetensors")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"hwsnn: error: {tmp_path}/w.safetensors: is ")
    before = file.read_bytes()
    result = run(file, "Net", *SAMPLE, output="net.py")
    assert (result.exit_code, file.read_bytes()) == (2, before)


@pytest.mark.parametrize(("options", "steps"), [((), 5), (("--timesteps", "5"), 5), (("--forward", "all"), 5)])
def test_a_loop_in_forward(options: tuple[str, ...], steps: int, file: Path) -> None:
    result = run(file, "Loop", "--sample", "1x4x4", *options)
    assert result.exit_code == 0, result.stderr
    assert load(file.parent / "net.safetensors").timesteps == steps


@pytest.mark.parametrize(
    ("sample", "options", "shape"),
    [
        ("4", (), (1, 1, 4)),
        ("4", ("--encoding", "steps"), (4, 1, 1)),
    ],
)
def test_samples_of_values(sample: str, options: tuple[str, ...], shape: tuple[int, ...], file: Path) -> None:
    result = run(file, "Vector", "--sample", sample, "--timesteps", "3", *options)
    assert result.exit_code == 0, result.stderr
    assert load(file.parent / "net.safetensors").input_shape == shape


REFUSED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "no sample": ("Net", ("--timesteps", "4"), ":Net: give the shape of its input at a step: --sample CxHxW, such as"),
    "another sample": (
        "Net",
        ("--sample", "3x4x4"),
        ":Net: its forward fails on an input of 2x3x4x4, 2 frames of 3x4x4: Given",
    ),
    "too few axes": ("Net", ("--sample", "16"), ":Net: its forward fails on an input of 2x16, 2 frames of 16: "),
    "other steps": ("Loop", SAMPLE, ":Loop: its loop over time makes 5 steps, not 4; give --timesteps 5"),
    "another form": (
        "Loop",
        (*SAMPLE, "--forward", "step"),
        "lif1 (Leaky): is called 5 times in one step: a loop over",
    ),
    "a step for all": ("Net", (*SAMPLE, "--forward", "all"), "lif1 (Leaky): "),
    "relu": ("Relu", SAMPLE, ":Relu: relu: is not a spiking neuron; put a framework's neurons in its place, and train"),
    "no neurons": (
        "rates",
        SAMPLE,
        ":rates: has no spiking neurons that are known here: those of snnTorch, SpikingJelly",
    ),
    "not a number": ("broken", SAMPLE, ":broken: fc (Linear): its weight must be finite, not NaN or infinite anywhere"),
    "no such name": ("net", SAMPLE, "net.py: has no 'net'; it has Loop, Net, Relu, Vector, broken, rates"),
    "a name with a dot": ("nn.Linear", SAMPLE, "net.py: has no 'nn.Linear'; it has Loop, Net"),
    "empty name": ("", SAMPLE, "net.py: has no ''; it has Loop, Net"),
    "a module of Python": ("nn", SAMPLE, "net.py:nn: must be a torch.nn.Module, or a callable of no arguments that"),
    "time constants": ("Net", (*SAMPLE, "--dt", "1e-3"), "its neurons have their own time step; --dt is for NIR files"),
    "no weights": ("Net", (*SAMPLE, "--weights", "no.pt"), "no.pt: no such file"),
    "sample of words": (
        "Net",
        ("--sample", "1x4xa"),
        "'--sample': must be CxHxW, such as 1x28x28, CxL or n, not '1x4xa'",
    ),
    "four axes": (
        "Net",
        ("--sample", "1x1x4x4"),
        "'--sample': must be CxHxW, such as 1x28x28, CxL or n, not '1x1x4x4'",
    ),
    "nothing": ("Net", ("--sample", ""), "'--sample': must be CxHxW, such as 1x28x28, CxL or n, not ''"),
    "none of a kind": ("Net", ("--sample", "0x4x4"), "'--sample': must be of sizes from 1 to "),
    "too large": ("Net", ("--sample", "1x4x99999"), "'--sample': must be of sizes from 1 to "),
    "commas": ("Net", ("--sample", "1,4,4"), "'--sample': must be CxHxW, such as 1x28x28, CxL or n, not '1,4,4'"),
    "negative": ("Net", ("--sample", "-1"), "'--sample': must be CxHxW, such as 1x28x28, CxL or n, not '-1'"),
    "another form of call": ("Net", ("--forward", "some"), "'--forward': 'some' is not one of 'step', 'all'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, file: Path, tmp_path: Path) -> None:
    name, options, text = REFUSED[case]
    refused_after_prints(run(file, name, *options), tmp_path, text)


def test_a_python_file_alone(file: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["quantize", str(file), "-o", str(tmp_path / "m")])
    refused(result, tmp_path, f"{file}: is a Python file; give the module in it too: {file}:NAME", source="net.py")


def test_no_such_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    result = run(tmp_path / "net.py", "net", *SAMPLE)
    refused(result, tmp_path, f"hwsnn: error: {tmp_path}/net.py: no such file", source="other")


@pytest.mark.parametrize(
    "options", [("--weights", "w.pt"), ("--sample", "1x28x28"), ("--forward", "all")], ids=lambda options: options[0]
)
@pytest.mark.parametrize("name", ["net.nir", "net.safetensors"])
def test_options_of_modules_alone(options: tuple[str, ...], name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    arguments = ["quantize", str(tmp_path / name), "-o", str(tmp_path / "m"), *options]
    refused(
        CliRunner().invoke(cli, arguments),
        tmp_path,
        f"{options[0]} is for a module, FILE.py:NAME, only",
        source=name,
    )


def test_the_folder_it_is_called_in(file: Path, tmp_path: Path) -> None:
    """In a process of its own: FILE's folder is searched, the current one is not, and packages stay what they are."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "size_of_mine.py").write_text("SIZE = 3\n")
    for package in ("click", "json", "nir", "safetensors", "rich"):
        (there / f"{package}.py").write_text("raise RuntimeError('not the package')\n")
        (here / f"{package}.py").write_text("raise RuntimeError('not the package')\n")
    text = (
        "import snntorch as snn\nfrom torch import nn\nfrom size_of_mine import SIZE\n"
        "net = nn.Sequential(nn.Linear(4, SIZE), snn.Leaky(beta=0.5, init_hidden=True))\n"
    )
    (there / "net.py").write_text(text)
    (here / "other_of_mine.py").write_text("")
    (there / "wrong.py").write_text("import other_of_mine\n")
    command = [sys.executable, "-m", "hwsnn", "quantize", "-o", "net.safetensors", "--sample", "4", "--timesteps", "2"]
    done = subprocess.run([*command, "../there/net.py:net"], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert load(here / "net.safetensors").timesteps == 2
    done = subprocess.run([*command, "../there/wrong.py:net"], cwd=here, capture_output=True, text=True)
    assert done.returncode == 2
    assert "../there/wrong.py: line 1: needs other_of_mine" in done.stderr


def test_explore(file: Path, tmp_path: Path) -> None:
    """The sweep takes what ``quantize`` takes."""
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", x=images, y=np.arange(6) % 3)
    options = ["--data", str(tmp_path / "images.npz"), "--bits", "4", "--points", "2", "-o", str(tmp_path / "sweep")]
    result = CliRunner().invoke(cli, ["explore", f"{file}:Net", *SAMPLE, *options, "--json"])
    assert result.exit_code == 0, result.stderr
    values = json.loads(result.stdout)
    assert values["source"] == f"{file}:Net"
    assert values["designs"] >= 1
    result = CliRunner().invoke(cli, ["explore", f"{file}:Net", *options])
    assert result.exit_code == 2
    assert "give the shape of its input at a step" in result.stderr
