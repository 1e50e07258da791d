"""What the tests of ``hwsnn board`` have in common: a model's answers, and its commands."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from hwsnn import reference
from hwsnn.cli import cli
from tests.host.serial.serial_board import IMAGES, NETWORK

RESULT = reference.run(NETWORK, IMAGES)
ANSWERS = {
    image.transpose(1, 2, 0).tobytes(): b"\x00" + int(best).to_bytes(2, "little") + scores.astype("<i4").tobytes()
    for image, best, scores in zip(IMAGES, RESULT.predictions, RESULT.scores, strict=True)
}


def board_command(name: str, folder: Path, address: str, *options: str) -> Result:
    arguments = ["board", name, str(folder / "model.safetensors"), "--on", address, *options]
    return CliRunner().invoke(cli, arguments, prog_name="hwsnn")
