"""The C header and the bare-metal example, compiled and run on this computer against a board written in C."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from hwsnn import data, reference
from hwsnn.build.c_header import FILE, c_header
from hwsnn.interface.addresses import AddressMap
from hwsnn.interface.registers import REGISTERS, constants
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash, save
from hwsnn.spec import Network
from tests.support.soft_board import a_network, a_timed_network

EXAMPLE = Path(__file__).parents[2] / "examples" / "bare_metal"
BOARD = Path(__file__).parent / "bare_metal"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
C99 = ["gcc", "-std=c99", *WARNINGS]
NETWORK, TIMED = a_network(classes=20), a_timed_network()
ADDRESSES = AddressMap(0xB000_0000, 0xB002_0000, 0x1_0000)
RESULT_WORDS = 11  # of 8 bytes: more than the DMA takes unasked
FRAMES = 20  # more than the example keeps on the way: its rings and buffers are used again
EXTREMES = [-(2**31), -1, 0, 2**31 - 1]


def write_header(network: Network, folder: Path) -> None:
    (folder / FILE).write_text(c_header(network, model_hash(network), 8, ADDRESSES))


def compiled(folder: Path) -> Path:
    """The example, linked with the board."""
    sources = [EXAMPLE / "main.c", EXAMPLE / "axi_dma.c", BOARD / "board.c"]
    includes = [f"-I{folder}", f"-I{BOARD}", f"-I{EXAMPLE}", "-include", "board.h"]
    program = folder / "program"
    subprocess.run([*C99, "-DLOOKS=1000u", *includes, "-o", program, *sources], check=True)
    return program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with images, answers and scores of any kind."""
    folder = tmp_path_factory.mktemp("bare_metal")
    random = np.random.default_rng(0)
    values = constants(NETWORK, model_hash(NETWORK), 8)
    images = random.integers(NETWORK.largest_pixel + 1, size=(FRAMES, values["FRAME_BYTES"]))
    scores = random.choice(EXTREMES, size=(FRAMES, values["CLASSES"]))
    scores[:, 0] = np.arange(FRAMES)
    rows = [[", ".join(map(str, row)) for row in array] for array in (images, scores)]
    write_header(NETWORK, folder)
    (folder / "frames.h").write_text(f"""
        #include <stdint.h>
        #define FRAMES {FRAMES}u
        static const uint8_t images[FRAMES][{values["FRAME_BYTES"]}] = {{ {{ {"}, {".join(rows[0])} }} }};
        static const int32_t expected_scores[FRAMES][{values["CLASSES"]}] = {{ {{ {"}, {".join(rows[1])} }} }};
        static const uint32_t expected_answers[FRAMES] = {{ {", ".join(str(k % 7) for k in range(FRAMES))} }};
    """)
    return compiled(folder)


def run(program: Path, board: str) -> tuple[int, list[str]]:
    """The program's exit status and lines on such a board."""
    done = subprocess.run([program], env=os.environ | {"BOARD": board}, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    "board",
    [
        "sound",
        "half a frame inside",
        *(f"{words} words of an old result" for words in range(1, RESULT_WORDS + 1)),
    ],
)
def test_all_is_well(program: Path, board: str) -> None:
    status, lines = run(program, board)
    assert lines == [
        *(f"frame {number}: class {number % 7}" for number in range(FRAMES)),
        f"{FRAMES} frames, 0 wrong",
        f"frames {FRAMES}",
        f"clocks {0x1_FFFF_FFFF}",
        f"input stalls {0x1234_5678_9ABC_DEF0}",
        f"output stalls {2**64 - 1}",
        "malformed 0",
    ]
    assert status == 0


@pytest.mark.parametrize(("board", "wrong"), [("wrong score", 2), ("wrong answer", 17)])
def test_a_wrong_result_is_found(program: Path, board: str, wrong: int) -> None:
    status, lines = run(program, board)
    assert [line.split(":")[0] for line in lines if line.endswith(", WRONG")] == [f"frame {wrong}"]
    assert f"{FRAMES} frames, 1 wrong" in lines
    assert status == 1


@pytest.mark.parametrize(
    ("board", "why"),
    [
        ("nothing there", "there is no accelerator: load the bitstream first"),
        ("other version", "the accelerator has another version of the interface"),
        ("other model", "the accelerator holds another model: load the bitstream that was built with this header"),
        ("reset without end", "the accelerator's reset does not end: is the pipeline's clock there?"),
        ("half a frame without end", "half a frame is inside, and does not come to an end: load the bitstream again"),
        ("old result without end", "an old result does not come to an end: load the bitstream again"),
        ("DMA reset without end", "the DMA's reset does not end"),
        ("DMA does not start", "the DMA does not start"),
    ],
)
def test_refused(program: Path, board: str, why: str) -> None:
    assert run(program, board) == (1, [f"error: {why}"])


@pytest.mark.parametrize(
    ("board", "frames", "why"),
    [
        ("silent", 0, "no result came in time"),
        ("short result", 0, "a result is not that of the frame whose turn it is"),
        ("another frame's number", 3, "a result is not that of the frame whose turn it is"),
        ("DMA breaks", 5, "the DMA reports an error while it takes results"),
        ("DMA breaks while sending", 4, "the DMA did not send a frame to its end"),
    ],
)
def test_trouble_on_the_way(program: Path, board: str, frames: int, why: str) -> None:
    """What came before is printed; the counters are printed all the same."""
    status, lines = run(program, board)
    assert lines[:frames] == [f"frame {number}: class {number % 7}" for number in range(frames)]
    assert lines[frames] == f"error: {why}"
    assert lines[frames + 2].startswith("clocks ")
    assert status == 1


def test_images_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """frames.py writes images, in the order of a frame's bytes, with what the reference says of them."""
    monkeypatch.setattr(sys, "argv", ["frames.py", "digits", "digits", "3"])
    runpy.run_path(str(EXAMPLE / "frames.py"), run_name="__main__")
    (tmp_path / "frames.h").write_text(capsys.readouterr().out)
    network = load_model("digits")
    write_header(network, tmp_path)
    answers = reference.run(network, data.load("digits", network, 3).images).predictions
    status, lines = run(compiled(tmp_path), "sound")
    assert lines[:4] == [*(f"frame {k}: class {answer}" for k, answer in enumerate(answers)), "3 frames, 0 wrong"]
    assert status == 0


def test_frames_with_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of values that change with time, and scores of 32 bits."""
    frames = data.random_images(TIMED, 5, 3)
    save(TIMED, tmp_path / "model.safetensors")
    np.savez(tmp_path / "data.npz", x=frames)
    monkeypatch.setattr(sys, "argv", ["frames.py", f"{tmp_path}/model.safetensors", f"{tmp_path}/data.npz", "5"])
    runpy.run_path(str(EXAMPLE / "frames.py"), run_name="__main__")
    text = capsys.readouterr().out
    (tmp_path / "frames.h").write_text(text)
    ordered = frames[4].transpose(2, 3, 0, 1).ravel()  # rows, columns, steps, channels
    assert f"{{ {', '.join(map(str, ordered))} }}" in text
    write_header(TIMED, tmp_path)
    answers = reference.run(TIMED, frames).predictions
    status, lines = run(compiled(tmp_path), "sound")
    assert lines[:6] == [*(f"frame {k}: class {answer}" for k, answer in enumerate(answers)), "5 frames, 0 wrong"]
    assert status == 0


@pytest.mark.parametrize("network", [NETWORK, TIMED], ids=lambda network: network.encoder.kind)
@pytest.mark.parametrize("word_bytes", [4, 8, 16])
def test_constants(word_bytes: int, network: Network, tmp_path: Path) -> None:
    """Compiled: every constant is what its register reads, every offset is the register's."""
    digest = model_hash(network)
    (tmp_path / FILE).write_text(c_header(network, digest, word_bytes, ADDRESSES))
    values = constants(network, digest, word_bytes)
    checks = [f"HWSNN_REG_{register.name} == {register.offset}" for register in REGISTERS]
    checks += [f"HWSNN_{name} == {value}u" for name, value in values.items() if not name.startswith("MODEL_HASH_")]
    checks += [f"HWSNN_REGISTERS_BASE == {ADDRESSES.registers}u && HWSNN_DMA_BASE == {ADDRESSES.dma}u"]
    checks += [f"hash[{k}] == {values[f'MODEL_HASH_{k}']}u" for k in range(8)]
    checks += [
        f"HWSNN_{register.name}_{field.name} == {field.mask}u" for register in REGISTERS for field in register.fields
    ]
    checks += [f"HWSNN_LARGEST_PIXEL == {network.largest_pixel}"]
    channels, height, width = network.input_shape
    places = product(range(height), range(width), range(values["FRAME_STEPS"]), range(channels))
    checks += [f"HWSNN_PIXEL({', '.join(map(str, place))}) == {byte}" for byte, place in enumerate(places)]
    assert len(checks) < 256, "the exit status tells which one failed"
    tests = "\n".join(f"    if (!({check})) return {number};" for number, check in enumerate(checks, 1))
    body = f"    static const uint32_t hash[] = HWSNN_MODEL_HASH;\n{tests}\n    return 0;\n"
    (tmp_path / "test.c").write_text(f'#include "{FILE}"\nint main(void)\n{{\n{body}}}\n')
    subprocess.run([*C99, "-o", tmp_path / "test", tmp_path / "test.c"], check=True)
    failed = subprocess.run([tmp_path / "test"], check=False).returncode
    assert failed == 0, checks[failed - 1]


def test_unsuited_words_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^word_bytes must be one of 4, 8, 16, not 32$"):
        c_header(NETWORK, model_hash(NETWORK), 32, ADDRESSES)


@pytest.mark.parametrize("compiler", [[*C99, "-ffreestanding"], ["g++", "-std=c++11", "-x", "c++", *WARNINGS]])
def test_header_alone(compiler: list[str], tmp_path: Path) -> None:
    """Without a C library, and from C++."""
    write_header(NETWORK, tmp_path)
    (tmp_path / "alone.c").write_text(f'#include "{FILE}"\n')
    subprocess.run([*compiler, "-c", "-o", tmp_path / "alone.o", tmp_path / "alone.c"], check=True)


def test_example_without_a_c_library(program: Path) -> None:
    for source in ("main.c", "axi_dma.c"):
        includes = [f"-I{program.parent}", f"-I{BOARD}"]
        target = program.parent / "freestanding.o"
        subprocess.run([*C99, "-ffreestanding", *includes, "-c", "-o", target, EXAMPLE / source], check=True)
