"""The constraints on a design, and the plan that meets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..folding.folding import MOST_PIXELS
from ..spec.checks import require_choice, require_integer
from .devices import DEVICES

if TYPE_CHECKING:
    from ..spec import Network
    from .plan import Plan

DEFAULT_DEVICE = next(iter(DEVICES))
DEFAULT_MHZ = 150.0
"""The clock of the published system, at which frame rates are compared."""
LIMITS = {"target_fps": (0.001, 1e9), "clock_mhz": (0.001, 1000.0), "max_lut": (0.001, 100.0)}
"""The smallest and the largest value of each number."""


@dataclass(frozen=True)
class Constraints:
    """At most one of ``target_fps``, ``max_lut`` and ``fold``; without them, the fastest in the device's usual share.

    ``device``: a key of ``hwsnn.planner.devices.DEVICES``. ``target_fps``: the cheapest design of at least that many
    frames per second at ``clock_mhz`` (default: ``DEFAULT_MHZ``). ``max_lut``: the fastest design within that
    percentage of the look-up tables. ``fold``: a folding file. ``pixels_per_cycle``: 1 (default) or 2; not with a
    folding file, which has its own. Raises ``ValueError`` for a value out of range.
    """

    device: str = DEFAULT_DEVICE
    target_fps: float | None = None
    clock_mhz: float | None = None
    max_lut: float | None = None
    fold: str | Path | None = None
    pixels_per_cycle: int | None = None

    def __post_init__(self) -> None:
        require_choice("device", self.device, tuple(DEVICES))
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} must be from {low:g} to {high:g}, not {value!r}")
        given = [name for name in ("target_fps", "max_lut", "fold") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} must not be given together")
        if self.pixels_per_cycle is not None:
            require_integer("pixels_per_cycle", self.pixels_per_cycle, 1, MOST_PIXELS)
            if self.fold is not None:
                raise ValueError("fold and pixels_per_cycle must not be given together: a folding file has its own")

    def plan(self, network: Network) -> Plan:
        """The design of ``network`` that meets them. Raises ``InputError`` if there is none."""
        from ..spec import Network
        from . import plan

        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, not {type(network).__name__}")
        device = DEVICES[self.device]
        if self.fold is not None:
            return plan.from_file(network, device, Path(self.fold))
        pixels = self.pixels_per_cycle or 1
        if self.target_fps is not None:
            return plan.for_throughput(network, device, self.target_fps, self.clock_mhz or DEFAULT_MHZ, pixels)
        return plan.for_utilization(network, device, self.max_lut, pixels)
