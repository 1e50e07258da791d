"""The version of hwsnn: in its files, in generated Verilog, in the wheel."""

__version__ = "0.5.0"
