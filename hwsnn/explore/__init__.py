"""Sweeps folding, weight bits and time steps of a trained network, and finds the designs that no other beats."""
