"""A C header for programs that drive the accelerator without hwsnn: registers, frames and results of one model.

Plain C99. ``examples/bare_metal`` uses it.
"""

from __future__ import annotations

from hwsnn.interface.addresses import AddressMap
from hwsnn.interface.registers import (
    HASH_WORDS,
    REGISTERS,
    RESULT_ANSWER,
    RESULT_NUMBER,
    RESULT_SCORES,
    SCORE_BYTES,
    constants,
    of_kind,
)
from hwsnn.spec import Network
from hwsnn.version import __version__

FILE = "hwsnn_accelerator.h"
"""File name of the header."""

_TOP = """\
/* The accelerator of the network "{network}": its registers, frames and results.
 *
 * Written by hwsnn {version}; docs/axi.md and docs/registers.md explain them.
 */
#ifndef HWSNN_ACCELERATOR_H
#define HWSNN_ACCELERATOR_H

#include <stdbool.h>
#include <stdint.h>

/* Access to a 32-bit register by its address. Define both before this line to replace them. */
#ifndef HWSNN_READ
#define HWSNN_READ(address) (*(volatile const uint32_t *)(address))
#define HWSNN_WRITE(address, value) (*(volatile uint32_t *)(address) = (value))
#endif
"""

_CODE = """\
/* Byte of a frame that holds a channel of a pixel at a step, from 0 to HWSNN_FRAME_STEPS - 1: step 0 where the input
 * does not change with time. A frame has HWSNN_FRAME_BYTES bytes, none above HWSNN_LARGEST_PIXEL. */
#define HWSNN_PIXEL(row, column, step, channel) \\
    ((((row) * HWSNN_WIDTH + (column)) * HWSNN_FRAME_STEPS + (step)) * HWSNN_CHANNELS + (channel))
#define HWSNN_LARGEST_PIXEL ((1u << HWSNN_PIXEL_BITS) - 1u)

/* The result of hwsnn_identify. */
enum hwsnn_identity {
    HWSNN_IS_THIS_MODEL, /* the accelerator that this header is for */
    HWSNN_IS_NO_ACCELERATOR,
    HWSNN_IS_OTHER_VERSION, /* of the interface: its registers may mean something else */
    HWSNN_IS_OTHER_MODEL
};

static inline uint32_t hwsnn_read(uintptr_t base, uint32_t offset)
{
    return HWSNN_READ(base + offset);
}

static inline enum hwsnn_identity hwsnn_identify(uintptr_t base)
{
    static const uint32_t model_hash[HWSNN_HASH_WORDS] = HWSNN_MODEL_HASH;
    uint32_t word;

    if (hwsnn_read(base, HWSNN_REG_ID) != HWSNN_ID)
        return HWSNN_IS_NO_ACCELERATOR;
    if (hwsnn_read(base, HWSNN_REG_VERSION) != HWSNN_VERSION)
        return HWSNN_IS_OTHER_VERSION;
    for (word = 0; word < HWSNN_HASH_WORDS; ++word)
        if (hwsnn_read(base, HWSNN_REG_MODEL_HASH_0 + 4u * word) != model_hash[word])
            return HWSNN_IS_OTHER_MODEL;
    return HWSNN_IS_THIS_MODEL;
}

/* Discard all frames, and restart counters and packet numbers from 0. False if the reset has not ended after `looks`
 * reads of the status. A result that was already offered still comes: see HWSNN_STATUS_SENDING. */
static inline bool hwsnn_reset(uintptr_t base, uint32_t looks)
{
    HWSNN_WRITE(base + HWSNN_REG_CONTROL, HWSNN_CONTROL_RESET);
    for (; looks > 0; --looks)
        if ((hwsnn_read(base, HWSNN_REG_STATUS) & HWSNN_STATUS_RESETTING) == 0)
            return true;
    return false;
}

/* A counter, by the offset of its low word. Reading it latches the high word: it must be read first. */
static inline uint64_t hwsnn_counter(uintptr_t base, uint32_t offset)
{
    uint32_t low = hwsnn_read(base, offset);
    uint32_t high = hwsnn_read(base, offset + 4u);

    return (uint64_t)high << 32 | low;
}

/* The word at a byte of a result, for any byte order of this processor. */
static inline uint32_t hwsnn_result_word(const uint8_t *result, uint32_t offset)
{
    return (uint32_t)result[offset] | (uint32_t)result[offset + 1u] << 8 | (uint32_t)result[offset + 2u] << 16
        | (uint32_t)result[offset + 3u] << 24;
}

/* The number of the packet that brought the frame: 0 for the first one after a reset. */
static inline uint32_t hwsnn_result_number(const uint8_t *result)
{
    return hwsnn_result_word(result, HWSNN_RESULT_NUMBER);
}

/* The predicted class. */
static inline uint32_t hwsnn_result_answer(const uint8_t *result)
{
    return hwsnn_result_word(result, HWSNN_RESULT_ANSWER);
}

/* The score of a class. */
static inline int32_t hwsnn_result_score(const uint8_t *result, uint32_t of_class)
{
    uint32_t word = hwsnn_result_word(result, HWSNN_RESULT_SCORES + HWSNN_SCORE_BYTES * of_class);

    return word < 0x80000000u ? (int32_t)word : -(int32_t)~word - 1;
}

#endif
"""


def c_header(network: Network, model_hash: str, word_bytes: int, addresses: AddressMap) -> str:
    """The header for the accelerator of ``network`` at ``addresses``, whose streams have words of ``word_bytes`` bytes.

    The macros are ``HWSNN_REG_NAME`` for offsets of registers, ``HWSNN_REGISTER_FIELD`` for masks of fields, and
    ``HWSNN_NAME`` for values of constant registers. Raises ``ValueError`` as ``hwsnn.interface.registers.constants``.
    """
    values = constants(network, model_hash, word_bytes)
    hash_names = [f"MODEL_HASH_{index}" for index in range(HASH_WORDS)]
    hash_words = [f"0x{values[name]:08X}u" for name in hash_names]
    half = HASH_WORDS // 2
    digest = f"{{ {', '.join(hash_words[:half])}, \\\n    {', '.join(hash_words[half:])} }}"
    own = {name: _literal(name, value) for name, value in values.items() if name not in hash_names}
    groups = [
        ("Offsets of the registers, in bytes.", _offsets()),
        ("Bits of registers.", _masks()),
        (
            "Values of the constant registers of this model.",
            {**own, "HASH_WORDS": f"{HASH_WORDS}u", "MODEL_HASH": digest},
        ),
        (
            "Offsets in a result, in bytes; HWSNN_RESULT_BYTES is its size.",
            {
                "RESULT_NUMBER": f"{RESULT_NUMBER}u",
                "RESULT_ANSWER": f"{RESULT_ANSWER}u",
                "RESULT_SCORES": f"{RESULT_SCORES}u",
                "SCORE_BYTES": f"{SCORE_BYTES}u",
            },
        ),
        (
            "Physical addresses on the board: of these registers, and of those of the AXI DMA (AMD PG021).",
            {"REGISTERS_BASE": f"0x{addresses.registers:08X}u", "DMA_BASE": f"0x{addresses.dma:08X}u"},
        ),
    ]
    defined = "\n".join(
        f"/* {text} */\n" + "".join(f"#define HWSNN_{name} {value}\n" for name, value in macros.items())
        for text, macros in groups
    )
    return f"{_TOP.format(network=network.name, version=__version__)}\n{defined}\n{_CODE}"


def _offsets() -> dict[str, str]:
    return {f"REG_{register.name}": f"0x{register.offset:03X}u" for register in REGISTERS}


def _masks() -> dict[str, str]:
    kinds = (*of_kind("control"), *of_kind("status"))
    return {f"{register.name}_{field.name}": f"0x{field.mask:X}u" for register in kinds for field in register.fields}


def _literal(name: str, value: int) -> str:
    return f"0x{value:08X}u" if name == "ID" else f"{value}u"
