/* Stands in for the header of AMD's standalone library: the two functions that the example uses. */
#ifndef XIL_CACHE_H
#define XIL_CACHE_H

#include <stdint.h>

typedef intptr_t INTPTR;

void Xil_DCacheFlushRange(INTPTR address, INTPTR bytes);
void Xil_DCacheInvalidateRange(INTPTR address, INTPTR bytes);

#endif
