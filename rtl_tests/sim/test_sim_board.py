"""``sim:``, the driver of the ZCU102 on the verilated accelerator: answers, resets, and ends of every kind."""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn import reference
from hwsnn.board import open_board
from hwsnn.build.boards import AxiBoard, load_board
from hwsnn.cli import cli
from hwsnn.data import random_images
from hwsnn.errors import InputError, ToolError
from hwsnn.host import Accelerator
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.host.selftest import selftest
from hwsnn.model_file.integer_file import save
from hwsnn.sim import accelerator as simulated
from hwsnn.sim.accelerator import SimulatedAccelerator
from hwsnn.sim.board import SimBus
from tests.support.random_networks import random_network
from tests.support.soft_board import a_network
from tests.support.stage_lines import beside_stages

ZCU102 = load_board("zcu102", AxiBoard)
NETWORK = random_network(1)
IMAGES = random_images(NETWORK, 600, 3)
EXPECTED = reference.run(NETWORK, IMAGES)
DEADLINE_S = 60


@pytest.fixture(scope="module")
def design() -> SimulatedAccelerator:
    """What every board here is made of, as it would be made for each."""
    stages: list[str] = []
    design = simulated.build_accelerator(NETWORK, ZCU102, stage=stages.append)
    assert stages == ["planning", "writing the Verilog", "building the simulator"]
    return design


@pytest.fixture(scope="module", autouse=True)
def made_once(design: SimulatedAccelerator) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwsnn.sim.board.build_accelerator", lambda *_: design)
        yield


@pytest.fixture(scope="module")
def board(made_once: None) -> Iterator[Accelerator]:
    with open_board("sim", NETWORK) as board:
        yield board


def assert_right(board: Accelerator, count: int) -> None:
    scores, answers = board.infer(IMAGES[:count])
    assert np.array_equal(scores, EXPECTED.scores[:count])
    assert np.array_equal(answers, EXPECTED.predictions[:count])


def test_equals_the_reference(board: Accelerator) -> None:
    before = board.stats()
    for count in (1, 600, 3):
        assert_right(board, count)
    grown = board.stats() - before
    assert (grown.frames, grown.malformed) == (604, 0)
    assert grown.clocks is not None
    assert grown.clocks >= 604 * NETWORK.input_shape[1] * NETWORK.input_shape[2]


def test_an_idle_board_takes_no_time(board: Accelerator) -> None:
    """Neither the processor's nor its own: its clock stands still until somebody wants something."""
    assert_right(board, 1)
    time.sleep(0.5)
    before = board.stats().clocks
    time.sleep(0.5)
    after = board.stats().clocks
    assert before is not None
    assert after is not None
    assert after - before < 20_000


def test_selftest(board: Accelerator) -> None:
    steps = list(selftest(board))
    assert [step.name for step in steps] == ["identity", "frames", "registers", "reset", "malformed frame"]
    assert [step.text for step in steps if not step.passed] == []


class StopError(Exception):
    pass


def stop_after(frames: int) -> Callable[[int], None]:
    """A progress callback that stops a run when more than ``frames`` are done."""
    left = frames

    def stop(done: int) -> None:
        nonlocal left
        left -= done
        if left < 0:
            raise StopError

    return stop


@contextmanager
def watched(board: DmaAccelerator) -> Iterator[list[tuple[bool, bool]]]:
    """What is shed at resets meanwhile: whether a frame was on its way in, and a result on its way out."""
    shed: list[tuple[bool, bool]] = []
    whole = board._shed

    def spy(receiving: bool, sending: bool) -> None:
        shed.append((receiving, sending))
        whole(receiving, sending)

    board._shed = spy  # type: ignore[method-assign]
    yield shed
    board._shed = whole  # type: ignore[method-assign]


def test_interrupted_runs_are_forgotten(board: Accelerator) -> None:
    """The DMA is reset in the middle of a frame, whose rest never comes."""
    assert isinstance(board, DmaAccelerator)
    with watched(board) as shed:
        for count in range(0, 50, 10):
            with pytest.raises(StopError):
                board.infer(IMAGES, stop_after(count))
            assert_right(board, 30)
            assert board.stats().frames == 30
    assert any(receiving for receiving, _ in shed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 8))
def test_interruptions_at_random_for_long(seed: int) -> None:
    """Other networks, each interrupted a hundred times; in between, runs of every length.

    The first has results of 21 words: more than the DMA takes unasked, so that the driver must shed what is left.
    """
    network, chance = a_network(classes=40) if seed == 1 else random_network(seed), random.Random(seed)
    images = random_images(network, 300, seed)
    expected = reference.run(network, images)
    design = simulated.build_accelerator(network, ZCU102)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwsnn.sim.board.build_accelerator", lambda *_: design)
        board = open_board("sim", network)
    assert isinstance(board, DmaAccelerator)
    with board, watched(board) as shed:
        for _ in range(100):
            with pytest.raises(StopError):
                board.infer(images, stop_after(chance.randrange(60)))
            count = chance.randrange(1, 40)
            found = board.infer(images[:count])
            assert np.array_equal(found.scores, expected.scores[:count])
            assert board.stats().frames == count
    receiving, sending = (sum(flags[way] for flags in shed) for way in (0, 1))
    assert sending or seed > 1
    print(f"{network.name}: 100 interruptions, {receiving} frames cut off, {sending} results left over")


def test_results_that_nobody_took_are_forgotten(board: Accelerator) -> None:
    """The DMA has the first four words, and waits for a place for them."""
    assert isinstance(board, DmaAccelerator)
    buffer, then = board._buffers
    buffer.fill(IMAGES[-5:], then)
    board._to_board.run_to(buffer.frames.last)
    while not board._registers.status("SENDING"):
        pass
    board._reset()
    assert_right(board, 30)
    assert board.stats().frames == 30


def test_a_dma_error_and_a_second_try(board: Accelerator) -> None:
    """The frames of the second buffer are said to lie where no memory is."""
    assert isinstance(board, DmaAccelerator)
    table = board._buffers[1].frames._table
    sound = table["buffer"].copy()
    table["buffer"] = 0x1234_0000
    with pytest.raises(InputError, match=r"^sim:random1: the DMA that brings frames reports DMADecErr: "):
        board.infer(IMAGES)
    table["buffer"] = sound
    assert_right(board, 600)


def simulator_of(board: Accelerator) -> int:
    """The process in which the hardware runs."""
    assert isinstance(board, DmaAccelerator)
    assert isinstance(board._bus, SimBus)
    group = board._bus._bench._child.pid
    (found,) = (
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if f" {group} " in stat.read_text().rpartition(")")[2] and int(stat.parent.name) != group
    )
    return found


def test_a_simulator_that_is_killed() -> None:
    """One clear error, however often it is used after that; and another one can be opened."""
    with open_board("sim", NETWORK) as board:
        simulator = simulator_of(board)
        killed = False

        def kill(done: int) -> None:
            nonlocal killed
            if not killed:
                os.kill(simulator, signal.SIGKILL)
            killed = True

        message = r"^sim:random1: the simulator was ended; open it again$"
        with pytest.raises(InputError, match=message):
            board.infer(IMAGES, kill)
        with pytest.raises(InputError, match=message):
            board.infer(IMAGES[:1])
    with open_board("sim", NETWORK) as another:
        assert_right(another, 3)


def test_a_bench_that_fails_says_why() -> None:
    with open_board("sim", NETWORK) as board:
        assert isinstance(board, DmaAccelerator)
        with pytest.raises(ToolError, match="sim:random1: the simulation failed") as caught:
            board._bus.read32(0x1000)
        assert "no register at 0x1000" in caught.value.log


def test_a_simulator_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "BENCH", "hwsnn.sim.no_such_bench")
    with pytest.raises(ToolError, match="sim:random1: the simulator did not start"):
        open_board("sim", NETWORK)


def test_scratch_folders_with_long_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the name of a socket may be."""
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with open_board("sim", NETWORK) as board:
        assert (board.infer(IMAGES[:3]).scores == EXPECTED.scores[:3]).all()
    assert list(deep.iterdir()) == []


PROGRAM = """
import sys
import numpy as np
from hwsnn.board import open_board
board = open_board("sim", sys.argv[1])
images = np.zeros((100_000, *board.network.input_shape), np.uint8)
if sys.argv[2] == "forget":
    board.infer(images[:1])
    print("done", flush=True)
else:
    with board:
        board.infer(images, lambda done: print("running", flush=True))
"""


def left_of(mark: str) -> list[str]:
    """The processes that descend from the one that was started with ``mark`` in its environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environment.read_bytes():
                found.append(environment.parent.joinpath("cmdline").read_text())
        except OSError:
            continue  # it is gone, or not ours
    return found


@pytest.mark.parametrize(
    ("how", "status"), [("forget", 0), (signal.SIGINT, -signal.SIGINT), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_nothing_is_left_behind(tmp_path: Path, how: str | signal.Signals, status: int) -> None:
    """Neither processes nor files, however a program ends; but files are left by one that is killed."""
    save(NETWORK, tmp_path / "model.safetensors")
    (tmp_path / "scratch").mkdir()
    mark = uuid.uuid4().hex
    environment = os.environ | {"HWSNN_TEST": mark, "TMPDIR": str(tmp_path / "scratch")}
    arguments = [str(tmp_path / "model.safetensors"), str(how)]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == ("done\n" if how == "forget" else "running\n")
        if isinstance(how, signal.Signals):
            program.send_signal(how)
        program.communicate(timeout=DEADLINE_S)
    assert program.returncode == status
    deadline = time.monotonic() + DEADLINE_S
    while (left := left_of(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    if how in ("forget", signal.SIGINT):
        assert list((tmp_path / "scratch").iterdir()) == []


def command(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["board", *arguments], prog_name="hwsnn")


def test_commands(tmp_path: Path) -> None:
    save(NETWORK, tmp_path / "model.safetensors")
    np.savez(tmp_path / "data.npz", x=IMAGES[:20], y=EXPECTED.predictions[:20])
    options = (str(tmp_path / "model.safetensors"), "--on", "sim")
    ran = command("run", *options, "--data", str(tmp_path / "data.npz"))
    assert (ran.exit_code, beside_stages(ran.stderr)) == (0, "")
    assert ran.stdout.startswith("20 images: 20 right, 100.00%; ")
    assert " images/s in simulation\n0 differ from the reference; 0 frames sent again\n" in ran.stdout

    bench = command("bench", *options, "-n", "30")
    assert (bench.exit_code, beside_stages(bench.stderr)) == (0, "")
    assert "\nthis is the simulator's time, not a board's; the cycles are the design's\n" in bench.stdout
    assert "this CPU" not in bench.stdout
    assert "\npower was not measured: a simulated board has none\n" in bench.stdout
    clocks = re.search(r"^([0-9.]+) pipeline cycles per frame;", bench.stdout, re.MULTILINE)
    assert clocks is not None
    assert float(clocks[1]) >= NETWORK.input_shape[1] * NETWORK.input_shape[2]

    asked = command("doctor", *options, "-o", str(tmp_path / "report.txt"))
    assert (asked.exit_code, beside_stages(asked.stderr)) == (0, "")
    assert asked.stdout == f"{tmp_path}/report.txt: 4 sections\n"
    report = (tmp_path / "report.txt").read_text()
    assert "\nwhich is the same as MODEL's\n" in report
    assert report.count("\nits state: HALTED\n") == 2, "as nothing has started it"

    tested = command("selftest", *options)
    assert (tested.exit_code, beside_stages(tested.stderr)) == (0, "")
    assert tested.stdout.count(": OK: ") == 5
