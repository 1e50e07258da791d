"""``hwsnn generate``: what is written, what is said of it, and how a design is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import hwsnn
from hwsnn import cycles
from hwsnn.folding.file import load, to_json
from hwsnn.folding.folding import Folding, port_name
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash, save
from hwsnn.planner import plan
from hwsnn.planner.devices import DEVICES
from hwsnn.rtl.network import Pipeline, pixel_layout, result_layout
from hwsnn.spec import Network, Population
from hwsnn.verilog.manifest import manifest
from tests.cli.test_cli import expect_refusal, invoke
from tests.model_file.small_networks import joined
from tests.support.random_networks import random_folding, random_network
from tests.support.stage_lines import beside_stages

DIGITS = load_model("digits")
NETWORK = random_network(14)
"""Of values that change with time."""


@pytest.fixture
def model(tmp_path: Path) -> str:
    save(NETWORK, tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


def generate(model: str, folder: Path, *options: str) -> Result:
    result = invoke("generate", model, "-o", str(folder), *options)
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    return result


def fields(model: str, folder: Path, *options: str) -> dict[str, Any]:
    printed = generate(model, folder, *options, "--json").stdout
    assert printed.count("\n") == 1
    values: dict[str, Any] = json.loads(printed)
    return values


def folding_of(folder: Path, network: Network) -> Folding:
    _, folding, _ = load(folder / "folding.json", network)
    assert folding is not None
    return folding


def test_digits_at_a_rate(tmp_path: Path) -> None:
    said = fields("digits", tmp_path / "out", "--target-fps", "400000", "--clock-mhz", "120", "--device", "lfe5u-85")
    folding = folding_of(tmp_path / "out", DIGITS)
    clocks = cycles.simulate(DIGITS, folding)
    planned = plan.for_throughput(DIGITS, DEVICES["lfe5u-85"], 400_000, 120)
    assert folding == planned.folding
    assert said == {
        "verilog": str(tmp_path / "out" / "digits.v"),
        "manifest": str(tmp_path / "out" / "manifest.json"),
        "folding": str(tmp_path / "out" / "folding.json"),
        "lines": (tmp_path / "out" / "digits.v").read_text().count("\n"),
        "cycles_per_frame": clocks.cycles_per_frame,
        "pixels_per_cycle": 1,
        "latency_cycles": clocks.latency_cycles,
        "assumed_clock_mhz": 120,
        "fps_at_assumed_clock": 120e6 / clocks.cycles_per_frame,
        "device": "lfe5u-85",
        "estimated_lut": planned.cost.lut,
        "estimated_ff": planned.cost.ff,
        "estimated_bram18": planned.cost.bram18,
        "estimated_percent": {
            "lut": pytest.approx(planned.cost.lut / 836.40),
            "ff": pytest.approx(planned.cost.ff / 836.40),
            "bram36": pytest.approx(planned.cost.bram18 / 2.08),
            "dsp": 0,
        },
        "limiting": planned.limiting,
        "next_step": said["next_step"],
    }
    faster = planned.faster
    assert faster is not None
    assert said["next_step"] == {
        "cycles_per_frame": faster.cycles_per_frame,
        "layers": [name for name, fold in faster.layers.items() if fold != folding.layers[name]],
        "estimated_lut": faster.cost.lut,
        "estimated_ff": faster.cost.ff,
        "estimated_bram18": faster.cost.bram18,
        "estimated_percent": faster.cost.shares(DEVICES["lfe5u-85"]),
    }
    assert said["fps_at_assumed_clock"] >= 400_000
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest(DIGITS, folding, clocks)


def test_for_people(tmp_path: Path) -> None:
    lines = generate("digits", tmp_path / "out", "--max-lut", "1").stdout.splitlines()
    planned = plan.for_utilization(DIGITS, DEVICES["xczu9eg"], 1)
    assert planned.faster is not None
    clocks, lut, faster = planned.cycles.cycles_per_frame, planned.cost.lut, planned.faster.cycles_per_frame
    step, (layer,) = (
        planned.faster.cost,
        [name for name, fold in planned.faster.layers.items() if fold != planned.folding.layers[name]],
    )
    assert "\n".join(lines[3:]) == (
        f"{clocks} cycles per frame by the cycle model: {150e6 / clocks:,.0f} frames/s at an assumed 150 MHz; "
        f"{planned.cycles.latency_cycles:,} cycles to a first result\n"
        f"about {lut:,} LUT ({lut / 2740.8:.1f} %), {planned.cost.ff:,} FF ({planned.cost.ff / 5481.6:.1f} %), "
        f"{planned.cost.bram18 / 2:g} BRAM36 ({planned.cost.bram18 / 18.24:.1f} %), 0 DSP of Zynq UltraScale+ XCZU9EG\n"
        f"limited by layer {planned.limiting}\n"
        f"{faster:,} cycles per frame, by other folds of {layer}: about {step.lut:,} LUT ({step.lut / 2740.8:.1f} %), "
        f"{step.ff:,} FF ({step.ff / 5481.6:.1f} %), {step.bram18 / 2:g} BRAM36 ({step.bram18 / 18.24:.1f} %), 0 DSP"
    )
    assert lut <= 2740


@pytest.mark.parametrize(
    ("limiting", "text"),
    [
        ("pixels", "limited by the pixels, which arrive one per cycle"),
        ("encoder", "limited by the encoder, which makes one time step per cycle"),
        ("readout", "limited by the readout"),
        ("conv0", "limited by layer conv0"),
    ],
)
def test_what_limits_it_is_said(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limiting: str, text: str
) -> None:
    planned = plan.for_utilization(NETWORK, DEVICES["xczu9eg"])
    object.__setattr__(planned, "limiting", limiting)
    monkeypatch.setattr(plan, "for_utilization", lambda *_: planned)
    assert generate(model, tmp_path / "out").stdout.splitlines()[-1] == text


def test_two_pixels_per_cycle(tmp_path: Path) -> None:
    said = fields("digits", tmp_path / "out", "--pixels-per-cycle", "2")
    assert (said["pixels_per_cycle"], said["limiting"]) == (2, "pixels")
    assert said["cycles_per_frame"] < fields("digits", tmp_path / "one")["cycles_per_frame"]
    described = json.loads((tmp_path / "out" / "manifest.json").read_text())
    pixels = described["streams"]["pixels"]
    assert (described["pixels_per_cycle"], pixels["beats_per_frame"]) == (2, 32)
    assert [field["field"] for field in pixels["payload"]] == ["left pixel, channel 0", "right pixel, channel 0"]
    again = ("generate", "digits", "-o", str(tmp_path / "again"), "--fold", str(tmp_path / "out" / "folding.json"))
    assert invoke(*again).stdout.splitlines()[-1] == "limited by the pixels, which arrive two per cycle"
    assert (tmp_path / "again" / "digits.v").read_bytes() == (tmp_path / "out" / "digits.v").read_bytes()
    both = invoke(*again, "--pixels-per-cycle", "2")
    expect_refusal(both, "--fold and --pixels-per-cycle must not be given together")
    expect_refusal(invoke("generate", "digits", "-o", "out", "--pixels-per-cycle", "3"), "'3' is not one of '1', '2'")


def test_folds_that_are_larger_than_the_device(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what was asked for; without them nothing is written."""
    said = fields(model, tmp_path / "out", "--device", "lfe5u-85")
    assert "remark" not in said
    taken = said["estimated_ff"]
    monkeypatch.setitem(DEVICES, "lfe5u-85", replace(DEVICES["lfe5u-85"], ff=100))
    fold = ("--device", "lfe5u-85", "--fold", str(tmp_path / "out" / "folding.json"))
    given = invoke("generate", model, "-o", str(tmp_path / "again"), *fold, "--json")
    remark = f"the design does not fit the lfe5u-85: it takes about {taken:,} flip-flops of 100 ({taken:.1f} %)"
    assert (given.exit_code, beside_stages(given.stderr)) == (0, f"hwsnn: {NETWORK.name}: {remark}\n")
    assert json.loads(given.stdout)["remark"] == remark
    refused = invoke("generate", model, "-o", str(tmp_path / "none"), "--device", "lfe5u-85")
    expect_refusal(refused, "no design fits the lfe5u-85")
    assert not (tmp_path / "none").exists()


def test_a_folding_file_makes_the_same_again(model: str, tmp_path: Path) -> None:
    fields(model, tmp_path / "out")
    again = fields(model, tmp_path / "again", "--fold", str(tmp_path / "out" / "folding.json"))
    for name in (f"{NETWORK.name}.v", "manifest.json", "folding.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert again["next_step"] is None


def test_a_folding_file_of_the_user(model: str, tmp_path: Path) -> None:
    folding = random_folding(NETWORK, 5)
    (tmp_path / "mine.json").write_text(json.dumps(to_json(folding)))
    said = fields(model, tmp_path / "out", "--fold", str(tmp_path / "mine.json"))
    assert folding_of(tmp_path / "out", NETWORK) == folding
    assert said["cycles_per_frame"] == cycles.simulate(NETWORK, folding).cycles_per_frame


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--target-fps", "2000000"),
            (
                "digits: 2,000,000 frames/s at 150 MHz are too many: 100 pixels arrive, one per cycle: 100 cycles per "
                "frame at least, not 75"
            ),
        ),
        (
            ("--target-fps", "100", "--clock-mhz", "0.009"),
            (
                "digits: 100 frames/s at 0.009 MHz are too many: 100 pixels arrive, one per cycle: 100 cycles per "
                "frame at least, not 90"
            ),
        ),
        (("--max-lut", "0.1"), "error: digits: its smallest design takes about "),
        (
            ("--fold", "nothing.json"),
            "error: nothing.json: no such folding; give a JSON file, as hwsnn generate writes one",
        ),
        (("--fold", ""), "Invalid value for '--fold': must name something, not be empty"),
        (("--target-fps", "9", "--max-lut", "9"), "--target-fps and --max-lut must not be given together"),
        (("--max-lut", "9", "--fold", "x"), "--max-lut and --fold must not be given together"),
        (
            ("--target-fps", "9", "--max-lut", "9", "--fold", "x"),
            "--target-fps and --max-lut and --fold must not be given together",
        ),
        (("--target-fps", "0"), "Invalid value for '--target-fps': must be from 0.001 to 1e+09, not 0"),
        (("--target-fps", "nan"), "Invalid value for '--target-fps': must be from 0.001 to 1e+09, not nan"),
        (("--max-lut", "101"), "Invalid value for '--max-lut': must be from 0.001 to 100, not 101"),
        (("--clock-mhz", "1001"), "Invalid value for '--clock-mhz': must be from 0.001 to 1000, not 1001"),
        (
            ("--device", "xc7a35t"),
            f"Invalid value for '--device': 'xc7a35t' is not one of {', '.join(map(repr, DEVICES))}.",
        ),
    ],
)
def test_what_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    expect_refusal(invoke("generate", "digits", "-o", "out", *options), message)
    assert list(tmp_path.iterdir()) == []


def test_a_folding_of_another_network(model: str, tmp_path: Path) -> None:
    (tmp_path / "folding.json").write_text(json.dumps(to_json(random_folding(DIGITS, 1))))
    result = invoke("generate", model, "-o", str(tmp_path / "out"), "--fold", str(tmp_path / "folding.json"))
    expect_refusal(result, "folding.json: layers must name last, and nothing else")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("network", [DIGITS, random_network(1), NETWORK, joined()], ids=lambda network: network.name)
def test_manifest(network: Network) -> None:
    folding = random_folding(network, 2)
    folding = replace(folding, edge_depths=dict.fromkeys(folding.edge_depths, 99))
    clocks = cycles.simulate(network, folding)
    values = json.loads(json.dumps(manifest(network, folding, clocks)))
    assert (values["hwsnn"], values["amaranth"]) == (hwsnn.__version__, version("amaranth"))
    assert values["model"] == {"name": network.name, "sha256": model_hash(network)}
    assert values["cycles_per_frame"] == pytest.approx(float(clocks.cycles_per_frame))
    assert values["latency_cycles"] == clocks.latency_cycles

    pipeline = Pipeline(network, folding)
    for name, layout in (("pixels", pixel_layout(network)), ("result", result_layout(network))):
        stream = values["streams"][name]
        assert stream["ports"][f"{name}__payload"]["width"] == len(getattr(pipeline, name).payload.as_value())
        assert sum(field["width"] for field in stream["payload"]) == layout.size
        ends = [field["lsb"] + field["width"] for field in stream["payload"]]
        assert [0, *ends[:-1]] == [field["lsb"] for field in stream["payload"]]

    pixels, timed = values["streams"]["pixels"], network.encoder.timed
    assert pixels["beats_per_frame"] == prod(network.input_shape[1:]) * (network.timesteps if timed else 1)
    assert pixels["order"].endswith("; the time steps of a pixel next to each other") == timed
    scores = values["streams"]["result"]["payload"][1:]
    assert {field["type"] for field in scores} == {"signed" if network.reads_membranes else "unsigned"}
    assert [entry["name"] for entry in values["layers"]] == [layer.name for layer in network.layers]
    for index, (layer, entry) in enumerate(zip(network.layers, values["layers"], strict=True)):
        assert entry["queue_depth"] == folding.fifo_depths[layer.name]
        assert entry["time_steps_per_beat"] == folding.beat_steps(network, index)
        assert entry["busy_cycles_per_frame"] == clocks.busy[layer.name]
        inputs = entry.get("inputs", [entry])
        assert [part["source"] for part in inputs] == [
            network.source_name(edge.source) for edge in network.edges[index]
        ]
        assert [tuple(part["input_shape"]) for part in inputs] == [*network.input_shapes(index)]
        for port, part in enumerate(inputs):
            named = port_name(network, index, port)
            assert part.get("edge_depth") == folding.edge_depths.get(named)
            assert part.get("column_depth") == folding.column_depths.get(named)
        if isinstance(layer, Population):
            assert [part["type"] for part in inputs] == [projection.kind for projection in layer.projections]
            assert [part.get("delay", 0) for part in inputs] == [projection.delay for projection in layer.projections]
            assert (entry["synapse"] is not None) == (layer.neuron.synapse is not None)
            fold = to_json(folding)["layers"][layer.name]
            assert {name: entry[name] for name in fold} == fold
            assert entry["current_bits"] == network.current_range(index).width
