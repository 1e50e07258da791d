"""Scratch folders go with whoever made them, however he ends, and never while he lives."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hwsnn.files.atomic import written_whole
from hwsnn.files.scratch import ENDING, Scratch, sweep


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_scratch_folder_is_gone_at_the_end(tmp_path: Path) -> None:
    with Scratch(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("")
    assert names(tmp_path) == []


def test_among_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Scratch("run") as folder:
        assert (folder.parent, folder.name[:10]) == (tmp_path, "hwsnn-run-")
    assert names(tmp_path) == []


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    with Scratch(tmp_path) as folder:
        (folder / "link").symlink_to(tmp_path / "precious")
    assert names(tmp_path / "precious") == ["file"]


HOLDER = """
import os, signal, sys
from pathlib import Path
from hwsnn.files.atomic import written_whole
with written_whole(Path(sys.argv[1]) / "out") as partial:
    partial.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_is_swept_up_behind_and_no_other(tmp_path: Path) -> None:
    """By the next that writes in the same place: what the one leaves goes, what the other holds stays."""

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        return process

    with start() as living, start() as killed:
        assert len(names(tmp_path)) == 2
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        assert len(names(tmp_path)) == 2
        with written_whole(tmp_path / "other") as partial:
            partial.write_text("whole")
            assert len(names(tmp_path)) == 2  # ours, and that of the living
        assert len(names(tmp_path)) == 2
        living.communicate("")
    assert living.returncode == 0
    assert names(tmp_path) == ["other", "out"]


def test_a_process_looks_once_for_what_others_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of outputs may go to one folder, which takes long to read."""
    looked: list[Path] = []
    monkeypatch.setattr("hwsnn.files.scratch.sweep", looked.append)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        with written_whole(tmp_path / f"{number}") as partial:
            partial.write_text("")
        with Scratch(Path("other")):
            pass
    assert looked == [tmp_path, tmp_path / "other"]


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may come between making and locking: it may just remove the folder, or have done so."""
    made: list[Path] = []
    sweepers: list[int] = []
    make = tempfile.mkdtemp

    def make_slowly(*arguments: str) -> str:
        folder = make(*arguments)
        made.append(Path(folder))
        if len(made) == 1:
            sweep(tmp_path)
            assert not made[0].exists()
        elif len(made) == 2:
            sweepers.append(os.open(folder, os.O_RDONLY))
            fcntl.flock(sweepers[0], fcntl.LOCK_EX)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", make_slowly)
    with Scratch(tmp_path) as folder:
        assert folder == made[2]
        sweep(tmp_path)
        assert folder.is_dir()
    os.close(sweepers[0])


def test_a_folder_locked_when_it_is_gone_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was removed after it was opened: the lock of what has no name protects nothing."""
    removed: list[Path] = []
    lock = fcntl.flock

    def lock_late(descriptor: int, kind: int) -> None:
        if kind & fcntl.LOCK_SH and not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].rmdir()
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with Scratch(tmp_path) as folder:
        assert folder.is_dir()
        assert folder != removed[0]


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    """Not what is called otherwise, is no folder, or leads to one."""
    pattern = f".hwsnn-abcdefgh{ENDING}"
    for name in (
        ".hwsnn-notebook",
        f"hwsnn-{ENDING}",
        f"mine-abcdefgh{ENDING}",
        pattern.replace("abc", "ABC"),
        "target",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    (tmp_path / pattern).symlink_to("target")
    (tmp_path / pattern.replace("abc", "bbc")).write_text("a file")
    before = names(tmp_path)
    sweep(tmp_path)
    assert names(tmp_path) == before
    assert names(tmp_path / "target") == ["file"]
    (tmp_path / pattern.replace("abc", "cbc")).mkdir()
    sweep(tmp_path)
    assert names(tmp_path) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="plays two users")
def test_folders_of_other_users_stay(tmp_path: Path) -> None:
    other = tmp_path / f".hwsnn-abcdefgh{ENDING}"
    other.mkdir()
    os.chown(other, 65534, 65534)
    sweep(tmp_path)
    assert other.is_dir()


def test_where_there_are_no_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Scratch(tmp_path) as first, Scratch(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
    assert names(tmp_path) == []
