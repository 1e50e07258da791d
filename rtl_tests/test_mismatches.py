"""Faults put into the Verilog: they are named to the channel, a lost beat is told from a wrong one, and shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from vcd.reader import TokenKind, tokenize

from hwsnn.cycles import queue_depths
from hwsnn.cycles.machine import Machine, depths_of
from hwsnn.cycles.timeline import Recorder
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.folding.folding import LayerFold
from hwsnn.model_file.integer_file import model_hash
from hwsnn.reference import run as run_reference
from hwsnn.rtl.network import Pipeline
from hwsnn.sim import runner
from hwsnn.sim.debug_folder import AFTER, BEFORE
from hwsnn.sim.network_bench import NetworkResult, run_network
from hwsnn.sim.recording import CLOCK_PS
from hwsnn.sim.runner import BUILD_ARGS
from hwsnn.spec import Encoder, Network, Neuron, NoLeak
from hwsnn.verilog.emit import TOP, to_verilog
from tests.support.layers import conv_layer, dense_layer

PARALLEL = 2
"""Output channels per cycle of the convolution, which has four."""


def _network() -> Network:
    rng = np.random.default_rng(8)
    thresholds = np.array([60, 50, 70, 40])
    neuron = Neuron(thresholds, NoLeak(), "subtract", 16, thresholds - 1)
    conv = conv_layer("conv", rng.integers(-7, 8, (4, 1, 3, 3)), np.array([9, -5, 3, 7]), 4, neuron)
    last = Neuron(np.full(3, 6), NoLeak(), "subtract", 16, np.full(3, 6))
    dense = dense_layer("dense", rng.integers(-7, 8, (3, 4, 4, 4)), np.zeros(3, int), 4, last)
    return Network("faulty", (1, 6, 6), 4, Encoder("direct"), 3, (conv, dense), "count")


NETWORK = _network()
FOLDING = queue_depths(NETWORK, {"conv": LayerFold(1, PARALLEL), "dense": LayerFold(4, 3)})
IMAGES = random_images(NETWORK, 8, 0)
SPIKES = run_reference(NETWORK, IMAGES, trace=True).spikes["conv"]
BEATS = np.moveaxis(SPIKES[0], (0, 1), (2, 3)).reshape(-1, 4)
"""Those of the convolution in the first frame: (y, x, step)."""
LOST = next(beat for beat in range(16, len(BEATS)) if (BEATS[beat] != BEATS[beat + 1]).any())
"""A beat to leave out: another one follows, so that its place can be told."""
TEXT = to_verilog(Pipeline(NETWORK, FOLDING), model_hash(NETWORK))


def _run(verilog: str, **settings: object) -> NetworkResult:
    return run_network(NETWORK, FOLDING, IMAGES, verilog=verilog, **settings)  # type: ignore[arg-type]


def _module(name: str) -> str:
    found = re.search(rf"^module {name} \(.*?^endmodule$", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def _flipped(module: str, row: int, lane: str) -> str:
    """The design with one bit of one constant flipped: of a row of a table, the second highest of a lane's."""
    text = _module(module)
    bits = re.search(rf"assign {lane} = \w+\[(\d+):(\d+)\];", text)
    word = re.search(rf"contents\[{row}\] = (\d+)'h([0-9a-f]+);", text)
    assert bits is not None
    assert word is not None
    value = int(word[2], 16) ^ 1 << int(bits[1]) - 1
    return TEXT.replace(text, text.replace(word[0], f"contents[{row}] = {word[1]}'h{value:x};"))


def _faulty(layer: str, valid: str, ready: str) -> str:
    """The design with this ``valid`` and ``ready`` of a layer's output stream in place of its own, ``raw_valid`` and
    ``raw_ready``, of which ``moved`` beats have moved."""
    text = TEXT
    for signal in ("valid", "ready"):
        text = text.replace(f".o__{signal}({layer}_layer_o__{signal})", f".o__{signal}(raw_{signal})")
    fault = f"""
  wire raw_valid;
  wire raw_ready;
  reg [15:0] moved = 0;
  assign {layer}_layer_o__valid = {valid};
  assign raw_ready = {ready};
  always @(posedge clk) moved <= rst ? 0 : moved + (raw_valid & raw_ready);
"""
    top = text.index(f"module {TOP} (")
    body = text.index(");\n", top) + 2
    assert text.count("raw_valid") == 1
    return text[:body] + fault + text[body:]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[NetworkResult, Path]:
    """A flipped constant, and the folder that shows it."""
    folder = tmp_path_factory.mktemp("shown") / "a folder"
    return _run(_flipped("conv_bases", 1, "lane_0"), debug=folder), folder


def test_the_time_line_has_the_cycle_of_every_beat(shown: tuple[NetworkResult, Path]) -> None:
    """A wrong number changes no clock: the folder has the cycle in which each beat moved, frames back to back."""
    result, folder = shown
    sections = Machine(NETWORK, FOLDING.layers).sections
    line = Recorder(sections, depths_of(FOLDING), interval=0).run(len(IMAGES))
    beats = np.load(folder / "beats.npz")
    for level in line.levels:
        name, kind = level.queue
        if kind == "results":
            assert level.left.tolist() == beats[f"cycle_{name}"].tolist()
    assert list(line.results) == beats["cycle_result"].tolist() == list(result.result_clocks)


@pytest.mark.parametrize(("row", "lane"), [(0, 1)])
def test_a_flipped_constant_is_named_to_the_channel(row: int, lane: int) -> None:
    result = _run(_flipped("conv_bases", row, f"lane_{lane}"))
    first = result.differences[0]
    assert (first.layer, first.channel, first.kind) == ("conv", row * PARALLEL + lane, "wrong")
    assert first.expected != first.found
    assert first.cycle is not None
    assert not first.stalls
    assert [difference.layer for difference in result.differences][:2] == ["conv", "dense"]


def test_a_flipped_entry_of_a_table_is_named_to_the_output() -> None:
    # The table of input channel 0 has two entries for each pixel: without and with a spike.
    result = _run(_flipped("dense_table_0", 5 * 2 + int(SPIKES[0, 0, 0, 1, 1]), "lane_2"), stalls=False)
    first = result.differences[0]
    assert (first.layer, first.channel, first.kind) == ("dense", 2, "wrong")
    assert result.first_mismatch is not None
    assert result.first_mismatch.startswith(
        f"dense: frame {first.frame}, row 0, column 0, step {first.step}, channel 2"
    )


def test_a_lost_beat_is_told_from_a_wrong_one() -> None:
    lost = f"moved == {LOST}"
    text = _faulty("conv", f"raw_valid & ~({lost})", f"conv_layer_o__ready | {lost}")
    result = _run(text, stalls=False)
    conv, dense = result.differences[:2]
    assert (conv.layer, conv.kind, conv.found) == ("conv", "lost", None)
    assert conv.frame == 0
    assert [conv.y, conv.x, conv.step] == [int(index) for index in np.unravel_index(LOST, (4, 4, 3))]
    assert (dense.layer, dense.kind) == ("dense", "wrong")
    assert "a beat was lost" in str(conv)


def test_a_layer_that_stops_is_told_from_those_that_wait_for_it() -> None:
    stops = "moved < 7"
    result = _run(_faulty("dense", f"raw_valid & ({stops})", f"dense_layer_o__ready & ({stops})"), stalls=False)
    assert [(each.layer, each.kind, each.cycle) for each in result.differences] == [
        *(("conv", "missing", None), ("dense", "missing", None), ("result", "missing", None)),
    ]
    assert result.first is not None
    assert (result.first.layer, result.first.frame, result.first.step) == ("dense", 2, 1)  # of three steps a frame
    assert result.first_mismatch == str(result.differences[1])


def test_up_to_a_layer() -> None:
    whole, part = _run(TEXT), _run(TEXT, until="conv")
    assert part.differences == ()
    assert part.spikes_compared == 8 * 2 * 3 * 4 * 16  # frames, runs, steps, channels, pixels
    assert part.spikes_compared < whole.spikes_compared
    assert part.latency_cycles < whole.latency_cycles
    with pytest.raises(InputError, match=r"--until must be one of conv, dense, not 'pool'"):
        _run(TEXT, until="pool")


def test_the_folder_has_the_beats(shown: tuple[NetworkResult, Path]) -> None:
    result, folder = shown
    first = json.loads((folder / "first.json").read_text())
    assert {file.name for file in folder.iterdir()} == {
        *("design.v", "beats.npz", "first.json", "dump.vcd", "streams.gtkw"),
    }
    assert first["layer"] == "conv"
    assert first["channel"] == 1 * PARALLEL + 0
    assert (folder / "design.v").read_text() == _flipped("conv_bases", 1, "lane_0")
    with np.load(folder / "beats.npz", allow_pickle=False) as beats:
        assert set(beats) == {
            f"{kind}_{name}" for kind in ("expected", "found", "cycle") for name in ("conv", "dense", "result")
        }
        assert beats["expected_conv"].shape == (8 * 16 * 3, 1, 4)
        beat, _, channel = np.argwhere(beats["expected_conv"] != beats["found_conv"])[0]
        assert (channel, beats["cycle_conv"][beat]) == (first["channel"], first["cycle"])
        assert beats["found_conv"][beat, 0, channel] == first["found"] == result.differences[0].found
        assert beats["found_result"].shape == (8, 1 + 3)


def test_the_waveforms_show_the_difference(shown: tuple[NetworkResult, Path]) -> None:
    _, folder = shown
    first = json.loads((folder / "first.json").read_text())
    begin, end = first["window_ps"]
    assert end - first["time_ps"] == AFTER * CLOCK_PS
    assert (folder / "dump.vcd").stat().st_mode == (folder / "design.v").stat().st_mode
    assert first["time_ps"] - begin <= BEFORE * CLOCK_PS
    values, times, layers = _values(folder / "dump.vcd", first["time_ps"])
    assert layers == {"conv_layer"}
    assert begin <= min(times)
    assert (first["time_ps"] - CLOCK_PS // 2) % CLOCK_PS == 0
    assert end - CLOCK_PS <= max(times) <= end
    assert (values["conv_layer_o__valid"], values["conv_layer_o__ready"]) == (1, 1)
    assert values["conv_layer_o__payload"] >> first["channel"] & 1 == first["found"]
    assert values["conv_layer_o__payload"] >> first["channel"] & 1 != first["expected"]
    traced = re.findall(r"^(hwsnn_network\.\S+)$", (folder / "streams.gtkw").read_text(), re.MULTILINE)
    assert {"hwsnn_network.conv_layer_o__payload[3:0]", "hwsnn_network.clk"} < set(traced)
    assert {name.split(".")[1].split("[")[0] for name in traced} <= set(values)


def _values(dump: Path, moment: int) -> tuple[dict[str, int], list[int], set[str]]:
    """The values of the top module's signals at ``moment``, all times of the file, and the instances in the top."""
    names, values, times, scopes = dict[str, list[str]](), dict[str, int](), list[int](), list[str]()
    parts = set[str]()
    with dump.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scopes.append(token.scope.ident)
                parts.update(scopes[1:2])
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR and scopes == [TOP]:
                names.setdefault(token.var.id_code, []).append(token.var.reference)
            elif token.kind is TokenKind.CHANGE_TIME:
                times.append(token.time_change)
            elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR) and times[-1] <= moment:
                change = token.scalar_change if token.kind is TokenKind.CHANGE_SCALAR else token.vector_change
                values |= dict.fromkeys(names.get(change.id_code, ()), int(change.value))
    return values, times, parts


@pytest.mark.long
def test_waveforms_of_a_design_in_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As large ones are: a header of their own comes first in each, and that of the window before it."""
    split = ["800" if argument == "200000" else argument for argument in BUILD_ARGS]
    assert split != BUILD_ARGS
    monkeypatch.setattr(runner, "BUILD_ARGS", split)
    _run(TEXT, debug=tmp_path / "shown", stalls=False)
    assert (tmp_path / "shown" / "dump.vcd").stat().st_size
