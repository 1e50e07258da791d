"""How pixels become time steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from .checks import require_choice, require_integer

MIXED_SEED = 0x2A6D365B
"""Nearly as many ones as zeros: a shift register makes hundreds of zeros from a seed with few ones."""

EncoderKind: TypeAlias = Literal["direct", "uniform", "poisson", "latency", "steps"]


@dataclass(frozen=True)
class Encoder:
    """How a pixel becomes T time steps. Only ``poisson`` uses ``seed`` (1 to 2^31 - 1)."""

    kind: EncoderKind
    seed: int = MIXED_SEED

    def __post_init__(self) -> None:
        require_choice("encoding", self.kind, get_args(EncoderKind))
        require_integer("encoder seed", self.seed, 1, (1 << 31) - 1)

    @property
    def spikes(self) -> bool:
        """Whether it turns each pixel into T spikes or zeros; else the first layer takes the values themselves."""
        return self.kind not in ("direct", "steps")

    @property
    def held(self) -> bool:
        """Whether the first layer takes one value per frame, the same at every step."""
        return self.kind == "direct"

    @property
    def timed(self) -> bool:
        """Whether a frame has values of its own at every step."""
        return self.kind == "steps"

    @property
    def random(self) -> bool:
        """Whether the seed matters."""
        return self.kind == "poisson"

    def largest_value(self, pixel_bits: int) -> int:
        """The largest value that the first layer sees."""
        return 1 if self.spikes else (1 << pixel_bits) - 1
