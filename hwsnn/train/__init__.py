"""Blocks to train spiking networks with PyTorch (extra ``train``); the recipes in ``models/`` are made of them.

Nothing else in hwsnn imports this part. Its neurons have the time steps of ``docs/numerics.md``, so a trained network
and the integer network made of it differ by rounding alone.
"""
