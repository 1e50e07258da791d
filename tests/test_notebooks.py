"""The tutorials run, and print what is committed. ``make notebooks`` runs them all, ``make test`` the quick ones.

A notebook says in its metadata what it takes: ``"hwsnn": {"quick": true}`` if that is seconds and no data set.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.support import notebooks
from tests.support.pages import ROOT

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
MOST_BYTES = 500_000


def quick(path: Path) -> bool:
    return bool(notebooks.read(path).metadata.get("hwsnn", {}).get("quick"))


def marked(path: Path) -> Any:
    return pytest.param(path, id=path.stem, marks=() if quick(path) else pytest.mark.long)


@pytest.mark.parametrize("path", [marked(path) for path in TUTORIALS])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_it_runs_and_prints_what_is_committed(path: Path) -> None:
    assert notebooks.differences(notebooks.read(path), notebooks.executed(path)) == []


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_it_is_tidy(path: Path) -> None:
    """It is committed as ``python -m tests.support.notebooks`` writes it: every cell run, in order, and small."""
    notebook = notebooks.read(path)
    nbformat.validate(notebook)
    assert path.stat().st_size <= MOST_BYTES
    assert notebook.metadata.kernelspec.name == "python3"
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"]


def test_the_list_names_them_all() -> None:
    listed = re.findall(
        r"^\| \[[^]]+\]\((\w+\.ipynb)\)", (ROOT / "docs" / "tutorials" / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == [path.name for path in TUTORIALS]


def test_some_run_in_every_test() -> None:
    assert any(quick(path) for path in TUTORIALS)


def cell(source: str, text: str, tags: tuple[str, ...] = ()) -> Any:
    output = nbformat.v4.new_output("stream", text=text)
    return nbformat.v4.new_code_cell(source, outputs=[output], metadata={"tags": list(tags)})


def test_differences_are_found() -> None:
    old, new = (
        nbformat.v4.new_notebook(cells=[cell("a", text), cell("b", text, (notebooks.VARIES,)), cell("c", "same")])
        for text in ("1\n", "2\n")
    )
    assert notebooks.differences(old, new) == [("a", "1\n", "2\n")]
