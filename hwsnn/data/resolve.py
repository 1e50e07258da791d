"""Resolve the word or path of a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hwsnn.errors import InputError
from hwsnn.files.cache import cache_folder
from hwsnn.files.shipped import folder

from .frames import Shape, fits
from .idx import Split
from .named import NamedData
from .sets import SETS, SHIPPED


@dataclass(frozen=True)
class Source:
    """Where data are. ``named``: the set of that folder; None for a file, and for a folder that holds none."""

    path: Path
    named: NamedData | None = None

    @property
    def set(self) -> NamedData:
        """The set, where there is one."""
        assert self.named is not None
        return self.named

    def holds(self, split: Split) -> bool:
        """Whether it is a folder that holds ``split``."""
        return self.named is not None and self.named.holds(self.path, split)


@dataclass(frozen=True)
class Wish:
    """What is to be found in a folder of several sets. ``word``: the set. ``shape``: of a frame, which the set fits."""

    word: str | None = None
    shape: Shape | None = None

    def allows(self, named: NamedData) -> bool:
        """Whether frames of that set have the shape, as far as it is known."""
        return self.shape is None or fits(named.shape, self.shape)


ANY = Wish()


def resolve(text: str, split: Split, wish: Wish = ANY) -> Source:
    """The file or folder that ``text`` names: a data set's word, or a path; a word wins over a path of that name.

    A folder that holds no data of ``split`` itself stands for one of the data sets in its subfolders: the one whose
    word ``wish`` has, else the only one of its shape. Raises ``InputError`` if that is not there, or not one alone.

    A word is looked for in the folder that the environment variable ``HWSNN_DATA`` names, in that folder's subfolder
    for the set, and in what ``hwsnn data`` fetched; originals before copies. Raises ``InputError`` if none holds
    ``split``.
    """
    if text in SETS:
        return _by_word(SETS[text], split)
    path = path_of(text)
    if not path.is_dir():
        return Source(path)
    return _itself(path, split, wish) or _inside(path, split, wish) or Source(path)


def path_of(text: str) -> Path:
    """``text`` as a path, unless it is the word of a shipped file."""
    return folder("models") / SHIPPED[text] if text in SHIPPED else Path(text)


def fetched() -> Path:
    """The folder that ``hwsnn data`` fetches to, which need not exist: it has a subfolder for each data set."""
    return cache_folder() / "hwsnn" / "data"


def _by_word(named: NamedData, split: Split) -> Source:
    given = os.environ.get("HWSNN_DATA")
    for form in named.forms:
        if given and _is(Path(given), form, split):
            return Source(Path(given), form)
        for place in (*([Path(given)] if given else []), fetched()):
            if form.holds(place / form.folder, split):
                return Source(place / form.folder, form)
    also = f" or in HWSNN_DATA, {given}" if given else ""
    remedy = f"`hwsnn data {named.word}` fetches them, or " if named.files else f"{named.source}; "
    raise InputError(
        f"{named.word}: no {split} data in {fetched() / named.folder}{also}; "
        f"{remedy}set HWSNN_DATA to a folder that holds them"
    )


def _is(path: Path, wanted: NamedData, split: Split) -> bool:
    """Whether a folder itself is that set's. Files of the same names are told apart by the folder's own name.

    A folder of any other name is that of the first set that it can be.
    """
    holding = [form for form in _all_forms() if form.holds(path, split)]
    called = [form for form in holding if form.folder == path.resolve().name]
    return any(form.files == wanted.files and form.folder == wanted.folder for form in called or holding[:1])


def _itself(path: Path, split: Split, wish: Wish) -> Source | None:
    """The set whose files are in that folder itself: of several sets of such files, the wished one, or the first."""
    holding = [form for form in _all_forms() if form.holds(path, split)]
    wished = [form for form in holding if form.word == wish.word]
    return next((Source(path, form) for form in (*wished, *holding)), None)


def _inside(path: Path, split: Split, wish: Wish) -> Source | None:
    """The set in a subfolder that ``wish`` means; None if there is no set at all."""
    found = list(_subfolders(path, split))
    if not found:
        return None
    fitting = [source for source in found if wish.allows(source.set)]
    if wish.word is not None and (wish.word in SHIPPED or wish.allows(SETS[wish.word])):
        wished = next((source for source in fitting if source.set.word == wish.word), None)
        if wished is None:
            there = _words(_of_different_folders(found))
            raise InputError(
                f"{path}: holds {there}, and not {wish.word}, which is meant; give that word, or the folder of "
                f"another, such as {found[0].path}"
            )
        return wished
    if wish.shape is None:  # another view of files must be wished for
        fitting = _of_different_folders(fitting)
    choice = fitting or _of_different_folders(found)
    if len(choice) > 1:
        raise InputError(
            f"{path}: holds several data sets that may be meant: {_words(choice)}; give the word of one, or its "
            f"folder, such as {choice[0].path}"
        )
    return choice[0]


def _subfolders(path: Path, split: Split) -> Iterator[Source]:
    """Each set that is in its subfolder of ``path``: the original, or else a copy."""
    for named in SETS.values():
        forms = (Source(path / form.folder, form) for form in named.forms)
        yield from islice((source for source in forms if source.holds(split)), 1)


def _words(sources: list[Source]) -> str:
    return ", ".join(source.set.word for source in sources)


def _of_different_folders(sources: list[Source]) -> list[Source]:
    """The first of each folder, in their order."""
    first: dict[Path, Source] = {}
    for source in sources:
        first.setdefault(source.path, source)
    return list(first.values())


def _all_forms() -> Iterator[NamedData]:
    return (form for named in SETS.values() for form in named.forms)
