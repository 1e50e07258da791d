"""A real Zynq board by PYNQ: its bitstream, its registers, and memory for its DMA.

PYNQ is imported only here, and only once such a board is opened.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hwsnn.errors import InputError, reason
from hwsnn.files.atomic import require_file
from hwsnn.interface.addresses import AddressMap

from . import load_record
from .bus import Buffer, Bus

FPGA_STATE = Path("/sys/class/fpga_manager/fpga0/state")
"""Where Linux says whether the logic is configured: ``operating``."""
CONFIGURED = "operating"
ACCELERATOR, DMA = "accelerator", "dma"
"""Names of blocks in the block design (``hwsnn/build/vivado/block_design.tcl``), and in PYNQ's list of them."""


class PynqBuffer(Buffer):
    """Contiguous memory from PYNQ, which is not cached unless PYNQ is set up to do so."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.array = np.asarray(memory)  # a plain view: slices of PYNQ's own are slow
        self.address = int(memory.device_address)

    def flush(self) -> None:
        self._memory.flush()

    def invalidate(self) -> None:
        self._memory.invalidate()


class PynqBus(Bus):
    """The board that this program runs on, loaded with ``bitstream``, or as we left it if that is None.

    ``board`` is its name. ``addresses`` are the board's; None: those that the bitstream's description says. Raises
    ``InputError`` if it cannot be used, or holds no DMA at its address.
    """

    def __init__(self, board: str, addresses: AddressMap | None, bitstream: Path | None) -> None:
        self.name = board if bitstream is None else f"{board}:{bitstream}"
        self._board = board
        pynq = self._import()
        with self._reported():
            blocks = self._loaded(pynq) if bitstream is None else self._load(pynq, bitstream)
        self.addresses = addresses = self._described(blocks) if addresses is None else addresses
        # Without hardware nothing answers a read, and the processor would hang.
        if addresses.dma not in {block.get("phys_addr") for block in blocks.values()}:
            raise InputError(
                f"{self.name}: has no AXI DMA at 0x{addresses.dma:X}; open {board}:FILE.bit, with what hwsnn build "
                f"makes for the {board}"
            )
        self._pynq = pynq
        with self._reported():
            bases = (addresses.registers, addresses.dma)
            self._windows = {base: pynq.MMIO(base, addresses.window) for base in bases}
            if bitstream is not None:
                load_record.remember(place_of(bitstream))

    def read32(self, address: int) -> int:
        window, offset = self._window(address)
        return int(window.read(offset))

    def write32(self, address: int, value: int) -> None:
        window, offset = self._window(address)
        window.write(offset, int(value))  # it refuses everything that is like one, enumerations too

    def _window(self, address: int) -> tuple[Any, int]:
        base = address // self.addresses.window * self.addresses.window
        return self._windows[base], address - base

    def allocate(self, size: int) -> Buffer:
        with self._reported():
            memory = self._pynq.allocate((size,), np.uint8)
            memory[:] = 0
            memory.flush()
        return PynqBuffer(memory)

    def close(self) -> None:
        self._windows = {}

    def _import(self) -> Any:
        try:
            return importlib.import_module("pynq")
        except ImportError as error:
            raise InputError(
                f"{self.name}: needs PYNQ ({reason(error)}); on the board, install hwsnn's wheel with its extra pynq "
                "into the Python of the PYNQ image; anywhere else, the address sim runs it in simulation"
            ) from None

    def _load(self, pynq: Any, bitstream: Path) -> dict[str, Any]:
        """Load a bitstream; the blocks in it, by name."""
        remedy = "give the .bit of hwsnn build, with its .hwh beside it"
        require_file(bitstream, "file", remedy)
        require_file(bitstream.with_suffix(".hwh"), "file", remedy)
        bitstream = place_of(bitstream)
        load_record.forget()
        if bitstream.with_suffix(".xsa").exists():
            # PYNQ would take the bitstream for that archive, and refuse it.
            bitstream = load_record.linked(bitstream)
        blocks: dict[str, Any] = pynq.Overlay(str(bitstream)).ip_dict
        return blocks

    def _loaded(self, pynq: Any) -> dict[str, Any]:
        """The blocks of the loaded bitstream by PYNQ's record, where ours says that it was loaded since the boot."""
        if FPGA_STATE.is_file() and FPGA_STATE.read_text().strip() != CONFIGURED:
            raise InputError(f"{self.name}: no bitstream is loaded; open {self._board}:FILE.bit")
        last = load_record.last()
        if last is None or not last.since_boot:
            raise InputError(
                f"{self.name}: hwsnn has loaded no bitstream since the board was started; "
                f"open {self._board}:{last.bitstream if last else 'FILE.bit'}"
            )
        return pynq.PL.ip_dict or {}

    def _described(self, blocks: dict[str, Any]) -> AddressMap:
        """The addresses of the two blocks that hwsnn's designs have by these names."""
        try:
            accelerator, dma = (blocks[name] for name in (ACCELERATOR, DMA))
            return AddressMap(accelerator["phys_addr"], dma["phys_addr"], accelerator["addr_range"])
        except (KeyError, ValueError):
            raise InputError(
                f"{self.name}: has no {ACCELERATOR} and {DMA} as hwsnn build makes them; open {self._board}:FILE.bit"
            ) from None

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """PYNQ's own errors, of which there are many kinds, in one line."""
        try:
            yield
        except InputError:
            raise
        except PermissionError:
            raise self._not_root() from None
        except Exception as error:
            if "oot permission" in str(error):
                raise self._not_root() from None
            raise InputError(f"{self.name}: PYNQ could not use it ({reason(error)})") from error

    def _not_root(self) -> InputError:
        return InputError(
            f'{self.name}: the hardware may be used by root alone; run this with sudo -E env PATH="$PATH"'
        )


def place_of(bitstream: Path) -> Path:
    """The one absolute path of ``bitstream``. Links are not resolved: the .hwh is beside the link."""
    return bitstream.parent.resolve() / bitstream.name
