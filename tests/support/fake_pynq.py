"""A module in the place of PYNQ, which is not installed here: it leads to a board in software."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwsnn.host import hwmon
from hwsnn.host.dma import load_record, pynq_bus
from tests.support.soft_board import Region, SoftBoard


class Contiguous(np.ndarray):  # type: ignore[type-arg]
    """What ``pynq.allocate`` returns: an array with an address, and a way through the caches for all of it."""

    board: SoftBoard
    region: Region
    device_address: int

    @classmethod
    def of(cls, board: SoftBoard, region: Region) -> Contiguous:
        self = region.cached.view(cls)
        self.board, self.region, self.device_address = board, region, region.address
        return self

    def flush(self) -> None:
        self.region.memory[:] = self.region.cached

    def invalidate(self) -> None:
        self.board.step()
        self.region.cached[:] = self.region.memory


class FakePynq:
    """As much of the module as a driver needs, checked as strictly as the module itself does."""

    def __init__(self, board: SoftBoard) -> None:
        self.board, addresses = board, board.addresses
        self.blocks: dict[str, Any] | None = {
            "accelerator": {"phys_addr": addresses.registers, "addr_range": addresses.window},
            "dma": {"phys_addr": addresses.dma, "addr_range": addresses.window},
            "ps": {"type": "processor"},
        }
        self.loaded: list[str] = []
        self.trouble: Exception | None = None
        fake = self

        class MMIO:
            def __init__(self, base_addr: int, length: int = 4) -> None:
                if fake.trouble:
                    raise fake.trouble
                assert base_addr in (addresses.registers, addresses.dma)
                assert length == addresses.window
                self._base = base_addr

            def read(self, offset: int = 0) -> int:
                assert 0 <= offset < addresses.window
                return fake.board.read(self._base + offset)

            def write(self, offset: int, data: int) -> None:
                if type(data) is not int:
                    raise ValueError("Data type must be int or bytes.")
                fake.board.write(self._base + offset, data)

        class Overlay:
            def __init__(self, bitfile_name: str) -> None:
                if not isinstance(bitfile_name, str):
                    raise TypeError("Bitstream name has to be a string.")
                if Path(bitfile_name).with_suffix(".xsa").exists():
                    raise ValueError(f"{bitfile_name} is not a valid input")
                if not Path(bitfile_name).with_suffix(".hwh").is_file():
                    raise RuntimeError("Unable to find metadata for bitstream")
                Path(bitfile_name).read_bytes()
                fake.loaded.append(bitfile_name)
                self.ip_dict = fake.PL.ip_dict = fake.blocks

        self.MMIO, self.Overlay = MMIO, Overlay
        self.PL = SimpleNamespace(ip_dict=self.blocks, bitfile_name="/home/maker/small.bit")
        self.Clocks = SimpleNamespace(fclk0_mhz=99.999, fclk1_mhz=0.0, fclk2_mhz=0.0, fclk3_mhz=0.0)
        self.__version__ = "3.0.1"

    def allocate(self, shape: tuple[int, ...], dtype: Any = "u4") -> Contiguous:
        assert np.dtype(dtype) == np.uint8
        (size,) = shape
        region = self.board.memory.allocate(size)
        region.cached[:] = region.memory[:] = 0xA5  # it is not said to be zero
        return Contiguous.of(self.board, region)


def put_in_place(fake: FakePynq, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``fake`` is the module from now on, and what Linux says and we record lies in ``folder``, which is new."""
    folder.mkdir()
    monkeypatch.setitem(sys.modules, "pynq", fake)  # type: ignore[arg-type]
    for module, name, text in (
        (pynq_bus, "FPGA_STATE", "operating\n"),
        (load_record, "BOOT_ID", "2f0e71d2-0f0c-4d52-9c7c-4ed1d5b1c0a4\n"),
    ):
        (folder / name).write_text(text)
        monkeypatch.setattr(module, name, folder / name)
    monkeypatch.setattr(load_record, "FOLDER", folder / "hwsnn")
    monkeypatch.setattr(hwmon, "ROOT", folder / "hwmon")
