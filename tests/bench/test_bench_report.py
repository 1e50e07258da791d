"""What ``hwsnn bench`` says of a design: rates, published systems, synapses, the plot. Nothing is simulated here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.bench import Cpu
from hwsnn.bench.published import MNIST, comparable
from hwsnn.bench.rates import Clock, clocks, rate
from hwsnn.bench.report import BenchReport
from hwsnn.bench.synapses import synapses_per_cycle
from hwsnn.build.analysis.resources import Resources, Use
from hwsnn.cli import bench as bench_command
from hwsnn.cycles import result_clocks
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.packages import remedy
from hwsnn.planner import plan
from hwsnn.planner.devices import DEVICES
from hwsnn.sim import network_bench
from hwsnn.sim.network_bench import NetworkResult
from hwsnn.spec import Encoder, Integrator, MaxPool, Network, Neuron, NoLeak
from tests.cli.test_cli import expect_refusal, invoke
from tests.support.cpu_figures import cpu_figure
from tests.support.layers import conv_layer, dense_layer

FRAMES = 16


def network(extent: int = 28, classes: int = 10) -> Network:
    """A fully connected layer on grey images."""
    weight = np.random.default_rng(0).integers(-127, 128, (classes, 1, extent, extent))
    dense = dense_layer("dense", weight, np.zeros(classes, int), 8, Integrator(NoLeak(), 24))
    return Network("small", (1, extent, extent), 8, Encoder("direct"), 2, (dense,), "membrane")


def report(extent: int = 28, classes: int = 10, device: str = "xczu9eg") -> BenchReport:
    """As if simulation had found what the cycle model says."""
    built = network(extent, classes)
    design = plan.with_folds(built, DEVICES[device], {"dense": LayerFold(1, classes, 2)})
    results = tuple(result_clocks(built, design.folding, FRAMES))
    simulated = NetworkResult(FRAMES, 1, 4_000, 0, (), results[-1] - results[-2], results[0], results)
    figures = (cpu_figure("numpy reference", 1_000), cpu_figure("PyTorch", 2_000))
    return BenchReport(built, design, simulated, 150, Cpu("a processor", 2, None), figures)


def test_the_clocks_of_a_device() -> None:
    assert clocks(DEVICES["xczu9eg"], 150) == (Clock(150), Clock(100, "zcu102-uart"))
    assert clocks(DEVICES["xczu9eg"], 120) == (Clock(120), Clock(150, "zcu102"), Clock(100, "zcu102-uart"))
    assert clocks(DEVICES["lfe5u-85"], 150) == (Clock(150), Clock(80, "ulx3s-85f"))


@pytest.mark.parametrize(
    ("clock", "text", "field"),
    [
        (Clock(150), "assumed 150 MHz", "assumed"),
        (Clock(80, "ulx3s-85f"), "80 MHz of board ulx3s-85f, timing not checked", "of the board, timing not checked"),
    ],
)
def test_a_rate_says_what_its_clock_is(clock: Clock, text: str, field: str) -> None:
    found = rate(300, 600, clock)
    assert found.fps == clock.mhz * 1e6 / 300
    assert found.latency_us == 600 / clock.mhz
    assert str(found.clock) == text
    assert found.to_json()["clock"] == field


def test_published_systems_are_of_mnist_alone() -> None:
    assert comparable(network()) == MNIST
    assert comparable(network(classes=9)) == ()
    assert comparable(network(extent=8)) == ()
    assert comparable(replace(network(), name="fashion")) == ()


def test_clocks_of_published_systems() -> None:
    by_name = {system.name: system.cycles_per_frame for system in MNIST}
    assert by_name["Ju et al."] == pytest.approx(914_634, abs=1)
    assert by_name["Skydiver"] is None, "its clock is not known"
    assert by_name["Spiker+"] is None, "only its latency is known"


def layered(timesteps: int, encoding: str) -> Network:
    random = np.random.default_rng(1)

    def neuron(channels: int) -> Neuron:
        return Neuron(np.full(channels, 50), NoLeak(), "subtract", 20, np.full(channels, 49))

    def weights(*shape: int) -> Any:
        return random.integers(-127, 128, shape)

    layers = (
        conv_layer("conv", weights(5, 2, 3, 3), np.zeros(5, int), 8, neuron(5)),
        MaxPool("pool", (2, 2), (2, 2), "or"),
        dense_layer("dense", weights(7, 5, 3, 3), np.zeros(7, int), 8, neuron(7)),
    )
    return Network("layered", (2, 8, 8), 8, Encoder(encoding), timesteps, layers, "count")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "timesteps", "fold", "conv", "dense"),
    [
        ("uniform", 1, LayerFold(1, 1), 9, 1),
        ("uniform", 4, LayerFold(5, 7, 4), 90 * 4, 35 * 4),
        ("direct", 4, LayerFold(5, 7, 4), 90, 35 * 4),  # pixels: one sum for all steps
        ("uniform", 4, LayerFold(2, 3, 1), 90 / 2, 35 / 9),  # conv: 2 groups; dense: 3 groups of 3 folds
        ("uniform", 3, LayerFold(2, 3, 2), 90 / 2 * 1.5, 35 / 9 * 1.5),  # two passes for three steps
    ],
)
def test_synapses_a_clock(encoding: str, timesteps: int, fold: LayerFold, conv: float, dense: float) -> None:
    """Of five channels in threes or twos, what is missing in the last part does not count."""
    built = layered(timesteps, encoding)
    folding = Folding({"conv": fold, "dense": fold}, {}, {})
    assert synapses_per_cycle(built, folding, 0) == pytest.approx(conv)
    assert synapses_per_cycle(built, folding, 2) == pytest.approx(dense)


def test_synapses_of_two_pixels_per_cycle() -> None:
    """Of two columns per beat, the windows of both; the zeros of their filters are no synapses."""
    network = layered(2, "direct")
    synapses = network.population(0).projection.synapses
    folds = {layer.name: LayerFold(4096, 4096, 2) for _, layer in network.populations()}
    one, two = Folding(folds, {}, {}), Folding(folds, {}, {}, pixels_per_cycle=2)
    assert synapses_per_cycle(network, one, 0) == synapses
    assert synapses_per_cycle(network, two, 0) == 2 * synapses
    assert synapses_per_cycle(network, two, 2) == synapses_per_cycle(network, one, 2)


def test_a_pool_has_no_synapses() -> None:
    built, fold = layered(1, "uniform"), LayerFold(1, 1)
    folding = Folding({"conv": fold, "dense": fold}, {}, {})
    with pytest.raises(ValueError, match="layer 'pool' must have weights, not be a pool"):
        synapses_per_cycle(built, folding, 1)


def test_equal_to_the_cycle_model() -> None:
    found = report()
    assert found.model_difference is None
    assert found.to_json()["cycle_model"]["difference"] is None


def test_a_result_at_another_clock_is_a_difference() -> None:
    found = report()
    seen = list(found.simulated.result_clocks)
    seen[3] += 1
    other = replace(found, simulated=replace(found.simulated, result_clocks=tuple(seen)))
    assert other.model_difference == (
        f"the result of frame 3 comes at clock {seen[3]:,} in simulation, {seen[3] - 1:,} by the cycle model"
    )


def test_another_rate_in_the_long_run_is_a_difference() -> None:
    found = report()
    steady = found.plan.cycles.cycles_per_frame
    slower = replace(found, plan=replace(found.plan, cycles=replace(found.plan.cycles, cycles_per_frame=steady + 5)))
    assert slower.model_difference == (
        f"{steady:,} cycles per frame are those of 16 frames; in the long run the cycle model says {steady + 5:,}"
    )


def test_the_fastest_of_the_cpu_is_compared() -> None:
    fields = report(device="lfe5u-85").to_json()
    assert (fields["cpu_fps"], fields["cpu_name"]) == (2_000, fields["cpu"]["name"])
    assumed, board = fields["rates"]
    assert (assumed["clock_mhz"], assumed["clock"], assumed["board"]) == (150, "assumed", None)
    assert (board["clock_mhz"], board["board"]) == (80, "ulx3s-85f")
    for one in (assumed, board):
        assert one["fps"] == one["clock_mhz"] * 1e6 / fields["cycles_per_frame"]
        assert one["speedup"] == one["fps"] / 2_000
    assert (fields["clock_mhz"], fields["fpga_fps"], fields["speedup"]) == (150, assumed["fps"], assumed["speedup"])
    assert "lut" not in fields
    json.dumps(fields, allow_nan=False)


def test_every_figure_of_the_cpu_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.bench.installed_version", lambda package: None)
    bench_command.print_report(report())
    shown = capsys.readouterr().out
    assert "CPU: numpy reference; 1.90 of 2 cores used, 0.00 by others" in shown
    assert "the CPU: PyTorch; 1.90 of 2 cores used, 0.00 by others" in shown
    words = " ".join(shown.replace("│", " ").split())  # long cells are broken into lines
    assert f"numba is not installed; {remedy('numba')}" in words
    assert "PyTorch is not installed" in shown
    assert "trusted" not in shown
    assert report().to_json()["busy"] is False


def test_a_busy_machine_takes_the_ratio_back(capsys: pytest.CaptureFixture[str]) -> None:
    found = replace(report(), figures=(cpu_figure("numpy reference", 2_000, 0.9), cpu_figure("PyTorch", 1_000)))
    bench_command.print_report(found)
    assert "the CPU: numpy reference; 1.90 of 2 cores used, 0.90 by others: busy, the ratio is not to be trusted" in (
        capsys.readouterr().out
    )
    fields = found.to_json()
    assert fields["busy"] is True
    assert [figure["cores_used_by_others"] for figure in fields["cpu"]["figures"]] == [0.9, 0.0]


def with_resources(found: BenchReport) -> BenchReport:
    uses = {
        "dense_layer.engine": Use(lut=900),
        "dense_layer.engine.synapses_0": Use(lut=300),
        "dense_layer.engine.synapses_1": Use(lut=200),
    }
    uses["dense_layer.engine.synapses_0.table_0"] = Use(lut=250)
    layers = {"dense_layer": Use(lut=1_000, ff=10, bram36=1.5), "readout": Use(lut=30)}
    total = Use(lut=1_030, ff=10, bram36=1.5)
    resources = Resources(
        found.plan.device, total, Use(), layers, uses, {}, 0, 1, 1, 0, seconds=1.0, peak_mib=None, tool="Yosys 1"
    )
    return replace(found, resources=resources)


def test_sizes_of_layers() -> None:
    """The sums of both steps count, what is inside them not twice."""
    found = with_resources(report())
    dense, readout = found.sizes["dense"], found.sizes["readout"]
    assert (dense.sums_lut, dense.synapses_per_cycle) == (500, 10)
    assert (dense.lut_per_synapse, dense.sums_lut_per_synapse) == (100, 50)
    assert (readout.synapses_per_cycle, readout.lut_per_synapse, readout.sums_lut_per_synapse) == (None, None, None)
    top = found.to_json()
    assert (top["lut"], top["ff"], top["bram36"], top["dsp"]) == (1_030, 10, 1.5, 0)
    fields = top["synthesized"]
    assert fields["total"]["percent"]["lut"] == round(100 * 1_030 / 274_080, 2)
    assert fields["layers"]["dense"]["lut_per_synapse_per_cycle"] == 100
    json.dumps(fields, allow_nan=False)


def test_no_line_has_a_rate_without_its_clock(capsys: pytest.CaptureFixture[str]) -> None:
    bench_command.print_report(with_resources(report(device="xczu9eg")))
    shown = capsys.readouterr().out
    rates = [line for line in shown.splitlines() if "FPGA:" in line]
    assert len(rates) == 2
    assert "simulated cycles, assumed 150 MHz" in rates[0]
    assert "simulated cycles, 100 MHz of board zcu102-uart, timing not checked" in rates[1]
    assert "by the cycle model: equal, at every result" in shown
    for system in MNIST:
        assert f"{system.name} {system.year}" in shown
    assert "<= 500" in shown
    assert "of the device" in shown


def test_a_design_for_other_images_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    bench_command.print_report(report(extent=8, device="lfe5u-85"))
    shown = capsys.readouterr().out
    assert "80 MHz of board ulx3s-85f, timing not checked" in shown
    assert "Ju et al." not in shown


def test_roofline_of_mnist(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from hwsnn.bench.roofline import draw

    found = report()
    png, svg = draw(found, tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG")
    texts = svg.read_text()
    simulated = f"{found.simulated.cycles_per_frame:,} simulated cycles x assumed 150 MHz"
    for text in (simulated, "one pixel per cycle: 784 pixels", "80 MHz", "300 MHz", "PyTorch: 2,000 frames/s"):
        assert text in texts
    drawn = [system for system in MNIST if system.cycles_per_frame is not None]
    assert 3 <= len(drawn) < len(MNIST)
    for system in MNIST:
        assert (f"{system.name} {system.year}, {system.clock}," in texts) == (system in drawn)
    (tmp_path / "again").mkdir()
    assert [path.read_bytes() for path in draw(found, tmp_path / "again")] == [png.read_bytes(), svg.read_bytes()]


def test_roofline_of_other_images(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from hwsnn.bench.roofline import draw

    texts = draw(report(extent=8, device="lfe5u-85"), tmp_path)[1].read_text()
    assert "one pixel per cycle: 64 pixels" in texts
    assert "x 80 MHz of board ulx3s-85f, timing not checked" in texts
    assert "published" not in texts.replace("for published systems", "")


@pytest.fixture
def nothing_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("must be refused before anything long")

    monkeypatch.setattr(network_bench, "run_network", simulate)


@pytest.mark.usefixtures("nothing_long")
def test_other_devices_are_not_synthesized() -> None:
    message = "--synth counts what a design takes of an AMD device, not of the lfe5u-85"
    expect_refusal(invoke("bench", "digits", "--synth", "--device", "lfe5u-85"), message)


@pytest.mark.usefixtures("nothing_long")
def test_no_plot_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = invoke("bench", "digits", "-o", str(tmp_path / "out"))
    expect_refusal(result, "hwsnn bench needs matplotlib: in hwsnn's checkout, pip install -e '.[explore]'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_long")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file", "file: is a file; name a folder to write into"),
        ("nowhere/out", "nowhere: no such folder; make it first"),
        ("", "'-o' / '--output': must name something, not be empty"),
    ],
)
def test_folders_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    expect_refusal(invoke("bench", "digits", "-o", name), message)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("nothing_long")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--target-fps", "1e6", "--max-lut", "5"), "--target-fps and --max-lut must not be given together"),
        (("--fold", "nowhere.json"), "nowhere.json: no such folding"),
        (("--device", "xc7"), "Invalid value for '--device'"),
        (("-n", "0"), "Invalid value for '-n'"),
        (("--data", "nowhere"), "nowhere: "),
    ],
)
def test_bad_options(args: tuple[str, ...], message: str) -> None:
    expect_refusal(invoke("bench", "digits", *args), message)
