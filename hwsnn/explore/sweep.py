"""Tasks on the cores of this machine or on a Dask cluster.

The inputs of the tasks are kept by the scheduler, not only by workers: whatever a dead worker held is made again
elsewhere, like its tasks. Dask sends Python objects (pickle) between its processes, so a scheduler must be trusted. The
one of this machine (``hwsnn.explore.local``) is closed to all other users.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager

import dask
from distributed import Client, Future, KilledWorker, as_completed
from distributed.comm.core import CommClosedError
from distributed.exceptions import WorkerStartTimeoutError

from ..data import LabelledData
from ..errors import InputError, ToolError, reason
from ..spec import Network
from ..version import __version__
from . import work
from .local import SILENT, closed_cluster
from .points import Result, Task

AT_ONCE = 1000
"""Tasks submitted to Dask at a time: more than a cluster has cores, and few enough to start and stop quickly."""
ROUNDS = 3
"""How often a task is resubmitted. In each round Dask itself tries it on several workers (``allowed-failures``)."""
CONNECT_SECONDS = 10
WORKER_SECONDS = 60
SETTINGS = {"distributed.admin.large-graph-warning-threshold": "1 TB"}
"""The images are submitted with the tasks on purpose."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def cluster(address: str | None, workers: int) -> Iterator[Client]:
    """The cluster at ``address``, or one on this machine of ``workers`` processes with one thread each."""
    for name in logging.root.manager.loggerDict:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(SILENT)
    if address is None:
        with closed_cluster(workers) as client:
            yield client
        return
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler {address}: there is no Dask scheduler ({reason(error)}); give its address, such as "
            "tcp://host:8786"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except WorkerStartTimeoutError:
            raise ToolError(f"{address}: no worker came in {WORKER_SECONDS} seconds; start some: dask worker") from None
        yield client


def sweep(
    client: Client,
    tasks: Sequence[Task],
    networks: Mapping[str, Network],
    data: LabelledData,
    done: Callable[[Task, Result], object],
) -> None:
    """Run ``tasks``, and call ``done`` with each and its result as it arrives, in any order.

    ``networks``: by the hash in the tasks' settings. Raises ``ToolError`` if workers keep dying on a task, and if the
    scheduler is gone.
    """
    try:
        with dask.config.set(SETTINGS):
            _sweep(client, tasks, networks, data, done)
    except (CommClosedError, CancelledError):
        raise ToolError("the Dask scheduler is gone; run the same command with another one to resume") from None


def _sweep(
    client: Client,
    tasks: Sequence[Task],
    networks: Mapping[str, Network],
    data: LabelledData,
    done: Callable[[Task, Result], object],
) -> None:
    images = client.submit(_same, data, pure=False)
    held = {name: client.submit(_same, network, pure=False) for name, network in networks.items()}
    waiting = deque(sorted(tasks, key=lambda task: task.clocks is not None))  # accuracies first: they take longest
    running: dict[Future, Task] = {}
    deaths: Counter[str] = Counter()
    coming = as_completed()

    def submit(task: Task) -> None:
        network = held[task.settings["model"]]
        if task.clocks is None:
            future = client.submit(work.accuracy, __version__, network, images, pure=False)
        else:
            future = client.submit(work.design, __version__, network, task.settings["device"], task.clocks, pure=False)
        running[future] = task
        coming.add(future)

    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            submit(waiting.popleft())
        future = next(coming)
        task = running.pop(future)
        try:
            result = future.result()
        except KilledWorker:
            deaths[task.key] += 1
            if deaths[task.key] == ROUNDS:
                raise ToolError(
                    f"workers keep dying over {task}: perhaps they lack memory; run the same command to resume"
                ) from None
            submit(task)
        else:
            done(task, result)


def _same(value: object) -> object:
    return value
