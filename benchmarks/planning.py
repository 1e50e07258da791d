"""How long planning takes: processor time of the folds, of the queue depths and of the exact cycles.

    python benchmarks/planning.py [digits mnist ... vgg9 sew-resnet18]

Shipped models by their names; ``vgg9`` and ``sew-resnet18`` are of random weights, on 32x32 pixels of three channels
at T = 4. Without names, all of them. Each as the fastest design in the usual share of the XCZU9EG, and again for a
tenth of that speed; networks that are too large for it are planned for a device without end.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from hwsnn.cycles import queue_depths, simulate
from hwsnn.model_file.by_name import load_model
from hwsnn.planner import Candidate, FoldingSearch, TooLargeError
from hwsnn.planner.devices import DEVICES
from hwsnn.spec import Conv, Dense, Encoder, Integrator, Layer, MaxPool, Network, Neuron, NoLeak, Population, Sum

RNG = np.random.default_rng(0)
DEVICE = DEVICES["xczu9eg"]
ENDLESS = replace(DEVICE, lut=DEVICE.lut * 100, ff=DEVICE.ff * 100, bram18=DEVICE.bram18 * 100)
TIMESTEPS, SIDE, CLASSES, HIDDEN = 4, 32, 10, 352


def fires(channels: int) -> Neuron:
    """Neurons of any threshold."""
    return Neuron(np.full(channels, 9), NoLeak(), "subtract", 20, np.full(channels, 8))


def conv(name: str, source: str, before: int, after: int, size: int = 3, stride: int = 1) -> Population:
    """A padded convolution of 4-bit weights."""
    weight = RNG.integers(-7, 8, (after, before, size, size))
    padding = (size // 2, size // 2)
    projection = Conv(name, weight, 4, stride=(stride, stride), padding=padding, source=source)
    return Population(name, (projection,), np.zeros(after, int), fires(after))


def dense(name: str, source: str, shape: tuple[int, ...], after: int, *, last: bool = False) -> Population:
    """A fully connected layer of 4-bit weights."""
    projection = Dense(name, RNG.integers(-7, 8, (after, *shape)), 4, source=source)
    return Population(name, (projection,), np.zeros(after, int), Integrator(NoLeak(), 28) if last else fires(after))


def network(name: str, layers: list[Layer]) -> Network:
    """Of these layers, on colour pixels."""
    return Network(name, (3, SIDE, SIDE), 8, Encoder("direct"), TIMESTEPS, tuple(layers), "membrane")


def vgg9() -> Network:
    """Seven convolutions, three pools and two fully connected layers: 3.2 million weights."""
    layers: list[Layer] = []
    source, before = "pixels", 3
    for number, (after, pools) in enumerate(((64, 0), (64, 1), (128, 0), (128, 1), (256, 0), (256, 0), (256, 1))):
        layers.append(conv(f"conv{number}", source, before, after))
        source, before = f"conv{number}", after
        if pools:
            layers.append(MaxPool(f"pool{number}", (2, 2), (2, 2), "or", source))
            source = f"pool{number}"
    layers.append(dense("hidden", source, (before, 4, 4), HIDDEN))
    layers.append(dense("last", "hidden", (HIDDEN, 1, 1), CLASSES, last=True))
    return network("vgg9", layers)


def sew_resnet18() -> Network:
    """A convolution and eight blocks of two, whose spikes are added to those before the block: 2.8 million weights."""
    layers: list[Layer] = [conv("stem", "pixels", 3, 32)]
    source, before = "stem", 32
    for number, after in enumerate((32, 32, 64, 64, 128, 128, 256, 256)):
        stride, skip, block = 1 + (after > before), source, f"block{number}"
        layers.append(conv(f"{block}a", source, before, after, stride=stride))
        layers.append(conv(f"{block}b", f"{block}a", after, after))
        if stride > 1:
            layers.append(conv(f"{block}skip", source, before, after, 1, stride))
            skip = f"{block}skip"
        layers.append(Sum(block, (f"{block}b", skip)))
        source, before = block, after
    layers.append(dense("last", source, (before, 4, 4), CLASSES, last=True))
    return network("sew-resnet18", layers)


SHIPPED = ("digits", "mnist", "mnist-converted", "mnist-small", "mnist-soft-lif", "mnist-stbp", "mnist-tandem")
BUILT = {"vgg9": vgg9, "sew-resnet18": sew_resnet18}


def fastest(net: Network) -> tuple[FoldingSearch, Candidate]:
    """The search of folds, and the fastest in the usual share; on an endless device where nothing fits."""
    search = FoldingSearch(net, DEVICE)
    try:
        return search, search.within_luts(DEVICE.share)
    except TooLargeError:
        search = FoldingSearch(net, ENDLESS)
        return search, search.within_luts(DEVICE.share)


def main(*names: str) -> None:
    """Print a table."""
    print("| network | cycles per frame | folds | depths | exact | seconds in all |\n|" + " --- |" * 6)
    for name in names or (*SHIPPED, *BUILT):
        net = BUILT[name]() if name in BUILT else load_model(name)
        for slower in (1, 10):
            start = time.process_time()
            search, found = fastest(net)
            if slower > 1:
                found = search.within_cycles(slower * found.cycles_per_frame)
            chosen = time.process_time()
            folding = queue_depths(net, found.layers)
            searched = time.process_time()
            cycles = simulate(net, folding)
            end = time.process_time()
            print(
                f"| {name} | {float(cycles.cycles_per_frame):,g} | {chosen - start:.2f} | {searched - chosen:.2f} | "
                f"{end - searched:.2f} | {end - start:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
