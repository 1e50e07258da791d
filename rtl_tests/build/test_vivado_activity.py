"""The switching activity that power is estimated from: recorded from the accelerator, and what is known of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.build.tools import Tool
from hwsnn.build.vivado import saif
from hwsnn.build.vivado.axi_project import ACTIVITY, LEVELS, AxiProject
from hwsnn.build.vivado.saif import Stimulus, build_simulator, compare, frame_words, nest, simulate
from hwsnn.data import random_images
from hwsnn.errors import ToolError
from hwsnn.interface.registers import result_bytes
from hwsnn.reference import run as run_reference
from hwsnn.rtl.network import layer_instance
from hwsnn.spec import Network, Population
from tests.build.vivado.recorder.recorder import TCLSH, run_script
from tests.build.vivado.recorder.saif_text import parse
from tests.build.vivado.recorder.session import Session
from tests.build.vivado.recorder.workshop import BOARD, NETWORK, project

FRAMES = 4
IMAGES = random_images(NETWORK, FRAMES, seed=3)
PIPELINE_MHZ = 125
BUS_PS = 1_000_000 // BOARD.bus_mhz
CLOCKS = project().plan.cycles
RESULT_WORDS = -(-result_bytes(NETWORK) // 8)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    folder = tmp_path_factory.mktemp("simulator")
    project().write(folder)
    return build_simulator((folder / "rtl" / "hwsnn_accelerator.v").read_text(), folder)


@pytest.fixture(scope="module")
def made(simulator: Tool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole project, with the activity of four frames; its hardware is that of ``simulator``."""
    folder = tmp_path_factory.mktemp("project")
    stimulus = Stimulus(IMAGES, "images of the test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saif, "build_simulator", lambda verilog, scratch, progress: simulator)
        AxiProject(NETWORK, project().plan, BOARD, PIPELINE_MHZ, stimulus).write(folder)
    return folder


def test_what_is_known_of_some_signals(made: Path) -> None:
    recorded = parse((made / ACTIVITY).read_text())
    assert recorded.headings["TIMESCALE"] == ["1", "ps"]
    duration = recorded.duration

    def net(*path: str) -> tuple[int, int, int]:
        values = recorded.nets[LEVELS + path]
        return values["T0"], values["T1"], values["TC"]

    # From the end of a result to the end of the one four frames later: the pipeline's steady interval each, seen at
    # edges of the bus.
    steady = FRAMES * int(CLOCKS.cycles_per_frame) * 1_000_000 // PIPELINE_MHZ
    assert abs(duration - steady) <= BUS_PS
    assert duration % BUS_PS == 0
    # Verilator counts a level of 1 at the start as one change.
    assert net("aclk") == (duration // 2, duration // 2, 2 * (duration // BUS_PS) + 1)
    low, high, changes = net("pipeline_clk")
    assert low + high == duration
    assert abs(changes - 2 * duration * PIPELINE_MHZ / 1_000_000) <= 1
    assert net("aresetn") == (0, duration, 1)
    # The frames come without a pause, and each is answered by one packet, which is taken at once.
    assert net("s_axis_tvalid") == (0, duration, 1)
    answers = FRAMES * RESULT_WORDS * BUS_PS
    assert net("m_axis_tvalid") == (duration - answers, answers, 2 * FRAMES)
    assert net("m_axis_tlast")[2] == 2 * FRAMES
    assert net("writer_answered") == (duration - FRAMES * BUS_PS, FRAMES * BUS_PS, 2 * FRAMES)
    assert net("s_axi_awvalid") == (duration, 0, 0)


def test_every_net_is_whole_and_findable(made: Path) -> None:
    text = (made / ACTIVITY).read_text()
    recorded = parse(text)
    assert len(recorded.nets) > 5_000
    for path, values in recorded.nets.items():
        assert path[: len(LEVELS)] == LEVELS
        assert values["T0"] + values["T1"] == recorded.duration, path
        assert values["TX"] == values["TZ"] == 0
        assert not path[-1].startswith("$")
    layers = {path[len(LEVELS) + 1] for path in recorded.nets if path[len(LEVELS) : len(LEVELS) + 1] == ("pipeline",)}
    assert {layer_instance(layer.name) for layer in NETWORK.layers} <= layers


def test_the_manifest_says_of_what(made: Path) -> None:
    activity = json.loads((made / "manifest.json").read_text())["activity"]
    duration = parse((made / ACTIVITY).read_text()).duration / 1000
    assert activity == {
        "file": ACTIVITY,
        "source": "images of the test",
        "frames": FRAMES,
        "duration_ns": duration,
    }


@pytest.mark.skipif(TCLSH is None, reason="needs tclsh")
def test_vivado_is_told_where_the_accelerator_is(made: Path) -> None:
    """The whole project passes the recorder, which looks for a net of the accelerator below the path stripped."""
    recording = run_script(made / "build.tcl", Session())
    assert recording.error is None
    (call,) = [call for call in recording.calls if call[0] == "read_saif"]
    assert call[1:3] == ["-strip_path", "testbench/hwsnn_wrapper"]


def test_no_answer_in_time(simulator: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saif, "SETTLED_EDGES", 100)
    file = tmp_path / ACTIVITY
    with pytest.raises(ToolError) as caught:
        simulate(simulator, NETWORK, Stimulus(IMAGES, ""), (100, 150), 0, LEVELS, file)
    assert caught.value.summary == "the simulation failed: ERROR: no result within 100 edges"
    assert not file.exists()


def test_the_activity_of_other_hardware_is_worth_nothing(simulator: Tool, tmp_path: Path) -> None:
    """The same shapes, but one layer's biases differ."""
    last = NETWORK.layers[-1]
    assert isinstance(last, Population)
    other = replace(NETWORK, layers=(*NETWORK.layers[:-1], replace(last, bias=last.bias + 1)))
    with pytest.raises(ToolError, match=r"^the simulated accelerator's results differ from the reference$"):
        simulate(simulator, other, Stimulus(IMAGES, ""), (100, 150), 10_000, LEVELS, tmp_path / ACTIVITY)


def results(network: Network) -> bytes:
    """What the accelerator should send: every image's result, and the first one's again."""
    expected = run_reference(network, IMAGES)
    order = [*range(FRAMES), 0]
    words = np.array([[n, expected.predictions[i], *expected.scores[i]] for n, i in enumerate(order)], "<i4")
    return np.pad(words, ((0, 0), (0, -words.shape[1] % 2))).tobytes()


def test_results_are_compared() -> None:
    right = results(NETWORK)
    compare(NETWORK, IMAGES, right)
    for place in (0, 4, 8, len(right) - 16):
        wrong = bytearray(right)
        wrong[place] ^= 1
        with pytest.raises(ToolError, match="results differ"):
            compare(NETWORK, IMAGES, bytes(wrong))
    with pytest.raises(ToolError, match=r"^the simulated accelerator sent \d+ bytes of results, not \d+$"):
        compare(NETWORK, IMAGES, right[:-8])


def test_words_of_frames() -> None:
    """Two images of two channels and 3 pixels: 6 bytes each, in the order of docs/axi.md."""
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 1, 3)
    assert frame_words(images) == bytes([0, 3, 1, 4, 2, 5, 0, 0, 0x3F, 1, 6, 9, 7, 10, 8, 11, 0, 0, 0x3F, 1])
    long = frame_words(np.arange(17, dtype=np.uint8).reshape(1, 1, 1, 17))
    assert [long[10 * word + 8 : 10 * word + 10] for word in range(3)] == [b"\xff\0", b"\xff\0", b"\x01\x01"]
    timed = frame_words(np.arange(8, dtype=np.uint8).reshape(1, 2, 2, 1, 2))  # steps, channels, height, width
    assert timed == bytes([0, 2, 4, 6, 1, 3, 5, 7, 0xFF, 1])


RAW = """\
// Generated by verilated_saif
(SAIFILE
(TIMESCALE 1ps)
(DURATION 40)
 (INSTANCE accelerator
  (NET
   (aclk (T0 20) (T1 20) (TZ 0) (TX 0) (TB 0) (TC 4))
  )
  (INSTANCE hwsnn_accelerator
   (NET
    (aclk (T0 20) (T1 20) (TZ 0) (TX 0) (TB 0) (TC 4))
    ($1 (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
    (word[0]\\[1\\] (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
    (word\\[1\\] (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
    (count$6 (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
   )
   (INSTANCE part.of[1]
    (NET
     (hidden (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
    )
    (INSTANCE below
     (NET
      (hidden (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
     )
    )
   )
   (INSTANCE part
    (NET
     (seen (T0 40) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
    )
   )
  )
 )
)
"""


def test_what_cannot_be_found_by_its_name_is_left_out() -> None:
    nested = io.StringIO()
    assert nest(io.StringIO(RAW), nested, ("top", "inst")) == 40
    recorded = parse(nested.getvalue())
    assert recorded.headings == {"TIMESCALE": ["1", "ps"], "DURATION": ["40"]}
    assert set(recorded.nets) == {
        ("top", "inst", "aclk"),
        ("top", "inst", "word\\[1\\]"),
        ("top", "inst", "count$6"),
        ("top", "inst", "part", "seen"),
    }


def test_a_recording_of_something_else() -> None:
    raw = io.StringIO(RAW.replace("hwsnn_accelerator", "other"))
    with pytest.raises(ToolError, match=r"^Verilator recorded no activity of the accelerator$"):
        nest(raw, io.StringIO(), ("top", "inst"))
