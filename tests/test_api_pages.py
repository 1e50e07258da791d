"""``docs/api`` has every public name, and every module of hwsnn.rtl with a component."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import hwsnn

ROOT = Path(__file__).parents[1]
PAGES = "".join(page.read_text() for page in sorted((ROOT / "docs" / "api").glob("*.md")))


def test_every_public_name_is_there_once() -> None:
    found = re.findall(r"^\.\. auto(?:function|class|exception):: hwsnn\.(\w+)$", PAGES, re.MULTILINE)
    assert sorted(found) == sorted({*hwsnn.__all__} - {"__version__"})


def test_every_module_with_a_component_is_there_once() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "hwsnn" / "rtl").rglob("*.py")
        if any(
            isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            for node in ast.parse(path.read_text()).body
        )
    }
    found = re.findall(r"^\.\. automodule:: ([\w.]+)$", PAGES, re.MULTILINE)
    assert sorted(found) == sorted(modules)
