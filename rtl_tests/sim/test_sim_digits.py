"""What the README and the examples do with ``sim:digits``."""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from hwsnn import reference
from hwsnn.build.boards import load_board
from hwsnn.build.deployment.folder import Deployment
from hwsnn.data import load
from hwsnn.model_file.by_name import load_model
from tests.support.stage_lines import beside_stages

CHECKOUT = Path(__file__).parents[2]
NETWORK = load_model("digits")
DIGITS = load("digits", NETWORK)
EXPECTED = reference.run(NETWORK, DIGITS.images)


def test_the_lines_of_the_readme() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    (block,) = re.findall(r"(?:^    .*\n|^\n)*?^    .*open_board\(.*\n(?:^    .*\n)+", readme, re.MULTILINE)
    namespace: dict[str, Any] = {"images": DIGITS.images}
    exec(textwrap.dedent(block), namespace)
    assert np.array_equal(namespace["scores"], EXPECTED.scores)
    assert np.array_equal(namespace["predictions"], EXPECTED.predictions)


def test_the_example(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(CHECKOUT / "examples" / "classify.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    images, right, cycles = done.stdout.splitlines()
    assert images == f"{len(DIGITS.images)} images on sim:digits"
    assert right == f"{(EXPECTED.predictions == DIGITS.labels).mean():.2%} right"
    (number,) = re.findall(r"^(\d+) cycles per image$", cycles)
    assert 100 <= int(number) < 500
    assert list(tmp_path.iterdir()) == []


def test_the_driver_of_a_deployment_folder(tmp_path: Path) -> None:
    """As its user tries it without a board."""
    Deployment(NETWORK, load_board("zcu102"), "zcu102", tmp_path).write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "driver.py", "digits", "--on", "sim"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    speed, *shown, right, wrong = done.stdout.splitlines()
    assert speed.startswith(f"{len(DIGITS.images)} images on sim:digits: ")
    assert shown[0] == f"image 0: answer {EXPECTED.predictions[0]}, scores {EXPECTED.scores[0].tolist()}"
    assert right == f"{(EXPECTED.predictions == DIGITS.labels).mean():.2%} right"
    assert wrong == "0 differ from the reference"
