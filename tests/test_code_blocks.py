"""Every block of code in README and the other pages: Python runs, commands are ones that hwsnn takes.

A block that is not run here stands below with the reason, or with the test that runs it. Commands in sentences are
checked as well, and options that stand alone.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hwsnn
from tests.support import shell_lines
from tests.support.code_blocks import Block, blocks, spans
from tests.support.pages import PAGES, ROOT

BLOCKS = [block for page in PAGES for block in blocks(page, ROOT)]

ELSEWHERE = {
    "README.md: import hwsnn": "rtl_tests/sim/test_sim_digits.py",  # in a simulator
    "docs/importing.md: # snntorch_net.py": "tests/test_importing_page.py",  # with the commands below it
    "docs/importing.md: # spikingjelly_net.py": "tests/test_importing_page.py",
    "docs/importing.md: # sinabs_net.py": "tests/test_importing_page.py",
    "docs/importing.md: # norse_net.py": "tests/test_importing_page.py",
    "docs/python.md: import numpy as np": "tests/test_python_page.py",  # with what it prints
    "docs/verilog.md: module digit_recognizer (": "rtl_tests/verilog/test_page.py",  # by Verilator
    "docs/verilog.md: module digits_axis (": "rtl_tests/verilog/test_page.py",
}
"""Which test runs a block."""

COMPILED = {
    "docs/boards/zcu102.md: import os, vitis": "runs in Vitis",
    "docs/boards/zynq.md: import hwsnn": "needs the board; README's runs on a simulated one",
    "docs/data.md: from hwsnn.data import Wish, images, load, training": "needs data sets; tests/data has their own",
    "docs/host.md: import hwsnn": "needs the board; README's runs on a simulated one",
    'docs/python.md: with hwsnn.open_board("sim", network) as board:': "builds a simulator, as README's does",
    "docs/training.md: from hwsnn.train import finetune": "trains; tests/train does",
}
"""Python that is compiled alone, and why: what it imports of hwsnn must still be there."""

TEXT = {
    "docs/boards/zcu102.md: ARCH_ZCU102 := aarch64": "lines of a makefile of PYNQ's",
    "docs/boards/zcu102.md: setws work": "Tcl of Vitis",
    "docs/boards/zcu102.md: connect": "Tcl of Vitis",
    'docs/boards/zynq.md: / { chosen { pynq_board = "ZCU102"; }; };': "a device tree",
    "docs/data.md: note: these are lossy JPEG copies of CIFAR-10's images, not the originals": "what a command prints",
    "docs/debugging.md: The first difference of each layer; begin with conv1:": "what a command prints",
    "docs/nir.md: SumPool2d(kernel_size, stride, padding 0)  ->  Threshold(0.5)": "a graph",
    "docs/numerics.md: b(k) = b(k-31) xor b(k-28)": "formula",
    "docs/numerics.md: seed(c) = (seed xor ((c * 0x9E3779B1) mod 2^31)), or 1 where that is 0": "formula",
    "docs/numerics.md: r = b(k) 2^(n-1) + b(k+1) 2^(n-2) + ... + b(k+n-1)": "formula",
    "docs/numerics.md: I(o, y, x) = b(o) + 2^F * sum over its projections of g(o) * S(o, y, x)": "formula",
    "docs/numerics.md: S(o, y, x) = sum over c, i, j of w(o, c, i, j) * in(c, y sy + i - py, x sx + j - px)": "formula",
    "docs/training.md: r = -ln(beta) / ln(1 + (1 - beta) / j),  j = I - (1 - beta),    and 1 from I = 1 on": "formula",
}
"""What is no code, and what it is."""

OTHERS_OPTIONS = {
    "-nodsp": "Yosys'",
    "-nosrl": "Yosys'",
}
"""Options in sentences that are other programs'."""


def float_network() -> hwsnn.FloatNetwork:
    return hwsnn.read(ROOT / "models" / "digits" / "digits-float.safetensors")


PREPARED: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/importing.md": lambda: {"hwsnn": hwsnn, "network": float_network()},
    "docs/nir.md": lambda: {"Path": Path, "network": float_network()},
}
"""By page, the names that its text has introduced."""


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages and block.first not in ELSEWHERE]


def name(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_every_block_has_a_way() -> None:
    """None is of a language that nothing below checks, and no entry above is of a block that has gone."""
    assert {block.first for block in BLOCKS if block.language not in ("python", "shell", "json")} == {
        *TEXT,
        *(first for first in ELSEWHERE if "verilog" in first),
    }
    assert {*ELSEWHERE, *COMPILED, *TEXT} <= {block.first for block in BLOCKS}
    for first, test in ELSEWHERE.items():
        assert first.partition(":")[0].rpartition("/")[2] in (ROOT / test).read_text()


@pytest.mark.parametrize("block", [block for block in of("python") if block.first in COMPILED], ids=name)
def test_python_that_is_not_run(block: Block) -> None:
    for statement in ast.walk(ast.parse(block.text)):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("hwsnn"):
            module = importlib.import_module(statement.module or "")
            assert [alias.name for alias in statement.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("page", sorted({block.page for block in of("python") if block.first not in COMPILED}))
def test_python(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run one after the other, in a folder of their own; what they say of arrays is so."""
    monkeypatch.chdir(tmp_path)
    names = PREPARED.get(page, dict)()
    for block in of("python"):
        if block.page != page or block.first in COMPILED:
            continue
        if "hwsnn.train" in block.text:
            pytest.importorskip("torch")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(block.text, name(block), "exec"), names)
        for array, shape, kind in re.findall(r"^(\w+)\.shape  # (\(.*?\)) (\w+)", block.text, re.MULTILINE):
            assert (str(names[array].shape), str(names[array].dtype)) == (shape, kind)


@pytest.mark.parametrize("block", of("json"), ids=name)
def test_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of("shell"), ids=name)
def test_commands(block: Block) -> None:
    commands = shell_lines.commands(block.text)
    assert commands
    assert {" ".join(words): found for words in commands if (found := shell_lines.problem(words, ROOT))} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_sentences(page: Path) -> None:
    found = {
        span: problem
        for span in spans(page)
        if re.match(r"hwsnn [a-z-]", span) and (problem := shell_lines.mentioned_problem(span))
    }
    assert found == {}


def test_options_in_sentences() -> None:
    """Each option that stands by itself is one of a command's."""
    known = {*shell_lines.all_options(), *OTHERS_OPTIONS}
    unknown = {
        (page.name, span)
        for page in PAGES
        if page.name != "CHANGELOG.md"  # has options that are gone
        for span in spans(page)
        if re.match(r"--?[a-z]", span) and re.split(r"[ =\[]", span)[0] not in known
    }
    assert unknown == set()


def test_what_is_wrong_is_found() -> None:
    wrong = [
        "hwsnn explain digits",
        "hwsnn run digits --fast",
        "hwsnn run digits --engine quick",
        "hwsnn run digits more",
        "hwsnn run",
        "hwsnn board run digits --to sim",
        "hwsnn generate digits",
        "hwsnn build MODEL --bord BOARD [-o DIR]",
        "make everything",
        "sudo -E env PATH=x hwsnn board look digits",
        "python benchmarks/none.py",
    ]
    for line in wrong:
        (words,) = shell_lines.commands(line)
        assert shell_lines.problem(words, ROOT), line
    assert shell_lines.mentioned_problem("hwsnn verify --debgu")
    assert shell_lines.commands("a 'b\nc' # d\n\ne \\\n f") == [["a", "b\nc"], ["e", "f"]]
