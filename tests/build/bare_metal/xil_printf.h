/* Stands in for the header of AMD's standalone library. */
#ifndef XIL_PRINTF_H
#define XIL_PRINTF_H

void xil_printf(const char *format, ...);

#endif
