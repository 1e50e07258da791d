"""``FILE.py:NAME`` as SRC: a module of PyTorch, and the options that say how it is called."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import InputError
from ..spec import MAX_EXTENT, EncoderKind, Network

if TYPE_CHECKING:
    from torch import nn

    from hwsnn.frontends.modules.build import ReadModule
    from hwsnn.model_file.notes import Forward

    from .conversion import Calibration

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SOURCE = re.compile(r"(?P<file>.*\.py):(?P<name>[^/]*)")


@dataclass(frozen=True)
class ModuleOptions:
    """The options of ``module_options``, with the steps and the encoding that a module is called with.

    ``calibration``: None for a module that has spiking neurons.
    """

    weights: Path | None = None
    sample: tuple[int, ...] | None = None
    forward: Forward | None = None
    timesteps: int | None = None
    encoding: EncoderKind | None = None
    calibration: Calibration | None = None

    def of_model(self, network: Network) -> ModuleOptions:
        """With the steps and the encoding of ``network``."""
        return replace(self, timesteps=network.timesteps, encoding=network.encoder.kind)

    def require_none(self) -> None:
        """Raise ``InputError`` if one was given that is for modules alone."""
        for name in ("weights", "sample", "forward"):
            if getattr(self, name) is not None:
                raise InputError(f"--{name} is for a module, FILE.py:NAME, only")
        if self.calibration is not None:
            raise InputError("--convert is for a module, FILE.py:NAME, of ReLUs only")


def _sample(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.split("x")
    if not (1 <= len(parts) <= 3 and all(re.fullmatch(r"[0-9]{1,6}", part) for part in parts)):
        raise click.BadParameter(f"must be CxHxW, such as 1x28x28, CxL or n, not {text!r}")
    sizes = tuple(map(int, parts))
    if not all(1 <= size <= MAX_EXTENT for size in sizes):
        raise click.BadParameter(f"must be of sizes from 1 to {MAX_EXTENT}, not {text!r}")
    return sizes


def module_options(command: _Command) -> _Command:
    """``--weights``, ``--sample`` and ``--forward``, as ``weights``, ``sample`` and ``forward``."""
    for option in (
        click.option(
            "--forward",
            type=click.Choice(["step", "all"]),
            help="Whether a call of a module makes one step, or all steps of a frame.  [default: what fits]",
        ),
        click.option(
            "--sample",
            callback=_sample,
            metavar="CxHxW|n",
            help="The shape of a module's input at a step: CxHxW of an image, CxL of a row, or n values.",
        ),
        click.option(
            "--weights",
            type=click.Path(path_type=Path),
            metavar="W.pt",
            help="A module's trained weights: a state dict, or a checkpoint that holds one as state_dict or "
            "model_state_dict.",
        ),
    ):
        command = option(command)
    return command


def is_module(source: str) -> bool:
    """Whether SRC is ``FILE.py:NAME``. Raises ``InputError`` for a Python file without a name."""
    if source.endswith(".py"):
        raise InputError(f"{source}: is a Python file; give the module in it too: {source}:NAME")
    return _SOURCE.fullmatch(source) is not None


def source_file(source: str) -> Path:
    """The file that SRC names."""
    found = _SOURCE.fullmatch(source)
    return Path(found["file"] if found else source)


def loaded_module(source: str, weights: Path | None) -> nn.Module:
    """The module of ``FILE.py:NAME``, in eval mode."""
    from hwsnn.packages import require

    require("torch", f" ({source} is a module of PyTorch)")
    from hwsnn.frontends.modules.source_file import ModuleSource, load_module

    logging.getLogger("torch").setLevel(logging.ERROR)  # it warns of what it lacks on this machine, such as Triton
    return load_module(ModuleSource(source_file(source), source.rpartition(":")[2]), weights)


def read_loaded(source: str, module: nn.Module, options: ModuleOptions) -> ReadModule:
    """``module``, loaded from ``source``, as a float network."""
    from hwsnn.frontends.modules.read import read_module

    try:
        return read_module(
            module,
            required_sample(source, options),
            timesteps=options.timesteps,
            encoding=options.encoding,
            forward=options.forward,
            name=source.rpartition(":")[0].rpartition("/")[2].removesuffix(".py"),
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def required_sample(source: str, options: ModuleOptions) -> tuple[int, ...]:
    """The shape of a module's input at a step, which must have been given."""
    if options.sample is None:
        raise InputError(
            f"{source}: give the shape of its input at a step: --sample CxHxW, such as 1x28x28, or n values"
        )
    return options.sample


def read_module_source(source: str, options: ModuleOptions, dt: float | None) -> tuple[ReadModule, dict[str, Any]]:
    """The module of ``FILE.py:NAME`` as a float network, and how it was read."""
    if dt is not None:
        raise InputError(f"{source}: its neurons have their own time step; --dt is for NIR files only")
    module, remarks = loaded_module(source, options.weights), list[str]()
    origin: dict[str, Any] = {}
    if options.calibration is not None:
        try:
            calibrated = options.calibration.convert(module, required_sample(source, options), options.timesteps)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        module, origin = calibrated.module, calibrated.origin
        remarks.append(calibrated.remark)
    read = read_loaded(source, module, options)
    if options.weights is None:
        remarks.append(f"weights: as {Path(source).name} gives them; if it does not load trained ones, give --weights")
    read = replace(read, network=replace(read.network, remarks=(*read.network.remarks, *remarks)))
    origin |= {"sample_shape": list(options.sample or ()), "forward": read.forward}
    if options.weights is not None:
        origin["weights"] = options.weights.name
    return read, origin
