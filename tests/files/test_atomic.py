"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from hwsnn.errors import InputError
from hwsnn.files.atomic import folder_written_whole, require_file, written_whole


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with written_whole(target) as partial:
        assert partial.name == "out.txt"
        partial.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file(tmp_path: Path, reason: type[BaseException]) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail() -> None:
        with written_whole(target) as partial:
            partial.write_text("half")
            raise reason

    with pytest.raises(reason):
        fail()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["out.txt"]


def test_a_relative_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with written_whole(Path("out.txt")) as partial:
        partial.write_text("whole")
    assert names(tmp_path) == ["out.txt"]


def test_a_file_where_a_folder_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; name a file"), written_whole(tmp_path):
        pytest.fail("nothing may be written")


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    for path, kind in {"pipe": "a pipe", "to-pipe": "a pipe", "socket": "a socket", "/dev/null": "a device"}.items():
        for written, wanted in ((written_whole, "a file to write"), (folder_written_whole, "a folder to write into")):
            message = f"^{tmp_path / path}: is {kind}; name {wanted}$"
            with pytest.raises(InputError, match=message), written(tmp_path / path):
                pytest.fail("nothing may be written")
    assert names(tmp_path) == ["pipe", "socket", "to-pipe"]


@pytest.mark.parametrize("target", ["../place/file", "{}/place/file"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_to_a_file_stays(tmp_path: Path, target: str, there: bool) -> None:
    """Whether it leads to a file yet or not, and whether directly."""
    for folder in ("links", "place"):
        (tmp_path / folder).mkdir()
    if there:
        (tmp_path / "place" / "file").write_text("old")
    (tmp_path / "links" / "first").symlink_to(target.format(tmp_path))
    (tmp_path / "links" / "second").symlink_to("first")
    with written_whole(tmp_path / "links" / "second") as partial:
        partial.write_text("new")
    assert (tmp_path / "place" / "file").read_text() == "new"
    assert not (tmp_path / "place" / "file").is_symlink()
    assert os.readlink(tmp_path / "links" / "second") == "first"
    assert (names(tmp_path / "links"), names(tmp_path / "place")) == (["first", "second"], ["file"])


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("none/file")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for written in (written_whole, folder_written_whole):
        with pytest.raises(InputError, match="none: no such folder; make it first"), written(tmp_path / "link"):
            pytest.fail("nothing may be written")
        with pytest.raises(InputError, match="one: is a symbolic link that leads round"), written(tmp_path / "one"):
            pytest.fail("nothing may be written")
    assert names(tmp_path) == ["link", "one", "two"]


def test_a_link_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("out")
    for _ in ("the folder is made", "the folder is there"):
        with folder_written_whole(tmp_path / "link") as partial:
            fill(partial)
        assert os.readlink(tmp_path / "link") == "out"
        assert names(tmp_path / "out") == ["a.txt", "sub"]
    with pytest.raises(InputError, match="link: is a folder; name a file"), written_whole(tmp_path / "link"):
        pytest.fail("nothing may be written")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_the_standard_output_is_not_replaced(tmp_path: Path) -> None:
    """/dev/stdout is a link to an open file, here one with a name, to which a shell has us write."""
    (tmp_path / "printed").write_text("")
    with (tmp_path / "printed").open("r+") as file:
        (tmp_path / "stdout").symlink_to(f"/proc/self/fd/{file.fileno()}")
        for path in (tmp_path / "stdout", Path(f"/dev/fd/{file.fileno()}")):
            with pytest.raises(InputError, match="is an open file of a program"), written_whole(path):
                pytest.fail("nothing may be written")
        assert os.fstat(file.fileno()).st_ino == (tmp_path / "printed").stat().st_ino


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device", None])
def test_an_input_is_an_ordinary_file(tmp_path: Path, kind: str | None) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = {"a folder": tmp_path, "a pipe": tmp_path / "pipe", "a device": Path("/dev/null")}.get(kind or "")
    with pytest.raises(InputError) as caught:
        require_file(path or tmp_path / "none", "model file", "give another", called="it")
    assert str(caught.value) == f"it: {f'is {kind}, not a' if kind else 'no such'} model file; give another"


def test_no_folder_to_write_to(tmp_path: Path) -> None:
    for written in (written_whole, folder_written_whole):
        with pytest.raises(InputError, match="no such folder; make it first"), written(tmp_path / "none" / "out"):
            pytest.fail("nothing may be written")


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    for written in (written_whole, folder_written_whole):
        with pytest.raises(InputError, match=r"cannot write here \(Permission denied\)"), written(tmp_path / "out"):
            pytest.fail("nothing may be written")


def test_a_full_disk_names_the_output(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with pytest.raises(InputError, match=r"out.txt: cannot be written \(No space left"), written_whole(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_other_errors_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "out.txt"):
        (tmp_path / "input").read_text()


def fill(partial: Path) -> None:
    (partial / "a.txt").write_text("new a")
    (partial / "sub").mkdir()
    (partial / "sub" / "b.txt").write_text("new b")


def test_a_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with folder_written_whole(target) as partial:
        fill(partial)
        assert not target.exists()
    assert names(tmp_path) == ["out"]
    assert names(target) == ["a.txt", "sub"]
    assert names(target / "sub") == ["b.txt"]


def test_an_old_folder_keeps_what_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "sub").mkdir(parents=True)
    (target / "sub" / "stale.txt").write_text("old")
    (target / "kept.txt").write_text("old")
    (target / "a.txt").write_text("old")
    with folder_written_whole(target) as partial:
        fill(partial)
        assert (target / "a.txt").read_text() == "old"
    assert names(target) == ["a.txt", "kept.txt", "sub"]
    assert names(target / "sub") == ["b.txt"]
    assert (target / "a.txt").read_text() == "new a"


def test_a_folder_takes_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("a file")
    with folder_written_whole(tmp_path) as partial:
        fill(partial)
    assert (tmp_path / "sub").is_dir()


def test_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with folder_written_whole(Path()) as partial:
        fill(partial)
    assert names(tmp_path) == ["a.txt", "sub"]


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_folder_alone(tmp_path: Path, reason: type[BaseException]) -> None:
    def fail(target: Path) -> None:
        with folder_written_whole(target) as partial:
            fill(partial)
            raise reason

    for target in (tmp_path / "new", tmp_path):
        with pytest.raises(reason):
            fail(target)
    assert names(tmp_path) == []


def test_a_folder_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file; name a folder"), folder_written_whole(tmp_path / "out"):
        pytest.fail("nothing may be written")


def test_a_file_replaces_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "a.txt" / "precious").mkdir(parents=True)

    def write() -> None:
        with folder_written_whole(out) as partial:
            fill(partial)

    with pytest.raises(InputError, match=r"out/a\.txt: is a folder; a file of that name is to be written there$"):
        write()
    assert (out / "a.txt" / "precious").is_dir()
    assert names(out) == ["a.txt"]
