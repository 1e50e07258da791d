"""hwsnn: a trained spiking neural network in, a verified FPGA pipeline out."""

__version__ = "0.1.0"
