"""The AXI accelerator: streams of frames and results, registers, clock-domain crossings."""
