"""Folding: folds, queue depths, and the order of weights that follows from them."""
