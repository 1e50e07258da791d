"""Programs of a build, run line by line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwsnn.build import tools
from hwsnn.build.process import run_tool
from hwsnn.build.tools import Tool
from hwsnn.errors import InputError, ToolError


def python(script: str) -> Tool:
    return Tool("python", (sys.executable, "-c", script), "any")


def test_temporary_files_of_a_tool_lie_in_its_folder(tmp_path: Path) -> None:
    """So that they go with it where the tool is ended before it can remove them."""
    lines: list[str] = []
    script = "import tempfile; print(tempfile.mkdtemp())"
    run_tool(python(script), [], tmp_path, tmp_path / "log", lines.append)
    assert [Path(line.strip()).parent for line in lines] == [tmp_path]
    assert (tmp_path / "log").read_text() == "".join(lines)


def test_a_tool_from_pypi_needs_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tools, "_native", lambda name: (None, ""))
    with pytest.raises(InputError, match="file: cannot be made for caching"):
        tools.find("yosys")


def test_a_tool_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="python failed: ERROR: no such thing") as caught:
        run_tool(python("print('ERROR: no such thing'); raise SystemExit(3)"), [], tmp_path, tmp_path / "log")
    assert caught.value.log == "ERROR: no such thing"


def test_the_cause_comes_before_the_consequence(tmp_path: Path) -> None:
    """Vivado says that a run of it failed before our script can say why."""
    that = "ERROR: [Vivado 12-13638] Failed runs(s) : 'synth_1'"
    with pytest.raises(ToolError, match=r"python failed: ERROR: \[Synth 8-439\]"):
        run_tool(python(f'print("{that}\\nERROR: [Synth 8-439] x"); exit(1)'), [], tmp_path, tmp_path / "log")
    with pytest.raises(ToolError, match=r"python failed: ERROR: \[Vivado 12-13638\]"):
        run_tool(python(f'print("{that}"); exit(1)'), [], tmp_path, tmp_path / "log")
