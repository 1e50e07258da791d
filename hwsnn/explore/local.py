"""A Dask cluster on this machine, closed to all other users.

Anybody who can talk to a Dask process can run anything in it, and every user of a machine can reach its loopback
address. So each connection is TLS, both ends with a key that is made for this run and known only to its processes, and
the HTTP servers, which require no key, do not start.

Dask imports modules from its scratch folders, and multiprocessing, which starts the workers, from the current folder:
both are one folder that no other user can write to, and that is empty at first.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import cryptography  # noqa: F401  (Security.temporary needs it: if it is missing, fail before anything starts)
from distributed import Client, Nanny, Scheduler, SpecCluster, Worker
from distributed.security import Security

from hwsnn.files.scratch import Scratch
from hwsnn.processes.children import standing_in

from . import work

SILENT = logging.CRITICAL + 1
"""The level of Dask's logging: errors are handled here, and reported in one line."""
HERE = {"host": "127.0.0.1", "protocol": "tls://"}


class _Scheduler(Scheduler):  # type: ignore[misc]  # Dask's classes are Any to mypy
    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """No server."""


class _Worker(Worker):  # type: ignore[misc]
    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """No server."""


@contextmanager
def closed_cluster(workers: int) -> Iterator[Client]:
    """A cluster of ``workers`` processes with one thread each. An exception, Ctrl-C too, ends them at once.

    Changes the current folder while it is open.
    """
    security = Security.temporary()
    with Scratch("explore") as scratch, standing_in(scratch):
        every = {**HERE, "security": security, "local_directory": str(scratch)}
        worker = {
            **every,
            "worker_class": _Worker,
            "nthreads": 1,
            "memory_limit": None,
            "preload": [work.__name__],
            "silence_logs": SILENT,
        }
        with SpecCluster(
            scheduler={"cls": _Scheduler, "options": {**every, "port": 0, "dashboard": False}},
            workers={number: {"cls": Nanny, "options": worker} for number in range(workers)},
            security=security,
            silence_logs=SILENT,
        ) as cluster:
            try:
                with Client(cluster) as client:
                    yield client
            except BaseException:
                _kill(cluster)
                raise


def _kill(cluster: SpecCluster) -> None:
    """Kill the workers: asked to close, they would first finish their tasks."""
    for nanny in cluster.workers.values():
        nanny.close_gracefully()  # which here means: start no other worker in its place
        if nanny.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)
