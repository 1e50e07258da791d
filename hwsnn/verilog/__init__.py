"""Verilog text of a component, and the manifest beside it."""
