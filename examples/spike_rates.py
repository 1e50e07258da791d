"""How busy each layer of a model is: the share of its neurons that spike in a step, from the reference's trace.

python examples/spike_rates.py [MODEL [DATA]]
"""

from __future__ import annotations

import sys

from hwsnn import reference
from hwsnn.data import load
from hwsnn.model_file.by_name import load_model


def main(model: str = "digits", data: str = "digits") -> None:
    """Print one line a layer."""
    network = load_model(model)
    result = reference.run(network, load(data, network).images, trace=True)
    for name, spikes in result.spikes.items():  # (images, steps, channels, height, width)
        by_step = spikes.mean(axis=(0, 2, 3, 4))
        steps = ", ".join(f"{rate:.1%}" for rate in by_step)
        print(f"{name}: {spikes.mean():.1%} of {spikes[0, 0].size} neurons a step (step by step: {steps})")


if __name__ == "__main__":
    main(*sys.argv[1:])
