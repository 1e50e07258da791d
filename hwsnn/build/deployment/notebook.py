"""A Jupyter notebook, in the format that https://nbformat.readthedocs.io describes."""

from __future__ import annotations

import json
import re

FORMAT = {"nbformat": 4, "nbformat_minor": 4}
"""The last version whose cells have no ids: the Jupyter of older PYNQ images reads it too."""
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def notebook(markdown: str) -> str:
    """The text of the notebook's file: a cell for each block of Python in a page, and for the words between them."""
    cells = []
    for number, text in enumerate(CODE.split(markdown)):
        if number % 2:
            cells.append(_cell("code", text) | {"execution_count": None, "outputs": []})
        elif text.strip():
            cells.append(_cell("markdown", text))
    return json.dumps({"cells": cells, "metadata": PYTHON, **FORMAT}, indent=1) + "\n"


def _cell(kind: str, text: str) -> dict[str, object]:
    return {"cell_type": kind, "metadata": {}, "source": text.strip().splitlines(keepends=True)}
