"""What a machine holds onto which the wheel was installed: the wheel, and what pip would bring along there."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]


def install_wheel(folder: Path) -> Path:
    """Build the wheel in ``folder``; a folder with it installed into it, without its dependencies."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(folder.glob("hwsnn-*.whl"))
    site = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return site


def required(wanted: Distribution, machine: str, extra: str = "", **other: str) -> list[Requirement]:
    """What ``wanted`` needs on Linux on a machine such as aarch64, with the ``extra``.

    ``other``: what else its markers may ask for, such as ``python_version``, where it is not as here.
    """
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    here = {name: str(text) for name, text in default_environment().items()}
    there = here | linux | {"platform_machine": machine, "extra": extra} | other
    all_of_them = [Requirement(text) for text in wanted.requires or ()]
    return [one for one in all_of_them if one.marker is None or one.marker.evaluate(there)]


def the_wheel(site: Path) -> Distribution:
    """The metadata of what ``install_wheel`` installed."""
    return next(one for one in distributions(path=[str(site)]) if one.metadata["Name"] == "hwsnn")


def lay_out(site: Path, machine: str, folder: Path) -> None:
    """Link into ``folder`` what pip would install on ``machine`` for the wheel in ``site``: as it is installed here."""
    folder.mkdir()
    _link(the_wheel(site), folder)
    known: set[tuple[str, str]] = set()
    _know(the_wheel(site), machine, "", known)
    for name in {name for name, _ in known} - {"hwsnn"}:
        _link(distribution(name), folder)


def _know(wanted: Distribution, machine: str, extra: str, known: set[tuple[str, str]]) -> None:
    """Add ``wanted`` with ``extra`` to ``known``, and what it needs: names, each with every extra."""
    if (key := (canonicalize_name(wanted.metadata["Name"]), extra)) in known:
        return
    known.add(key)
    for requirement in required(wanted, machine, extra):
        for more in ("", *requirement.extras):
            _know(distribution(requirement.name), machine, more, known)


def _link(one: Distribution, folder: Path) -> None:
    for top in {Path(file).parts[0] for file in one.files or ()} - {"..", "__pycache__", "bin"}:
        if not (folder / top).exists():
            (folder / top).symlink_to(str(one.locate_file(top)))
