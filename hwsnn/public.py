"""The functions of ``import hwsnn`` that bring several parts together; the others are those of one part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .float_network import FloatNetwork
from .model_file import float_file, integer_file
from .planner.constraints import DEFAULT_DEVICE, Constraints
from .progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from .checking.result import CheckResult
    from .model_file.notes import Forward
    from .quantization.inputs import PerChannel
    from .sim.network_bench import NetworkResult
    from .spec import EncoderKind, Network
    from .spec.integers import Images, Int64Array
    from .verilog.design import Design


def from_torch(
    module: nn.Module,
    *,
    sample: tuple[int, ...] | list[int],
    timesteps: int | None = None,
    encoding: EncoderKind | None = None,
    forward: Forward | None = None,
    name: str = "network",
) -> FloatNetwork:
    """The float network of a PyTorch module made of snnTorch's, SpikingJelly's, sinabs' or Norse's neurons.

    ``sample``: the shape of its input at a step, without frames: (channels, height, width), (channels, length) or (n,).
    ``timesteps``: per frame; by default those of the module's own loop, if it has one. ``encoding``: ``steps`` for an
    input that changes with time. ``forward``: whether a call makes a ``step`` or ``all`` steps; by default what fits.
    The module is run on random values, in eval mode. Raises ``InputError`` for what cannot be built exactly.
    """
    from .frontends.modules.read import read_module

    read = read_module(module, sample, timesteps=timesteps, encoding=encoding, forward=forward, name=name)
    return read.network


def convert(module: nn.Module, images: Any, *, timesteps: int) -> nn.Module:
    """The spiking module whose neurons fire the activations of ``module``, a trained network of ReLUs, as rates.

    ``images``: (N, ...), training images as the module takes them, normalized: a tensor or an array of floats. They
    give the thresholds; 500 are plenty. ``timesteps``: of a frame. A call of the result makes one step: ``from_torch``
    and ``check`` take it. ``module`` stays as it is. Raises ``InputError`` for a network that cannot be converted.
    """
    from .frontends.modules.conversion import convert as converted

    return converted(module, images, timesteps=timesteps)


def check(
    module: nn.Module,
    network: Network,
    images: Images,
    *,
    labels: Int64Array | None = None,
    sample: tuple[int, ...] | list[int] | None = None,
    forward: Forward | None = None,
    mean: PerChannel | None = None,
    std: PerChannel | None = None,
    input_scale: float | None = None,
    progress: Callable[[int], object] = silent,
) -> CheckResult:
    """A PyTorch module in its own framework beside ``network``, which was made of it, on ``images``.

    ``images``: (N, *network.frame_shape) uint8, ``labels``: (N,). ``sample`` and ``forward``: as in ``from_torch``;
    by default the shape of the network's input, a row of n values as (n,), and what fits. ``mean``, ``std`` and
    ``input_scale``: those that ``quantize`` was given. ``progress`` is called with the number of images done since its
    last call. Raises ``InputError`` if the network was not made of the module, ``ValueError`` for images of another
    shape or type, or none.
    """
    from .checking.check import check as check_read
    from .checking.check import sample_of
    from .checking.counterparts import CountedAs
    from .frontends.modules.read import read_module

    timesteps, encoding = network.timesteps, network.encoder.kind
    shape = sample_of(network) if sample is None else sample
    read = read_module(module, shape, timesteps=timesteps, encoding=encoding, forward=forward, name=network.name)
    counted = CountedAs(mean, std, input_scale)
    return check_read(read, network, images, labels, counted=counted, progress=progress)


def save(network: Network | FloatNetwork, path: str | Path, notes: dict[str, Any] | None = None) -> None:
    """Write a network to a ``.safetensors`` file, whole or not at all.

    ``notes``: JSON values kept in the file of an integer network for people, such as a quantizer's report. Raises
    ``ValueError`` for a float network that could not be loaded again, and for notes beside one.
    """
    if isinstance(network, FloatNetwork):
        if notes is not None:
            raise ValueError("notes must be None for a float network: its remarks are kept")
        float_file.save(network, Path(path))
    else:
        integer_file.save(network, Path(path), notes)


def generate(
    network: Network,
    folder: str | Path,
    *,
    device: str = DEFAULT_DEVICE,
    target_fps: float | None = None,
    clock_mhz: float | None = None,
    max_lut: float | None = None,
    fold: str | Path | None = None,
    pixels_per_cycle: int | None = None,
) -> Design:
    """Write the Verilog of ``network`` with its manifest and folding into ``folder``, as ``hwsnn generate`` does.

    The keywords are those of ``hwsnn.planner.constraints.Constraints``. Raises ``InputError`` if no design meets
    them, or the folder cannot be written, ``ValueError`` for values out of range.
    """
    constraints = Constraints(device, target_fps, clock_mhz, max_lut, fold, pixels_per_cycle)

    from .verilog.design import write_design

    return write_design(network, constraints.plan(network), Path(folder))


def verify(
    network: Network,
    images: Images,
    *,
    seed: int = 1,
    until: str | None = None,
    debug: str | Path | None = None,
    device: str = DEFAULT_DEVICE,
    target_fps: float | None = None,
    clock_mhz: float | None = None,
    max_lut: float | None = None,
    fold: str | Path | None = None,
    pixels_per_cycle: int | None = None,
) -> NetworkResult:
    """Simulate the Verilog of ``network`` on ``images``, compared with the reference at every layer boundary.

    ``images``: (N, C, H, W) uint8. All run once back to back, and once with random stalls drawn from ``seed``.
    ``until``: the last layer that is compared. ``debug``: a folder for what shows the first difference. The other
    keywords are those of ``generate``. Raises ``InputError`` if no design meets them or a tool is missing, and
    ``SimulationError`` if the simulation itself fails; a difference is no error but is in the result.
    """
    constraints = Constraints(device, target_fps, clock_mhz, max_lut, fold, pixels_per_cycle)

    from .sim.network_bench import run_network

    folder = None if debug is None else Path(debug)
    return run_network(network, constraints.plan(network).folding, images, seed=seed, until=until, debug=folder)
