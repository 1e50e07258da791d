"""Whose the cache is: programs that somebody else could have put there are not used."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsnn.errors import InputError
from hwsnn.files import ownership
from hwsnn.files.cache import private_folder, tool_cache
from hwsnn.files.ownership import ours_alone
from hwsnn.sim import runner

OTHER = 65534
plays_two_users = pytest.mark.skipif(os.geteuid() != 0, reason="plays two users")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's cache folder, not made yet; files are made as open as can be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = os.umask(0)
    yield tmp_path / "cache"
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refusal() -> str:
    with pytest.raises(InputError) as caught:
        private_folder("simulators")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("set XDG_CACHE_HOME to a folder of your own")
    return str(caught.value)


def test_folders_are_closed_to_others(home: Path) -> None:
    home.mkdir(mode=0o755)
    assert private_folder("simulators") == home / "hwsnn" / "simulators"
    assert (mode(home / "hwsnn"), mode(home / "hwsnn" / "simulators")) == (0o700, 0o700)


def test_old_folders_are_closed(home: Path) -> None:
    home.mkdir(mode=0o755)
    (home / "hwsnn").mkdir(mode=0o775)
    (home / "hwsnn" / "simulators").mkdir(mode=0o777)
    private_folder("simulators")
    assert (mode(home / "hwsnn"), mode(home / "hwsnn" / "simulators")) == (0o700, 0o700)


@pytest.mark.parametrize("below", ["", "sub"])
def test_a_folder_above_that_anybody_may_write_to(home: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    (home / "sub").mkdir(parents=True, mode=0o755)
    home.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / below))
    assert refusal().startswith(f"{home}: others can write to it (mode 777), and replace the programs below; ")
    home.chmod(0o1777)  # as /tmp: what is there can be replaced by its owner alone
    private_folder("simulators")


@plays_two_users
@pytest.mark.parametrize("place", ["hwsnn", "hwsnn/simulators"])
def test_a_folder_that_somebody_else_made(home: Path, place: str) -> None:
    home.mkdir(mode=0o1777)
    (home / "hwsnn" / "simulators").mkdir(parents=True)
    os.chown(home / place, OTHER, OTHER)
    assert re.match(rf"{home / place}: belongs to (the user \w+|user {OTHER}), who could have put programs", refusal())


@plays_two_users
def test_a_home_of_somebody_else(home: Path) -> None:
    """As of the user who calls sudo, where that keeps HOME."""
    home.mkdir(mode=0o700)
    os.chown(home, OTHER, OTHER)
    assert f"{home}: belongs to " in refusal()
    assert list(home.iterdir()) == []


@plays_two_users
def test_a_group_that_may_write(home: Path) -> None:
    """One's own group is taken for a private one, as where the mask is 002."""
    home.mkdir(mode=0o775)
    os.chown(home, 0, OTHER)
    assert "others can write to it (mode 775)" in refusal()
    os.chown(home, 0, os.getegid())
    private_folder("simulators")


def test_own_links(home: Path, tmp_path: Path) -> None:
    """Of the cache, and of our folder in it: they lead to where there is more room, say."""
    for name in ("disk", "other"):
        (tmp_path / name).mkdir(mode=0o755)
    home.symlink_to("disk")
    (home / "hwsnn").symlink_to(tmp_path / "other")
    assert private_folder("simulators") == tmp_path / "other" / "simulators"
    assert mode(tmp_path / "other") == 0o700


@plays_two_users
def test_a_link_that_somebody_else_made(home: Path, tmp_path: Path) -> None:
    home.mkdir(mode=0o1777)
    (tmp_path / "ours").mkdir(mode=0o755)
    (home / "hwsnn").symlink_to(tmp_path / "ours")
    os.chown(home / "hwsnn", OTHER, OTHER, follow_symlinks=False)
    assert f"{home / 'hwsnn'}: belongs to " in refusal()
    assert list((tmp_path / "ours").iterdir()) == []


def test_what_is_ours_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "sub").mkdir(mode=0o755)
    file = tmp_path / "sub" / "file"
    file.write_text("")
    file.chmod(0o755)
    assert ours_alone(tmp_path)
    for open_to_others in (0o775, 0o757):
        file.chmod(open_to_others)
        assert not ours_alone(tmp_path)
    file.chmod(0o755)
    (tmp_path / "sub" / "link").symlink_to("file")
    assert not ours_alone(tmp_path)


@plays_two_users
def test_what_somebody_else_owns_is_not_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("")
    os.chown(tmp_path / "file", OTHER, OTHER)
    assert not ours_alone(tmp_path)


def test_machine_code_that_others_could_have_written_is_compiled_again(home: Path) -> None:
    home.mkdir(mode=0o755)
    code = tool_cache() / "code"
    code.write_text("")
    code.chmod(0o600)
    assert (tool_cache(), code.exists()) == (code.parent, True)
    code.chmod(0o666)
    assert (tool_cache(), code.exists()) == (code.parent, False)


def test_the_root_of_another_system_may_own_what_is_above(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container of a user's own it has no number, and neither has whoever else the container does not know."""
    monkeypatch.setattr(ownership, "EVERY_USER", "0 1000 1")
    assert ownership._is_unknown(int(Path("/proc/sys/kernel/overflowuid").read_text()))
    assert not ownership._is_unknown(1000)
    monkeypatch.undo()
    if Path("/proc/self/uid_map").read_text().split() == ownership.EVERY_USER.split():
        assert not ownership._is_unknown(int(Path("/proc/sys/kernel/overflowuid").read_text()))


def build(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """In place of building, which takes long: the runtimes that each build began with are noted."""
    runtimes: list[Path] = []

    def make(job: dict[str, object], *_: object) -> None:
        folder = Path(str(job["folder"])) / "build"
        runtimes.extend(folder.glob("verilated*.o"))
        for name in ("m", "verilated.o"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_bytes(b"ours")
            (folder / name).chmod(0o700)

    monkeypatch.setattr(runner, "_run_child", make)
    return runtimes


@pytest.mark.parametrize("flaw", ["program", "folder", "link", pytest.param("owner", marks=plays_two_users)])
def test_a_simulator_that_somebody_else_could_have_put_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    """It is built anew; and so is the runtime."""
    home.mkdir(mode=0o755)
    runtimes = build(monkeypatch)
    folder = runner.build_simulator("module m; endmodule", "m")
    runner.build_simulator("module m; wire w; endmodule", "m")
    assert [file.name for file in runtimes] == ["verilated.o"]  # of the first
    (runtime,) = folder.parent.glob("runtime-*")
    for place, name in ((folder, "m"), (runtime, "verilated.o")):
        (place / name).write_bytes(b"planted")
        if flaw == "program":
            (place / name).chmod(0o777)
        elif flaw == "folder":
            place.chmod(0o777)
        elif flaw == "link":
            place.rename(home / place.name)
            place.symlink_to(home / place.name)
        else:
            os.chown(place / name, OTHER, OTHER)
    runtimes.clear()
    assert runner.build_simulator("module m; endmodule", "m") == folder
    assert runtimes == []
    assert (folder / "m").read_bytes() == b"ours"
    assert mode(folder) == 0o700


def test_a_simulator_that_cannot_be_replaced_is_not_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where somebody else put a whole folder there, which we cannot remove."""
    home.mkdir(mode=0o755)
    build(monkeypatch)
    folder = runner.build_simulator("module m; endmodule", "m")
    (folder / "m").chmod(0o777)
    monkeypatch.setattr(runner, "_remove", lambda folder: None)
    with pytest.raises(InputError, match=f"^{folder}: others can write to it, and a simulator is to be kept there; "):
        runner.build_simulator("module m; endmodule", "m")
