"""Published figures for MNIST on FPGAs. Networks, time steps and clocks differ: they are given with every rate."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.sets import word_of
from ..spec import Network


@dataclass(frozen=True)
class Published:
    """A published system; unknown figures are None.

    ``accuracy``: percent of the 10,000 test images. ``timesteps``: T. ``fps``: frames/s; ``latency_ms``: milliseconds
    per frame, if published instead. ``clock_at_most``: the clock is the highest of several designs.
    """

    name: str
    year: int
    device: str
    accuracy: float | None
    timesteps: int | None
    clock_mhz: float | None
    fps: float | None
    latency_ms: float | None = None
    notes: str = ""
    clock_at_most: bool = False

    @property
    def clock(self) -> str:
        """Its clock in words."""
        if self.clock_mhz is None:
            return "clock not known"
        return f"{'at most ' if self.clock_at_most else ''}{self.clock_mhz:g} MHz"

    @property
    def cycles_per_frame(self) -> float | None:
        """Clock divided by frame rate, if both are known."""
        return None if self.clock_mhz is None or self.fps is None else self.clock_mhz * 1e6 / self.fps


MNIST = (
    Published("Ju et al.", 2020, "ZCU102", 98.94, None, 150, 164, notes="41 times its CPU; 8-bit weights"),
    Published("SyncNN", 2021, "ZCU102", 99.3, None, 200, 13_086, notes="steps collapsed into counts: not step-exact"),
    Published("DeepFire", 2021, "7-series, UltraScale+", 99.14, None, 500, 40_100, clock_at_most=True),
    Published("Skydiver", 2022, "XC7Z045", 98.5, None, None, 22_600),
    Published("DeepFire2", 2023, "VU9P", None, 1, 600, 79_000),
    Published("Spiker+", 2024, "Xilinx", 93.85, None, None, None, 0.78, "fully connected"),
    Published("snn-fpga", 2025, "Artix-7", None, None, 100, None, 0.52, "fully connected"),
)


def comparable(network: Network) -> tuple[Published, ...]:
    """The systems for the same task as ``network``: all of them for 28x28 grey images of ten classes, else none.

    A shipped model of other such images has none either.
    """
    of_digits = word_of(network.name) in (None, "mnist")
    return MNIST if of_digits and network.frame_shape == (1, 28, 28) and network.classes == 10 else ()
