"""What the workers of a sweep do. Everything comes with the task: they need no files."""

from __future__ import annotations

import signal

from hwsnn.planner import TooFastError, TooLargeError
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_initiation_interval

from .. import __version__, reference
from ..data import LabelledData
from ..errors import InputError
from ..spec import Network
from .points import Accuracy, Design, Refusal


def dask_setup(worker: object) -> None:
    """Called by Dask in a new worker on this machine: Ctrl-C is meant for the command, which then ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def accuracy(version: str, network: Network, data: LabelledData) -> Accuracy:
    """How many of the images ``network`` gets right; on one core, as there is a worker for each."""
    _require_version(version)
    answers = reference.run(network, data.images, cores=1).predictions
    return Accuracy(int((answers == data.labels).sum()), len(data.images))


def design(version: str, network: Network, device: str, clocks: int) -> Design | Refusal:
    """The cheapest design of at most so many clocks a frame, if there is one."""
    _require_version(version)
    try:
        plan = for_initiation_interval(network, DEVICES[device], clocks)
    except (TooFastError, TooLargeError) as error:
        return Refusal(str(error))
    return Design(
        clocks_per_frame=float(plan.clocks.cycles_per_frame),
        latency_clocks=plan.clocks.latency_cycles,
        lut=plan.cost.lut,
        ff=plan.cost.ff,
        bram18=plan.cost.bram18,
        limiting=plan.limiting,
    )


def _require_version(version: str) -> None:
    if version != __version__:
        raise InputError(f"a worker has hwsnn {__version__}, and must have {version}: install the same everywhere")
