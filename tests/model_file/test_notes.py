"""What is read of a model's notes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import save
from hwsnn.model_file.notes import InputNotes, Notes, read_notes
from tests.support.random_networks import random_network

NETWORK = random_network(55)
INPUT: dict[str, Any] = {"scale": 0.5, "mean": [0, 0.25], "std": [1.0, 2.0], "padding": None}


def notes_of(folder: Path, notes: dict[str, Any] | None) -> Notes:
    path = folder / "net.safetensors"
    save(NETWORK, path, notes)
    return read_notes(path, 2)


def test_what_is_there(tmp_path: Path) -> None:
    notes = {
        "source": "net.py",
        "sample_shape": [1, 28, 28],
        "forward": "all",
        "quantization": {"input": INPUT, "layers": "any"},
    }
    assert notes_of(tmp_path, notes) == Notes(True, InputNotes(0.5, (0.0, 0.25), (1.0, 2.0)), (1, 28, 28), "all")


def test_thresholds_of_a_converted_module(tmp_path: Path) -> None:
    assert notes_of(tmp_path, {"converted": {"thresholds": [1, 2.5], "images": "any"}}).thresholds == (1.0, 2.5)


@pytest.mark.parametrize(
    ("notes", "quantized"),
    [(None, False), ({}, False), ({"quantization": {"input": None}}, True), ({"quantization": {}}, True)],
)
def test_what_is_not(tmp_path: Path, notes: dict[str, Any] | None, quantized: bool) -> None:
    assert notes_of(tmp_path, notes) == Notes(quantized, None, None, None)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ([], "the notes must be a JSON object, not list"),
        ({"converted": 3}, "converted must be a JSON object, not int"),
        ({"converted": {"thresholds": []}}, "thresholds must be a list of numbers, one for each ReLU"),
        ({"converted": {"thresholds": [1, 0]}}, "a threshold must be a positive, finite number, not 0"),
        ({"quantization": 3}, "quantization must be a JSON object, not int"),
        ({"quantization": {"input": [1]}}, "the input must be a JSON object, not list"),
        ({"quantization": {"input": INPUT | {"scale": "1"}}}, "scale must be a positive, finite number, not 1"),
        ({"quantization": {"input": INPUT | {"scale": True}}}, "scale must be a positive, finite number, not True"),
        ({"quantization": {"input": INPUT | {"scale": 0}}}, "scale must be a positive, finite number, not 0"),
        ({"quantization": {"input": INPUT | {"scale": 10**400}}}, "scale must be a positive, finite number, not 1000"),
        ({"quantization": {"input": INPUT | {"mean": [1.0]}}}, "mean must be a list of 2 numbers"),
        ({"quantization": {"input": INPUT | {"mean": 1.0}}}, "mean must be a list of 2 numbers"),
        ({"quantization": {"input": INPUT | {"mean": [1.0, float("nan")]}}}, "mean must be a finite number, not nan"),
        ({"quantization": {"input": INPUT | {"std": [1.0, -1.0]}}}, "std must be a positive, finite number, not -1.0"),
        ({"sample_shape": "1x28x28"}, "sample_shape must be 1 to 3 sizes from 1 to "),
        ({"sample_shape": [1, 2, 3, 4]}, "sample_shape must be 1 to 3 sizes from 1 to "),
        ({"sample_shape": [0]}, "sample_shape must be 1 to 3 sizes from 1 to "),
        ({"sample_shape": [1.0]}, "sample_shape must be 1 to 3 sizes from 1 to "),
        ({"forward": "both"}, "forward must be step or all, not both"),
        ({"forward": ["step"]}, "forward must be step or all, not ['step']"),
    ],
)
def test_damaged_notes(tmp_path: Path, notes: Any, said: str) -> None:
    with pytest.raises(InputError) as refused:
        notes_of(tmp_path, notes)
    text = str(refused.value)
    assert text.startswith(f"{tmp_path / 'net.safetensors'}: its notes are damaged: {said}")
    assert text.endswith("; make the model again with hwsnn quantize")
    assert "\n" not in text
