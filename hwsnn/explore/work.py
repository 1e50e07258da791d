"""The functions that a sweep's workers run. Everything is sent with the task: workers need no files."""

from __future__ import annotations

import signal

from hwsnn.planner import TooFastError, TooLargeError
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_initiation_interval

from .. import reference
from ..data import LabelledData
from ..errors import InputError
from ..spec import Network
from ..version import __version__
from .points import Accuracy, Design, Refusal


def dask_setup(worker: object) -> None:
    """Ignore Ctrl-C in a new worker on this machine: the command handles it, and ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def accuracy(version: str, network: Network, data: LabelledData) -> Accuracy:
    """How many of the images ``network`` classifies correctly; on one core, because every core has a worker."""
    _require_version(version)
    answers = reference.run(network, data.images, cores=1).predictions
    return Accuracy(int((answers == data.labels).sum()), len(data.images))


def design(version: str, network: Network, device: str, clocks: int) -> Design | Refusal:
    """The cheapest design of at most ``clocks`` cycles per frame, if there is one."""
    _require_version(version)
    try:
        plan = for_initiation_interval(network, DEVICES[device], clocks)
    except (TooFastError, TooLargeError) as error:
        return Refusal(str(error))
    return Design(
        cycles_per_frame=float(plan.clocks.cycles_per_frame),
        latency_cycles=plan.clocks.latency_cycles,
        lut=plan.cost.lut,
        ff=plan.cost.ff,
        bram18=plan.cost.bram18,
        limiting=plan.limiting,
    )


def _require_version(version: str) -> None:
    if version != __version__:
        raise InputError(f"a worker has hwsnn {__version__}, and must have {version}: install the same everywhere")
