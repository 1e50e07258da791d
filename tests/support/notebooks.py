"""Runs the tutorials, and compares what their cells print with what is committed.

    python -m tests.support.notebooks docs/tutorials/find_a_fold.ipynb

runs them and writes what they print into them.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

VARIES = "varies"
"""The tag of a cell that prints times, or what the machine differs in: that is not compared."""
CELL_SECONDS = 1800


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> Any:
    """The notebook in ``path``, run anew in an empty folder; an error in a cell is raised, with the cell."""
    notebook = read(path)
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=resources)
        client.execute(env=_environment())
        _tidy(notebook, folder)
    return notebook


def _environment() -> dict[str, str]:
    """The command ``hwsnn`` beside this Python comes first, and tables have one width anywhere."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1"}


def _tidy(notebook: Any, folder: str) -> None:
    """Leave out what differs from run to run or is for a terminal: times, stderr, colours, the folder's name."""
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}} | {
        key: value for key, value in notebook.metadata.items() if key == "hwsnn"
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.outputs = _joined([output for output in cell.outputs if output.get("name") != "stderr"])
        for output in cell.outputs:
            for holder, key in ((output, "text"), (output.get("data", {}), "text/plain")):
                if key in holder:
                    holder[key] = re.sub(r"\x1b\[[0-9;]*m", "", holder[key]).replace(folder, "FOLDER")


def _joined(outputs: list[Any]) -> list[Any]:
    """Text in a row as one output: in which pieces it came is chance."""
    found: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and found and found[-1].output_type == "stream":
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def printed(cell: Any) -> str:
    """The text of a cell's outputs."""
    return "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def differences(committed: Any, fresh: Any) -> list[tuple[str, str, str]]:
    """The cells that print something else: their source, what is committed, what they print now."""
    pairs = zip(committed.cells, fresh.cells, strict=True)
    return [
        (old.source, printed(old), printed(new))
        for old, new in pairs
        if old.cell_type == "code" and VARIES not in old.metadata.get("tags", []) and printed(old) != printed(new)
    ]


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        nbformat.write(executed(Path(argument)), argument)
