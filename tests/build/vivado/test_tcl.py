"""The Tcl for Vivado, run by ``tclsh`` against the recorder: it is accepted, and no misspelling of it is.

No Vivado has run it: what the recorder knows is from AMD's documents, which its files name.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hwsnn.build.boards import AxiBoard, board_names, load_board
from hwsnn.build.vivado.axi_project import AxiProject
from hwsnn.build.vivado.build import read_reports
from tests.build.vivado.recorder.boards import KNOWN
from tests.build.vivado.recorder.recorder import TCLSH, run_script
from tests.build.vivado.recorder.session import Session
from tests.build.vivado.recorder.syntax import PACKAGER, TCL, TclError, check, commands
from tests.build.vivado.recorder.workshop import build, write_project, write_serial_project

pytestmark = pytest.mark.skipif(TCLSH is None, reason="needs tclsh")

WORD = re.compile(r"(?<![\w$])-?[A-Za-z_][\w:./-]*")
SAID = re.compile(r"(?<=display_name )\"[^\"]*\"|(?<=fail )\"[^\"]*\"")
"""Texts for people: nothing depends on their words."""
TRIALS: tuple[dict[str, Any], ...] = (
    {},
    {"finds_all": False},
    {"outcome": "large"},
    *({"lacks": thing} for thing in ("board", "core", "pin", "interface")),
)
"""Sessions that together come by every line of the scripts."""
SERIAL_STAGES = ("project", "synthesis", "implementation", "reports", "done")
HARMLESS = {
    ("build.tcl", "work"): "a folder for what is not kept",
    ("package_ip.tcl", "ip"): "another",
    ("package_ip.tcl", "package_ip"): "another, and the name of a project that is closed",
    ("package_ip.tcl", "UserIP"): "where the core stands in a menu",
    ("block_design.tcl", "pins"): "Tcl makes a list that is not there when the first entry comes",
    ("implement.tcl", "crossings.rpt"): "a report for people",
    ("implement.tcl", "unmatched.txt"): "another",
}
"""Words that may be misspelt, and why."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vivado") / "project"
    folder.mkdir()
    write_project(folder)
    return folder


def test_accepted(original: Path, tmp_path: Path) -> None:
    assert build(original, tmp_path / "a project, [exit] $here", Session()).faults == []


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_accepted_on_every_board(name: str, tmp_path: Path) -> None:
    """The project is made of the board's own part and board files, its registers lie at the board's addresses."""
    board, original = load_board(name, AxiBoard), tmp_path / "original"
    original.mkdir()
    write_project(original, board)
    session = Session()
    assert build(original, tmp_path / "project", session, board=board).faults == []
    project, known = session.registry.find_one("hwsnn", "project"), KNOWN[board.board_part]
    assert session.projects.part == board.part == known.part
    assert project.properties["board_part"] == f"{board.board_part}:{known.versions[-1]}"


def test_a_module_and_its_carrier_card(original: Path, tmp_path: Path) -> None:
    """The board files may have other versions of the card; without it, the preset lacks what is there."""
    settings = (original / "settings.tcl").read_text()
    other = {"settings.tcl": settings.replace("som240_1_connector:1.3", "som240_1_connector:1.2")}
    (fault,) = build(original, tmp_path / "other", Session(), other).faults
    assert fault.startswith("no such connections: ['som240_1_connector', 'xilinx.com:kv260_carrier:som240_1")
    none = {"settings.tcl": settings + "set board_connections {}\n"}
    assert build(original, tmp_path / "none", Session(), none).faults == [
        "the preset lacks what is on the carrier card"
    ]


def test_without_activity(original: Path, tmp_path: Path) -> None:
    settings = (original / "settings.tcl").read_text() + 'set activity ""\n'
    outcome = build(original, tmp_path / "project", Session(), {"settings.tcl": settings})
    assert outcome.faults == ["no read_saif"]


def test_twice_in_one_folder(original: Path, tmp_path: Path) -> None:
    """What the first time left is in nobody's way."""
    assert build(original, tmp_path / "project", Session()).faults == []
    assert run_script(tmp_path / "project" / "build.tcl", Session()).error is None


def test_a_packager_that_finds_less(original: Path, tmp_path: Path) -> None:
    assert build(original, tmp_path / "project", Session(finds_all=False)).faults == []


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        (
            {"lacks": "board"},
            "this Vivado has no board files of xilinx.com:kv260_som:part0: install them (in Vivado: Tools",
        ),
        ({"lacks": "core"}, "this Vivado has no IP core xilinx.com:ip:axi_dma"),
        ({"lacks": "pin"}, "the block design has no zynq/pl_clk0 among its pins"),
        ({"lacks": "interface"}, "Vivado found no interface m_axis in hwsnn_accelerator.v"),
        ({"outcome": "broken"}, "synth_1: synth_design ERROR"),
        ({"outcome": "killed"}, "synth_1: synth_design ERROR"),
        ({"outcome": "large"}, "impl_1: write_bitstream ERROR"),
    ],
)
def test_failures_say_what_is_wrong(original: Path, tmp_path: Path, session: dict[str, Any], complaint: str) -> None:
    recording = build(original, tmp_path / "project", Session(**session)).recording
    assert recording.error is not None
    assert recording.error.startswith(complaint)
    assert recording.printed[-1] == f"ERROR: {recording.error}"


def test_why_a_run_failed_is_said(original: Path, tmp_path: Path) -> None:
    """By what Vivado prints of itself, which says only that one did; then by the run's own log."""
    printed = build(original, tmp_path / "project", Session("large")).recording.printed
    errors = [line for line in printed if line.startswith("ERROR")]
    assert errors[0] == "ERROR: [Vivado 12-13638] Failed runs(s) : 'impl_1'"
    assert errors[1].startswith("ERROR: [DRC UTLZ-1]")
    assert errors[2:] == ["ERROR: impl_1: write_bitstream ERROR"]


def test_runs_are_waited_for_by_a_command_of_every_vivado(original: Path, tmp_path: Path) -> None:
    """AMD UG835 of 2021.2 lists wait_on_runs among its new commands."""
    called = {call[0] for call in build(original, tmp_path / "project", Session()).recording.calls}
    assert called & {"wait_on_run", "wait_on_runs"} == {"wait_on_run"}


def misspelt(text: str) -> Iterator[tuple[str, str]]:
    """Each word of a script, but for comments and texts for people, and the script with that word misspelt."""
    hidden = [match.span() for match in re.finditer(r"(?m)^\s*#.*$", text)] + [m.span() for m in SAID.finditer(text)]
    for match in WORD.finditer(text):
        if not any(start <= match.start() < end for start, end in hidden):
            wrong = "x" if match[0].lower().endswith("q") else "q"
            yield match[0], f"{text[: match.end() - 1]}{wrong}{text[match.end() :]}"


def outcomes(original: Path, scratch: Path, changed: dict[str, str]) -> Iterator[tuple[list[str], list[str]]]:
    """What is wrong, and what is printed, in each of the trials."""
    for trial in TRIALS:
        outcome = build(original, scratch, Session(**trial), changed)
        shutil.rmtree(scratch)
        yield outcome.faults, outcome.recording.printed


def scripts() -> list[str]:
    return ["build.tcl", *AxiProject.scripts, "crossings.xdc"]


@pytest.mark.parametrize("script", scripts())
def test_every_misspelling_is_noticed(original: Path, tmp_path: Path, script: str) -> None:
    """Each word is misspelt in turn: commands, options, pins, properties, values, variables, files."""
    right = list(outcomes(original, tmp_path / "right", {}))
    survivors, tried = set(), 0
    for word, text in misspelt((original / script).read_text()):
        tried += 1
        changed = outcomes(original, tmp_path / "wrong", {script: text})
        if all(wrong == fine for wrong, fine in zip(changed, right, strict=True)):
            survivors.add((script, word))
    assert tried > 10
    assert survivors == {known for known in HARMLESS if known[0] == script}


@pytest.mark.parametrize("name", ["kv260", "pynq-z2"])
def test_every_misspelling_of_a_processing_system_is_noticed(name: str, tmp_path: Path) -> None:
    """Each word that the settings have of it, of both kinds."""
    board, original = load_board(name, AxiBoard), tmp_path / "original"
    original.mkdir()
    write_project(original, board)
    lines, tried = (original / "settings.tcl").read_text().splitlines(keepends=True), 0
    for number, line in enumerate(lines):
        variable, _, value = line.removeprefix("set ").partition(" ")
        for word, wrong in misspelt(value) if variable.startswith("ps_") else ():
            tried += 1
            text = "".join([*lines[:number], f"set {variable} {wrong}", *lines[number + 1 :]])
            assert build(original, tmp_path / str(tried), Session(), {"settings.tcl": text}, board).faults, word
    assert tried > 15


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-prt", "x", "name", "folder"), "unknown option '-prt'"),
        (("name", "folder", "-part"), "missing value for option '-part'"),
        (("-part", "-force", "name", "folder"), "missing value for option '-part'"),
        (("name", "folder", "more"), "3 words, not 0 to 2"),
    ],
)
def test_the_recorder_knows_how_commands_are_called(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(TclError, match=re.escape(f"create_project: {complaint}")):
        check(commands(TCL)["create_project"], words)


def test_options_that_must_be_there() -> None:
    with pytest.raises(TclError, match="lacks -clock"):
        check(commands(PACKAGER)["ipx::associate_bus_interfaces"], ("-busif", "s_axi"))
    with pytest.raises(TclError, match="0 words, not 2 to 2"):
        check(commands(TCL)["get_property"], ())


def test_a_board_without_a_processor(tmp_path: Path) -> None:
    """The same, for the project of a serial line: every word of the one script that it has for itself."""
    original = tmp_path / "original"
    original.mkdir()
    project = write_serial_project(original)
    script = (original / "serial.tcl").read_text()

    def is_built(number: int, text: str) -> bool:
        folder = tmp_path / str(number)
        shutil.copytree(original, folder)
        (folder / "serial.tcl").write_text(text)
        recording = run_script(folder / "build.tcl", session := Session())
        return (
            recording.error is None
            and recording.printed == [f"hwsnn: stage {stage}" for stage in SERIAL_STAGES]
            and (folder / "random1-zcu102-uart.bit").is_file()
            and [Path(file.name).name for file in session.runs.constraints] == ["hwsnn.xdc"]
            and bool(read_reports(folder / "reports", project))
        )

    assert is_built(0, script)
    wrong = list(misspelt(script))
    assert len(wrong) > 20
    assert [word for number, (word, text) in enumerate(wrong, 1) if is_built(number, text)] == []


def test_the_folder_for_the_board(tmp_path: Path) -> None:
    """The same, for the script that fills it."""
    original = tmp_path / "original"
    original.mkdir()
    project = write_serial_project(original, deployed=True)
    script = (original / "deploy.tcl").read_text()

    def is_filled(number: int, text: str) -> bool:
        folder = tmp_path / str(number)
        shutil.copytree(original, folder)
        (folder / "deploy.tcl").write_text(text)
        recording = run_script(folder / "build.tcl", Session())
        file = folder / "deploy" / f"{project.result}.bit"
        stages = [*SERIAL_STAGES[:-1], "deployment folder", "done"]
        return recording.printed == [f"hwsnn: stage {stage}" for stage in stages] and file.is_file()

    assert is_filled(0, script)
    wrong = [text for word, text in misspelt(script) if word not in ("deployment", "folder")]
    assert len(wrong) > 10
    assert [text for number, text in enumerate(wrong, 1) if is_filled(number, text)] == []


def test_hidden_nets_and_addresses_are_noticed(original: Path, tmp_path: Path) -> None:
    """Each line that connects something, or gives it an address, is left out in turn."""
    lines = (original / "block_design.tcl").read_text().replace("\\\n", " ").splitlines(keepends=True)
    left_out = 0
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("join_", "assign_", "exclude_", "apply_", "validate_")):
            left_out += 1
            text = "".join(lines[:number] + lines[number + 1 :])
            outcome = build(original, tmp_path / str(number), Session(), {"block_design.tcl": text})
            assert outcome.faults, line
    assert left_out == 19
