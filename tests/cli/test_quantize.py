"""``hwsnn quantize``: a model and a report, or one line and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open

from hwsnn.cli import cli
from hwsnn.float_network import FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.model_file import float_file
from hwsnn.model_file.integer_file import load, model_hash
from hwsnn.spec import Conv, Neuron, Population, ShiftLeak
from tests.frontends.nir.nir_graphs import conv, flatten, graph, integrate_and_fire, leaky, write
from tests.support.layers import float_conv_layer, float_dense_layer

TAU = 1e-3
"""Ten steps of the dt that is the default."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    return write(tmp_path, graph(conv(rng, 3, 2, (6, 6)), leaky(tau=TAU)))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["quantize", *map(str, arguments)])


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    """A trained network that says all there is to say, as a float file."""
    rng = np.random.default_rng(0)
    neuron = FloatNeuron(np.full(3, 1.5), 0.9, "greater_equal", "subtract")
    layer = float_conv_layer("conv", rng.normal(size=(3, 2, 6, 6)), np.zeros(3), neuron)
    path = tmp_path / "net.safetensors"
    float_file.save(FloatNetwork("floats", (2, 6, 6), (layer,), timesteps=7, encoding="latency"), path)
    return path


def refused(result: Result, folder: Path, *parts: str, source: str = "net.nir") -> None:
    """Status 2, one line on stderr with these parts, nothing on stdout, and nothing written."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("hwsnn: error: ")
    for part in parts:
        assert part in result.stderr
    assert [path.name for path in folder.iterdir()] == [source]


def test_a_model_and_a_report(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "net.safetensors"
    result = run(source, "-o", output)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "net: 4 time steps, direct encoding, count readout" in result.stdout
    assert "beta 0.9 asked, 0.899902 built" in result.stdout
    assert "note: time steps: the source does not say how many; 4 is the default" in result.stdout
    network = load(output)
    assert (network.timesteps, network.encoder.kind, network.readout) == (4, "direct", "count")


def test_every_option(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "net.safetensors"
    options = (
        "--timesteps 7 --encoding latency --readout membrane --bits 3 --membrane-bits 6 --reset subtract --dt 5e-4"
    )
    result = run(source, "-o", output, *options.split())
    assert result.exit_code == 0, result.stderr
    network = load(output)
    assert (network.timesteps, network.encoder.kind, network.readout) == (7, "latency", "membrane")
    (layer,) = network.layers
    assert isinstance(layer, Population)
    assert (layer.projection.weight_bits, layer.neuron.leak) == (3, ShiftLeak(1))
    assert layer.neuron.membrane_bits <= 6
    assert isinstance(layer.neuron, Neuron), "read, and it still fires"
    assert layer.neuron.reset == "subtract"
    assert "does not say how many" not in result.stdout


def test_what_values_count_as(tmp_path: Path) -> None:
    """A first layer that pads, three channels, and each with a mean of its own."""
    rng = np.random.default_rng(0)
    neuron = FloatNeuron(np.full(4, 1.5), 0.5, "greater", "late-subtract")
    first = float_conv_layer("conv", rng.normal(size=(4, 3, 3, 3)), np.zeros(4), neuron, padding=(1, 1))
    last = float_dense_layer("last", rng.normal(size=(2, 4, 5, 5)), np.zeros(2), FloatIntegrator(1.0))
    float_file.save(FloatNetwork("net", (3, 5, 5), (first, last), timesteps=3), tmp_path / "net.safetensors")
    options = "--encoding steps --pixel-bits 4 --mean 0.5,0.25,0 --std 0.5 --input-scale 0.1 --readout sum --bits 1"
    result = run(tmp_path / "net.safetensors", "-o", tmp_path / "m", *options.split())
    assert result.exit_code == 0, result.stderr
    assert "input: (value * 0.1 - 0.5, 0.25, 0) / 0.5, folded into the first layer" in result.stdout
    network = load(tmp_path / "m")
    projection = network.population(0).projection
    assert isinstance(projection, Conv)
    assert projection.padding_values is not None
    assert (projection.padding_values.tolist(), projection.weight_bits) == ([5, 2, 0], 1)
    assert (network.encoder.kind, network.pixel_bits, network.readout) == ("steps", 4, "sum")


def test_the_reset_of_every_layer(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write(tmp_path, graph(conv(rng, 3, 2), integrate_and_fire(), conv(rng, 3, 3, (4, 4)), leaky(tau=TAU)))
    assert run(path, "-o", tmp_path / "m", "--reset", "subtract").exit_code == 0
    assert [layer.neuron.reset for layer in load(tmp_path / "m").layers] == ["subtract"] * 2  # type: ignore[union-attr]


def test_json(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "net.safetensors"
    result = run(source, "-o", output, "--json")
    values = json.loads(result.stdout)
    assert values["model"] == str(output)
    assert values["model_hash"] == model_hash(load(output))
    assert [layer["name"] for layer in values["layers"]] == ["conv2d_0"]
    assert values["layers"][0]["leak"]["betas_asked"] == pytest.approx([0.9, 0.9])


def test_the_report_stays_with_the_model(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "net.safetensors"
    printed = json.loads(run(source, "-o", output, "--json").stdout)
    with safe_open(output, framework="numpy") as file:
        notes = json.loads(file.metadata()["notes"])
    assert (notes["source"], notes["dt"]) == ("net.nir", 1e-4)
    assert notes["quantization"]["layers"] == printed["layers"]


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--bits", "0", "'--bits': 0 is not in the range 1<=x<=8"),
        ("--bits", "9", "'--bits': 9 is not in the range 1<=x<=8"),
        ("--timesteps", "0", "'--timesteps': 0 is not in the range 1<=x<=256"),
        ("--timesteps", "257", "'--timesteps': 257 is not in the range 1<=x<=256"),
        ("--membrane-bits", "33", "'--membrane-bits': 33 is not in the range 2<=x<=32"),
        ("--membrane-bits", "2", "layer 'conv2d_0': 2 membrane bits cannot hold its threshold"),
        ("--dt", "0", "'--dt': must be a positive, finite number, not 0"),
        ("--dt", "-1e-4", "'--dt': must be a positive, finite number, not -0.0001"),
        ("--dt", "nan", "'--dt': must be a positive, finite number, not nan"),
        ("--dt", "inf", "'--dt': must be a positive, finite number, not inf"),
        ("--dt", "1e-2", "node 'lif_1' (LIF): a step of 0.01 s is longer than 'tau' of 0.001 s"),
        ("--encoding", "rate", "'--encoding': 'rate' is not one of 'direct', 'uniform', 'poisson', 'latency', 'steps'"),
        ("--readout", "vote", "'--readout': 'vote' is not one of 'count', 'first', 'membrane', 'sum', 'max'"),
        ("--mean", "a", "'--mean': must be numbers such as 0.49,0.48,0.45, not 'a'"),
        ("--mean", "0.5,nan", "'--mean': must be finite numbers, not '0.5,nan'"),
        ("--mean", "0.1,0.2,0.3", "mean must have one number, or one per channel, 2, not 3"),
        ("--std", "0", "'--std': must be positive finite numbers, not '0'"),
        ("--input-scale", "-1", "'--input-scale': must be a positive, finite number, not -1"),
        ("--pixel-bits", "9", "'--pixel-bits': 9 is not in the range 1<=x<=8"),
        ("--compare", "less", "'--compare': 'less' is not one of 'greater', 'greater_equal'"),
        (
            "--reset",
            "soft",
            "'--reset': 'soft' is not one of 'subtract', 'zero', 'none', 'late-subtract', 'late-zero', ",
        ),
    ],
)
def test_wrong_options(option: str, value: str, part: str, source: Path, tmp_path: Path) -> None:
    refused(run(source, "-o", tmp_path / "net.safetensors", option, value), tmp_path, part)


@pytest.mark.parametrize("contents", [b"", b"random bytes", np.random.default_rng(0).bytes(3000)])
def test_wrong_files(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    path.write_bytes(contents)
    refused(run(path, "-o", tmp_path / "net.safetensors"), tmp_path, f"{path}: not a readable NIR file")


def test_a_missing_file(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.nir"
    refused(run(path, "-o", tmp_path / "net.safetensors"), tmp_path, f"{path}: no such NIR file")


def test_floats_that_are_not_shipped(source: Path, tmp_path: Path) -> None:
    said = "cifar10: the floats of this model are too large to ship; `hwsnn train cifar10 -o DIR` makes them"
    refused(run("cifar10", "-o", tmp_path / "net.safetensors"), tmp_path, said)


def test_a_graph_that_cannot_be_built(tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(np.random.default_rng(0), 3, 2), leaky(threshold=0.0, tau=TAU)))
    refused(run(path, "-o", tmp_path / "m"), tmp_path, f"{path}: node 'lif_1' (LIF): 'v_threshold' must be positive")


def test_a_network_that_cannot_be_built(tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(np.random.default_rng(0), 3, 2), leaky(tau=TAU)))
    refused(
        run(path, "-o", tmp_path / "m"), tmp_path, f"{path}: network 'net' cannot be built: the last layer's output"
    )


def test_count_of_a_layer_that_only_integrates(tmp_path: Path) -> None:
    import nir

    path = write(tmp_path, graph(flatten(), nir.Linear(np.ones((3, 72))), nir.I(np.ones(()))))
    refused(
        run(path, "-o", tmp_path / "m", "--readout", "count"), tmp_path, "readout 'count' needs a last layer that fires"
    )


def test_the_source_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    refused(run(source, "-o", source), tmp_path, f"{source}: is the source itself")
    assert source.read_bytes() == before


def test_places_that_cannot_be_written_to(source: Path, tmp_path: Path) -> None:
    refused(run(source, "-o", tmp_path / "none" / "m"), tmp_path, "none: no such folder")
    refused(run(source, "-o", tmp_path), tmp_path, "is a folder")


def test_nothing_is_missing(source: Path, tmp_path: Path) -> None:
    refused(run(source), tmp_path, "Missing option '-o'")
    refused(run("-o", tmp_path / "m"), tmp_path, "Missing argument 'SRC'")


def test_an_old_model_survives_a_failure(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "net.safetensors"
    assert run(source, "-o", output).exit_code == 0
    before = output.read_bytes()
    assert run(source, "-o", output, "--dt", "1").exit_code == 2
    assert output.read_bytes() == before


def test_a_float_file(floats: Path, tmp_path: Path) -> None:
    result = run(floats, "-o", tmp_path / "model.safetensors")
    assert result.exit_code == 0, result.stderr
    assert "floats: 7 time steps, latency encoding, count readout" in result.stdout
    assert "reset subtract, as the source says" in result.stdout
    assert "note:" not in result.stdout
    network = load(tmp_path / "model.safetensors")
    assert (network.timesteps, network.encoder.kind, network.readout) == (7, "latency", "count")


def test_options_win_over_a_float_file(floats: Path, tmp_path: Path) -> None:
    options = "--timesteps 5 --encoding direct --reset zero --readout count"
    assert run(floats, "-o", tmp_path / "m", *options.split()).exit_code == 0
    network = load(tmp_path / "m")
    assert (network.timesteps, network.encoder.kind) == (5, "direct")
    assert network.layers[0].neuron.reset == "zero"  # type: ignore[union-attr]


def test_a_float_file_that_leaves_it_open(tmp_path: Path) -> None:
    layer = float_dense_layer("dense", np.ones((3, 1, 1, 2)), np.zeros(3), FloatIntegrator(0.5))
    float_file.save(FloatNetwork("net", (1, 1, 2), (layer,)), tmp_path / "net.safetensors")
    result = run(tmp_path / "net.safetensors", "-o", tmp_path / "m")
    assert "net: 4 time steps, direct encoding, membrane readout" in result.stdout
    assert "note: time steps: the source does not say how many; 4 is the default" in result.stdout


def test_json_of_a_float_file(floats: Path, tmp_path: Path) -> None:
    """There is no dt by which it was read."""
    values = json.loads(run(floats, "-o", tmp_path / "m", "--json").stdout)
    assert "dt" not in values
    with safe_open(tmp_path / "m", framework="numpy") as file:
        assert json.loads(file.metadata()["notes"]).keys() == {"source", "quantization"}


def test_a_step_of_a_float_file(floats: Path, tmp_path: Path) -> None:
    result = run(floats, "-o", tmp_path / "m", "--dt", "1e-3")
    refused(result, tmp_path, "has no time constants; --dt is for NIR files only", source=floats.name)


def test_a_model_that_is_quantized_already(source: Path, tmp_path: Path) -> None:
    model, folder = tmp_path / "model.safetensors", tmp_path / "out"
    assert run(source, "-o", model).exit_code == 0
    source.unlink()
    folder.mkdir()
    result = run(model, "-o", folder / "m")
    assert result.stderr == (
        f"hwsnn: error: {model}: is already quantized: an integer model; give the trained network in floats that it "
        "was made from\n"
    )
    assert (result.exit_code, result.stdout, list(folder.iterdir())) == (2, "", [])


def test_floats_where_a_model_is_wanted(floats: Path) -> None:
    result = CliRunner().invoke(cli, ["inspect", str(floats)])
    assert result.exit_code == 2
    assert result.stderr == (
        f"hwsnn: error: {floats}: is a trained network in floats, not an integer model; make one of it with hwsnn "
        "quantize\n"
    )


def test_a_float_file_is_not_overwritten(floats: Path, tmp_path: Path) -> None:
    before = floats.read_bytes()
    refused(run(floats, "-o", floats), tmp_path, f"{floats}: is the source itself", source=floats.name)
    assert floats.read_bytes() == before


@pytest.mark.parametrize("contents", [b"", b"random bytes", np.random.default_rng(0).bytes(3000)])
def test_wrong_float_files(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(contents)
    result = run(path, "-o", tmp_path / "m")
    refused(result, tmp_path, f"{path}: not a readable safetensors file", source=path.name)


def test_a_missing_float_file(tmp_path: Path) -> None:
    result = run(tmp_path / "net.safetensors", "-o", tmp_path / "m")
    assert result.exit_code == 2
    assert "no such file; give a trained network, as .safetensors or .nir" in result.stderr
