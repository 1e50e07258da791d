"""``docs/upstream``: what is said elsewhere of hwsnn and NIR is what the reader and the writer do."""

from __future__ import annotations

import re
from pathlib import Path

import nir
import yaml

from hwsnn.frontends.nir import reader, writer

UPSTREAM = Path(__file__).parents[1] / "docs" / "upstream"
PRIMITIVES = {
    name: (read == "✓", written == "✓")
    for name, read, written in re.findall(
        r"^\| (\w+) \| (✓?) ?\| (✓?) ?\|$", (UPSTREAM / "nir" / "nir-conversion.md").read_text(), re.MULTILINE
    )
}


def test_the_primitives() -> None:
    """All of NIR's are named. Those that are read have a handler; those that are written stand in the writer."""
    assert {*PRIMITIVES} == {*nir.ir.__all_ir} - {"Input", "Output"}
    handled = {*reader._Builder._HANDLERS, *reader._Builder._NEURONS, "NIRGraph"}
    assert {name for name, (read, _) in PRIMITIVES.items() if read} == handled & {*PRIMITIVES}
    source = Path(writer.__file__).read_text()
    assert {name for name, (_, written) in PRIMITIVES.items() if written} == {
        name for name in PRIMITIVES if re.search(rf"\bnir\.{name}\b", source) and name != "NIRGraph"
    }


def test_the_directory_entry() -> None:
    """It has the fields of the directory's template, and its description is as long as is asked for there."""
    _, front, text = (UPSTREAM / "open-neuromorphic" / "hwsnn" / "index.md").read_text().split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields.keys() == {
        *("title", "type", "category", "description", "website", "dependencies", "field_of_application"),
        *("source_code", "pypi_id", "license", "supports_hardware", "supports_NIR", "language", "maintainer", "draft"),
    }
    assert 50 <= len(fields["title"]) <= 60
    assert 120 <= len(fields["description"]) <= 160
    assert text.startswith("\n## Overview\n")
