"""``hwsnn explore`` on a Dask cluster: whole sweeps, resumed ones, dying workers, and bad input."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn.cli import cli
from hwsnn.data import LabelledData, random_images
from hwsnn.errors import InputError, ToolError
from hwsnn.explore.points import Accuracy, Task
from hwsnn.explore.points import Result as Found
from hwsnn.explore.space import tasks, variants
from hwsnn.explore.work import accuracy
from hwsnn.files.scratch import ENDING
from hwsnn.files.shipped import folder
from hwsnn.frontends.nir import reader
from hwsnn.model_file import float_file
from hwsnn.planner.devices import DEVICES
from tests.cli.test_cli import HWSNN, expect_refusal

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytest.importorskip("matplotlib")

from hwsnn.explore.sweep import ROUNDS, cluster, sweep  # noqa: E402  (needs distributed)
from tests.support.stage_lines import beside_stages  # noqa: E402

DIGITS = ("digits", "--data", "digits", "--timesteps", "2")
SMALL = (*DIGITS, "-n", "50", "--bits", "3,8", "--clocks", "100,400")
TASKS = 6


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two processes, in which a task fails for good as soon as a worker dies over it."""
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.comm.timeouts.connect": "120s"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=None, silence_logs=50
        ) as local,
    ):
        yield local.scheduler_address


def explore(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["explore", *map(str, arguments)], prog_name="hwsnn")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_and_its_resumption(tmp_path: Path, scheduler: str) -> None:
    out = tmp_path / "sweep"

    def done_now(*more: str) -> int:
        result = explore(*SMALL, "--scheduler", scheduler, "-o", out, "--json", *more)
        assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
        fields = json.loads(result.stdout)
        assert fields["tasks"] == TASKS
        return int(fields["tasks_done_now"])

    assert done_now() == TASKS
    points = read(out / "points.csv")
    assert [(row["weight_bits"], row["target_cycles"]) for row in points] == [
        ("3", "100"),
        ("3", "400"),
        ("8", "100"),
        ("8", "400"),
    ]
    assert all(float(row["cycles_per_frame"]) <= float(row["target_cycles"]) for row in points)
    assert {row["images"] for row in points} == {"50"}
    assert read(out / "pareto.csv") == [row for row in points if row["on_front"] == "1"] != []
    assert (out / "pareto.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "pareto.svg").read_text()
    files = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    assert done_now() == 0
    files_again = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert files_again == files

    damaged, missing, *_ = sorted((out / "points").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-9])
    missing.unlink()
    assert done_now() == 2
    assert done_now("--clock-mhz", "300") == 0
    faster = read(out / "points.csv")
    assert float(faster[0]["fps_at_assumed_clock"]) == 2 * float(points[0]["fps_at_assumed_clock"])


def test_it_agrees_with_the_other_commands(tmp_path: Path, scheduler: str) -> None:
    result = explore(*DIGITS, "--bits", "8", "--clocks", "400", "--scheduler", scheduler, "-o", tmp_path)
    assert result.exit_code == 0
    assert "digits: networks 1, designs 1, of them on the front 1\naccuracy on 360 images of digits\n" in result.stdout
    (row,) = read(tmp_path / "points.csv")
    run = CliRunner().invoke(cli, ["run", "digits", "--data", "digits", "--json"])
    assert float(row["accuracy"]) == json.loads(run.stdout)["accuracy"]
    inspect = CliRunner().invoke(cli, ["inspect", "digits", "--json"])
    assert row["model_hash"] == json.loads(inspect.stdout)["hash"]


def test_targets_that_cannot_be_met(tmp_path: Path, scheduler: str) -> None:
    arguments = (*DIGITS, "-n", "10", "--bits", "8", "--scheduler", scheduler, "-o", tmp_path)
    expect_refusal(explore(*arguments, "--clocks", "99"), "there is no such design: 100 pixels arrive")
    assert (
        "targets that cannot be met: 1, such as: 100 pixels arrive" in explore(*arguments, "--clocks", "99,1000").stdout
    )


def some_work(*, images: int) -> tuple[list[Task], dict[str, Any], LabelledData]:
    """Four networks' tasks, the networks, and random images."""
    digits = reader.read(folder("models") / "digits" / "digits.nir")
    found = variants(digits, (2, 4, 6, 8), (2,), encoding="direct")
    pixels = random_images(found[0].network, images, seed=0)
    data = LabelledData(pixels, np.zeros(images, np.int64))
    networks = {variant.model_hash: variant.network for variant in found}
    return tasks(found, DEVICES["xczu9eg"], [200, 400], "random"), networks, data


def count_accuracies(client: Any) -> list[object]:
    """A list that grows with every accuracy that is handed in."""
    submit, handed_in = client.submit, list[object]()

    def counting(function: Any, *arguments: object, **options: object) -> object:
        if function is accuracy:
            handed_in.append(function)
        return submit(function, *arguments, **options)

    client.submit = counting
    return handed_in


def test_the_points_of_a_killed_worker_are_done_again(scheduler: str) -> None:
    """One is killed while it measures an accuracy, which takes it a second."""
    listed, networks, data = some_work(images=20_000)
    results: dict[str, Found] = {}
    with cluster(scheduler, 2) as client:
        before = client.run(os.getpid)
        handed_in = count_accuracies(client)

        def done(task: Task, result: Found) -> None:
            assert task.key not in results
            if not results:
                busy = [place for place, keys in client.processing().items() if any("accuracy" in key for key in keys)]
                os.kill(before[busy[0]], signal.SIGKILL)
            results[task.key] = result

        sweep(client, listed, networks, data, done)
        client.wait_for_workers(2, timeout=120)
        after = client.run(os.getpid)
    assert set(results) == {task.key for task in listed}
    assert sum(isinstance(result, Accuracy) for result in results.values()) == 4
    assert len(handed_in) > 4
    assert len(set(before.values()) - set(after.values())) == 1


class Deadly:
    """Data over which every worker dies."""

    @property
    def images(self) -> object:
        os.kill(os.getpid(), signal.SIGKILL)
        return None


def test_work_that_kills_every_worker_ends_the_sweep(scheduler: str) -> None:
    listed, networks, _ = some_work(images=1)
    with cluster(scheduler, 2) as client:
        handed_in = count_accuracies(client)
        with pytest.raises(ToolError, match="workers keep dying over the accuracy for 2 bits and 2 time steps"):
            sweep(client, listed[:1], networks, Deadly(), lambda task, result: None)  # type: ignore[arg-type]
        client.wait_for_workers(2, timeout=120)
    assert len(handed_in) == ROUNDS


def test_no_scheduler_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.explore.sweep.CONNECT_SECONDS", 1)
    for address in ("tcp://127.0.0.1:9", "nothing://here", "tcp://127.0.0.1:x"):
        result = explore(*SMALL, "--scheduler", address, "-o", tmp_path / "sweep")
        expect_refusal(result, f"--scheduler {address}: there is no Dask scheduler")


def test_no_worker_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.explore.sweep.WORKER_SECONDS", 1)
    with distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", silence_logs=50) as local:
        result = explore(*SMALL, "--scheduler", local.scheduler_address, "-o", tmp_path / "sweep")
    expect_refusal(result, "no worker came in 1 seconds; start some: dask worker")


def test_a_scheduler_that_goes(tmp_path: Path) -> None:
    """A scheduler and a worker as the page on exploring starts them."""
    listed, networks, data = some_work(images=20_000)
    known = tmp_path / "scheduler.json"
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(
        [*start, "--no-dashboard", "--scheduler-file", known], stderr=subprocess.DEVNULL
    ) as scheduler:
        while not known.exists() or not known.read_text().endswith("}"):
            assert scheduler.poll() is None
            time.sleep(0.1)
        address = json.loads(known.read_text())["address"]
        start = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        with subprocess.Popen([*start, "--no-nanny"], stderr=subprocess.DEVNULL) as worker:
            with (
                cluster(address, 1) as client,
                pytest.raises(ToolError, match="the Dask scheduler is gone; run the same command"),
            ):
                sweep(client, listed, networks, data, lambda task, result: scheduler.kill())
            worker.terminate()


def living(session: int) -> list[str]:
    """The processes of a session that are more than an entry that nobody has taken note of yet."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, group = stat.read_text().rpartition(")")[2].split()[:4]
            if group == str(session) and state not in "XZ":
                found.append(stat.parent.name)
    return found


@pytest.mark.parametrize(
    ("number", "everybody"),
    [
        (signal.SIGINT, True),
        (signal.SIGTERM, False),
        *(pytest.param(*others, marks=pytest.mark.long) for others in ((signal.SIGTERM, True), (signal.SIGHUP, False))),
    ],
)
def test_alone_and_ended(tmp_path: Path, number: signal.Signals, everybody: bool) -> None:
    """Without --scheduler, as a process; Ctrl-C goes to every process of a terminal, others to one or to all."""
    out = tmp_path / "sweep"
    command = [*HWSNN, "explore", *DIGITS, "--bits", "2-8", "--clocks", "100-300", "-o", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while process.poll() is None and not list(out.glob("points/*.json")):
            time.sleep(0.1)
        workers = living(process.pid)
        (os.killpg if everybody else os.kill)(process.pid, number)
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    assert len(workers) > 1
    tracker = 1  # of multiprocessing: ends once it sees that the command has
    assert len(living(process.pid)) <= tracker
    kept = list(out.glob("points/*.json"))
    assert kept
    assert all(json.loads(path.read_text()) for path in kept)
    assert [path.name for path in out.iterdir()] == ["points"]


def listening(processes: Iterable[int]) -> list[int]:
    """The ports on which these processes listen."""
    names = [link for process in processes for link in Path(f"/proc/{process}/fd").iterdir()]
    sockets = {os.readlink(link) for link in names if link.is_symlink()}
    ports = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                ports.append(int(fields[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.parametrize("key", ["none", "another"])
def test_alone_nobody_without_the_key_gets_in(key: str) -> None:
    another = distributed.security.Security.temporary()
    others = set(listening([os.getpid()]))  # of other tests
    with cluster(None, 2) as client:
        workers = client.run(os.getpid)
        ports = set(listening([os.getpid(), *workers.values()])) - others
        assert len(ports) >= 5, "the scheduler, and two workers with a nanny each"
        for port in ports:
            stranger = {"address": f"tcp://127.0.0.1:{port}"}
            if key == "another":
                stranger = {"address": f"tls://127.0.0.1:{port}", "security": another}
            with pytest.raises(OSError):  # noqa: PT011  (another from one who gets in and asks for what is not there)
                distributed.Client(**stranger, timeout=20).run_on_scheduler(os.getpid)
        assert client.run(os.getpid) == workers, "they go on"


def test_alone_nobody_imports_from_a_folder_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the workers nor we, who are the scheduler: what is new is in one folder of ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # stands for one where others can write
    before = sys.path.copy()
    with cluster(None, 2) as client:
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith("hwsnn-explore-")
        assert folder.name.endswith(ENDING), "of those that are removed though we be killed"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Path.cwd() == folder
        for path in (sys.path, *client.run(lambda: sys.path).values()):
            new = [Path(entry) for entry in path if entry not in before]
            assert new
            assert all(folder in entry.parents for entry in new)
        assert set(client.run(os.getcwd).values()) == {str(folder)}
    assert sys.path == before
    assert list(tmp_path.iterdir()) == []


def test_without_dask_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hwsnn.explore.sweep")
    monkeypatch.setitem(sys.modules, "dask", None)
    result = explore(*SMALL, "-o", tmp_path / "sweep")
    expect_refusal(result, "hwsnn explore needs dask: in hwsnn's checkout, pip install -e '.[explore]'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bits", "0-8"), "must be from 1 to 8, in order, not '0-8'"),
        (("--bits", "8-2"), "must be from 1 to 8, in order, not '8-2'"),
        (("--bits", "two"), "must be integers such as 2-4,8, not 'two'"),
        (("--bits", "2,,3"), "must be integers such as 2-4,8"),
        (("--timesteps", "0"), "must be from 1 to 256"),
        (("--clocks", "1-1000000"), "are too many; name some of them"),
        (("--clocks", "100", "--points", "4"), "must not be given together"),
        (("--points", "1"), "is not in the range"),
        (("--clock-mhz", "nan"), "must be from 0.001 to 1000"),
        (("-n", "361"), "-n must be from 1 to 360"),
        (("--split", "train-tail"), "has no training split"),
        (("--data", "nowhere"), "nowhere: no such data"),
    ],
)
def test_bad_options(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    expect_refusal(explore(*DIGITS, "-o", tmp_path / "sweep", *arguments), message)
    assert list(tmp_path.iterdir()) == []


def test_bad_networks(tmp_path: Path) -> None:
    rest = ("--data", "digits", "-o", tmp_path / "sweep")
    shipped = folder("models") / "digits"
    expect_refusal(explore("nowhere.safetensors", *rest), "nowhere.safetensors: no such file; give a trained network")
    expect_refusal(explore("nowhere", *rest), "nowhere: ")
    expect_refusal(explore(shipped / "digits.safetensors", *rest), "is already quantized")
    silent = tmp_path / "silent.safetensors"
    float_file.save(replace(float_file.load(shipped / "digits-float.safetensors"), timesteps=None), silent)
    expect_refusal(explore(silent, *rest), "does not say how many time steps it was trained for")
    silent.unlink()
    expect_refusal(explore("mnist-small", *rest), "images are 8x8; the model takes 1x28x28")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_cannot_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise InputError("its membranes need 40 bits")

    monkeypatch.setattr("hwsnn.explore.space.quantize", refuse)
    result = explore(*DIGITS, "-o", tmp_path / "sweep")
    expect_refusal(result, "digits-float.safetensors: 2 weight bits and 2 time steps: its membranes need 40 bits")
