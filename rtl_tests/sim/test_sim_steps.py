"""Values that change with time on a simulated Zynq board: by the driver, and by the commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from hwsnn import reference
from hwsnn.board import open_board
from hwsnn.cli import cli
from hwsnn.data import random_images
from hwsnn.host.selftest import selftest
from hwsnn.model_file.integer_file import save
from tests.support.random_networks import random_network

NETWORK = random_network(14)
FRAMES = random_images(NETWORK, 60, 3)


def test_equals_the_reference() -> None:
    assert NETWORK.encoder.timed
    expected = reference.run(NETWORK, FRAMES)
    with open_board("sim", NETWORK) as board:
        scores, answers = board.infer(FRAMES)
        steps = list(selftest(board))
        stats = board.stats()
    assert np.array_equal(scores, expected.scores)
    assert np.array_equal(answers, expected.predictions)
    assert [step.text for step in steps if not step.passed] == []
    assert stats.clocks is not None


def test_commands(tmp_path: Path) -> None:
    save(NETWORK, tmp_path / "model.safetensors")
    np.savez(tmp_path / "data.npz", x=FRAMES, y=reference.run(NETWORK, FRAMES).predictions)
    files = [str(tmp_path / "model.safetensors"), "--on", "sim", "--data", str(tmp_path / "data.npz"), "--json"]
    for name in ("run", "bench"):
        result = CliRunner().invoke(cli, ["board", name, *files, "-n", "20"])
        assert result.exit_code == 0, result.output
        fields = json.loads(result.stdout)
        assert (fields["images"], fields["mismatches"], fields["refused"]) == (20, 0, 0)
