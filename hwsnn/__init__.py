"""hwsnn: a trained spiking neural network in, a verified FPGA pipeline out."""

__version__ = "0.2.0"
