"""Pages that several tests look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.cycles import queue_depths
from hwsnn.folding.file import to_json
from hwsnn.folding.folding import LayerFold
from hwsnn.model_file.by_name import load_model

FOLDS = {
    "conv1": LayerFold(1, 16, 2, "block"),
    "conv2": LayerFold(16, 3, 1, "block"),
    "dense1": LayerFold(24, 2, 1, "block"),
}


@pytest.fixture(scope="session")
def fold_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folding of the digits model, which needs no planning."""
    file = tmp_path_factory.mktemp("folds") / "folding.json"
    file.write_text(json.dumps(to_json(queue_depths(load_model("digits"), FOLDS))))
    return file


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory, fold_file: Path) -> Path:
    """The page of the digits model with its data, beside another fold."""
    folder = tmp_path_factory.mktemp("page")
    options = ["--data", "digits", "--fold", str(fold_file), "--compare", str(fold_file), "--sample", "3"]
    done = CliRunner().invoke(cli, ["report", "digits", *options, "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return folder / "index.html"
