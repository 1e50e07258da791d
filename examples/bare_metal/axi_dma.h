/* One channel of AMD's AXI DMA in scatter-gather mode, without interrupts. Written from AMD's product guide PG021.
 *
 * A descriptor stands for one packet: a buffer, and how long it is or what came. The descriptors of a channel form a ring
 * in memory. The program queues buffers at one end, and takes those that are done at the other.
 */
#ifndef AXI_DMA_H
#define AXI_DMA_H

#include <stdbool.h>
#include <stdint.h>

/* Of descriptors and buffers, in bytes: what the DMA wants, and a line of the Cortex-A53's cache. */
#define DMA_ALIGNMENT 64u

/* Where the registers of the two channels start. */
#define DMA_TO_STREAM 0x00u
#define DMA_FROM_STREAM 0x30u

/* What a packet that is sent starts and ends with. */
#define DMA_WHOLE_PACKET (1u << 27 | 1u << 26)

struct dma_descriptor {
    uint32_t next_low, next_high;
    uint32_t buffer_low, buffer_high;
    uint32_t reserved[2];
    uint32_t control; /* length, and DMA_WHOLE_PACKET where it is sent */
    uint32_t status;  /* length, and what became of it */
    uint32_t unused[8];
};

struct dma_channel {
    uintptr_t base; /* of its registers */
    struct dma_descriptor *ring;
    uint32_t length; /* of the ring */
    uint32_t queued; /* descriptors ever queued */
    uint32_t taken;  /* descriptors ever taken */
};

enum dma_outcome {
    DMA_DONE,
    DMA_FAILED, /* the DMA reports an error: it has stopped */
    DMA_SILENT  /* nothing happened for as many looks as were allowed */
};

/* Reset the whole DMA: both channels stop, and what they had queued is forgotten. False where that takes too long. */
bool dma_reset(uintptr_t dma, uint32_t looks);

/* Start a channel with an empty ring, aligned to DMA_ALIGNMENT. False where it does not start. */
bool dma_start(struct dma_channel *channel, uintptr_t base, struct dma_descriptor *ring, uint32_t length, uint32_t looks);

/* Queue a buffer, aligned to DMA_ALIGNMENT. There must be room: fewer queued and not taken than the ring is long. */
void dma_queue(struct dma_channel *channel, const void *buffer, uint32_t bytes, uint32_t flags);

/* Wait for the oldest buffer that was queued, and say how many bytes were moved. */
enum dma_outcome dma_take(struct dma_channel *channel, uint32_t *bytes, uint32_t looks);

#endif
