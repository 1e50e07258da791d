"""A module in the place of PYNQ, which is not installed here: it leads to a board in software."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.soft_board import Region, SoftBoard

REGISTERS, DMA, WINDOW = 0xA000_0000, 0xA001_0000, 0x1_0000


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
        self.board = board
        self.blocks: dict[str, Any] | None = {"dma": {"phys_addr": DMA}, "ps": {"type": "processor"}}
        self.loaded: list[str] = []
        self.trouble: Exception | None = None
        fake = self

        class MMIO:
            def __init__(self, base_addr: int, length: int = 4) -> None:
                if fake.trouble:
                    raise fake.trouble
                assert (base_addr, length) in ((REGISTERS, WINDOW), (DMA, WINDOW))
                self._base = base_addr

            def read(self, offset: int = 0) -> int:
                assert 0 <= offset < WINDOW
                return fake.board.read(self._base + offset)

            def write(self, offset: int, data: int) -> None:
                if type(data) is not int:
                    raise ValueError("Data type must be int or bytes.")
                fake.board.write(self._base + offset, data)

        class Overlay:
            def __init__(self, bitfile_name: str) -> None:
                if not isinstance(bitfile_name, str):
                    raise TypeError("Bitstream name has to be a string.")
                fake.loaded.append(bitfile_name)
                self.ip_dict = fake.blocks

        self.MMIO, self.Overlay = MMIO, Overlay
        self.PL = SimpleNamespace(ip_dict=self.blocks)

    def allocate(self, shape: tuple[int, ...], dtype: Any = "u4") -> Contiguous:
        assert np.dtype(dtype) == np.uint8
        (size,) = shape
        region = self.board.memory.allocate(size)
        region.cached[:] = region.memory[:] = 0xA5  # it is not said to be zero
        return Contiguous.of(self.board, region)
