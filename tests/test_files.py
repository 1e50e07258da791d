"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hwsnn.errors import InputError
from hwsnn.files import folder_written_whole, written_whole


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


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no ordinary file"), written_whole(tmp_path / "pipe"):
        pytest.fail("nothing may be written")


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


def test_folders_and_files_take_each_others_place(tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("a file")
    (tmp_path / "a.txt").mkdir()
    with folder_written_whole(tmp_path) as partial:
        fill(partial)
    assert (tmp_path / "a.txt").is_file()
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
