"""Whether a board has memory for the frames that its link keeps."""

from __future__ import annotations

from hwsnn.errors import InputError
from hwsnn.interface.registers import frame_bytes
from hwsnn.planner.devices import DEVICES
from hwsnn.spec import Network

from .boards import Board

BLOCKS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""The forms of a block memory of 18 kbit, as words and their bits: UltraScale+ and ECP5 have the same."""


def block_memories(words: int, bits: int) -> int:
    """How many block memories hold ``words`` words of ``bits`` bits."""
    return min(-(-words // deep) * -(-bits // wide) for deep, wide in BLOCKS)


def require_frame_memory(network: Network, board: Board, words: int, bits: int) -> None:
    """Raise ``InputError`` if ``board`` has no room for a memory of frames of ``words`` words of ``bits`` bits."""
    taken, device = block_memories(words, bits), DEVICES[board.device]
    if taken > device.bram18:
        raise InputError(
            f"{network.name}: does not fit {board.title}: to keep frames of {frame_bytes(network):,} bytes takes "
            f"{taken:,} block memories of 18 kbit, and the {device.name} has {device.bram18:,}"
        )
