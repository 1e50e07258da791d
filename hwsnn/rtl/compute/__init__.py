"""The compute engine: synaptic sums and neurons."""
