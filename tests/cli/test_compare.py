"""``--compare``: which neurons fire at their threshold, where the source says otherwise or cannot say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn import reference, spec
from hwsnn.cli import cli
from hwsnn.explore import space
from hwsnn.float_network import FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.frontends.nir import writer
from hwsnn.model_file import float_file
from hwsnn.model_file.integer_file import load
from hwsnn.quantization.quantize import quantize
from tests.frontends.nir.nir_graphs import Array, flatten, graph, integrate_and_fire, leaky, write
from tests.support.layers import float_dense_layer

STEPS = 6


def quantized(source: Path, *options: str) -> tuple[spec.Network, dict[str, Any]]:
    """The model of ``source``, and its report."""
    output = source.parent / "model"
    result = CliRunner().invoke(cli, ["quantize", str(source), "-o", str(output), "--json", *options])
    assert result.exit_code == 0, result.stderr
    return load(output), json.loads(result.stdout)


def ternary(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-1, 2, shape).astype(np.float64)


def source_spikes(weights: list[Array], thresholds: list[float], frames: Array, *, at: bool, reset: str) -> list[Array]:
    """The spikes (frames, T, neurons) of integrate-and-fire layers by their definition, for pixels of 0 and 1."""
    found = []
    x = np.repeat(frames[:, None], STEPS, axis=1)
    for weight, threshold in zip(weights, thresholds, strict=True):
        v, spikes = np.zeros((len(x), len(weight))), []
        for step in range(STEPS):
            v = v + x[:, step] @ weight.T
            fired = v >= threshold if at else v > threshold
            v = np.where(fired, v - threshold if reset == "subtract" else 0.0, v)
            spikes.append(fired.astype(np.float64))
        x = np.stack(spikes, axis=1)
        found.append(x)
    return found


@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_ternary_weights_spike_as_the_source_does(reset: str, bits: int, tmp_path: Path) -> None:
    """Whole sums meet a whole threshold all the time, so ``>`` in place of ``>=`` is another network."""
    rng = np.random.default_rng(0)
    weights = [ternary(rng, 12, 20), ternary(rng, 5, 12)]
    thresholds = [2.0, 1.0]
    nodes = [nir.Linear(weights[0]), integrate_and_fire(2.0), nir.Linear(weights[1]), integrate_and_fire(1.0)]
    path = write(tmp_path, graph(flatten(), *nodes, shape=(20,)))
    options = ["--reset", reset, "--bits", str(bits), "--timesteps", str(STEPS)]
    network, _ = quantized(path, "--compare", "greater_equal", *options)
    frames = rng.integers(0, 2, (30, 20)).astype(np.float64)
    images = (frames * 255).astype(np.uint8).reshape(30, 1, 1, 20)
    expected = source_spikes(weights, thresholds, frames, at=True, reset=reset)
    result = reference.run(network, images, trace=True)
    for layer, spikes in zip(network.layers, expected, strict=True):
        np.testing.assert_array_equal(result.spikes[layer.name].reshape(spikes.shape), spikes)
        assert 0.1 < spikes.mean() < 0.9
    other = source_spikes(weights, thresholds, frames, at=False, reset=reset)
    assert (other[0] != expected[0]).mean() > 0.02, "without ties the comparison says nothing"


def test_what_the_report_says_of_a_foreign_file(tmp_path: Path) -> None:
    path = write(tmp_path, graph(flatten(), nir.Linear(np.ones((3, 72))), integrate_and_fire()))
    _, plain = quantized(path)
    assert plain["layers"][0]["firing"]["compare_asked"] == "greater"
    assert any("give --compare greater_equal" in remark for remark in plain["remarks"])
    _, asked = quantized(path, "--compare", "greater_equal")
    assert asked["layers"][0]["firing"]["compare_asked"] == "greater_equal"
    said = [remark for remark in asked["remarks"] if "firing" in remark]
    assert said == ["firing: on v >= threshold as asked for, where the source says v >: linear_1"]
    _, same = quantized(path, "--compare", "greater")
    assert not any("firing" in remark for remark in same["remarks"])


def mixed() -> FloatNetwork:
    rng = np.random.default_rng(0)
    neurons = [FloatNeuron(np.full(3, 1.5), 0.5, compare, "zero") for compare in ("greater", "greater_equal")]  # type: ignore[arg-type]
    layers = (
        float_dense_layer("one", rng.normal(size=(3, 1, 1, 4)), np.zeros(3), neurons[0]),
        float_dense_layer("two", rng.normal(size=(3, 3, 1, 1)), np.zeros(3), neurons[1]),
        float_dense_layer("three", rng.normal(size=(2, 3, 1, 1)), np.zeros(2), FloatIntegrator(0.5)),
    )
    return FloatNetwork("mixed", (1, 1, 4), layers, timesteps=3, encoding="direct")


@pytest.mark.parametrize("suffix", [".nir", ".safetensors"])
def test_what_the_file_itself_says_holds_until_the_user_says_otherwise(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    (writer.write if suffix == ".nir" else float_file.save)(mixed(), path)

    def compares(*options: str) -> tuple[list[str], list[str]]:
        _, report = quantized(path, *options)
        return [layer["firing"]["compare_asked"] for layer in report["layers"][:2]], report["remarks"]

    assert compares() == (["greater", "greater_equal"], [])
    assert compares("--compare", "greater_equal") == (
        ["greater_equal"] * 2,
        ["firing: on v >= threshold as asked for, where the source says v >: one"],
    )
    assert compares("--compare", "greater") == (
        ["greater"] * 2,
        ["firing: on v > threshold as asked for, where the source says v >=: two"],
    )


@pytest.mark.parametrize(("reset", "said"), [("subtract", True), ("zero", False)])
def test_subtraction_that_a_foreign_file_cannot_say_is_a_remark(reset: str, said: bool, tmp_path: Path) -> None:
    """snnTorch subtracts a step later, or twice; nothing in the file tells."""
    path = write(tmp_path, graph(flatten(), nir.Linear(np.ones((3, 72))), leaky(tau=1e-3)))
    _, report = quantized(path, "--reset", reset)
    assert any("reset_delay=False" in remark for remark in report["remarks"]) == said
    assert not any("give --reset subtract" in remark for remark in report["remarks"]), "it was given"


def test_subtraction_in_a_file_with_reset_none(tmp_path: Path) -> None:
    writer.write(mixed(), tmp_path / "net.nir")
    _, report = quantized(tmp_path / "net.nir", "--reset", "subtract")
    assert not any("reset_delay" in remark for remark in report["remarks"])


def test_explore_takes_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks that a sweep goes through are those of ``hwsnn quantize --compare``."""
    pytest.importorskip("distributed")
    pytest.importorskip("matplotlib")
    path = write(tmp_path, graph(flatten(), nir.Linear(np.ones((3, 72))), integrate_and_fire(2.0)))
    found: list[FloatNetwork] = []

    def variants(network: FloatNetwork, *_: Any, **__: Any) -> list[space.Variant]:
        found.append(network)
        raise KeyboardInterrupt

    monkeypatch.setattr(space, "variants", variants)
    arguments = ["explore", str(path), "--data", "digits", "--timesteps", "2", "-o", str(tmp_path / "sweep")]
    CliRunner().invoke(cli, [*arguments, "--compare", "greater_equal"])
    (network,) = found
    integers, _ = quantize(network, timesteps=2, encoding="direct")
    expected, _ = quantized(path, "--timesteps", "2", "--compare", "greater_equal")
    np.testing.assert_array_equal(integers.layers[0].neuron.threshold, expected.layers[0].neuron.threshold)  # type: ignore[union-attr]
    plain, _ = quantized(path, "--timesteps", "2")
    assert (integers.layers[0].neuron.threshold < plain.layers[0].neuron.threshold).all()  # type: ignore[union-attr]
