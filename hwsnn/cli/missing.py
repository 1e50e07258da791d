"""What to install where a package that this one can do without, or does without on some machines, is missing."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

PACKAGES = {
    "amaranth_boards": "amaranth-boards",
    "cocotb_tools": "cocotb",
    "cocotbext": "cocotbext-axi",
    "dask": "distributed",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
}
"""The package that brings a module, where it is called otherwise; of dask, the one that we ask for."""
_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*")
_EXTRA = re.compile(r"extra == ['\"]([\w-]+)['\"]")


def remedy(error: ImportError) -> str | None:
    """Which package an import lacked, and how to get it, as the end of a sentence. None where it is our own."""
    module = (error.name or "").partition(".")[0]
    if module in ("", "hwsnn"):
        return None
    return f"{module}: pip install {_wanted(PACKAGES.get(module, module))}"


def _wanted(package: str) -> str:
    """``package``, as our own metadata ask for it: as an extra of ours, or with the versions that fit."""
    for requirement in _requirements():
        found = _REQUIREMENT.match(requirement)
        if found and found[1] == package:
            extra = _EXTRA.search(requirement)
            return f"'hwsnn[{extra[1]}]'" if extra else f"'{found[0].strip()}'"
    return package


def _requirements() -> list[str]:
    try:
        return requires("hwsnn") or []
    except PackageNotFoundError:  # run from a folder, without being installed
        return []
