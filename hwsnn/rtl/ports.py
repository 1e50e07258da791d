"""The names of the streams into a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwsnn.spec import Port


def input_streams(ports: Sequence[Port]) -> Mapping[int, str]:
    """The stream of each input of a layer: ``i``, or ``i_PORT`` where there are several.

    Spikes that come back have none: they do not leave the layer.
    """
    streams = [number for number, port in enumerate(ports) if not port.delay]
    return {number: "i" if len(streams) == 1 else f"i_{number}" for number in streams}
