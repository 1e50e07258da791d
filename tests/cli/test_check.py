"""``hwsnn check``, and what ``hwsnn quantize`` says of a module by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open

import hwsnn
from hwsnn.cli import cli
from hwsnn.model_file.integer_file import load, save
from tests.checking import compared, nets
from tests.cli.test_cli import expect_refusal
from tests.support.stage_lines import beside_stages

SOURCE = """
from tests.checking import nets

def make_net():
    net = nets.dense()
    net[1].register_forward_hook(lambda *_: print("said by the module"))
    return net

def quiet_net():
    return nets.dense()

class Looped(nets.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nets.dense()

    def forward(self, x):
        state, total = None, 0
        for _ in range(5):
            spikes, state = self.net(x, state)
            total = total + spikes
        return total

def other_net():
    return nets.conv()
"""
IMAGES = compared.images(20)
KEYS = ["images", "answers_agree", "accuracy_framework", "accuracy_model", "layers", "not_compared", "other_numbers"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file with modules, a model of the first one, and data whose labels are the model's answers but for one."""
    (tmp_path / "net.py").write_text(SOURCE)
    assert hwsnn_("quantize", tmp_path, "-o", str(tmp_path / "net.safetensors"), *options()).exit_code == 0
    labels = hwsnn.run(load(tmp_path / "net.safetensors"), IMAGES).predictions
    labels[0] = (labels[0] + 1) % compared.CLASSES
    np.savez(tmp_path / "labelled.npz", x=IMAGES, y=labels)
    np.savez(tmp_path / "bare.npz", x=IMAGES)
    return tmp_path


def options() -> list[str]:
    return ["--sample", "1x6x5", "--timesteps", str(compared.STEPS)]


def hwsnn_(command: str, folder: Path, *arguments: str, name: str = "make_net") -> Result:
    return CliRunner().invoke(cli, [command, f"{folder / 'net.py'}:{name}", *arguments], prog_name="hwsnn")


def check(folder: Path, *arguments: str, data: str = "labelled.npz", **how: Any) -> Result:
    model = str(folder / "net.safetensors")
    return hwsnn_("check", folder, model, "--data", str(folder / data), *arguments, **how)


def test_json(folder: Path) -> None:
    result = check(folder, "--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    fields = json.loads(result.stdout)
    assert list(fields) == KEYS
    assert (fields["images"], fields["answers_agree"], fields["not_compared"]) == (20, 1.0, [])
    assert (fields["accuracy_framework"], fields["accuracy_model"]) == (0.95, 0.95)
    assert [layer["differ"] for layer in fields["layers"]] == [0, 0]
    assert fields["layers"][0] == {
        "name": "dense1",
        "values": 20 * compared.STEPS * 12,
        "differ": 0,
        "ties": 0,
        "first": None,
    }


def test_what_the_module_prints_goes_to_stderr(folder: Path) -> None:
    result = check(folder)
    assert "said by the module" in result.stderr
    assert "said by the module" not in result.stdout


def test_text(folder: Path) -> None:
    result = check(folder, "-n", "10", "--sample", "1x6x5", data="bare.npz")
    assert result.exit_code == 0
    assert "10 images, the module beside the model" in result.stdout
    assert result.stdout.splitlines()[-1] == "answers: 100.00% agree; no labels"
    assert beside_stages(result.stderr.replace("said by the module\n", "")) == ""


def test_a_model_of_other_numbers(folder: Path) -> None:
    """The JSON is there too where too few answers agree."""
    wrong = hwsnn.quantize(compared.read(compared.exact(nets.dense(), seed=3)).network)[0]
    save(wrong, folder / "net.safetensors")
    result = check(folder, "--json")
    assert result.exit_code == 1
    fields = json.loads(result.stdout)
    assert fields["answers_agree"] < 0.97
    first = fields["layers"][0]["first"]
    assert list(first) == ["image", "step", "neuron", "u_framework", "u_model", "why"]
    assert "are not this module's" in first["why"] or "bias of channel" in first["why"]
    text = check(folder)
    assert text.exit_code == 1
    assert fields["other_numbers"]
    assert all(f"{line}\n" in text.stdout for line in fields["other_numbers"])
    assert f"dense1: first differs in image {first['image']}, step {first['step']}, neuron " in text.stdout
    assert text.stdout.splitlines()[-1] == "fewer than 97.0% of the answers agree (--agree)"
    assert check(folder, "--agree", "0").exit_code == 0


def test_a_model_that_does_not_say_what_its_input_counts_as(folder: Path) -> None:
    save(load(folder / "net.safetensors"), folder / "net.safetensors")
    result = check(folder)
    assert result.exit_code == 0
    assert "does not say what its values count as; 255 is taken as 1" in result.stdout


def test_normalization_is_read_from_the_model(folder: Path) -> None:
    made = hwsnn_(
        "quantize", folder, "-o", str(folder / "net.safetensors"), *options(), "--mean", "0.25", "--std", ".5"
    )
    assert made.exit_code == 0
    result = check(folder, "--json")
    assert [layer["differ"] for layer in json.loads(result.stdout)["layers"]] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "how", "said"),
    [
        ((), {"name": "other_net"}, "net.safetensors: the model was not made of this module: it has"),
        ((), {"name": "Looped"}, "its neurons cannot be called so: --forward all fits them ("),
        (("--forward", "all"), {"name": "Looped"}, "makes 5 steps, not 6; give --timesteps 5 ("),
        ((), {"data": "wide.npz"}, "images are 1x6x6; the model takes 1x6x5"),
        (("-n", "21"), {}, "-n must be from 1 to 20"),
        (("--forward", "all"), {"name": "quiet_net"}, "is called once for a frame: one step, not a loop over time"),
        (("--weights", "none.pt"), {}, "none.pt: no such file"),
        (("--agree", "nan"), {}, "Invalid value for '--agree': must be from 0 to 1, not nan"),
        (("--agree", "1.5"), {}, "Invalid value for '--agree': must be from 0 to 1, not 1.5"),
    ],
)
def test_what_does_not_fit(folder: Path, arguments: tuple[str, ...], how: dict[str, str], said: str) -> None:
    np.savez(folder / "wide.npz", x=compared.images(3, (1, 6, 6)))
    expect_refusal(check(folder, *arguments, **how), said)


def test_a_graph_is_no_module(folder: Path) -> None:
    arguments = ["check", "net.nir", str(folder / "net.safetensors"), "--data", str(folder / "bare.npz")]
    result = CliRunner().invoke(cli, arguments, prog_name="hwsnn")
    expect_refusal(result, "net.nir: check runs a module of PyTorch: FILE.py:NAME")


# quantize


def test_quantize_checks_by_itself(folder: Path) -> None:
    out = str(folder / "again.safetensors")
    result = hwsnn_("quantize", folder, "-o", out, *options(), "--json")
    figures = json.loads(result.stdout)["self_check"]
    assert figures == {"images": 16, "answers_agree": 1.0, "differ": {"dense1": 0, "dense2": 0}}
    text = hwsnn_("quantize", folder, "-o", out, *options()).stdout
    assert (
        "self-check on 16 random frames: 100% of the answers are the module's; spikes that differ: dense1 0.000%, "
        "dense2 0.000%; hwsnn check compares them on data\n"
    ) in text
    with safe_open(out, framework="numpy") as file:
        assert json.loads(file.metadata()["notes"])["sample_shape"] == [1, 6, 5]


def test_another_reset_than_the_modules_shows(folder: Path) -> None:
    result = hwsnn_("quantize", folder, "-o", str(folder / "n.safetensors"), *options(), "--reset", "none", "--json")
    assert json.loads(result.stdout)["self_check"]["differ"]["dense1"] > 0
