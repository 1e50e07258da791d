"""The wheel of the hwsnn that runs, for the board: it is on no package index.

It is packed from the installed files, so that it needs no checkout and no network, and is of the version that made the
design. The format is that of https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from hwsnn.files.shipped import folder as shipped
from hwsnn.version import __version__

NAME = f"hwsnn-{__version__}-py3-none-any.whl"
METADATA = f"hwsnn-{__version__}.dist-info"
OF_THE_WHEEL = {"METADATA", "WHEEL", "entry_points.txt", "LICENSE"}
"""The metadata that a wheel brings; installers add files of their own."""


def write_wheel(folder: Path) -> bool:
    """Write it into ``folder``; False, and nothing is written, if this hwsnn runs without being installed."""
    metadata = _metadata()
    if metadata is None:
        return False
    members = _files("hwsnn", Path(__file__).resolve().parents[2])
    for name in ("boards", "models"):
        members |= _files(f"hwsnn/{name}", shipped(name))
    members |= metadata
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in members.items())
    with zipfile.ZipFile(folder / NAME, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(f"{METADATA}/RECORD", f"{record}{METADATA}/RECORD,,\n")
    return True


def _metadata() -> dict[str, bytes] | None:
    """By their names in the wheel; None if there are none, or those of another version."""
    try:
        installed = distribution("hwsnn")
    except PackageNotFoundError:  # run from a folder
        return None
    of_it = [file for file in installed.files or () if file.parts[0] == METADATA and file.name in OF_THE_WHEEL]
    return {file.as_posix(): file.read_binary() for file in of_it} or None


def _files(name: str, folder: Path) -> dict[str, bytes]:
    """All files in ``folder``, which is called ``name`` in the wheel, but for what Python compiled."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
    return {f"{name}/{file.relative_to(folder).as_posix()}": file.read_bytes() for file in files}


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
