"""Fetching a data set from mirrors that work, break off, lie or are gone. The mirrors run here: no network is used."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.data import fetch as fetching
from hwsnn.data.fetch import fetch
from hwsnn.data.named import RemoteFile
from hwsnn.data.resolve import resolve
from hwsnn.data.sets import SETS
from hwsnn.errors import InputError
from tests.data.mirror import CONTENT, IMAGES, LABELS, PACKED, Mirror
from tests.support.stage_lines import beside_stages

FILES = [
    RemoteFile(name, len(PACKED[f"{name}.gz"]), hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
]
WHOLE = PACKED[f"{IMAGES}.gz"]
SIZE = len(WHOLE)
GONE = "http://127.0.0.1:9/"  # the port of the discard service, on which nothing listens
DEADLINE_S = 30


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def new_mirror() -> Iterator[Callable[[], Mirror]]:
    mirrors: list[Mirror] = []

    def start() -> Mirror:
        mirrors.append(Mirror())
        threading.Thread(target=mirrors[-1].serve_forever, args=(0.01,), daemon=True).start()
        return mirrors[-1]

    yield start
    for mirror in mirrors:
        mirror.ending.set()
        mirror.shutdown()
        mirror.server_close()


@pytest.fixture
def mirror(new_mirror: Callable[[], Mirror]) -> Mirror:
    return new_mirror()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refusal(folder: Path, *mirrors: str) -> str:
    with pytest.raises(InputError) as caught:
        fetch(folder, FILES, mirrors)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_files(tmp_path: Path, mirror: Mirror) -> None:
    folder = tmp_path / "cache" / "mnist"
    steps: list[tuple[str, int, int]] = []
    fetched = fetch(folder, FILES, [mirror.url], lambda *step: steps.append(step))
    assert fetched == [folder / f"{IMAGES}.gz", folder / f"{LABELS}.gz"]
    assert contents(folder) == PACKED
    assert mirror.asked == [(name, None) for name in PACKED]
    done = [done for name, done, total in steps if (name, total) == (IMAGES, SIZE)]
    assert (done[0], done[-1]) == (0, SIZE)
    assert done == sorted(done)
    assert len(done) > 3


def test_what_is_there_is_not_fetched(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{IMAGES}.gz").write_bytes(WHOLE)
    assert fetch(tmp_path, FILES, [mirror.url]) == [tmp_path / f"{LABELS}.gz"]
    assert fetch(tmp_path, FILES, [mirror.url]) == []
    assert mirror.asked == [(f"{LABELS}.gz", None)]


@pytest.mark.parametrize("name", [IMAGES, IMAGES.replace("-idx", ".idx"), f"{IMAGES}.gz"])
def test_a_file_is_known_by_its_content(tmp_path: Path, mirror: Mirror, name: str) -> None:
    content = CONTENT[IMAGES]
    (tmp_path / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    assert fetch(tmp_path, FILES, [mirror.url]) == [tmp_path / f"{LABELS}.gz"]


def test_a_file_that_is_kept_as_it_is(tmp_path: Path, mirror: Mirror) -> None:
    """Its sum is of the file, though its name ends in .gz."""
    file = RemoteFile(f"{IMAGES}.gz", SIZE, hashlib.sha256(WHOLE).hexdigest(), packed=False)
    (tmp_path / f"{file.name}.part").write_bytes(WHOLE[:1234])
    assert fetch(tmp_path, [file], [mirror.url]) == [tmp_path / file.name]
    assert contents(tmp_path) == {file.name: WHOLE}
    assert fetch(tmp_path, [file], [mirror.url]) == []
    assert mirror.asked == [(file.name, "bytes=1234-")]
    (tmp_path / file.name).write_bytes(gzip.compress(CONTENT[IMAGES], 1))
    with pytest.raises(InputError, match=r"is not the file of that name \(the SHA-256 of its content is "):
        fetch(tmp_path, [file], [mirror.url])


@pytest.mark.parametrize("name", [LABELS, f"{LABELS}.gz"])
@pytest.mark.parametrize("wrong", [b"", PACKED[f"{LABELS}.gz"][:-1], gzip.compress(b"other", mtime=0), b"other"])
def test_a_wrong_file_is_refused_and_kept(tmp_path: Path, mirror: Mirror, name: str, wrong: bytes) -> None:
    (tmp_path / name).write_bytes(wrong)
    message = refusal(tmp_path, mirror.url)
    assert message.startswith(f"{tmp_path / name}: is not the file of that name (")
    assert message.endswith("); move it away, or name another folder")
    assert contents(tmp_path) == {name: wrong}
    assert mirror.asked == []


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1 << 20)
    (tmp_path / f"{IMAGES}.gz").write_bytes(gzip.compress(bytes(1 << 21)))
    assert "is not the file of that name (its content is larger than 1 MiB)" in refusal(tmp_path, mirror.url)


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_going_on_from_an_earlier_run(tmp_path: Path, mirror: Mirror, knows_ranges: bool) -> None:
    (tmp_path / f"{IMAGES}.gz.part").write_bytes(WHOLE[:1234])
    mirror.knows_ranges = knows_ranges
    done: list[int] = []
    fetch(tmp_path, FILES[:1], [mirror.url], lambda _name, now, _total: done.append(now))
    assert contents(tmp_path) == {f"{IMAGES}.gz": WHOLE}
    assert mirror.asked == [(f"{IMAGES}.gz", "bytes=1234-")]
    assert done[0] == (1234 if knows_ranges else 0)


def test_a_complete_part_needs_no_mirror(tmp_path: Path) -> None:
    (tmp_path / f"{IMAGES}.gz.part").write_bytes(WHOLE)
    fetch(tmp_path, FILES[:1], [GONE])
    assert contents(tmp_path) == {f"{IMAGES}.gz": WHOLE}


def test_a_broken_connection_is_taken_up_again(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cuts = [100_000, 5_000]
    fetch(tmp_path, FILES[:1], [mirror.url])
    assert contents(tmp_path) == {f"{IMAGES}.gz": WHOLE}
    assert [wanted for _, wanted in mirror.asked] == [None, "bytes=100000-", "bytes=105000-"]


def test_another_mirror_takes_over(tmp_path: Path, mirror: Mirror, new_mirror: Callable[[], Mirror]) -> None:
    mirror.cuts = [100_000]
    second = new_mirror()
    fetch(tmp_path, FILES, [mirror.url, second.url])
    assert contents(tmp_path) == PACKED
    assert second.asked == [(f"{IMAGES}.gz", "bytes=100000-"), (f"{LABELS}.gz", None)]
    assert len(mirror.asked) == 1


@pytest.mark.parametrize("names_length", [True, False])
def test_a_mirror_that_never_gets_further(tmp_path: Path, mirror: Mirror, names_length: bool) -> None:
    """It always sends from the start, and always breaks off: that must come to an end."""
    mirror.knows_ranges, mirror.names_length, mirror.cuts = False, names_length, [1000] * 9
    assert f"{mirror.url}: ended after 1000 of {SIZE} bytes" in refusal(tmp_path, mirror.url)
    assert contents(tmp_path) == {f"{IMAGES}.gz.part": WHOLE[:1000]}
    assert len(mirror.asked) == 2


@pytest.mark.parametrize("before", [b"", b"of something else", WHOLE + b"0", bytes(SIZE)])
def test_a_part_of_something_else(tmp_path: Path, mirror: Mirror, before: bytes) -> None:
    (tmp_path / f"{IMAGES}.gz.part").write_bytes(before)
    fetch(tmp_path, FILES[:1], [mirror.url])
    assert contents(tmp_path) == {f"{IMAGES}.gz": WHOLE}


@pytest.mark.parametrize("wrong", [bytes(SIZE), WHOLE[:-1] + b"1", gzip.compress(b"", mtime=0).ljust(SIZE, b"\0")])
def test_a_wrong_file_never_gets_its_name(
    tmp_path: Path, mirror: Mirror, new_mirror: Callable[[], Mirror], wrong: bytes
) -> None:
    mirror.files[f"{IMAGES}.gz"] = wrong
    assert f"{mirror.url}: not the right file (" in refusal(tmp_path, mirror.url)
    assert contents(tmp_path) == {}
    fetch(tmp_path, FILES, [mirror.url, new_mirror().url])
    assert contents(tmp_path) == PACKED


@pytest.mark.parametrize("start", [0, 1234])
def test_a_page_in_the_place_of_a_file(tmp_path: Path, mirror: Mirror, start: int) -> None:
    """As networks send it that want one to log in. What had come before stays."""
    part = {f"{IMAGES}.gz.part": WHOLE[:start]} if start else {}
    for name, content in part.items():
        (tmp_path / name).write_bytes(content)
    mirror.files[f"{IMAGES}.gz"] = b"<html>log in</html>"
    mirror.knows_ranges = False
    message = f"not the right file (19 bytes to come, and {SIZE} are missing)"
    assert message in refusal(tmp_path, mirror.url)
    assert contents(tmp_path) == part


def test_more_than_the_file(tmp_path: Path, mirror: Mirror) -> None:
    """An endless answer is not read to its end."""
    mirror.files[f"{IMAGES}.gz"] = WHOLE + bytes(1 << 24)
    mirror.names_length = False
    fetch(tmp_path, FILES[:1], [mirror.url])
    assert contents(tmp_path) == {f"{IMAGES}.gz": WHOLE}


def test_the_first_mirror_is_down(tmp_path: Path, mirror: Mirror) -> None:
    fetch(tmp_path, FILES, [GONE, mirror.url])
    assert contents(tmp_path) == PACKED


def test_a_silent_mirror(
    tmp_path: Path, mirror: Mirror, new_mirror: Callable[[], Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.2)
    mirror.stalls_at = 1000
    assert f"{mirror.url}: timed out" in refusal(tmp_path, mirror.url)
    fetch(tmp_path, FILES, [mirror.url, new_mirror().url])
    assert contents(tmp_path) == PACKED


def test_no_mirror(tmp_path: Path, mirror: Mirror) -> None:
    mirror.files = {}
    impossible = "http://a..b/"
    message = refusal(tmp_path, GONE, mirror.url, impossible)
    assert message.startswith(f"{tmp_path / IMAGES}.gz: cannot be fetched ({GONE}: Connection refused; {mirror.url}: ")
    assert f"{mirror.url}: answers with status 404; {impossible}: " in message
    assert message.endswith("or use a folder that holds the files: --data FOLDER, or HWSNN_DATA")
    assert contents(tmp_path) == {}


def test_a_file_where_the_folder_would_be(tmp_path: Path, mirror: Mirror) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "below"):
        assert refusal(folder, mirror.url).startswith(f"{folder}: cannot be made or read (")
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path, mirror: Mirror) -> None:
    tmp_path.chmod(0o500)
    assert refusal(tmp_path, mirror.url) == f"{tmp_path}: cannot be written to; name another folder"
    assert mirror.asked == []


def test_a_full_disk(tmp_path: Path, mirror: Mirror) -> None:
    """Stood in for by a limit on the size of files, which fails in the same way. Then there is room again."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = run_command(tmp_path, mirror, preexec_fn=limit)
    stdout, stderr = done.communicate(timeout=DEADLINE_S)
    part = tmp_path / f"{IMAGES}.gz.part"
    assert (done.returncode, stdout) == (2, "")
    message = f"hwsnn: error: {part}: cannot be written (File too large); make room, or name another place\n"
    assert beside_stages(stderr) == message
    assert 0 < part.stat().st_size <= 100_000
    fetch(tmp_path, FILES, [mirror.url])
    assert contents(tmp_path) == PACKED


def test_one_at_a_time(tmp_path: Path, mirror: Mirror) -> None:
    mirror.stalls_at = 1000
    first = run_command(tmp_path, mirror)
    wait_for(lambda: (tmp_path / f"{IMAGES}.gz.part").is_file())
    try:
        assert refusal(tmp_path, mirror.url) == f"{tmp_path}: is being fetched to already; wait until that is done"
    finally:
        first.kill()
        first.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_taken_up_again(tmp_path: Path, mirror: Mirror, number: signal.Signals) -> None:
    part = tmp_path / f"{IMAGES}.gz.part"
    mirror.stalls_at = 200_000
    process = run_command(tmp_path, mirror)
    wait_for(lambda: part.exists() and part.stat().st_size > 100_000)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    come = part.stat().st_size
    assert contents(tmp_path) == {part.name: WHOLE[:come]}

    mirror.stalls_at = None
    process = run_command(tmp_path, mirror)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert contents(tmp_path) == PACKED
    assert mirror.asked[1] == (f"{IMAGES}.gz", f"bytes={come}-")


def run_command(folder: Path, mirror: Mirror, **options: Any) -> subprocess.Popen[str]:
    """``hwsnn data mnist`` in a process of its own, with stand-in files."""
    script = (
        "import sys; from dataclasses import replace; from hwsnn.data.named import RemoteFile; "
        "from hwsnn.data.sets import SETS; from hwsnn.cli import main; "
        f"files = tuple(RemoteFile(*file) for file in {[(f.name, f.size, f.sha256) for f in FILES]}); "
        f"SETS['mnist'] = replace(SETS['mnist'], files=files, mirrors=({mirror.url!r},)); "
        f"sys.argv[1:] = ['data', 'mnist', '--to', {str(folder)!r}]; main()"
    )
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def command(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs ``hwsnn data mnist`` with stand-in files, and gives what it prints."""
    monkeypatch.setitem(SETS, "mnist", replace(SETS["mnist"], files=tuple(FILES), mirrors=(mirror.url,)))

    def run(*options: str) -> str:
        result = CliRunner().invoke(cli, ["data", "mnist", *options], prog_name="hwsnn")
        assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
        return result.stdout

    return run


def test_the_command(tmp_path: Path, command: Callable[..., str]) -> None:
    resolve = f"mnist is in {tmp_path}: --data {tmp_path}\n"
    wrote = "".join(f"wrote {tmp_path / name}\n" for name in PACKED)
    assert command("--to", str(tmp_path)) == wrote + resolve
    assert command("--to", str(tmp_path)) == resolve
    assert contents(tmp_path) == PACKED


def test_a_set_that_must_be_fetched_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = replace(SETS["mnist"], files=(), mirrors=(), source="get it from example.org")
    monkeypatch.setitem(SETS, "mnist", by_hand)
    result = CliRunner().invoke(cli, ["data", "mnist"], prog_name="hwsnn")
    expected = "mnist: cannot be fetched; get it from example.org, and put it where docs/data.md says"
    assert (result.exit_code, result.stderr) == (2, f"hwsnn: error: {expected}\n")


def test_what_the_command_fetches_is_found_by_name(
    tmp_path: Path, command: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HWSNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "hwsnn" / "data" / "mnist"
    assert json.loads(command("--json")) == {"data": "mnist", "folder": str(folder), "fetched": list(PACKED)}
    assert json.loads(command("--json"))["fetched"] == []
    assert resolve("mnist", "train").path == folder


@pytest.mark.parametrize("word", ["mnist", "fashion-mnist"])
def test_the_list_of_files_is_right(word: str) -> None:
    """Where the set is at hand: nothing of it is missing, or other than the list says."""
    try:
        folder = resolve(word, "train").path
    except InputError as error:
        pytest.skip(str(error))
    assert fetch(folder, SETS[word].files, []) == []
