"""The Python packages that hwsnn uses: those it needs, and those of its extras."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from hwsnn.packages import MODULES, module_file, remedy

from .item import Item

GROUP = "packages"
EVERYWHERE = {
    "numpy": "everything",
    "safetensors": "model files",
    "click": "the command line",
    "rich": "tables and progress bars",
    "amaranth": "Verilog",
    "pyserial": "boards at a serial port",
    "threadpoolctl": "the reference, on all cores",
}
ON_PCS = {
    "h5py": "NIR files",
    "cocotb": "simulation",
    "cocotbext-axi": "simulated AXI boards",
    "greenlet": "the cycle model of graphs",
    "pyvcd": "waveforms of verify --debug",
}
OPTIONAL = {
    "numba": "run --engine compiled",
    "torch": "modules of frameworks, train",
    "snntorch": "networks of snnTorch",
    "spikingjelly": "networks of SpikingJelly",
    "sinabs": "networks of sinabs",
    "norse": "networks of Norse",
    "nir": "train: NIR files of its models",
    "scikit-learn": "train: the UCI digits",
    "matplotlib": "plots: report, explore, bench -o",
    "distributed": "explore: workers (Dask)",
    "cryptography": "explore: keys of its workers",
    "da4ml": "generate: shared adders",
    "pillow": "the JPEG copy of CIFAR-10",
    "pynq": "on a Zynq board: bitstreams, DMA",
}
SMALL = ("aarch64", "armv7l")
"""Machines of boards, for which pyproject.toml leaves out what simulates."""


def installed() -> Iterator[Item]:
    """Each package by its metadata; none is imported, as that would take long."""
    needed = EVERYWHERE | ({} if platform.machine() in SMALL else ON_PCS)
    for name, purpose in (EVERYWHERE | ON_PCS | OPTIONAL).items():
        found = _found(name)
        yield Item(GROUP, name, purpose, name in needed, found, "" if found else remedy(name))


def _found(package: str) -> str | None:
    """Its version; None if it cannot be imported, whatever its metadata say."""
    if module_file(MODULES.get(package, package)) is None:
        return None
    try:
        return version(package)
    except PackageNotFoundError:  # a folder on the path
        return "of unknown version"
