"""Networks to train, described as the field does: ``28x28-64c5-2s-10``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from torch import Tensor, nn

from hwsnn.float_network import FloatLayer, FloatNetwork

from ..spec import INPUT, EncoderKind, PoolMode, Readout, Shape
from .encode import encode
from .fire import FiringReset
from .layers import Block, Integrators, Layer, Neurons, Pool
from .recurrent import RecurrentNeurons

_INPUT = re.compile(r"(?:([1-9]\d*)x)?([1-9]\d*)x([1-9]\d*)")
_CONV = re.compile(r"([1-9]\d*)c([1-9]\d*)(p?)(?:/([1-9]\d*))?")
_POOL = re.compile(r"([1-9]\d*)s")
_BLOCK = re.compile(r"r([1-9]\d*)")
_DENSE = re.compile(r"([1-9]\d*)")


class TrainableNetwork(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """A network: images (N, C, H, W) from 0 to 1, or values (N, T, C, H, W) of ``steps``, to scores (N, classes).

    ``notation``: the input's height x width (or channels x height x width), then layers: ``64c5`` a convolution of 64
    channels and 5x5 windows (``64c5p`` padded to keep its size, ``64c5/2`` of stride 2), ``2s`` a max-pool of 2x2,
    ``r3`` a residual block of two padded 3x3 convolutions (``Block``), ``128`` a fully connected layer.
    ``neurons(name)`` makes the neurons of a layer that is not the last; ``readout`` is the last one's, whose scores are
    ``scored``; ``pool`` is what all pools do.
    """

    def __init__(
        self,
        notation: str,
        *,
        timesteps: int,
        encoding: EncoderKind = "direct",
        neurons: Callable[[str], nn.Module],
        readout: nn.Module,
        scored: Readout = "membrane",
        pool: PoolMode = "or",
    ) -> None:
        super().__init__()
        self.notation, self.timesteps, self.encoding, self.scored = notation, timesteps, encoding, scored
        self.input_shape = input_shape(notation)
        maker = _Maker(self.input_shape, neurons, readout, pool)
        self.layers = nn.ModuleList(maker.layers(notation))
        self.classes = math.prod(maker.shape)
        *hidden, _ = self.weighted()
        if hidden and isinstance(hidden[0].neurons, RecurrentNeurons) and encoding == "direct" and timesteps > 1:
            raise ValueError("recurrent neurons that come first must have inputs of each step, not direct ones")
        of_rates = any(not hasattr(layer.neurons, "exported") for layer in hidden)
        if of_rates and pool == "or" and any(isinstance(layer, Pool) for layer in self.layers):
            raise ValueError("pools of rates must be 'winner', which takes the largest; 'or' is of spikes")

    def inputs(self, images: Tensor) -> Tensor:
        """What the first layer sees: (T, N, C, H, W), or one step for all."""
        return encode(images, self.encoding, self.timesteps)

    def forward(self, images: Tensor) -> Tensor:
        x = self.inputs(images)
        for layer in self.layers:
            x = layer(x)
        return x.flatten(1)

    def extra_repr(self) -> str:
        return f"timesteps={self.timesteps}, encoding={self.encoding!r}"

    def weighted(self) -> list[Layer]:
        """The layers with weights."""
        return [layer for layer in self.modules() if isinstance(layer, Layer)]


def spiking(
    notation: str, *, timesteps: int, beta: float, reset: FiringReset = "subtract", encoding: EncoderKind = "direct"
) -> TrainableNetwork:
    """A network of leaky integrate-and-fire neurons whose last layer integrates without firing."""
    return TrainableNetwork(
        notation,
        timesteps=timesteps,
        encoding=encoding,
        neurons=lambda name: Neurons(timesteps, beta, reset),
        readout=Integrators(timesteps, beta),
    )


def export(network: TrainableNetwork, name: str) -> FloatNetwork:
    """The network in floats, batch norm folded in, as ``hwsnn.quantize`` takes it. Its neurons must be spiking ones."""
    layers: list[FloatLayer] = []
    for layer in network.layers:
        layers += layer.exported(layers[-1].name if layers else INPUT)
    return FloatNetwork(
        name,
        network.input_shape,
        tuple(layers),
        timesteps=network.timesteps,
        encoding=network.encoding,
        readout=network.scored,
    )


class _Maker:
    """Makes the layers of a notation, one after the other. ``shape``: of what the next one sees."""

    def __init__(self, shape: Shape, neurons: Callable[[str], nn.Module], readout: nn.Module, pool: PoolMode) -> None:
        self.shape, self.neurons, self.readout, self.pool = shape, neurons, readout, pool
        self.counts: dict[str, int] = {}

    def layers(self, notation: str) -> list[nn.Module]:
        """All of them."""
        _, *parts = notation.split("-")
        made: list[nn.Module] = []
        for part in parts[:-1]:
            if match := _POOL.fullmatch(part):
                if isinstance(made[-1] if made else None, Block):
                    raise ValueError(f"a pool takes spikes, 0 or 1, not the sums of a residual block, as {part} would")
                made.append(self._pool(part, int(match[1])))
            elif match := _BLOCK.fullmatch(part):
                if not made:
                    raise ValueError(f"the first layer must make spikes, and not be the residual block {part}")
                made.append(self._block(part, int(match[1])))
            else:
                made.append(self._layer(part, notation, last=False))
        last = parts[-1] if parts else ""
        if _POOL.fullmatch(last) or _BLOCK.fullmatch(last):
            kind = "pool" if _POOL.fullmatch(last) else "residual block"
            raise ValueError(f"the last layer must make scores, and not be the {kind} {last}")
        return [*made, self._layer(last, notation, last=True)]

    def _name(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}{self.counts[kind]}"

    def _pool(self, part: str, size: int) -> Pool:
        _require_fit(part, size, self.shape)
        self.shape = (self.shape[0], self.shape[1] // size, self.shape[2] // size)
        return Pool(self._name("pool"), size, self.pool)

    def _block(self, part: str, window: int) -> Block:
        channels = self.shape[0]
        first, second = (self._convolution(part, channels, window, 1, padded=True, last=False) for _ in range(2))
        return Block(self._name("add"), first, second)

    def _layer(self, part: str, notation: str, *, last: bool) -> Layer:
        if match := _CONV.fullmatch(part):
            outputs, window, stride = int(match[1]), int(match[2]), int(match[4] or 1)
            return self._convolution(part, outputs, window, stride, padded=bool(match[3]), last=last)
        if match := _DENSE.fullmatch(part):
            # Fully connected is a convolution whose window is the whole image.
            return self._weights("dense", int(match[1]), (self.shape[1], self.shape[2]), 1, 0, last)
        raise ValueError(f"layers must be like 64c5, 64c5p, 2s, r3 or 128, not {part!r} in {notation!r}")

    def _convolution(self, part: str, outputs: int, window: int, stride: int, *, padded: bool, last: bool) -> Layer:
        if padded and window % 2 == 0:
            raise ValueError(f"a padded window must be odd, not {window} as in {part}")
        padding = window // 2 if padded else 0
        _require_fit(part, window - 2 * padding, self.shape)
        return self._weights("conv", outputs, (window, window), stride, padding, last)

    def _weights(
        self, kind: str, outputs: int, window: tuple[int, int], stride: int, padding: int, last: bool
    ) -> Layer:
        label, (channels, *extents) = self._name(kind), self.shape
        weights = nn.Conv2d(channels, outputs, window, stride, padding, bias=last)
        norm = None if last else nn.BatchNorm2d(outputs)
        rows, columns = (
            (extent + 2 * padding - size) // stride + 1 for extent, size in zip(extents, window, strict=True)
        )
        self.shape = (outputs, rows, columns)
        return Layer(label, weights, norm, self.readout if last else self.neurons(label))


def _require_fit(part: str, window: int, shape: Shape) -> None:
    if window > min(shape[1:]):
        raise ValueError(f"the window of {part} must fit its input of {shape[1]}x{shape[2]}")


def input_shape(notation: str) -> Shape:
    """(channels, height, width) of the images of ``notation``. ``ValueError`` where it says none."""
    text = notation.split("-")[0]
    match = _INPUT.fullmatch(text)
    if match is None:
        raise ValueError(f"the input must be like 28x28 or 2x128x128, not {text!r}")
    return int(match[1] or 1), int(match[2]), int(match[3])
