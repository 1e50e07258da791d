"""The host's side of an accelerator behind an AXI DMA."""
