"""Tasks on the cores of this machine or on a Dask cluster.

What the tasks need is kept by the scheduler, not by workers alone: whatever a dead worker held is made again elsewhere,
like its tasks. Dask sends Python objects (pickle) between its processes, so a scheduler must be a trusted one. On this
machine every connection is TLS with a key that only these processes have, made for this run.
"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

import cryptography  # noqa: F401  (what Security.temporary needs: whoever lacks it is told before anything starts)
import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm.core import CommClosedError
from distributed.exceptions import WorkerStartTimeoutError
from distributed.security import Security

from .. import __version__
from ..data import LabelledData
from ..errors import InputError, ToolError, reason
from ..spec import Network
from . import work
from .points import Result, Task

AT_ONCE = 1000
"""Tasks that Dask knows of at a time: more than a cluster has cores, and few enough to begin and to end quickly."""
ROUNDS = 3
"""How often a task is handed in anew. In each round Dask itself tries it on several workers (``allowed-failures``)."""
CONNECT_SECONDS = 10
WORKER_SECONDS = 60
SILENT = logging.CRITICAL + 1
"""The level of Dask's logging: what goes wrong is dealt with here, and said in a line."""
SETTINGS = {"distributed.admin.large-graph-warning-threshold": "1 TB"}
"""The images are handed in with the tasks on purpose."""
NO_PAGES = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""Dask's HTTP servers know no key, and cannot be left out: they get nothing to serve."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def cluster(address: str | None, workers: int) -> Iterator[Client]:
    """The cluster at ``address``, or one of so many ``workers`` on this machine, each a process with one thread."""
    for name in logging.root.manager.loggerDict:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(SILENT)
    if address is None:
        with _local(workers) as client:
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


@contextmanager
def _local(workers: int) -> Iterator[Client]:
    """A cluster of this machine, for nobody but this process and its children.

    Workers import modules from their scratch folder, so that is one that no other user can write to.
    """
    with (
        tempfile.TemporaryDirectory(prefix="hwsnn-explore-") as scratch,
        dask.config.set(NO_PAGES),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            security=Security.temporary(),
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            local_directory=scratch,
            memory_limit=None,
            preload=[work.__name__],
            silence_logs=SILENT,
        ) as local,
    ):
        try:
            with Client(local) as client:
                yield client
        except BaseException:
            _kill(local)
            raise


def _kill(local: LocalCluster) -> None:
    """End the workers at once: asked to close, they would finish what they are at."""
    for nanny in local.workers.values():
        nanny.close_gracefully()  # which here means: start no other worker in its place
        if nanny.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)


def sweep(
    client: Client,
    tasks: Sequence[Task],
    networks: Mapping[str, Network],
    data: LabelledData,
    done: Callable[[Task, Result], object],
) -> None:
    """Do ``tasks``, and call ``done`` with each and its result as it comes, in any order.

    ``networks``: by the hash that the tasks' settings name. Raises ``ToolError`` where workers keep dying over a task,
    and where the scheduler is gone.
    """
    try:
        with dask.config.set(SETTINGS):
            _sweep(client, tasks, networks, data, done)
    except (CommClosedError, CancelledError):
        raise ToolError("the Dask scheduler is gone; the same command goes on with another one") from None


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
                    f"workers keep dying over {task}: perhaps they have too little memory; the same command goes on"
                ) from None
            submit(task)
        else:
            done(task, result)


def _same(value: object) -> object:
    return value
