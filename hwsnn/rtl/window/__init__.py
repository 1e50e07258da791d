"""Sliding windows, padding and pooling."""
