"""``hwsnn generate``: Verilog and a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .common import emit, json_option, load_model, model_argument, output_option, progress


@click.command("generate")
@model_argument
@output_option("DIR", "The folder for the Verilog and manifest.json.", required=True)
@json_option
def command(model: str, output: Path, as_json: bool) -> None:
    """Write the Verilog of MODEL, one module a component, and a manifest of its ports, widths, folds and versions."""
    network = load_model(model)

    from ..files import folder_written_whole
    from ..fold import choose
    from ..manifest import manifest
    from ..model import model_hash
    from ..rtl.emit import to_verilog
    from ..rtl.network import Pipeline

    folding = choose(network)
    file = f"{network.name}.v"
    with progress() as bars, folder_written_whole(output) as folder:
        bars.add_task("generating Verilog", total=None)
        text = to_verilog(Pipeline(network, folding), model_hash(network))
        (folder / file).write_text(text)
        (folder / "manifest.json").write_text(json.dumps(manifest(network, folding), indent=2) + "\n")
    fields = {"verilog": str(output / file), "manifest": str(output / "manifest.json"), "lines": text.count("\n")}

    def human() -> None:
        click.echo(f"{fields['verilog']}  {fields['lines']} lines\n{fields['manifest']}")

    emit(as_json, fields, human)
