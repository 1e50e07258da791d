"""Verilog text of a pipeline or an accelerator: a module per distinct component, each with a comment that says what it
is."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from amaranth.hdl import Elaboratable, Fragment

from hwsnn.version import __version__

from .describe import description
from .layout import Words, comment, module_text
from .modules import DistinctModule, ModuleSet
from .names import module_names
from .rtlil import SELF, plain_names, with_contents
from .yosys import from_rtlil

TOP = "hwsnn_network"

STREAM_PORTS = "Streams (valid, ready, payload) follow docs/streams.md; synchronous to clk, reset rst active high."
READ = (
    "How to read this file: docs/verilog.md of hwsnn. In comments unsigned(w) and signed(w) are w bits, range(n) as "
    "many bits as n - 1 needs, ArrayLayout(S, n) n times S, StructLayout its fields side by side, the first in the "
    "lowest bits. A line Here: has the numbers that the names in a comment stand for. A lane is a PE, a group (g) an "
    "output fold, a fold (k) an input fold."
)
WAIVED = {
    "DECLFILENAME": "all modules are in one file",
    "UNUSED": "numbers have bits that are not read, such as the carry of a sum that is known to be smaller",
    "WIDTH": "operands are as wide as they must be, and Verilog extends them to the width of the result",
    "CASEOVERLAP": "the first case that matches is meant",
    "PINCONNECTEMPTY": "of some instances not all outputs are read",
    "UNOPTFLAT": "parts of a number repeat other parts of it; there are no loops without a register",
}
"""Of Verilator's warnings, those that this Verilog gives cause for, and the reasons."""
AXI_PORTS = "Ports, clocks and reset follow docs/axi.md."
WAIVERS = "".join(f"// {reason}:\n// verilator lint_off {name}\n" for name, reason in WAIVED.items())
OBJECTS = 5_000_000
"""New objects before Python looks for garbage: some hundred MB."""
_MODULE = re.compile(r"^(?:\(\*.*\*\)\n)*module (\w+)\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)
_SELF = re.compile(rf"\\{SELF}")
_KEY = re.compile(r"(?<=\bcell \\)module_\d+\b")


def to_verilog(component: Any, model_hash: str, top: str = TOP, notes: Sequence[str] = ()) -> str:
    """The component and everything below it as Verilog-2001: a module per distinct component, the same to the byte.

    ``notes``: lines of its header about the whole design. Raises as ``from_rtlil``.
    """
    header = [
        f"hwsnn {__version__}, Amaranth {version('amaranth')}",
        f"model sha256 {model_hash}",
        AXI_PORTS if "aclk" in component.signature.members else STREAM_PORTS,
        *notes,
        READ,
    ]
    return comment(header) + WAIVERS + "\n" + verilog_text(component, top)


def verilog_text(component: Any, top: str) -> str:
    """As ``to_verilog``, without its header."""
    return text_of(modules_of(component), top)


def modules_of(component: Any) -> ModuleSet:
    """The modules of a component, its own among them."""
    modules = ModuleSet()
    with _rarely_collecting():
        modules.add(component, modules.elaborated(component))
    return modules


class Modular(Elaboratable):  # type: ignore[misc]  # Amaranth has no types
    """A design for an Amaranth platform, with instances of modules in place of the components in it.

    ``modules``: these, once it is elaborated.
    """

    def __init__(self, design: Any) -> None:
        self._design = design
        self.modules = ModuleSet()

    def elaborate(self, platform: object) -> Fragment:
        with _rarely_collecting():
            return self.modules.elaborated(self._design, platform)


def text_of(modules: ModuleSet, top: str, around: str = "") -> str:
    """The Verilog of modules, from ``top`` down; ``around``: ``top`` in RTLIL, where it is not one of them."""
    names = module_names(modules.modules, top)
    rtlil = [_KEY.sub(lambda key: names[key[0]], plain_names(around))]
    rtlil += [named(module, names) for module in modules.modules]
    texts = {found[1]: found[0] for found in _MODULE.finditer(from_rtlil("\n".join(rtlil)))}
    described = [
        comment(description(module.component)) + _laid_out(module, texts.pop(names[module.key]))
        for module in modules.from_the_top
    ]
    others = [module_text(text, (), (), {}) for _, text in sorted(texts.items(), key=lambda item: item[0] != top)]
    return "\n".join([*others[:1], *described, *others[1:]] if around else [*described, *others])


def whole_rtlil(modules: ModuleSet, around: str) -> str:
    """The RTLIL of modules with what their memories hold, behind the top that they stand in, ``around``."""
    keys = {module.key: module.key for module in modules.modules}
    texts = (with_contents(named(module, keys), module.converted.contents) for module in modules.modules)
    return "\n".join([plain_names(around), *texts])


def _laid_out(module: DistinctModule, text: str) -> str:
    fields = getattr(module.component, "fields", {})
    memories = {name: Words(contents, fields.get(name, ())) for name, contents in module.converted.contents}
    return module_text(text, module.ports, module.parts, memories)


def named(module: DistinctModule, names: Mapping[str, str]) -> str:
    """The RTLIL of a module, in which it and those that stand in it have these names, by their keys."""
    text = _SELF.sub(rf"\\{names[module.key]}", module.converted.rtlil)
    return _KEY.sub(lambda key: names[key[0]], text)


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Amaranth makes many small objects: looking for garbage among them as often as usual takes as long as all else."""
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
