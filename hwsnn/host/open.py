"""From an address to the board there."""

from __future__ import annotations

from pathlib import Path

from hwsnn.errors import InputError
from hwsnn.model_file.by_name import load_model
from hwsnn.spec import Network

from .accelerator import Accelerator, Stage

ADDRESSES = "zcu102, zcu102:FILE.bit, serial:PORT or sim:MODEL"


def open_board(
    address: str, model: Network | str | Path | None, timeout_s: float | None, baud: int | None, stage: Stage
) -> Accelerator:
    """See ``Accelerator.open``."""
    kind, colon, rest = address.partition(":")
    if kind not in ("zcu102", "serial", "sim") or (colon and not rest):
        hint = f"; perhaps serial:{address}?" if address and Path(address).exists() else ""
        raise InputError(f"{address or '(nothing)'}: not an address of a board; those are {ADDRESSES}{hint}")
    if kind == "serial" and not rest:
        raise InputError(f"{address}: lacks the port; such as serial:/dev/ttyUSB0")
    if timeout_s is not None and not timeout_s > 0:
        raise InputError(f"{address}: the time-out must be more than 0 s, not {timeout_s:g}")
    if baud is not None and (kind != "serial" or baud < 1):
        raise InputError(f"{address}: bits a second are for a serial port alone, and at least 1; not {baud}")
    network = _network(address, rest if kind == "sim" else "", model)
    if kind == "serial":
        from .serial_accelerator import ANSWER_S, BAUD, SerialAccelerator

        return SerialAccelerator(rest, baud or BAUD, network, timeout_s or ANSWER_S)

    from .dma_accelerator import RESULT_S, DmaAccelerator

    if kind == "sim":
        from .sim_bus import RESULT_S as SIMULATED_S
        from .sim_bus import SimBus

        return DmaAccelerator(SimBus(network, stage), network, timeout_s or SIMULATED_S)

    from .pynq_bus import PynqBus

    if rest:
        stage("loading the bitstream")
    return DmaAccelerator(PynqBus(Path(rest) if rest else None), network, timeout_s or RESULT_S)


def _network(address: str, named: str, model: Network | str | Path | None) -> Network:
    if named and model is not None:
        raise InputError(f"{address}: names a model, and so does the caller; say it once, with the address sim")
    if isinstance(model, Network):
        return model
    if not named and model is None:
        raise InputError(f"{address}: say which model it holds: a .safetensors file, or the name of a shipped model")
    return load_model(named or str(model))
