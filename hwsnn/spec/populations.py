"""What feeds a population and where its neurons are, whatever numbers it has: integer and float networks share it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy.typing as npt

from .checks import require_pair
from .graph import Port
from .limits import MAX_EXTENT, Shape
from .projections import Projection, Window

AnyKind = TypeVar("AnyKind", bound=Projection)


class AbstractPopulation(ABC, Generic[AnyKind]):
    """Neurons, the projections that feed them, and maybe a max-pool of their currents. Its subclasses are dataclasses.

    ``projections``: at least one without delay; those with a delay of one step take the population's own spikes.
    ``pool``: windows of output positions of which the largest current counts, before the neuron; None for no pool. Only
    with a single projection.
    """

    name: str
    projections: tuple[AnyKind, ...]
    pool: Window | None

    kind: ClassVar[str] = "population"

    def __post_init__(self) -> None:
        if not self.forward:
            raise ValueError(f"layer {self.name!r} must have a projection without delay, not none")
        for projection in self.projections:
            if projection.name != self.name:
                raise ValueError(f"projections of layer {self.name!r} must bear its name, not {projection.name!r}")
            if projection.out_channels != self.out_channels:
                raise ValueError(
                    f"projections of layer {self.name!r} must have the same output channels, not "
                    f"{self.out_channels} and {projection.out_channels}"
                )
        for what, values in self.by_channel.items():
            require_by_channel(self.name, what, values, self.out_channels)
        if self.pool is not None:
            self._require_pool(self.pool)

    def _require_pool(self, pool: Window) -> None:
        require_pair(f"pool size of layer {self.name!r}", pool.size, 1, MAX_EXTENT)
        require_pair(f"pool stride of layer {self.name!r}", pool.stride, 1, MAX_EXTENT)
        if len(self.projections) > 1:
            raise ValueError(
                f"the pool of layer {self.name!r} must have one projection before it, not {len(self.projections)}; "
                "pool the spikes instead"
            )
        if any(pool.padding):
            raise ValueError(f"the pool of layer {self.name!r} must have no padding, not {pool.padding}")
        if not self.sliding:
            raise ValueError(
                f"the pool of layer {self.name!r} must follow a convolution, not a fully connected projection"
            )

    @property
    @abstractmethod
    def by_channel(self) -> Mapping[str, npt.NDArray[Any]]:
        """The numbers per output channel, by name: biases, and those of the neuron."""

    @property
    def projection(self) -> AnyKind:
        """The only projection. Raises ``ValueError`` if there are several."""
        if len(self.projections) > 1:
            raise ValueError(f"layer {self.name!r} must have one projection here, not {len(self.projections)}")
        return self.projections[0]

    @property
    def forward(self) -> tuple[AnyKind, ...]:
        """The projections without delay."""
        return tuple(projection for projection in self.projections if not projection.delay)

    @property
    def recurrent(self) -> bool:
        """Whether its own spikes come back to it."""
        return len(self.forward) < len(self.projections)

    @property
    def ports(self) -> tuple[Port, ...]:
        """The inputs: those of the projections."""
        return tuple(projection.port for projection in self.projections)

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.projections[0].out_channels

    @property
    def sliding(self) -> bool:
        """As ``Projection.sliding``."""
        return self.projection.sliding

    @property
    def window(self) -> Window:
        """The inputs of an output position: of all windows of its pool, where it has one."""
        window = self.projection.window
        return window if self.pool is None else window.pooled(self.pool)

    @property
    def windows(self) -> int:
        """Windows of the projection for an output position."""
        return 1 if self.pool is None else self.pool.size[0] * self.pool.size[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The fields besides name, projections, tensors and neuron."""
        return {} if self.pool is None else {"pool_size": self.pool.size, "pool_stride": self.pool.stride}

    def output_shape(self, *shapes: Shape) -> Shape:
        """The output shape for inputs of ``shapes``, one for each projection without delay.

        Raises ``ValueError`` if they do not fit.
        """
        made = [projection.output_shape(shape) for projection, shape in zip(self.forward, shapes, strict=True)]
        for other in made[1:]:
            if other != made[0]:
                raise ValueError(
                    f"projections of layer {self.name!r} must have the same output, not {made[0]}, {other}"
                )
        for projection in self.projections:
            if projection.delay:
                projection.output_shape(made[0])  # of one position: the same shape, if the channels fit
        channels, height, width = made[0]
        if self.pool is None:
            return channels, height, width
        return (channels, *self.pool.positions(self.name, (height, width)))


def require_by_channel(layer: str, what: str, values: npt.NDArray[Any], channels: int) -> None:
    """Raise ``ValueError`` unless there is one value for each of the channels."""
    if values.shape != (channels,):
        raise ValueError(f"{what} of layer {layer!r} must have shape {(channels,)}, not {values.shape}")
