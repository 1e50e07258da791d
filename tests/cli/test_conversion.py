"""``hwsnn quantize --convert``: a model of a network of ReLUs, checked, or one line and nothing written."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open

from hwsnn.cli import cli
from hwsnn.model_file.integer_file import load
from tests.data.test_data import idx

torch: Any = pytest.importorskip("torch")
snntorch: Any = pytest.importorskip("snntorch")

NET = """
    import snntorch as snn
    import torch
    from torch import nn

    def make_net(activation=nn.ReLU):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 3, 3), activation(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 10))

    def relu6():
        return make_net(nn.ReLU6)

    def leaky():
        return make_net(nn.LeakyReLU)

    def gelu():
        return make_net(nn.GELU)

    def spiking():
        return make_net(lambda: snn.Leaky(beta=0.5, init_hidden=True))

    def dead():
        net = make_net()
        net[0].bias.data.fill_(-100)
        return net
"""
SAMPLE = ("--sample", "1x6x6", "--timesteps", "8")
IMAGES = np.random.default_rng(0).integers(0, 256, (30, 6, 6), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(textwrap.dedent(NET))
    for name, splits in (("both", ("train", "t10k")), ("test", ("t10k",))):
        (tmp_path / name).mkdir()
        for split in splits:
            (tmp_path / name / f"{split}-images-idx3-ubyte").write_bytes(idx(IMAGES))
            (tmp_path / name / f"{split}-labels-idx1-ubyte").write_bytes(idx(np.arange(30, dtype=np.uint8) % 10))
    np.savez(tmp_path / "bare.npz", x=IMAGES)
    np.savez(tmp_path / "other.npz", x=IMAGES[:, :5])
    return tmp_path


def quantized(folder: Path, name: str, *options: str | Path) -> Result:
    arguments = ["quantize", f"{folder / 'net.py'}:{name}", "--convert", "-o", folder / "net.safetensors", *options]
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def notes(folder: Path) -> Any:
    with safe_open(folder / "net.safetensors", framework="numpy") as opened:
        return json.loads(opened.metadata()["notes"])


def test_a_model_and_its_check(folder: Path) -> None:
    result = quantized(folder, "make_net", *SAMPLE, "--data", folder / "both", "-n", "20")
    assert result.exit_code == 0, result.output
    (threshold,) = notes(folder)["converted"]["thresholds"]
    assert notes(folder)["converted"]["images"] == "the first 20 training images of both"
    line = f"note: converted: 1 ReLU to integrate-and-fire neurons for 8 time steps, thresholds {threshold:.3g} to "
    assert line in result.stdout
    network = load(folder / "net.safetensors")
    assert (network.timesteps, network.readout, network.encoder.kind) == (8, "sum", "direct")
    model = str(folder / "net.safetensors")
    checked = CliRunner().invoke(
        cli, ["check", f"{folder / 'net.py'}:make_net", model, "--data", str(folder / "both"), "--json"]
    )
    assert checked.exit_code == 0, checked.output
    (layer,) = json.loads(checked.stdout)["layers"]
    assert layer["differ"] < 0.02 * layer["values"]


def test_the_normalization_counts(folder: Path) -> None:
    """Images that count as a half of them have half the activations, but for the biases."""
    found = []
    for options in ((), ("--input-scale", "0.0078431372549"), ("--mean", "0.5", "--std", "0.5")):
        result = quantized(folder, "make_net", *SAMPLE, "--data", folder / "bare.npz", *options)
        assert result.exit_code == 0, result.output
        assert notes(folder)["converted"]["images"] == "the first 30 images of bare.npz"
        found += notes(folder)["converted"]["thresholds"]
    plain, larger, normalized = found
    assert 1.5 * plain < larger < 2.5 * plain
    assert normalized != plain
    assert normalized < larger


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("make_net", SAMPLE, "--convert takes thresholds from activations on training images; give them as --data"),
        ("make_net", ("--sample", "1x6x6", "--data", "both"), "give --timesteps T"),
        ("make_net", ("--timesteps", "8", "--data", "both"), "give the shape of its input at a step: --sample"),
        ("make_net", (*SAMPLE, "--data", "test"), "takes no thresholds from test images"),
        ("make_net", (*SAMPLE, "--data", "other.npz"), "holds images of 1x5x6, and --sample is 1x6x6"),
        ("make_net", (*SAMPLE, "--data", "both", "-n", "31"), "31"),
        ("make_net", (*SAMPLE, "--data", "both", "--encoding", "steps"), "rates of still images, so the encoding must"),
        ("make_net", (*SAMPLE, "--data", "both", "--encoding", "latency"), "not 'latency'"),
        (
            "make_net",
            (*SAMPLE, "--data", "both", "--forward", "all"),
            "is called step by step; leave out --forward all",
        ),
        ("make_net", (*SAMPLE, "--data", "both", "--mean", "1,2"), "--mean must have one number, or one per channel"),
        ("relu6", (*SAMPLE, "--data", "both"), "1 (ReLU6): is no ReLU"),
        ("leaky", (*SAMPLE, "--data", "both"), "1 (LeakyReLU): is no ReLU"),
        ("gelu", (*SAMPLE, "--data", "both"), "1 (GELU): is no ReLU"),
        ("spiking", (*SAMPLE, "--data", "both"), "1 (Leaky): is of snnTorch's spiking neurons"),
        ("dead", (*SAMPLE, "--data", "both"), "1: none of its activations on 30 calibration images is above 0"),
    ],
)
def test_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: tuple[str, ...], said: str) -> None:
    monkeypatch.chdir(folder)
    result = quantized(folder, name, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (folder / "net.safetensors").exists()


def test_a_file_is_not_converted(folder: Path) -> None:
    arguments = [
        "quantize",
        "net.nir",
        "--convert",
        "--data",
        str(folder / "both"),
        "-o",
        str(folder / "n.safetensors"),
    ]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert result.stderr == "hwsnn: error: --convert is for a module, FILE.py:NAME, of ReLUs only\n"


def test_without_the_option_the_line_names_it(folder: Path) -> None:
    arguments = ["quantize", f"{folder / 'net.py'}:make_net", *SAMPLE, "-o", str(folder / "net.safetensors")]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "a network of ReLUs is converted with --convert" in result.stderr
