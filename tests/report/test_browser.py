"""The page in a browser: nothing is refused or misses, plots are there, and nothing sticks out at the side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from tests.support.browser import PROGRAMS, REMEDY, Browser, browser

MISSING = [program for program in PROGRAMS if which(program) is None]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not found ({REMEDY})"),
]

SHOWN = """
return [...document.querySelectorAll('svg.drawing')].map(drawing => {
    const box = drawing.getBoundingClientRect();
    const shapes = [...drawing.querySelectorAll('path, use')].filter(shape => shape.getBBox().width > 0);
    return [box.width, box.height, shapes.length, drawing.querySelectorAll('text').length];
});
"""
WIDE = """
const room = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')]
    .filter(each => !each.closest('.scroll table, svg') && each.getBoundingClientRect().right > room + 1)
    .map(each => each.outerHTML.slice(0, 80));
"""
COLOUR = "return getComputedStyle(document.querySelector('svg.drawing text')).fill"
TABLES = "return [...document.querySelectorAll('figure')].map(f => f.querySelectorAll('details td').length)"


@pytest.fixture(scope="module")
def shown() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1400, 400])
def test_the_page(shown: Browser, page: Path, width: int, dark: bool) -> None:
    shown.open(page, width, dark=dark)
    assert shown.console() == []
    assert shown.run("return window.innerWidth") == width
    drawings = shown.run(SHOWN)
    assert len(drawings) == page.read_text().count("<figure>") > 10
    for across, down, shapes, texts in drawings:
        assert across > min(width, 700) / 2
        assert down > 50
        assert shapes > 3
        assert texts > 1
    assert all(shown.run(TABLES))
    assert shown.run(WIDE) == []
    assert shown.run("return document.documentElement.scrollWidth") <= width
    light, ink = "rgb(27, 31, 36)", shown.run(COLOUR)
    assert (ink != light) == dark


def test_a_page_that_lacks_something_is_noticed(shown: Browser, page: Path, tmp_path: Path) -> None:
    """What the test above would miss if it could not see it: a script, a picture from elsewhere, a wide box."""
    bad = tmp_path / "bad.html"
    wrong = '<script>document.title = "run"</script><img src="missing.png"><div style="width: 3000px">wide</div>'
    bad.write_text(page.read_text().replace("</main>", f"{wrong}</main>"))
    shown.open(bad, 400)
    messages = " ".join(shown.console())
    assert "Content Security Policy" in messages
    assert "missing.png" in messages
    assert shown.run("return document.title") != "run"
    assert shown.run(WIDE)


def test_it_prints(shown: Browser, page: Path, tmp_path: Path) -> None:
    shown.open(page, 1400, dark=True)
    shown.print_to(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
