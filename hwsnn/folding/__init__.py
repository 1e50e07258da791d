"""How parallel a network is built: folds, queue depths, and the order of weights that follows."""
