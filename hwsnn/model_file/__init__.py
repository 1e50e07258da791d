"""Model files, of integer networks and of float ones: ``.safetensors`` with the graph as JSON in the metadata."""
