"""The options that say how parallel a design is, shared by the commands that make one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import as_path

if TYPE_CHECKING:
    from hwsnn.planner.plan import Plan

    from ..spec import Network

DEVICES = ("xczu9eg", "lfe5u-85")
SLOWEST_MHZ, FASTEST_MHZ = 0.001, 1000
DEFAULT_MHZ = 150
"""The clock of the published system, at which frame rates are compared."""


@dataclass(frozen=True)
class Wish:
    """What the options ask for; ``device`` None where the command has a device of its own."""

    device: str | None
    target_fps: float | None
    clock_mhz: float | None
    max_lut: float | None
    fold: Path | None

    def plan(self, network: Network, device: str | None = None, clock_mhz: float | None = None) -> Plan:
        """The design; on ``device`` at ``clock_mhz`` where the command knows them. Raises ``InputError``.

        A line on stderr says where it is larger than usual, or than the device.
        """
        made = self._plan(network, device, clock_mhz)
        if made.remark is not None:
            click.echo(f"hwsnn: {network.name}: {made.remark}", err=True)
        return made

    def _plan(self, network: Network, device: str | None, clock_mhz: float | None) -> Plan:
        from hwsnn.planner import plan
        from hwsnn.planner.devices import DEVICES

        target = DEVICES[device or self.device or next(iter(DEVICES))]
        if self.fold is not None:
            return plan.from_file(network, target, self.fold)
        if self.target_fps is not None:
            return plan.for_throughput(network, target, self.target_fps, clock_mhz or self.clock_mhz or DEFAULT_MHZ)
        return plan.for_utilization(network, target, self.max_lut)


def remark(plan: Plan) -> dict[str, str]:
    """What the JSON of a command says of its design beside figures: nothing of one that is as large as usual."""
    return {} if plan.remark is None else {"remark": plan.remark}


def _number(low: float, high: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    def check(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
        if value is not None and not low <= value <= high:  # click's own range lets nan pass
            raise click.BadParameter(f"must be from {low:g} to {high:g}, not {value:g}")
        return value

    return check


def clock_option_meaning(what: str) -> Callable[[Any], Any]:
    """``--clock-mhz``, its help text ``what``."""
    check = _number(SLOWEST_MHZ, FASTEST_MHZ)
    return click.option("--clock-mhz", type=float, callback=check, metavar="M", help=what)


clock_option = clock_option_meaning(f"The FPGA clock to assume (default: {DEFAULT_MHZ}).")

device_option = click.option(
    "--device", type=click.Choice(DEVICES), default=DEVICES[0], show_default=True, help="The FPGA to plan for."
)


def folding_options(*, own_device: bool = False, clock: Callable[[Any], Any] = clock_option) -> Callable[[Any], Any]:
    """``--device``, ``--target-fps`` with ``--clock-mhz``, ``--max-lut`` and ``--fold``, given as ``wish: Wish``.

    A command of a board has its own device; ``clock`` replaces the option of that name.
    """
    options = [
        click.option(
            "--target-fps",
            type=float,
            callback=_number(0.001, 1e9),
            metavar="F",
            help="The cheapest design of at least so many frames a second at the clock.",
        ),
        click.option(
            "--max-lut",
            type=float,
            callback=_number(0.001, 100),
            metavar="P",
            help="The fastest design within P percent of the device's look-up tables (an estimate).",
        ),
        click.option(
            "--fold", type=click.Path(), callback=as_path, metavar="FILE", help="The folds in FILE, a folding.json."
        ),
    ]
    options.append(clock)
    if not own_device:
        options.append(device_option)

    def decorate(command: Any) -> Any:
        @functools.wraps(command)
        def wished(
            *args: Any,
            target_fps: float | None,
            max_lut: float | None,
            fold: Path | None,
            clock_mhz: float | None = None,
            device: str | None = None,
            **kwargs: Any,
        ) -> Any:
            given = {"--target-fps": target_fps, "--max-lut": max_lut, "--fold": fold}
            named = [name for name, value in given.items() if value is not None]
            if len(named) > 1:
                raise click.UsageError(f"{' and '.join(named)} must not be given together")
            return command(*args, wish=Wish(device, target_fps, clock_mhz, max_lut, fold), **kwargs)

        for option in reversed(options):
            wished = option(wished)
        return wished

    return decorate
