"""How pixels become time steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from .checks import require_choice, require_integer

MIXED_SEED = 0x2A6D365B
"""As many ones as zeros, nearly: from a seed of few ones, such as 1, a shift register gives hundreds of zeros."""

EncoderKind: TypeAlias = Literal["direct", "uniform", "poisson", "latency"]


@dataclass(frozen=True)
class Encoder:
    """How a pixel becomes T time steps. ``seed`` matters to ``poisson`` alone (1 to 2^31 - 1)."""

    kind: EncoderKind
    seed: int = MIXED_SEED

    def __post_init__(self) -> None:
        require_choice("encoding", self.kind, get_args(EncoderKind))
        require_integer("encoder seed", self.seed, 1, (1 << 31) - 1)

    @property
    def spikes(self) -> bool:
        """Whether it makes spikes, T of each pixel; else the first layer takes the pixels themselves, once a frame."""
        return self.kind != "direct"

    @property
    def random(self) -> bool:
        """Whether the seed matters."""
        return self.kind == "poisson"

    def largest_value(self, pixel_bits: int) -> int:
        """The largest value that the first layer sees."""
        return 1 if self.spikes else (1 << pixel_bits) - 1
