"""The contracts that hardware, host, simulation and C share: registers, addresses, DMA and serial protocol."""
