"""``docs/importing.md``: its network of each framework is read by the command below it, as the page says."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import hwsnn
from hwsnn.cli import cli
from tests.support.torchvision_stand_in import stand_in_for_torchvision

PAGE = (Path(__file__).parents[1] / "docs" / "importing.md").read_text()
BLOCKS = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```\n\n((?: {4}hwsnn [^\n]*\n)+)", PAGE, re.MULTILINE | re.DOTALL)
"""Name of a file, its text, and the commands."""
NEURONS: dict[str, dict[str, Any]] = {
    "snntorch": {"reset": "late-subtract", "pool": True, "several": False, "floor": False, "synapse": False},
    "spikingjelly": {"reset": "zero", "pool": False, "several": False, "floor": False, "synapse": False},
    "sinabs": {"reset": "subtract", "pool": False, "several": True, "floor": True, "synapse": False},
    "norse": {"reset": "zero", "pool": False, "several": False, "floor": False, "synapse": True},
}
"""By the module of a framework, what the page says of the first layer's neurons."""


def framework_of(text: str) -> str:
    (found,) = {name for name in NEURONS if re.search(rf"^(from|import) {name}\b", text, re.MULTILINE)}
    return found


def test_the_page_has_a_network_of_each_framework() -> None:
    assert [framework_of(text) for _, text, _ in BLOCKS] == list(NEURONS)
    assert PAGE.count("```python\n") == len(BLOCKS)


@pytest.mark.parametrize(("file", "text", "commands"), BLOCKS, ids=[file for file, _, _ in BLOCKS])
def test_the_network_is_read(
    file: str, text: str, commands: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    framework = framework_of(text)
    stand_in_for_torchvision()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        pytest.importorskip("norse.torch" if framework == "norse" else framework)
    monkeypatch.chdir(tmp_path)
    Path(file).write_text(text)
    made: dict[str, Any] = {}
    exec(text, made)
    torch.manual_seed(0)
    torch.save(made["make_net"]().state_dict(), file.replace(".py", ".pt"))
    for command in commands.splitlines():
        _, *arguments = shlex.split(command)
        result = CliRunner().invoke(cli, arguments, prog_name="hwsnn")
        assert result.exit_code == 0, result.output
    network = hwsnn.load("net.safetensors")
    assert network.input_shape == (1, 28, 28)
    assert f"--timesteps {network.timesteps} " in commands
    first: Any = network.layers[0]
    neuron = first.neuron
    found = {
        "reset": neuron.reset,
        "pool": first.pool is not None,
        "several": neuron.spikes > 1,
        "floor": neuron.floor is not None,
        "synapse": neuron.synapse is not None,
    }
    assert found == NEURONS[framework]
