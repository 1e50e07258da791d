"""The folding options, shared by the commands that make a design."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.planner.constraints import DEFAULT_DEVICE, DEFAULT_MHZ, LIMITS, Constraints
from hwsnn.planner.devices import DEVICES

from .common import as_path

if TYPE_CHECKING:
    from hwsnn.planner.plan import Plan

    from ..spec import Network


def planned(constraints: Constraints, network: Network) -> Plan:
    """The design for these constraints. Raises ``InputError`` where there is none.

    A line on stderr says if it is larger than usual, or than the device.
    """
    made = constraints.plan(network)
    if made.remark is not None:
        click.echo(f"hwsnn: {network.name}: {made.remark}", err=True)
    return made


def remark(plan: Plan) -> dict[str, str]:
    """The field ``remark`` of a command's JSON; none if the design is no larger than usual."""
    return {} if plan.remark is None else {"remark": plan.remark}


def _within_limits(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    low, high = LIMITS[str(param.name)]
    if value is not None and not low <= value <= high:  # click's own range lets nan pass
        raise click.BadParameter(f"must be from {low:g} to {high:g}, not {value:g}")
    return value


def clock_option_meaning(what: str) -> Callable[[Any], Any]:
    """``--clock-mhz``, its help text ``what``."""
    return click.option("--clock-mhz", type=float, callback=_within_limits, metavar="M", help=what)


clock_option = clock_option_meaning(f"The FPGA clock to assume (default: {DEFAULT_MHZ:g}).")

device_option = click.option(
    "--device",
    type=click.Choice(tuple(DEVICES)),
    default=DEFAULT_DEVICE,
    show_default=True,
    help="The FPGA to plan for.",
)


def folding_options(*, own_device: bool = False, clock: Callable[[Any], Any] = clock_option) -> Callable[[Any], Any]:
    """What makes ``constraints``: target rate, clock, limit on look-up tables, fold file, pixels per cycle and device.

    A command of a board has its own device; ``clock`` replaces the option of that name.
    """
    options = [
        click.option(
            "--target-fps",
            type=float,
            callback=_within_limits,
            metavar="F",
            help="The cheapest design of at least F frames/s at the clock.",
        ),
        click.option(
            "--max-lut",
            type=float,
            callback=_within_limits,
            metavar="P",
            help="The fastest design within P percent of the device's look-up tables (an estimate).",
        ),
        click.option(
            "--fold", type=click.Path(), callback=as_path, metavar="FILE", help="The folds in FILE, a folding.json."
        ),
        click.option(
            "--pixels-per-cycle",
            type=click.Choice(["1", "2"]),
            help="Pixels that arrive per cycle; two need direct encoding (default: 1).",
        ),
    ]
    options.append(clock)
    if not own_device:
        options.append(device_option)

    def decorate(command: Any) -> Any:
        @functools.wraps(command)
        def constrained(
            *args: Any,
            target_fps: float | None,
            max_lut: float | None,
            fold: Path | None,
            pixels_per_cycle: str | None,
            clock_mhz: float | None = None,
            device: str = DEFAULT_DEVICE,
            **kwargs: Any,
        ) -> Any:
            given = {"--target-fps": target_fps, "--max-lut": max_lut, "--fold": fold}
            named = [name for name, value in given.items() if value is not None]
            if len(named) > 1:
                raise click.UsageError(f"{' and '.join(named)} must not be given together")
            if fold is not None and pixels_per_cycle is not None:
                raise click.UsageError("--fold and --pixels-per-cycle must not be given together: the file has its own")
            pixels = None if pixels_per_cycle is None else int(pixels_per_cycle)
            constraints = Constraints(device, target_fps, clock_mhz, max_lut, fold, pixels)
            return command(*args, constraints=constraints, **kwargs)

        for option in reversed(options):
            constrained = option(constrained)
        return constrained

    return decorate
