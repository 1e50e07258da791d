"""The folders that ship beside the code: ``models/`` and ``boards/``."""

from pathlib import Path


def folder(name: str) -> Path:
    """The shipped folder ``name``: inside the package once installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / name
    return installed if installed.is_dir() else package.parent / name
