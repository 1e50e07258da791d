"""What a public data set with a word of its own in ``--data`` is.

To add one:

1. Write a module beside this one, such as ``hwsnn/data/fashion_mnist.py``, with ``SET = NamedData(...)``. Its
   docstring names the source and the licence. Importing it must be light: numpy alone, and a package that only decodes
   files is imported where it is used.
2. List it in ``hwsnn/data/sets.py``, and its word in ``DATA_WORDS`` of ``hwsnn/cli/completers.py``, as help texts
   are shown without loading numpy. ``hwsnn data WORD``, ``--data WORD`` and folders of several sets know it then.
3. Describe it in ``docs/data.md``, and test it with files that the test makes.

Files are untrusted: bounds come before memory, nothing is unpickled, and all that can be wrong with them is an
``InputError`` of one line. ``hwsnn.data.reading`` has what most readers need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .frames import Frames, Shape
from .idx import Split


@dataclass(frozen=True)
class RemoteFile:
    """A file that mirrors have as ``remote_name``, of ``size`` bytes.

    ``packed``: they have it as ``name``.gz, and ``sha256`` is of the unpacked content, so that an unpacked or repacked
    copy is recognized as correct, too. Else they have it as ``name``, and ``sha256`` is of the file as it is.
    """

    name: str
    size: int
    sha256: str
    packed: bool = True

    @property
    def remote_name(self) -> str:
        """Its name on a mirror, and in the folder it is fetched to."""
        return f"{self.name}.gz" if self.packed else self.name


@dataclass(frozen=True)
class NamedData:
    """A data set that has a word.

    ``word``: as in ``--data``. ``title``: its name in prose. ``shape``: of a frame, (C, H, W), or (T, C, H, W) where
    frames change with time. ``folder``: its place in a folder of several sets, and in what ``hwsnn data`` fetches.

    ``holds(folder, split)``: whether a folder, which need not exist, has the files of a split, by their names alone.
    ``frames(folder, split)``: those frames. Labels are classes from 0 on. Where the last N training frames are held
    out, they must be a fair sample: the order of ``frames`` sees to that.

    ``files`` and ``mirrors``: what ``hwsnn data`` fetches, and URLs that end with a slash; a set without files is to be
    put into its folder by hand, and ``source`` says from where. Sets of the same files are different views of them.

    ``models``: names of models that are made with it; what goes on with a hyphen is meant, too: ``mnist`` is also for
    ``mnist-small``, unless another set has that name. ``instead``: a copy that is not the original, and is read where
    there is no original; its frames have a remark.
    """

    word: str
    title: str
    shape: Shape
    folder: str
    holds: Callable[[Path, Split], bool]
    frames: Callable[[Path, Split], Frames]
    files: tuple[RemoteFile, ...] = ()
    mirrors: tuple[str, ...] = ()
    source: str = ""
    models: tuple[str, ...] = ()
    instead: NamedData | None = None

    @property
    def forms(self) -> tuple[NamedData, ...]:
        """This set, and the copy that is read where it is missing."""
        return (self,) if self.instead is None else (self, self.instead)
