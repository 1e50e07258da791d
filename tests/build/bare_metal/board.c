/* A Zynq board in C: the accelerator's registers, the AXI DMA, and a cache between processor and DMA.
 *
 * It answers what frames.h expects of the images there. Whatever the program must not do ends it with a message. BOARD in
 * the environment names what is wrong with this board.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "axi_dma.h"
#include "frames.h"
#include "hwsnn_accelerator.h"
#include "xil_cache.h"
#include "xil_printf.h"

#define LINE 64u
#define LINES 4096u
#define PENDING 2u
#define WORD 8u    /* bytes of a word of the streams */
#define UNASKED 4u /* words of results that the DMA takes without a descriptor */

static bool is_board(const char *name)
{
    const char *board = getenv("BOARD");

    return board != NULL && strcmp(board, name) == 0;
}

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    printf("the program must %s\n", what);
    exit(9);
}

void xil_printf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

/* Memory as the DMA sees it: lines that were flushed, and what the DMA wrote. */
static struct {
    uintptr_t address;
    uint8_t bytes[LINE];
} lines[LINES];
static unsigned known_lines;

static uint8_t *line_at(uintptr_t address, bool make)
{
    unsigned index;

    for (index = 0; index < known_lines; ++index)
        if (lines[index].address == address)
            return lines[index].bytes;
    must(make && known_lines < LINES, "flush what the DMA is to see");
    lines[known_lines].address = address;
    return lines[known_lines++].bytes;
}

static void whole_lines(INTPTR address, INTPTR bytes)
{
    must((uintptr_t)address % LINE == 0 && bytes > 0 && (uintptr_t)bytes % LINE == 0, "leave the rest of a line alone");
}

void Xil_DCacheFlushRange(INTPTR address, INTPTR bytes)
{
    INTPTR line;

    whole_lines(address, bytes);
    for (line = address; line < address + bytes; line += LINE)
        memcpy(line_at((uintptr_t)line, true), (const void *)line, LINE);
}

void Xil_DCacheInvalidateRange(INTPTR address, INTPTR bytes)
{
    INTPTR line;

    whole_lines(address, bytes);
    for (line = address; line < address + bytes; line += LINE)
        memcpy((void *)line, line_at((uintptr_t)line, false), LINE);
}

static uint8_t *byte_at(uintptr_t address)
{
    return line_at(address - address % LINE, false) + address % LINE;
}

/* The accelerator. */
static uint8_t pending[PENDING][HWSNN_RESULT_BYTES];
static unsigned waiting;
static uint32_t gone; /* bytes of the first result that the DMA has taken */
static bool old, receiving; /* a result, and a frame, that were on their way when the program began */
static uint32_t packets, answered, kept_high = 0xBAD;

static void put_word(uint8_t *result, uint32_t offset, uint32_t word)
{
    unsigned byte;

    for (byte = 0; byte < 4; ++byte)
        result[offset + byte] = (uint8_t)(word >> (8 * byte));
}

static void take_frame(const uint8_t *frame)
{
    uint8_t *result = pending[waiting];
    uint32_t image, of_class;

    if (receiving) {
        receiving = false;
        return;
    }
    ++waiting;
    for (image = 0; image < FRAMES && memcmp(images[image], frame, HWSNN_FRAME_BYTES) != 0; ++image)
        ;
    must(image < FRAMES, "send images as they are");
    put_word(result, HWSNN_RESULT_NUMBER, packets + (is_board("another frame's number") && packets == 3 ? 1 : 0));
    put_word(result, HWSNN_RESULT_ANSWER, expected_answers[image] + (is_board("wrong answer") && image == 17 ? 1 : 0));
    for (of_class = 0; of_class < HWSNN_CLASSES; ++of_class) {
        bool wrong = is_board("wrong score") && image == 2 && of_class == 1;

        put_word(result, HWSNN_RESULT_SCORES + HWSNN_SCORE_BYTES * of_class,
            (uint32_t)expected_scores[image][of_class] ^ (wrong ? 1u : 0u));
    }
    ++packets;
}

static uint64_t counter(uint32_t offset)
{
    switch (offset) {
    case HWSNN_REG_FRAMES:
        return answered;
    case HWSNN_REG_CLOCKS:
        return 0x1FFFFFFFF; /* its high word changes with the next clock */
    case HWSNN_REG_INPUT_STALLS:
        return 0x123456789ABCDEF0;
    case HWSNN_REG_OUTPUT_STALLS:
        return UINT64_MAX;
    default:
        return 0;
    }
}

static void time_passes(void);

static uint32_t read_accelerator(uint32_t offset)
{
    static const uint32_t hash[HWSNN_HASH_WORDS] = HWSNN_MODEL_HASH;
    uint32_t status = 0;

    if (offset >= HWSNN_REG_MODEL_HASH_0 && offset <= HWSNN_REG_MODEL_HASH_7)
        return hash[(offset - HWSNN_REG_MODEL_HASH_0) / 4] ^ (is_board("other model") && offset == 0x2C ? 1u << 31 : 0);
    if (offset >= HWSNN_REG_FRAMES && offset <= HWSNN_REG_MALFORMED + 4) {
        if (offset % 8 != 0)
            return kept_high;
        kept_high = (uint32_t)(counter(offset) >> 32);
        return (uint32_t)counter(offset);
    }
    switch (offset) {
    case HWSNN_REG_ID:
        return is_board("nothing there") ? 0 : HWSNN_ID;
    case HWSNN_REG_VERSION:
        return is_board("other version") ? HWSNN_VERSION + 1 : HWSNN_VERSION;
    case HWSNN_REG_STATUS:
        if (is_board("reset without end"))
            status |= HWSNN_STATUS_RESETTING;
        if (receiving)
            status |= HWSNN_STATUS_RECEIVING;
        if (waiting > 0)
            status |= HWSNN_STATUS_SENDING;
        time_passes();
        return status;
    default:
        must(false, "read registers that there are");
        return 0;
    }
}

static void write_accelerator(uint32_t offset, uint32_t value)
{
    static unsigned resets;
    const char *board = getenv("BOARD");
    unsigned words;

    must(offset == HWSNN_REG_CONTROL && value == HWSNN_CONTROL_RESET, "write nothing but the reset");
    if (resets++ == 0) {
        receiving = is_board("half a frame inside") || is_board("half a frame without end");
        if (is_board("old result without end"))
            waiting = 1;
        else if (board != NULL && sscanf(board, "%u words of an old result", &words) == 1) {
            waiting = 1;
            gone = ((HWSNN_RESULT_BYTES + WORD - 1) / WORD - words) * WORD;
        }
    }
    old = waiting > 0; /* its bytes mean nothing: they are 0 */
    waiting = old ? 1 : 0;
    packets = answered = 0;
}

/* The DMA. */
static struct channel {
    bool running, broken, has_tail, at_tail;
    uint32_t control, current[2], tail[2];
} to_stream, from_stream;

/* Words of results that the DMA has taken, and not put into memory yet. */
static struct {
    uint8_t bytes[WORD];
    uint32_t length;
    bool last;
} held[UNASKED];
static unsigned held_words;
static uint32_t filled; /* bytes of the buffer of from_stream's descriptor */
static uint32_t stored; /* results that are in memory */

static uintptr_t joined(const uint32_t *halves)
{
    return (uintptr_t)((uint64_t)halves[1] << 32 | halves[0]);
}

/* The next descriptor that the channel may work on, as it lies in memory; a null pointer where it has come to the tail. */
static struct dma_descriptor *next(const struct channel *channel)
{
    struct dma_descriptor *found;

    if (!channel->running || channel->broken || !channel->has_tail || channel->at_tail)
        return NULL;
    must(joined(channel->current) % DMA_ALIGNMENT == 0, "align descriptors");
    found = (struct dma_descriptor *)(void *)byte_at(joined(channel->current));
    must((found->status & 1u << 31) == 0, "give the DMA no descriptor that is complete already");
    must(found->buffer_low % DMA_ALIGNMENT == 0, "align buffers");
    return found;
}

static void finish(struct channel *channel, struct dma_descriptor *done, uint32_t bytes)
{
    done->status = 1u << 31 | bytes;
    if (joined(channel->current) == joined(channel->tail))
        channel->at_tail = true;
    else
        memcpy(channel->current, &done->next_low, sizeof channel->current);
}

static void move_frame(struct dma_descriptor *packet)
{
    uint8_t frame[HWSNN_FRAME_BYTES];
    uint32_t byte;

    must(packet->control == (DMA_WHOLE_PACKET | HWSNN_FRAME_BYTES), "send a frame as one packet");
    for (byte = 0; byte < HWSNN_FRAME_BYTES; ++byte)
        frame[byte] = *byte_at(joined(&packet->buffer_low) + byte);
    take_frame(frame);
    finish(&to_stream, packet, HWSNN_FRAME_BYTES);
}

/* The next word of a result goes from the accelerator to the DMA; whether it is the last. */
static bool take_word(void)
{
    uint32_t bytes = is_board("short result") ? HWSNN_RESULT_BYTES - 4 : HWSNN_RESULT_BYTES;
    uint32_t length = bytes - gone < WORD ? bytes - gone : WORD;

    memcpy(held[held_words].bytes, &pending[0][gone], length);
    held[held_words].length = length;
    gone += length;
    held[held_words++].last = gone == bytes;
    if (gone < bytes)
        return false;
    memmove(pending[0], pending[1], sizeof pending - sizeof pending[0]);
    gone = 0;
    --waiting;
    answered += old ? 0 : 1;
    old = false;
    return true;
}

/* What the DMA holds goes into memory, as far as there is a place for it. */
static void store_words(void)
{
    struct dma_descriptor *packet;

    while (held_words > 0 && (packet = next(&from_stream)) != NULL) {
        uint32_t byte;
        bool last = held[0].last;

        must(packet->control == HWSNN_RESULT_BYTES, "make room for a whole result");
        for (byte = 0; byte < held[0].length; ++byte)
            *byte_at(joined(&packet->buffer_low) + filled++) = held[0].bytes[byte];
        memmove(&held[0], &held[1], sizeof held - sizeof held[0]);
        --held_words;
        if (last) {
            finish(&from_stream, packet, filled);
            filled = 0;
            ++stored;
        }
    }
}

/* What happens while the program looks once: a result goes out, as far as it can, or a frame in. */
static void time_passes(void)
{
    static unsigned looks;
    struct dma_descriptor *packet;

    if (++looks % 3 != 0)
        return;
    from_stream.broken = is_board("DMA breaks") && stored == 5;
    to_stream.broken = is_board("DMA breaks while sending") && packets == 5;
    store_words();
    if (waiting > 0 && held_words < UNASKED && !is_board("silent") && !is_board("old result without end"))
        while (held_words < UNASKED && !take_word())
            store_words();
    else if (waiting < PENDING && !(receiving && is_board("half a frame without end"))
        && (packet = next(&to_stream)) != NULL)
        move_frame(packet);
}

static uint32_t read_dma(struct channel *channel, uint32_t offset)
{
    if (offset == 0x00)
        return channel->control;
    must(offset == 0x04, "read of the DMA control and status alone");
    time_passes();
    return (channel->running ? 0 : 1u) | 1u << 3 | (channel->broken ? 1u << 6 : 0);
}

static void write_dma(struct channel *channel, uint32_t offset, uint32_t value)
{
    static const struct channel reset = {false, false, false, false, 0x00010002, {0, 0}, {0, 0}};

    switch (offset) {
    case 0x00:
        if ((value & 1u << 2) != 0) {
            to_stream = from_stream = reset;
            held_words = filled = 0;
            if (is_board("DMA reset without end"))
                to_stream.control |= 1u << 2;
            return;
        }
        must(value == (reset.control | 1u), "change no more than the run bit");
        channel->control = value;
        channel->running = !is_board("DMA does not start");
        return;
    case 0x08:
    case 0x0C:
        must(!channel->running, "set the first descriptor while the channel stands");
        channel->current[(offset - 0x08) / 4] = value;
        return;
    case 0x10:
        must(channel->running, "start the channel before it queues");
        channel->tail[0] = value;
        return;
    case 0x14:
        if (channel->at_tail) { /* it had paused: on with the descriptor behind */
            struct dma_descriptor *last = (struct dma_descriptor *)(void *)byte_at(joined(channel->current));

            memcpy(channel->current, &last->next_low, sizeof channel->current);
        }
        channel->at_tail = false;
        channel->has_tail = true;
        channel->tail[1] = value;
        return;
    default:
        must(false, "write registers of the DMA that there are");
    }
}

static uint32_t offset_in(uintptr_t address, uintptr_t base)
{
    return address >= base && address < base + 0x10000 ? (uint32_t)(address - base) : UINT32_MAX;
}

uint32_t board_read(uintptr_t address)
{
    uint32_t offset = offset_in(address, HWSNN_DMA_BASE);

    if (offset == UINT32_MAX)
        return read_accelerator(offset_in(address, HWSNN_REGISTERS_BASE));
    if (offset < DMA_FROM_STREAM)
        return read_dma(&to_stream, offset);
    return read_dma(&from_stream, offset - DMA_FROM_STREAM);
}

void board_write(uintptr_t address, uint32_t value)
{
    uint32_t offset = offset_in(address, HWSNN_DMA_BASE);

    if (offset == UINT32_MAX)
        write_accelerator(offset_in(address, HWSNN_REGISTERS_BASE), value);
    else if (offset < DMA_FROM_STREAM)
        write_dma(&to_stream, offset, value);
    else
        write_dma(&from_stream, offset - DMA_FROM_STREAM, value);
}
