"""The activity of each layer of a model: the share of its neurons that spike per step, from the reference's trace.

python examples/spike_rates.py [MODEL [DATA]]
"""

from __future__ import annotations

import sys

import hwsnn
from hwsnn import data


def main(model: str = "digits", source: str = "digits") -> None:
    """Print one line per layer."""
    network = hwsnn.load(model)
    result = hwsnn.run(network, data.load(source, network).images, trace=True)
    for name, spikes in result.spikes.items():  # (images, steps, channels, height, width)
        by_step = spikes.mean(axis=(0, 2, 3, 4))
        steps = ", ".join(f"{rate:.1%}" for rate in by_step)
        print(f"{name}: {spikes.mean():.1%} of {spikes[0, 0].size} neurons per step (step by step: {steps})")


if __name__ == "__main__":
    main(*sys.argv[1:])
