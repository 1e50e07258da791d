"""A report of sections, some of which fail."""

from __future__ import annotations

from collections.abc import Iterator

from hwsnn.board_doctor.report import Section, report


def half() -> Iterator[str]:
    yield "first"
    raise RuntimeError("the rest is gone\nand more")


def test_a_section_that_fails() -> None:
    """What it said before stays, its reason is one line, and the others are there."""
    stages: list[str] = []
    found = report("zcu102", [Section("one", half), Section("two", lambda: ["second"])], stages.append)
    assert stages == ["one", "two"]
    assert found.failed == ("one",)
    head, one, two = found.text.split("\n\n== ")
    assert head.startswith("hwsnn board doctor ")
    assert head.splitlines()[0].endswith(", for zcu102")
    assert one == "one ==\nfirst\ncould not be read: the rest is gone"
    assert two == "two ==\nsecond\n"


def test_what_is_taken_out() -> None:
    lines = [
        "open /home/alice/designs/small.bit, '/home/bob', /Users/carol/x, /homework/dave",
        "eth0 has 00:0A:35:01:02:03, at 12:34:56",
        "\x1b[31mred\x07 \u20ac",
    ]
    _, section = report("/home/alice/x", [Section("one", lambda: lines)]).text.split("\n\n== ")
    assert section.splitlines()[1:] == [
        "open /home/.../designs/small.bit, '/home/...', /Users/.../x, /homework/dave",
        "eth0 has (an address), at 12:34:56",
        "?[31mred? \u20ac",
    ]
    assert "alice" not in report("/home/alice/x", []).text
