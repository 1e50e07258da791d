"""``docs/python.md``: it has every public name, with its signature, and its program runs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwsnn
from tests.frontends.nir import nir_graphs, nir_oracle

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
FUNCTIONS = {
    name: (f"({arguments})", returns)
    for name, arguments, returns in re.findall(r"^`(\w+)\((.*)\)` -> `(.+)`$", PAGE, re.MULTILINE)
}
OTHERS = re.findall(r"^\| `(\w+)` \|", PAGE.partition("\n## Other names\n")[2], re.MULTILINE)


def signature(function: Any) -> str:
    """Its arguments and their defaults, without types; a function as a default is ``...``."""
    found = inspect.signature(function)
    arguments = [
        argument.replace(
            annotation=inspect.Parameter.empty,
            default=... if inspect.isfunction(argument.default) else argument.default,
        )
        for argument in found.parameters.values()
    ]
    text = str(found.replace(parameters=arguments, return_annotation=inspect.Signature.empty))
    return text.replace("Ellipsis", "...").replace("'", '"')


def test_the_page_has_every_public_name() -> None:
    assert sorted([*FUNCTIONS, *OTHERS]) == sorted(hwsnn.__all__)


@pytest.mark.parametrize("name", [name for name in hwsnn.__all__ if inspect.isfunction(getattr(hwsnn, name))])
def test_signatures(name: str) -> None:
    function = getattr(hwsnn, name)
    assert FUNCTIONS[name] == (signature(function), function.__annotations__["return"].replace("spec.", ""))


def test_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    nir_graphs.write(tmp_path, nir_oracle.random_graph(np.random.default_rng(0), 1e-3))
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(program, made)
    expected = hwsnn.run(made["network"], made["images"]).predictions
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{made['network'].name}: 4 time steps")
    assert str(expected) in lines
    assert lines[-1].startswith(f"design/{made['network'].name}.v ")
    assert made["design"].verilog.is_file()
