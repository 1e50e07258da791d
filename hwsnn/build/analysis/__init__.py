"""What synthesis makes of a design: resources and the longest paths."""
