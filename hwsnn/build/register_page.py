"""``docs/registers.md``, from the register map: ``python -m hwsnn.build.register_page > docs/registers.md``."""

from __future__ import annotations

from collections.abc import Iterable

from hwsnn.interface.addresses import ZYNQ_7000, ZYNQ_ULTRASCALE
from hwsnn.interface.registers import (
    ANSWER_BYTES,
    NUMBER_BYTES,
    REGISTERS,
    RESULT_ANSWER,
    RESULT_NUMBER,
    RESULT_SCORES,
    SCORE_BYTES,
    Register,
    RegisterKind,
)

ACCESS: dict[RegisterKind, str] = {
    "constant": "read, never changes",
    "status": "read",
    "control": "write, reads 0",
    "counter": "read, 64 bits",
}

_INTRODUCTION = """# The registers

*Made from `hwsnn/interface/registers.py` by `python -m hwsnn.build.register_page > docs/registers.md`: edit that file,
not this page. The behaviour behind the registers is in [axi.md](axi.md).*

Registers have 32 bits; offsets are in bytes from the first. Bits and offsets that are not named read 0, and writing
them has no effect. A counter has 64 bits: its low word is at its offset, its high word behind it. Read the low word
first: that latches the high word.
"""

_LARGE, _SMALL = ZYNQ_ULTRASCALE, ZYNQ_7000
_ON_A_ZYNQ = f"""
## On a Zynq

The processor finds two blocks of registers, each in a window of {_LARGE.window >> 10} KiB: over M_AXI_HPM0_FPD of a
Zynq UltraScale+, over M_AXI_GP0 of a Zynq-7000.

| Zynq UltraScale+ | Zynq-7000 | what |
| --- | --- | --- |
| `0x{_LARGE.registers:08X}` | `0x{_SMALL.registers:08X}` | these registers |
| `0x{_LARGE.dma:08X}` | `0x{_SMALL.dma:08X}` | those of the AXI DMA (AMD PG021): frames (MM2S) at offset `0x00`, \
results (S2MM) at `0x30` |

The DMA works with scatter-gather; its addresses have 64 bits, on a Zynq-7000 32. `hwsnn build MODEL --board BOARD`
writes all of this as a C header too, with the model's own constants.
"""


def markdown() -> str:
    """The page."""
    parts = [_INTRODUCTION, *_table(("offset", "register", "access", "what"), map(_row, REGISTERS))]
    for register in REGISTERS:
        if register.fields:
            rows = (
                (_bits(field.lsb, field.width), f"`{field.name}`", f"`0x{field.mask:X}`", field.text)
                for field in register.fields
            )
            parts += [f"\n## Bits of `{register.name}`\n", *_table(("bit", "field", "mask", "what"), rows)]
    results = [
        (f"{RESULT_NUMBER}", f"{NUMBER_BYTES}", "the number of the frame's packet"),
        (f"{RESULT_ANSWER}", f"{ANSWER_BYTES}", "the answer: the class"),
        (f"{RESULT_SCORES} + {SCORE_BYTES} k", f"{SCORE_BYTES}", "the score of class k, two's complement"),
    ]
    parts += ["\n## A result, in bytes\n", *_table(("offset", "bytes", "what"), results)]
    return "\n".join(parts) + "\n" + _ON_A_ZYNQ


def _row(register: Register) -> tuple[str, ...]:
    return f"`0x{register.offset:03X}`", f"`{register.name}`", ACCESS[register.kind], register.text


def _bits(lsb: int, width: int) -> str:
    return str(lsb) if width == 1 else f"{lsb + width - 1} to {lsb}"


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heading, ("---",) * len(heading), *rows)]


if __name__ == "__main__":
    print(markdown(), end="")
