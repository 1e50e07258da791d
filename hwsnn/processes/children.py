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
from collections.abc import Iterator
from pathlib import Path

START = Path(__file__).with_name("start.py")
HOME = Path(__file__).parents[2]
"""Where this package is imported from."""


def python(module: str) -> tuple[str, ...]:
    """How a command starts that runs ``MODULE``, or calls ``MODULE:FUNCTION``, in a Python like ours.

    It says itself where modules come from: by ``PYTHONPATH`` a Python of another version that the module starts, by way
    of other programs perhaps, would import ours.
    """
    return sys.executable, str(START), os.pathsep.join(import_path()), module


def environment() -> dict[str, str]:
    """Our environment variables, with the absolute folders alone that the user's ``PATH`` and ``PYTHONPATH`` name."""
    settings = {**os.environ, "PATH": search_path(), "PYTHONPATH": _absolute(os.environ.get("PYTHONPATH", ""))}
    if not settings["PYTHONPATH"]:
        del settings["PYTHONPATH"]
    return settings


def which(program: str) -> str | None:
    """The path of ``program``, if it lies in one of the absolute folders of ``PATH``."""
    return shutil.which(program, path=search_path())


def search_path() -> str:
    """``PATH`` without what depends on the current folder."""
    return _absolute(os.environ.get("PATH", os.defpath))


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
    """Import nothing more from the current folder, unless this package lies in it; then only what is nowhere else.

    Nor do programs that are started, by whichever library: from now on our environment variables are ``environment``.
    """
    sys.path[:] = import_path()
    settings = environment()
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(settings)


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Have ``folder`` as the current one for so long, and import from it and others as before afterwards.

    For libraries that start Python in their own way: multiprocessing's looks for modules in the current folder. It must
    be one that only we can write to. Relative paths lead elsewhere meanwhile.
    """
    before = os.open(".", getattr(os, "O_PATH", os.O_RDONLY))  # which may have lost its name
    modules = sys.path.copy()
    try:
        os.chdir(folder)
        yield
    finally:
        sys.path[:] = modules
        os.fchdir(before)
        os.close(before)


def _absolute(folders: str) -> str:
    """The absolute ones among ``folders``, which are separated as in ``PATH``."""
    return os.pathsep.join(folder for folder in folders.split(os.pathsep) if os.path.isabs(folder))


def _by_itself() -> set[str]:
    """The folders that Python looks in by itself."""
    folders = set()
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None:
        folders.add(os.path.realpath(os.path.dirname(script)))
    with contextlib.suppress(FileNotFoundError):
        folders.add(os.path.realpath(os.getcwd()))
    return folders
