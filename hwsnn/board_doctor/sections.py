"""Which sections there are of the board at an address."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hwsnn.board import ANY_ZYNQ, SIMULATED, address_parts
from hwsnn.build.boards import AxiBoard, load_board
from hwsnn.errors import InputError
from hwsnn.host.dma import load_record
from hwsnn.host.dma.bus import Bus
from hwsnn.host.dma.pynq_bus import PynqBus, place_of
from hwsnn.host.serial.accelerator import BAUD
from hwsnn.model_file.by_name import load_model

from . import design, serial_port, system
from .report import Section


def sections_of(address: str, model: str | None, baud: int | None) -> list[Section]:
    """The sections for ``address``; ``model``: what the board should hold, if it is known; ``baud``: of a serial port.

    Raises ``InputError`` if there can be no board at the address.
    """
    scheme, place = address_parts(address)
    if baud is not None and scheme != "serial":
        raise InputError(f"{address}: bits per second are for a serial port only; not {baud}")
    found = [Section("versions", system.versions), Section("system", system.image)]
    if scheme == "sim":
        simulated = _simulated_model(address, place, model)
        found.append(Section("MODEL", partial(design.model, simulated)))
        return [*found, Section("design", partial(design.design, partial(_simulated, simulated), simulated))]
    if model is not None:
        found.append(Section("MODEL", partial(design.model, model)))
    if scheme == "serial":
        found += [
            Section("port", partial(serial_port.port, place)),
            Section("identity", partial(serial_port.exchange, place, baud or BAUD, model)),
        ]
    else:
        found += [
            Section("board", system.board),
            Section("memory", system.memory),
            Section("logic", system.logic),
            Section("clocks", system.clocks),
            Section("power monitors", system.power_monitors),
            Section("PYNQ", _pynq),
            Section("bitstream", partial(_bitstream, place)),
            Section("design", partial(design.design, partial(_loaded, scheme, place), model)),
        ]
    return [*found, Section("kernel log", system.kernel_log)]


def _simulated_model(address: str, place: str, model: str | None) -> str:
    named = [name for name in (place, model) if name]
    if len(named) != 1:
        raise InputError(f"{address}: must have one model, after sim: or as MODEL, not {len(named)}")
    return named[0]


def _simulated(model: str) -> Bus:
    from hwsnn.sim.board import SimBus

    return SimBus(load_model(model), load_board(SIMULATED, AxiBoard))


def _loaded(scheme: str, place: str) -> Bus:
    """The way to what is loaded; ``InputError`` unless that is known, and is the file ``place`` if one is named.

    Nothing is loaded here: that would remove what has gone wrong.
    """
    if place:
        last = load_record.last()
        if last is None or not last.since_boot or last.bitstream != str(place_of(Path(place))):
            raise InputError(
                f"registers were not touched, as {Path(place).name} is not known to be loaded, and a read that nothing "
                "answers stops the processor"
            )
    return PynqBus(scheme, None if scheme == ANY_ZYNQ else load_board(scheme, AxiBoard).addresses, None)


def _bitstream(place: str) -> Iterator[str]:
    if place:
        yield from design.bitstream(Path(place))
        return
    last = load_record.last()
    if last is None:
        yield "none is named, and none is known to be loaded"
    else:
        yield from design.bitstream(Path(last.bitstream))


def _pynq() -> Iterator[str]:
    """What PYNQ says of itself, of what is loaded, and of the clocks."""
    pynq: Any = importlib.import_module("pynq")
    yield f"version {getattr(pynq, '__version__', 'unknown')}"
    loaded = getattr(pynq.PL, "bitfile_name", None)
    yield f"its record: {Path(loaded).name if loaded else 'nothing is loaded'}"
    for name, block in sorted((pynq.PL.ip_dict or {}).items()):
        if "phys_addr" in block:
            yield f"block {name} at 0x{block['phys_addr']:X}"
    for number in range(4):
        yield f"fclk{number}: {getattr(pynq.Clocks, f'fclk{number}_mhz')} MHz"
