"""What programs that we start get of the user's surroundings: no folder in which they look for more but those he named.

An empty entry of ``PATH`` or ``PYTHONPATH`` means the current folder, and Python by itself looks for modules there and
beside the script that runs. Whoever fills such a folder, say with an archive that holds a model, would have his
programs run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path

START = Path(__file__).with_name("start.py")
HOME = Path(__file__).parent.parent
"""Where this package is imported from."""


def python(module: str) -> tuple[str, ...]:
    """How a command starts that runs ``MODULE``, or calls ``MODULE:FUNCTION``, in a Python like ours."""
    return sys.executable, str(START), module


def environment() -> dict[str, str]:
    """Our environment variables, with a ``PATH`` and a ``PYTHONPATH`` of absolute folders that somebody named."""
    return {**os.environ, "PATH": search_path(), "PYTHONPATH": os.pathsep.join(import_path())}


def which(program: str) -> str | None:
    """The path of ``program``, if it lies in one of the absolute folders of ``PATH``."""
    return shutil.which(program, path=search_path())


def search_path() -> str:
    """``PATH`` without what depends on the current folder."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if os.path.isabs(folder))


def import_path() -> list[str]:
    """Where modules come from, but for the current folder and the script's, unless they are Python's or named by
    ``PYTHONPATH``.

    The folder of this package is there in any case, at the end if for no other reason.
    """
    named = {*os.environ.get("PYTHONPATH", "").split(os.pathsep), *sysconfig.get_paths().values()}
    unnamed = _by_itself()
    folders = [
        folder
        for folder in sys.path
        if os.path.isabs(folder)
        and os.pathsep not in folder
        and (folder in named or os.path.realpath(folder) not in unnamed)
    ]
    return folders if str(HOME) in folders else [*folders, str(HOME)]


def leave_current_folder() -> None:
    """Import nothing more from the current folder, unless this package lies in it; then only what is nowhere else."""
    sys.path[:] = import_path()


def _by_itself() -> set[str]:
    """The folders that Python looks in by itself."""
    folders = set()
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None:
        folders.add(os.path.realpath(os.path.dirname(script)))
    with contextlib.suppress(FileNotFoundError):
        folders.add(os.path.realpath(os.getcwd()))
    return folders
