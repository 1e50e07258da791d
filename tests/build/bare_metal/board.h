/* Included before everything else: registers are those of board.c, not of this computer's memory. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

uint32_t board_read(uintptr_t address);
void board_write(uintptr_t address, uint32_t value);

#define HWSNN_READ(address) board_read(address)
#define HWSNN_WRITE(address, value) board_write(address, value)

#endif
