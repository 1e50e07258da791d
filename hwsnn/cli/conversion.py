"""``--convert``: SRC is a plain network of ReLUs, whose activations on training images give its neurons thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Wish, images
from ..errors import InputError
from ..progress import stages
from ..spec import MAX_PIXEL_BITS, EncoderKind
from .firing import SAMPLE_IMAGES, located

if TYPE_CHECKING:
    from torch import nn

    from hwsnn.float_network import FloatArray
    from hwsnn.frontends.modules.converted import Converted
    from hwsnn.model_file.notes import Forward

ENCODINGS = ("direct", "uniform", "poisson")
"""Those whose mean over the steps is the pixel."""


@dataclass(frozen=True)
class Calibration:
    """The first ``count`` images of ``data``, and what a pixel of them counts as: the arguments of ``quantize``."""

    data: str
    count: int | None
    counted: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        data: str | None,
        count: int | None,
        counted: Mapping[str, Any],
        encoding: EncoderKind | None,
        forward: Forward | None,
    ) -> Calibration:
        """That of a command's options. Raises ``InputError`` where they do not do."""
        if data is None:
            raise InputError("--convert takes thresholds from activations on training images; give them as --data DATA")
        if encoding not in (None, *ENCODINGS):
            raise InputError(
                f"--convert makes rates of still images, so the encoding must be {', '.join(ENCODINGS[:-1])} or "
                f"{ENCODINGS[-1]}, not {encoding!r}"
            )
        if forward == "all":
            raise InputError("--convert makes a module that is called step by step; leave out --forward all")
        return cls(data, count, counted)

    def convert(self, module: nn.Module, sample: tuple[int, ...], timesteps: int | None) -> Calibrated:
        """``module``, which takes ``sample``, as a spiking one. Raises ``InputError`` if that cannot be."""
        from hwsnn.frontends.modules.conversion import convert

        if timesteps is None:
            raise InputError("--convert chooses thresholds for a number of time steps; give --timesteps T, such as 16")
        wish = Wish(shape=sample if len(sample) == 3 else None)
        source, split = located(self.data, wish)
        if source.path.is_dir() and split != "train":
            raise InputError(
                f"{self.data}: has no training images, and --convert takes no thresholds from test images; give a "
                "folder that has them, or an .npz of some"
            )
        count = self.count or SAMPLE_IMAGES
        found = images(self.data, split, self.count, wish).images[:count]
        inputs = self._inputs(found, sample)
        with stages() as show:
            show.at("converting by the activations on training images")
            made = convert(module, inputs, timesteps=timesteps)
        kind = "training images" if source.path.is_dir() else "images"
        return Calibrated(made, f"the first {len(found):,} {kind} of {Path(self.data).resolve().name}")

    def _inputs(self, found: Any, sample: tuple[int, ...]) -> FloatArray:
        """What the module takes for images (N, C, H, W) of pixels."""
        if prod(found.shape[1:]) != prod(sample):
            size, asked = ("x".join(map(str, one)) for one in (found.shape[1:], sample))
            raise InputError(f"{self.data}: holds images of {size}, and --sample is {asked}")
        scale = self.counted.get("input_scale") or 1 / ((1 << self.counted.get("pixel_bits", MAX_PIXEL_BITS)) - 1)
        mean, std = (
            np.asarray(default if self.counted.get(what) is None else self.counted[what], np.float64)
            for what, default in (("mean", 0.0), ("std", 1.0))
        )
        channels = sample[0] if len(sample) > 1 else 1
        for what, values in (("mean", mean), ("std", std)):
            if values.ndim and values.shape != (channels,):
                raise InputError(f"--{what} must have one number, or one per channel, {channels}, not {len(values)}")
        values = found.reshape(len(found), channels, -1) * scale
        inputs: FloatArray = (values - mean.reshape(-1, 1)) / std.reshape(-1, 1)
        return inputs.reshape(len(found), *sample)


@dataclass(frozen=True)
class Calibrated:
    """``module``: the spiking one; ``images``: in words, those that its thresholds are of."""

    module: Converted
    images: str

    @property
    def remark(self) -> str:
        """A line for people."""
        low, high = min(self.module.thresholds), max(self.module.thresholds)
        relus = "1 ReLU" if len(self.module.thresholds) == 1 else f"{len(self.module.thresholds)} ReLUs"
        return (
            f"converted: {relus} to integrate-and-fire neurons for {self.module.timesteps} time steps, thresholds "
            f"{low:.3g} to {high:.3g} by the activations on {self.images}"
        )

    @property
    def origin(self) -> dict[str, Any]:
        """What is kept in the model file, so that the module can be converted alike again."""
        return {"converted": {"thresholds": list(self.module.thresholds), "images": self.images}}
