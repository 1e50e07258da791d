"""Design-space exploration: folding, weight bits and time steps of a trained network, and their Pareto front."""
