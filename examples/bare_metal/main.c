/* Classifies the images of frames.h on a Zynq UltraScale+ without an operating system, and compares every score.
 *
 * README.md says how to build and start it.
 */
#include "axi_dma.h"
#include "frames.h"
#include "hwsnn_accelerator.h"
#include "xil_cache.h"
#include "xil_printf.h"

/* Looks at a register or descriptor before we give up: seconds. */
#ifndef LOOKS
#define LOOKS 10000000u
#endif

/* Frames on the way at a time. */
#define RING 16u

#define ROUNDED_UP(bytes) (((bytes) + DMA_ALIGNMENT - 1u) / DMA_ALIGNMENT * DMA_ALIGNMENT)
#define ALIGNED __attribute__((aligned(DMA_ALIGNMENT)))

/* Every buffer has cache lines of its own: what is beside it cannot spoil it. */
static ALIGNED uint8_t frame_buffers[RING][ROUNDED_UP(HWSNN_FRAME_BYTES)];
static ALIGNED uint8_t result_buffers[RING][ROUNDED_UP(HWSNN_RESULT_BYTES)];
static ALIGNED struct dma_descriptor frame_ring[RING];
static ALIGNED struct dma_descriptor result_ring[RING];

static struct dma_channel frames, results;

static void print_number(uint64_t value) /* xil_printf knows no 64 bits on every processor */
{
    char digits[21];
    unsigned place = sizeof digits - 1;

    digits[place] = '\0';
    do {
        digits[--place] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    xil_printf("%s", &digits[place]);
}

static void print_counter(const char *name, uint32_t offset)
{
    xil_printf("%s ", name);
    print_number(hwsnn_counter(HWSNN_REGISTERS_BASE, offset));
    xil_printf("\r\n");
}

static bool give_up(const char *why)
{
    xil_printf("error: %s\r\n", why);
    return false;
}

static bool is_our_accelerator(void)
{
    switch (hwsnn_identify(HWSNN_REGISTERS_BASE)) {
    case HWSNN_IS_THIS_MODEL:
        return true;
    case HWSNN_IS_OTHER_VERSION:
        return give_up("the accelerator has another version of the interface");
    case HWSNN_IS_OTHER_MODEL:
        return give_up("the accelerator holds another model: load the bitstream that was built with this header");
    case HWSNN_IS_NO_ACCELERATOR:
        break;
    }
    return give_up("there is no accelerator: load the bitstream first");
}

static void queue_result(void)
{
    uint8_t *buffer = result_buffers[results.queued % RING];

    Xil_DCacheFlushRange((INTPTR)buffer, (INTPTR)sizeof result_buffers[0]); /* nothing is written over it later */
    dma_queue(&results, buffer, HWSNN_RESULT_BYTES, 0);
}

static void queue_frame(const uint8_t *frame)
{
    uint8_t *buffer = frame_buffers[frames.queued % RING];
    uint32_t byte;

    for (byte = 0; byte < HWSNN_FRAME_BYTES; ++byte)
        buffer[byte] = frame[byte];
    Xil_DCacheFlushRange((INTPTR)buffer, (INTPTR)sizeof frame_buffers[0]);
    dma_queue(&frames, buffer, HWSNN_FRAME_BYTES, DMA_WHOLE_PACKET);
}

/* The next result's bytes, or a null pointer. */
static const uint8_t *take_result(uint32_t *bytes)
{
    uint8_t *buffer = result_buffers[results.taken % RING];

    switch (dma_take(&results, bytes, LOOKS)) {
    case DMA_DONE:
        Xil_DCacheInvalidateRange((INTPTR)buffer, (INTPTR)sizeof result_buffers[0]);
        return buffer;
    case DMA_FAILED:
        give_up("the DMA reports an error while it takes results");
        break;
    case DMA_SILENT:
        give_up("no result came in time");
        break;
    }
    return 0;
}

static bool reset_accelerator(void)
{
    if (!hwsnn_reset(HWSNN_REGISTERS_BASE, LOOKS))
        return give_up("the accelerator's reset does not end: is the pipeline's clock there?");
    return true;
}

static bool reset_dma(void)
{
    if (!dma_reset(HWSNN_DMA_BASE, LOOKS))
        return give_up("the DMA's reset does not end");
    return true;
}

/* Both channels anew. The DMA takes four words of results without being asked: its reset drops them. */
static bool start_dma(void)
{
    if (!reset_dma())
        return false;
    if (!dma_start(&frames, HWSNN_DMA_BASE + DMA_TO_STREAM, frame_ring, RING, LOOKS)
        || !dma_start(&results, HWSNN_DMA_BASE + DMA_FROM_STREAM, result_ring, RING, LOOKS))
        return give_up("the DMA does not start");
    return true;
}

static bool is_set(uint32_t status_bit)
{
    return (hwsnn_read(HWSNN_REGISTERS_BASE, HWSNN_REG_STATUS) & status_bit) != 0;
}

/* Whether a bit of the status goes away in time. */
static bool ends(uint32_t status_bit)
{
    uint32_t looks;

    for (looks = 0; looks < LOOKS; ++looks)
        if (!is_set(status_bit))
            return true;
    return false;
}

/* Accelerator and DMA as if they had just been switched on, whatever an earlier program left behind. */
static bool start(void)
{
    static const uint8_t blank[HWSNN_FRAME_BYTES];

    if (!reset_accelerator()) /* it now takes what the DMA still sends, so that the DMA can come to an end */
        return false;
    if (!reset_dma())
        return false;
    if (!reset_accelerator()) /* it forgets what that was */
        return false;
    if (!start_dma()) /* of old results, no more than the rest of the one that was being sent can come now */
        return false;
    if (is_set(HWSNN_STATUS_RECEIVING)) { /* half a packet had come: this ends it, and is dropped with it */
        queue_frame(blank);
        if (!ends(HWSNN_STATUS_RECEIVING))
            return give_up("half a frame is inside, and does not come to an end: load the bitstream again");
    }
    if (is_set(HWSNN_STATUS_SENDING)) { /* AXI lets no offer be withdrawn */
        queue_result();
        if (!ends(HWSNN_STATUS_SENDING))
            return give_up("an old result does not come to an end: load the bitstream again");
    }
    return start_dma(); /* what came of it is in the DMA, or in memory */
}

/* Whether a result is what the reference says of a frame. */
static bool is_right(const uint8_t *result, uint32_t number)
{
    bool right = hwsnn_result_answer(result) == expected_answers[number];
    uint32_t of_class;

    for (of_class = 0; of_class < HWSNN_CLASSES; ++of_class)
        right = right && hwsnn_result_score(result, of_class) == expected_scores[number][of_class];
    return right;
}

static bool classify(void)
{
    uint32_t number, bytes, sent = 0, wrong = 0;

    for (number = 0; number < FRAMES; ++number) {
        const uint8_t *result;

        for (; sent < FRAMES && sent - number < RING; ++sent) {
            queue_result(); /* first: a result never waits for a place */
            queue_frame(images[sent]);
        }
        result = take_result(&bytes);
        if (result == 0)
            return false;
        if (bytes != HWSNN_RESULT_BYTES || hwsnn_result_number(result) != number)
            return give_up("a result is not that of the frame whose turn it is");
        if (dma_take(&frames, &bytes, LOOKS) != DMA_DONE) /* its buffer is free again */
            return give_up("the DMA did not send a frame to its end");
        xil_printf("frame %d: class %d%s\r\n", (int)number, (int)hwsnn_result_answer(result),
            is_right(result, number) ? "" : ", WRONG");
        wrong += is_right(result, number) ? 0 : 1;
    }
    xil_printf("%d frames, %d wrong\r\n", (int)FRAMES, (int)wrong);
    return wrong == 0;
}

int main(void)
{
    bool right;

    if (!is_our_accelerator() || !start())
        return 1;
    right = classify();
    print_counter("frames", HWSNN_REG_FRAMES);
    print_counter("clocks", HWSNN_REG_CLOCKS);
    print_counter("input stalls", HWSNN_REG_INPUT_STALLS);
    print_counter("output stalls", HWSNN_REG_OUTPUT_STALLS);
    print_counter("malformed", HWSNN_REG_MALFORMED);
    return right ? 0 : 1;
}
