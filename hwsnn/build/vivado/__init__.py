"""Builds by AMD Vivado: the accelerator behind AXI, in a block design with the board's processor."""
