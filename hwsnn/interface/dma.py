"""Registers and descriptors of AMD's AXI DMA in scatter-gather mode, as in its product guide PG021 (7.1).

A channel's registers start at ``MM2S`` (memory to stream) or ``S2MM`` (stream to memory). It processes a linked list
of descriptors in memory, up to the one that the tail pointer names, and waits there for the tail pointer to move on.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np

MM2S = 0x00
S2MM = 0x30


class Offset(IntEnum):
    """Offsets of a channel's registers. Pointers have 64 bits; writing the high word of a tail pointer activates it.

    A DMA with addresses of 32 bits lacks the high words: they read 0, and writing the low one activates it.
    """

    CONTROL = 0x00
    STATUS = 0x04
    CURRENT = 0x08
    CURRENT_HIGH = 0x0C
    TAIL = 0x10
    TAIL_HIGH = 0x14


class DmaControl(IntFlag):
    """Bits of ``CONTROL``. ``RESET`` resets both channels, and is 0 again once that is done."""

    RUN = 1 << 0
    RESET = 1 << 2


class DmaStatus(IntFlag):
    """Bits of ``STATUS``. Any of the errors halts the channel until it is reset."""

    HALTED = 1 << 0
    IDLE = 1 << 1
    DMA_INTERNAL = 1 << 4
    DMA_SLAVE = 1 << 5
    DMA_DECODE = 1 << 6
    SG_INTERNAL = 1 << 8
    SG_SLAVE = 1 << 9
    SG_DECODE = 1 << 10


ERRORS = {
    DmaStatus.DMA_INTERNAL: "DMAIntErr: a transfer went wrong",
    DmaStatus.DMA_SLAVE: "DMASlvErr: memory refused an access",
    DmaStatus.DMA_DECODE: "DMADecErr: no memory at a buffer's address",
    DmaStatus.SG_INTERNAL: "SGIntErr: a descriptor was done already",
    DmaStatus.SG_SLAVE: "SGSlvErr: memory refused an access to a descriptor",
    DmaStatus.SG_DECODE: "SGDecErr: no memory at a descriptor's address",
}
"""The name and the meaning of each error bit of a channel's status."""

DESCRIPTOR_BYTES = 64
"""Descriptors are at multiples of this address."""
DESCRIPTOR = np.dtype(
    {
        "names": ["next", "buffer", "control", "status"],
        "formats": ["<u8", "<u8", "<u4", "<u4"],
        "offsets": [0x00, 0x08, 0x18, 0x1C],
        "itemsize": DESCRIPTOR_BYTES,
    }
)
"""``next`` and ``buffer`` are addresses; ``control`` and ``status`` hold a length in bytes, and flags."""

LENGTH = (1 << 26) - 1
"""The bits of a length; the longest buffer."""
LAST, FIRST = 1 << 26, 1 << 27
"""Flags of both words: the buffer holds a packet's last and first word. The DMA sets those of ``status`` on S2MM."""
FAILED = 0b111 << 28
"""Flags of ``status``: the channel's three ``DMA_`` errors, in their order."""
DONE = 1 << 31
"""Flag of ``status``: the DMA has completed the descriptor."""
