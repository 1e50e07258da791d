"""Downloads files of a data set over HTTP: complete and correct under their names, or not at all."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from hwsnn.files.atomic import needs_room
from hwsnn.progress import StageProgress, silent

from ..errors import InputError, reason
from .idx import find
from .named import RemoteFile
from .reading import MOST_BYTES, UNREADABLE

TIMEOUT_S = 30
"""Time-out of a mirror, in seconds."""
CHUNK = 1 << 16


class _MirrorError(Exception):
    """The reason why a mirror did not deliver a file, in a few words."""


def fetch(
    folder: Path,
    files: Sequence[RemoteFile],
    mirrors: Sequence[str],
    progress: StageProgress = silent,
) -> list[Path]:
    """Download those of ``files`` that ``folder`` (made if missing) lacks, from the first of ``mirrors`` that has them.

    A mirror is a URL that ends with a slash. ``progress`` gets a file's name, its bytes so far and their total.
    An incomplete file is ``NAME.part`` until it is complete and correct; the next call resumes it.
    Returns the downloaded files. Raises ``InputError`` if no mirror has a file, if ``folder`` cannot be written to,
    and if it holds a file of the same name with another content.
    """
    with _held(folder):
        missing = [file for file in files if not _is_there(folder, file)]
        if missing and not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{folder}: cannot be written to; name another folder")
        turns = deque(mirrors)
        return [_fetch_one(folder, file, turns, progress) for file in missing]


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """``folder``, locked against other downloads."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made or read ({error.strerror}); name another folder") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: is being fetched to already; wait until that is done") from None
        except OSError:
            pass  # some network file systems have no such locks
        yield
    finally:
        os.close(descriptor)


def _is_there(folder: Path, file: RemoteFile) -> bool:
    """Whether ``folder`` holds ``file``, in any form. Raises ``InputError`` if its content is wrong."""
    path = find(folder, file.name)
    flaw = path and _flaw(path, file.packed and path.suffix == ".gz", file.sha256)
    if flaw:
        raise InputError(f"{path}: is not the file of that name ({flaw}); move it away, or name another folder")
    return path is not None


def _flaw(path: Path, packed: bool, sha256: str) -> str | None:
    """What is wrong with the content of ``path``, or None."""
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size > MOST_BYTES:  # a few kilobytes can unpack to any number
                    return f"its content is larger than {MOST_BYTES >> 20:,} MiB"
    except UNREADABLE as error:
        return reason(error)
    found = digest.hexdigest()
    return None if found == sha256 else f"the SHA-256 of its content is {found}, and must be {sha256}"


def _fetch_one(folder: Path, file: RemoteFile, mirrors: deque[str], progress: StageProgress) -> Path:
    """Download ``file``, cycling through ``mirrors`` while any makes progress; leaves the successful one in front."""
    target = folder / file.remote_name
    part = folder / f"{target.name}.part"
    failures: dict[str, str] = {}
    before = -1
    while _size(part) > before:
        before = _size(part)
        for _ in range(len(mirrors)):
            try:
                _complete(part, mirrors[0] + target.name, file, progress)
            except _MirrorError as failure:
                failures[mirrors[0]] = str(failure)
                mirrors.rotate(-1)
            else:
                os.replace(part, target)
                return target
    tried = "; ".join(f"{mirror}: {failure}" for mirror, failure in failures.items())
    raise InputError(
        f"{target}: cannot be fetched ({tried}); try again with a network (what has come is kept), "
        "or use a folder that holds the files: --data FOLDER, or HWSNN_DATA"
    )


def _complete(part: Path, url: str, file: RemoteFile, progress: StageProgress) -> None:
    """Complete ``part`` to ``file``; restart from the beginning if its content turns out to be of another file."""
    resumed = _size(part) > 0
    _download(part, url, file, progress)
    flaw = _flaw(part, file.packed, file.sha256)
    if flaw:
        part.unlink()
        if not resumed:
            raise _MirrorError(f"not the right file ({flaw})")
        _complete(part, url, file, progress)


def _download(part: Path, url: str, file: RemoteFile, progress: StageProgress) -> None:
    """Append the missing bytes of ``file`` to ``part``."""
    done = _size(part)
    if done >= file.size:
        return
    with _response(url, done) as response:
        if response.status == 200:  # some servers always send all of it
            done = 0
        length = response.headers.get("Content-Length")
        if length is not None and length != str(file.size - done):
            raise _MirrorError(f"not the right file ({length} bytes to come, and {file.size - done} are missing)")
        with needs_room(part), part.open("ab" if done else "wb") as out:
            progress(file.name, done, file.size)
            for chunk in _chunks(response, file.size - done):
                out.write(chunk)
                done += len(chunk)
                progress(file.name, done, file.size)
    if done < file.size:
        raise _MirrorError(f"ended after {done} of {file.size} bytes")


@contextmanager
def _response(url: str, start: int) -> Iterator[HTTPResponse]:
    """The response with ``url`` from byte ``start`` on (status 206), or all of it (status 200)."""
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response: Any = urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        raise _MirrorError(f"answers with status {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _MirrorError(_words(error)) from None
    with response:
        partial = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if response.status != 200 and not (start and partial):
            raise _MirrorError(f"answers with status {response.status}")
        yield response


def _chunks(response: HTTPResponse, size: int) -> Iterator[bytes]:
    """The next bytes, at most ``size``."""
    while size:
        try:
            chunk = response.read1(min(CHUNK, size))
        except (OSError, HTTPException) as error:
            raise _MirrorError(_words(error)) from None
        if not chunk:
            return
        size -= len(chunk)
        yield chunk


def _words(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    return getattr(cause, "strerror", None) or (reason(cause) if isinstance(cause, Exception) else str(cause))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
