"""The environment of programs that we start: they search only the absolute folders that the user named.

An empty entry of ``PATH`` or ``PYTHONPATH`` means the current folder, and Python by itself searches it for modules, and
the folder of the running script. Anybody who fills such a folder, for example with an archive that holds a model, could
run programs as the user.
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
"""The folder from which this package is imported."""


def python(module: str) -> tuple[str, ...]:
    """The start of a command that runs ``MODULE``, or calls ``MODULE:FUNCTION``, in a Python like ours.

    The folders of modules are in the command itself: through ``PYTHONPATH``, a Python of another version that the
    module starts, perhaps indirectly, would import our packages.
    """
    return sys.executable, str(START), os.pathsep.join(import_path()), module


def environment() -> dict[str, str]:
    """Our environment variables, with only the absolute folders of the user's ``PATH`` and ``PYTHONPATH``."""
    settings = {**os.environ, "PATH": search_path(), "PYTHONPATH": _absolute(os.environ.get("PYTHONPATH", ""))}
    if not settings["PYTHONPATH"]:
        del settings["PYTHONPATH"]
    return settings


def which(program: str) -> str | None:
    """The path of ``program``, if it is in one of the absolute folders of ``PATH``."""
    return shutil.which(program, path=search_path())


def search_path() -> str:
    """``PATH`` without entries that depend on the current folder."""
    return _absolute(os.environ.get("PATH", os.defpath))


def import_path() -> list[str]:
    """The folders of modules, without the current folder and the script's, unless they are Python's or in
    ``PYTHONPATH``.

    The folder of this package is always included, if necessary at the end.
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
    """Stop importing from the current folder, unless this package is in it; then only what is nowhere else.

    The same holds for programs that any library starts: our environment variables are ``environment`` from now on.
    """
    sys.path[:] = import_path()
    settings = environment()
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(settings)


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Make ``folder`` the current one for the block, and restore the current folder and the import path afterwards.

    For libraries that start Python in their own way: multiprocessing searches the current folder for modules. It must
    be one that only we can write to. Relative paths have another meaning meanwhile.
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
    """The absolute folders in ``folders``, which is separated as ``PATH``."""
    return os.pathsep.join(folder for folder in folders.split(os.pathsep) if os.path.isabs(folder))


def _by_itself() -> set[str]:
    """The folders that Python searches by default."""
    folders = set()
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None:
        folders.add(os.path.realpath(os.path.dirname(script)))
    with contextlib.suppress(FileNotFoundError):
        folders.add(os.path.realpath(os.getcwd()))
    return folders
