"""The page as HTML: whatever a text says, it is text; one file that needs no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.cycles import queue_depths
from hwsnn.folding.folding import LayerFold
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import with_folds
from hwsnn.report.page import Code, Data, Facts, Gallery, Page, Picture, Plot, Section, Table, Text, render, shown
from hwsnn.report.subject import of_plan
from hwsnn.report.svg import INK, draw
from hwsnn.report.write import Contents, html_of
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer

HOSTILE = "<img src=x onerror=alert(1)>\"'&$x$"
SAFE = "&lt;img src=x onerror=alert(1)&gt;"


def _page(*blocks: object) -> str:
    return render(Page(HOSTILE, HOSTILE, (Section("a", HOSTILE, blocks),), HOSTILE))  # type: ignore[arg-type]


def test_all_text_is_escaped() -> None:
    table = Table((HOSTILE, "number"), ((HOSTILE, 1.5),), ((HOSTILE, None),))
    svg = draw("hostile", HOSTILE, 2, lambda figure: figure.text(0.1, 0.5, HOSTILE, color=INK))
    text = _page(
        Plot(HOSTILE, svg, HOSTILE, table),
        Data(HOSTILE, table, HOSTILE),
        Facts(((HOSTILE, HOSTILE, HOSTILE),)),
        Gallery(HOSTILE, (Picture("data:,", 1, 1, (HOSTILE,)),), HOSTILE),
        Code(HOSTILE, (HOSTILE,)),
        Text(HOSTILE, warning=True),
    )
    assert "<img src=x" not in text
    assert text.count(SAFE) == 28
    assert 'aria-label="&lt;img src=x onerror=alert(1)&gt;&#34;' in text


def test_a_hostile_layer_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model files with such names are refused; if one got through, it would still be text."""
    monkeypatch.setattr("hwsnn.spec.network.require_layer_names", lambda names: None)
    layer = dense_layer(HOSTILE, np.arange(-6, 6).reshape(3, 1, 2, 2), np.zeros(3, int), 4, Integrator(NoLeak(), 16))
    network = Network("network", (1, 2, 2), 4, Encoder("direct"), 2, (layer,), "membrane")
    folding = queue_depths(network, {HOSTILE: LayerFold(1, 3)})
    monkeypatch.setattr("hwsnn.report.subject.beside", lambda called: None)
    plan = with_folds(network, DEVICES["xczu9eg"], folding.layers, folding)
    text = html_of(Contents(of_plan(HOSTILE, network, plan, 150), (f"hwsnn report {HOSTILE}",)))
    assert "<img src=x" not in text
    in_drawings = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    assert sum("&lt;img src=x" in each for each in in_drawings) > 5


def test_nothing_comes_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", text)
    assert not re.search(r"https?:|@import|<script|<link(?! rel=\"icon\" href=\"data:,\")|url\((?!#)", text)
    assert "Content-Security-Policy" in text


def test_ids_are_different_and_known(page: Path) -> None:
    text = page.read_text()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 100
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) <= set(ids)


def test_every_plot_has_its_table(page: Path) -> None:
    figures = re.findall(r"<figure>.*?</figure>", page.read_text(), re.DOTALL)
    assert len(figures) > 10
    for figure in figures:
        assert figure.count("<svg class=") == figure.count("<details>") == figure.count("<figcaption>") == 1
        assert figure.count("</td>") > 1


def test_drawings_have_no_colours_of_their_own(page: Path) -> None:
    for drawing in re.findall(r'<svg class="drawing".*?</svg>', page.read_text(), re.DOTALL):
        assert set(re.findall(r"#[0-9a-f]{6}\b", drawing)) <= {"#000000"}
        assert "var(--ink)" in drawing


def test_the_same_inputs_give_the_same_bytes(fold_file: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("one", "other"):
        done = CliRunner().invoke(
            cli, ["report", "digits", "--fold", str(fold_file), "-o", str(tmp_path / name), "--json"]
        )
        assert done.exit_code == 0, done.output
        pages.append((tmp_path / name / "index.html").read_bytes())
        fields = json.loads(done.stdout)
        assert fields["page"] == str(tmp_path / name / "index.html")
        assert fields["bytes"] == len(pages[-1])
    assert pages[0] == pages[1]
    assert b"-o DIR" in pages[0]
    assert str(tmp_path / "one").encode() not in pages[0]


def test_a_row_must_fit_its_headings() -> None:
    with pytest.raises(ValueError, match="must have 2 cells, not 1"):
        Table(("a", "b"), (("1",),))


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), ("a", "a"), (0, "0"), (12345, "12,345"), (0.123456, "0.1235"), (1234.5, "1,234"), (100.0, "100")],
)
def test_cells(cell: str | float | None, text: str) -> None:
    assert shown(cell) == text
