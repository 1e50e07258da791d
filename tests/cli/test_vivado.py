"""``hwsnn build`` for boards that Vivado builds for: without Vivado, and with one that only pretends."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from hwsnn.build.c_header import c_header
from hwsnn.build.vivado.build import Follower, end_all_in
from hwsnn.cli.build import _stimulus
from hwsnn.errors import InputError
from hwsnn.interface.addresses import ZYNQ_ULTRASCALE
from hwsnn.model_file import integer_file
from tests.build.vivado.recorder import texts
from tests.build.vivado.recorder.workshop import NETWORK
from tests.support.stage_lines import beside_stages
from tests.support.vivado_workplace import CHECKOUT, PROJECT, RESULTS, Workplace, a_workplace, names, needs_tclsh


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return a_workplace(tmp_path)


def refused(outcome: Result, text: str) -> None:
    """The last line on stderr says so, after whatever a tool had printed."""
    assert outcome.exit_code == 2, outcome.stderr
    assert outcome.stdout == ""
    assert outcome.stderr.splitlines()[-1].startswith(f"hwsnn: error: {text}"), outcome.stderr


def test_no_vivado(workplace: Workplace) -> None:
    """The project is whole, one line says what is missing, and the exit status is of its own."""
    outcome = workplace.run("-n", "0")
    assert outcome.exit_code == 3
    assert outcome.stdout == (
        f"{workplace.output}: no bitstream yet; run `vivado -mode batch -source build.tcl` in this folder on a machine "
        "with Vivado 2021.1 or newer, then copy random1-zcu102.bit and random1-zcu102.hwh from it to the board\n"
    )
    assert names(workplace.output) == PROJECT
    digest = integer_file.model_hash(NETWORK)
    assert (workplace.output / "hwsnn_accelerator.h").read_text() == c_header(NETWORK, digest, 8, ZYNQ_ULTRASCALE)
    assert f"// model sha256 {digest}\n" in (workplace.output / "rtl" / "hwsnn_accelerator.v").read_text()
    manifest = json.loads((workplace.output / "manifest.json").read_text())
    assert manifest["model"]["sha256"] == digest
    assert manifest["clock"] == {
        "bus": {"port": "aclk", "mhz": 100},
        "pipeline": {"port": "pipeline_clk", "mhz": 150.0},
    }
    assert manifest["streams"]["s_axis"]["bytes_per_frame"] == prod(NETWORK.frame_shape)
    assert manifest["addresses"] == {"registers": "0xa0000000", "dma": "0xa0010000"}
    assert manifest["activity"] is None


def test_project_only(workplace: Workplace) -> None:
    """As asked: no Vivado is looked for, and all is well."""
    workplace.install_vivado()
    (workplace.tools / "vivado").write_text("#!/bin/sh\nexit 1\n")
    outcome = workplace.run("--project-only", "-n", "0", "--clock-mhz", "200", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {
        "project": str(workplace.output),
        "bitstream": None,
        "run": "vivado -mode batch -source build.tcl",
    }
    assert names(workplace.output) == PROJECT
    assert "set pipeline_mhz 200.0\n" in (workplace.output / "settings.tcl").read_text()
    assert (workplace.output / "crossings.xdc").read_text().count(" 5.000\n") == 2


@needs_tclsh
def test_done(workplace: Workplace) -> None:
    workplace.install_vivado()
    outcome = workplace.run("-n", "0", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    bitstream = workplace.output / "random1-zcu102.bit"
    assert json.loads(outcome.stdout) == {
        "bitstream": str(bitstream),
        "fmax_mhz": 166.667,
        "lut": 21480,
        "ff": 30562,
        "bram": 21,
        "dsp": 4,
        "power_w": 4.251,
        "accelerator_power_w": 0.48,
    }
    assert names(workplace.output) == PROJECT | RESULTS
    read: dict[str, Any] = {
        name: json.loads((workplace.output / f"{name}.json").read_text())
        for name in ("build", "utilization", "timing", "power")
    }
    assert read["utilization"]["accelerator"]["lut"] == 12345
    assert read["utilization"]["chip"]["bram"] == {"used": 10.5, "available": 912}
    assert read["timing"]["met"] is True
    assert read["timing"]["pipeline_fmax_mhz"] == 166.667
    assert read["power"]["accelerator_w"] == 0.48
    build = read["build"]
    assert build["available"] == {"lut": 274080, "ff": 548160, "bram": 1824, "dsp": 2520}
    assert (build["target_mhz"], build["timing_met"], build["activity"]) == (150.0, True, None)
    assert build["model_sha256"] == integer_file.model_hash(NETWORK)
    assert build["versions"]["vivado"] == "vivado v2023.2 (64-bit) (native)"
    stages = ["project", "packaging", "block design", "synthesis", "implementation", "reports", "hand-off"]
    assert list(build["stage_seconds"]) == stages
    assert (workplace.output / "reports" / "power.rpt").read_text() == texts.power(matched=False)
    assert "hwsnn: stage implementation\n" in (workplace.output / "vivado.log").read_text()


@needs_tclsh
def test_timing_missed(workplace: Workplace) -> None:
    """The answer is no, and everything is there."""
    workplace.install_vivado()
    outcome = workplace.run("-n", "0", FAKE_OUTCOME="late")
    assert outcome.exit_code == 1
    assert outcome.stdout.splitlines()[1:] == [
        "142.9 MHz post-route; 150 MHz: NOT MET",
        "21,480 LUT (8%), 30,562 FF (6%), 21 BRAM (1%), 4 DSP (0%)",
        "4.251 W, the network's part 0.48 W; estimated from Vivado's guess of the activity",
    ]
    assert names(workplace.output) == PROJECT | RESULTS
    assert json.loads((workplace.output / "build.json").read_text())["timing_met"] is False


@needs_tclsh
@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"FAKE_OUTCOME": "broken"}, "vivado failed: ERROR: [Synth 8-439] module 'mystery' not found"),
        ({"FAKE_OUTCOME": "large"}, "random1: does not fit AMD ZCU102 (vivado failed: ERROR: [DRC UTLZ-1]"),
        ({"FAKE_OUTCOME": "killed"}, "vivado failed: ERROR: synth_1: synth_design ERROR"),
        ({"FAKE_OUTCOME": "silent"}, "vivado failed: it ended with 1"),
    ],
)
def test_failures(workplace: Workplace, settings: dict[str, str], complaint: str) -> None:
    workplace.install_vivado()
    refused(workplace.run("-n", "0", **settings), complaint)
    assert names(workplace.folder) == {"model.safetensors", "tools"}


@needs_tclsh
@pytest.mark.parametrize(("version", "what"), [("2019.2", "is too old (2019.2)"), ("x", "does not say its version")])
def test_unfit_versions(workplace: Workplace, version: str, what: str) -> None:
    workplace.install_vivado()
    remedy = "put vivado 2021.1 or newer on the PATH"
    refused(
        workplace.run("-n", "0", FAKE_VERSION=version),
        f"vivado: the one at {workplace.tools / 'vivado'} {what}; {remedy}",
    )
    assert names(workplace.folder) == {"model.safetensors", "tools"}


def test_a_vivado_that_does_not_run(workplace: Workplace) -> None:
    (workplace.tools / "vivado").write_text("#!/no/such/program\n")
    (workplace.tools / "vivado").chmod(0o755)
    refused(workplace.run("-n", "0"), f"vivado: the one at {workplace.tools / 'vivado'} does not run")


@needs_tclsh
def test_a_failure_leaves_earlier_results_alone(workplace: Workplace) -> None:
    workplace.install_vivado()
    assert workplace.run("-n", "0").exit_code == 0
    before = {file.name: file.read_bytes() for file in workplace.output.iterdir() if file.is_file()}
    refused(workplace.run("-n", "0", FAKE_OUTCOME="broken"), "vivado failed")
    assert {file.name: file.read_bytes() for file in workplace.output.iterdir() if file.is_file()} == before


@needs_tclsh
@pytest.mark.parametrize("stage", ["block design", "implementation"])
def test_interrupted(workplace: Workplace, stage: str) -> None:
    """Vivado ends, and a run that it started in a session of its own too; nothing is left."""
    workplace.install_vivado()
    started = workplace.folder / "started"
    with subprocess.Popen(
        workplace.command("-n", "0"),
        cwd=CHECKOUT,
        env=workplace.environment(FAKE_HANG=stage, FAKE_STARTED=str(started)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not started.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    assert names(workplace.folder) == {"model.safetensors", "tools", "started"}
    deadline = time.monotonic() + 10
    for number in started.read_text().split():
        while Path("/proc", number).is_dir() and "Z" not in Path("/proc", number, "stat").read_text().split()[2]:
            assert time.monotonic() < deadline, f"process {number} goes on"
            time.sleep(0.05)


def test_processes_elsewhere_go_on(tmp_path: Path) -> None:
    """Those of a folder whose name starts the same are not meant."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work2").mkdir()
    inside, beside = (subprocess.Popen(["sleep", "60"], cwd=tmp_path / name) for name in ("work", "work2"))
    try:
        end_all_in(tmp_path / "work")
        assert inside.wait(10) == -signal.SIGKILL
        assert beside.poll() is None
    finally:
        beside.kill()
        beside.wait()


@needs_tclsh
def test_a_serial_line(workplace: Workplace) -> None:
    workplace.install_vivado()
    outcome = workplace.run("--json", board="zcu102-uart")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["bitstream"] == str(workplace.output / "random1-zcu102-uart.bit")
    of_its_own = {"build.tcl", "serial.tcl", "implement.tcl", "settings.tcl", "hwsnn.xdc", "rtl", "folding.json"}
    results = {"random1-zcu102-uart.bit", "reports", "vivado.log"}
    assert names(workplace.output) - {f"{n}.json" for n in ("build", "utilization", "timing", "power")} == (
        of_its_own | results
    )
    assert json.loads((workplace.output / "build.json").read_text())["target_mhz"] == 100


def test_a_serial_line_without_vivado(workplace: Workplace) -> None:
    outcome = workplace.run(board="zcu102-uart")
    assert outcome.exit_code == 3
    assert outcome.stdout.endswith("or newer, then load random1-zcu102-uart.bit from it onto the board\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--clock-mhz", "5"), "--clock-mhz must be from 6.25 to 667 on AMD ZCU102, not 5"),
        (("--clock-mhz", "700"), "--clock-mhz must be from 6.25 to 667 on AMD ZCU102, not 700"),
        (("--clock-mhz", "nan"), "Invalid value for '--clock-mhz': must be from 0.001 to 1000, not nan"),
        (("-n", "-1"), "Invalid value for '-n': -1 is not in the range x>=0"),
        (("--data", "nowhere"), "nowhere: no such data; "),
        (("--data", ""), "Invalid value for '--data': must name something, not be empty"),
        (("--target-fps", "1e9"), "random1: "),
        (("--fold", "nowhere"), "nowhere: no such folding"),
        (("-o", ""), "Invalid value for '-o' / '--output': must name something, not be empty"),
        (("-o", "no/where"), "@/no: no such folder; "),
    ],
)
def test_bad_options(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(workplace.folder)
    outcome = workplace.run(*arguments)
    refused(outcome, complaint.replace("@", str(workplace.folder)))
    told = [line for line in outcome.stderr.splitlines() if not line.endswith(" ...")]  # a busy machine shows stages
    assert len(told) == 1
    assert names(workplace.folder) == {"model.safetensors", "tools"}


@pytest.mark.parametrize("board", ["ulx3s-85f", "zcu102-uart"])
@pytest.mark.parametrize("option", [("--clock-mhz", "100"), ("--data", "digits"), ("-n", "2"), ("--project-only",)])
def test_options_of_other_boards(workplace: Workplace, board: str, option: tuple[str, ...]) -> None:
    outcome = workplace.run(*option, board=board)
    if (board, option) == ("zcu102-uart", ("--project-only",)):
        assert outcome.exit_code == 0
    else:
        refused(outcome, f"{option[0]}: not an option for {board}")


def test_which_images_are_simulated(tmp_path: Path) -> None:
    """Four, or as many as there are, or as were asked for; random ones are the same each time."""
    few = tmp_path / "few.npz"
    np.savez(few, x=np.zeros((3, *NETWORK.input_shape), np.uint8))
    assert _stimulus(NETWORK, str(few), None).images.shape == (3, *NETWORK.input_shape)
    assert _stimulus(NETWORK, str(few), 2).source == f"images of {few}"
    with pytest.raises(InputError, match="-n must be from 1 to 3"):
        _stimulus(NETWORK, str(few), 4)
    random = _stimulus(NETWORK, None, None)
    assert (len(random.images), random.source) == (4, "random images")
    assert len(_stimulus(NETWORK, None, 7).images) == 7
    assert np.array_equal(random.images, _stimulus(NETWORK, None, 4).images)


def test_what_vivado_prints_moves_the_bar() -> None:
    seen: list[tuple[str, int]] = []
    follower = Follower(lambda stage, done, total: seen.append((stage, done)))
    for line in (
        "****** Vivado v2023.2 (64-bit)\n",
        "hwsnn: stage synthesis\n",
        "Command: synth_design -top hwsnn_wrapper\n",
        "hwsnn: stage implementation\n",
        "Command: place_design\n",
        "Command: phys_opt_design\n",
        "Command: route_design\n",
        "Command: phys_opt_design\n",
        "# hwsnn: stage nothing\n",
        "hwsnn: stage done\n",
    ):
        follower.on_line(line)
    assert seen == [
        ("synthesis", 0),
        ("synthesis", 100),
        ("implementation", 0),
        ("implementation", 15),
        ("implementation", 50),
        ("implementation", 55),
        ("implementation", 55),
        ("implementation", 100),
    ]
    assert list(follower.seconds) == ["synthesis", "implementation"]
