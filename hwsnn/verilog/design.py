"""A design as a folder: its Verilog, a manifest, and its folding."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwsnn.files.atomic import folder_written_whole
from hwsnn.folding.file import to_json
from hwsnn.model_file.integer_file import model_hash

from ..rtl.network import Pipeline
from .emit import to_verilog
from .manifest import header_notes, manifest

if TYPE_CHECKING:
    from hwsnn.planner.plan import Plan

    from ..spec import Network


@dataclass(frozen=True)
class Design:
    """What was written: the files, the lines of the Verilog, and the plan it follows."""

    verilog: Path
    manifest: Path
    folding: Path
    lines: int
    plan: Plan


def write_design(network: Network, plan: Plan, folder: Path) -> Design:
    """Write the Verilog of ``network`` as ``plan`` folds it into ``folder``, all of its files or none.

    Raises ``InputError`` if the folder cannot be written.
    """
    with folder_written_whole(folder) as whole:  # a folder that cannot be written is refused before minutes of work
        notes = header_notes(network, plan.folding, plan.cycles)
        text = to_verilog(Pipeline(network, plan.folding), model_hash(network), notes=notes)
        described = manifest(network, plan.folding, plan.cycles)
        contents = {
            f"{network.name}.v": text,
            "manifest.json": json.dumps(described, indent=2) + "\n",
            "folding.json": json.dumps(to_json(plan.folding), indent=2) + "\n",
        }
        for name, content in contents.items():
            (whole / name).write_text(content)
    verilog, manifest_file, folding = (folder / name for name in contents)
    return Design(verilog, manifest_file, folding, lines=text.count("\n"), plan=plan)
