#include "axi_dma.h"

#include "hwsnn_accelerator.h" /* HWSNN_READ, HWSNN_WRITE */
#include "xil_cache.h"

/* Registers of a channel. */
#define CONTROL 0x00u
#define STATUS 0x04u
#define CURRENT_LOW 0x08u
#define CURRENT_HIGH 0x0Cu
#define TAIL_LOW 0x10u
#define TAIL_HIGH 0x14u

#define CONTROL_RUN (1u << 0)
#define CONTROL_RESET (1u << 2)
#define STATUS_HALTED (1u << 0)
#define STATUS_ERRORS 0x770u

/* Status of a descriptor. */
#define COMPLETE (1u << 31)
#define DESCRIPTOR_ERRORS (7u << 28)
#define LENGTH_MASK 0x03FFFFFFu

static uint32_t low(const void *address)
{
    return (uint32_t)(uintptr_t)address;
}

static uint32_t high(const void *address)
{
    return (uint32_t)((uint64_t)(uintptr_t)address >> 32);
}

static struct dma_descriptor *descriptor(const struct dma_channel *channel, uint32_t number)
{
    return &channel->ring[number % channel->length];
}

bool dma_reset(uintptr_t dma, uint32_t looks)
{
    HWSNN_WRITE(dma + DMA_TO_STREAM + CONTROL, CONTROL_RESET); /* either channel's resets both */
    for (; looks > 0; --looks)
        if ((HWSNN_READ(dma + DMA_TO_STREAM + CONTROL) & CONTROL_RESET) == 0)
            return true;
    return false;
}

bool dma_start(struct dma_channel *channel, uintptr_t base, struct dma_descriptor *ring, uint32_t length, uint32_t looks)
{
    uint32_t index;

    channel->base = base;
    channel->ring = ring;
    channel->length = length;
    channel->queued = 0;
    channel->taken = 0;
    for (index = 0; index < length; ++index) {
        static const struct dma_descriptor nothing;
        const struct dma_descriptor *next = &ring[(index + 1) % length];

        ring[index] = nothing;
        ring[index].next_low = low(next);
        ring[index].next_high = high(next);
    }
    Xil_DCacheFlushRange((INTPTR)ring, (INTPTR)(length * sizeof *ring));

    HWSNN_WRITE(base + CURRENT_LOW, low(ring));
    HWSNN_WRITE(base + CURRENT_HIGH, high(ring));
    HWSNN_WRITE(base + CONTROL, HWSNN_READ(base + CONTROL) | CONTROL_RUN);
    for (; looks > 0; --looks)
        if ((HWSNN_READ(base + STATUS) & STATUS_HALTED) == 0)
            return true;
    return false;
}

void dma_queue(struct dma_channel *channel, const void *buffer, uint32_t bytes, uint32_t flags)
{
    struct dma_descriptor *packet = descriptor(channel, channel->queued++);

    packet->buffer_low = low(buffer);
    packet->buffer_high = high(buffer);
    packet->control = bytes | flags;
    packet->status = 0; /* the DMA takes a descriptor that is complete already for an error */
    Xil_DCacheFlushRange((INTPTR)packet, (INTPTR)sizeof *packet);
    HWSNN_WRITE(channel->base + TAIL_LOW, low(packet));
    HWSNN_WRITE(channel->base + TAIL_HIGH, high(packet)); /* with this one it goes on */
}

enum dma_outcome dma_take(struct dma_channel *channel, uint32_t *bytes, uint32_t looks)
{
    struct dma_descriptor *packet = descriptor(channel, channel->taken);

    for (; looks > 0; --looks) {
        uint32_t status;

        Xil_DCacheInvalidateRange((INTPTR)packet, (INTPTR)sizeof *packet);
        status = *(volatile uint32_t *)&packet->status;
        if ((status & DESCRIPTOR_ERRORS) != 0 || (HWSNN_READ(channel->base + STATUS) & STATUS_ERRORS) != 0)
            return DMA_FAILED;
        if ((status & COMPLETE) != 0) {
            *bytes = status & LENGTH_MASK;
            ++channel->taken;
            return DMA_DONE;
        }
    }
    return DMA_SILENT;
}
