# amaranth: UnusedElaboratable=no
"""Whole networks behind AXI: every score is the reference's."""

from __future__ import annotations

import json
from pathlib import Path

from amaranth.back import verilog

from hwsnn import reference
from hwsnn.cycles import queue_depths
from hwsnn.data import random_images
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.folding.folding import Folding
from hwsnn.interface.frames import in_wire_order
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.runner import build_simulator, run_bench
from hwsnn.spec import Network
from rtl_tests.axi.axi_design import SideBySide
from tests.support.random_networks import random_folding, random_folds, random_network
from tests.support.wishes import Wishes

TOP = "networks"
FRAMES = 40
NETWORKS = {14: 4, 1: 16, 26: 16, 51: 8}
"""Seeds of random networks, and bytes of a word: values that change with time and images, and several readouts."""
PAIRS = {617: 4, 166: 8}
"""The same of networks of two pixels per cycle, of three channels and of one."""


def test_scores_are_the_references(tmp_path: Path) -> None:
    networks = {f"random{seed}": random_network(seed) for seed in NETWORKS}
    foldings = {
        name: random_folding(network, seed) for seed, (name, network) in zip(NETWORKS, networks.items(), strict=True)
    }
    _check(networks, foldings, NETWORKS, tmp_path)
    assert {network.readout for network in networks.values()} == {"count", "membrane", "max", "first"}
    assert {network.encoder.timed for network in networks.values()} == {True, False}


def test_two_pixels_per_cycle(tmp_path: Path) -> None:
    networks = {f"random{seed}": random_network(seed, Wishes(encoding="direct")) for seed in PAIRS}
    assert {network.input_shape[0] for network in networks.values()} == {1, 3}
    foldings = {
        name: queue_depths(network, random_folds(with_pixels(network, 2), seed), 2)
        for seed, (name, network) in zip(PAIRS, networks.items(), strict=True)
    }
    _check(networks, foldings, PAIRS, tmp_path)


def _check(networks: dict[str, Network], foldings: dict[str, Folding], seeds: dict[int, int], tmp_path: Path) -> None:
    """``seeds``: of the networks, with the bytes of a word of each."""
    shells = {}
    job = {}
    for seed, (name, network) in zip(seeds, networks.items(), strict=True):
        shells[name] = AxiShell(network, Pipeline(network, foldings[name]), model_hash(network), seeds[seed])
        images = random_images(network, FRAMES, seed)
        result = reference.run(network, images)
        job[name] = {
            "word_bytes": seeds[seed],
            "image": network.input_shape,
            "steps": network.timesteps if network.encoder.timed else None,
            "pixel_bits": network.pixel_bits,
            "classes": network.classes,
            "images": [frame.tobytes().hex() for frame in in_wire_order(images)],
            "answers": result.predictions.tolist(),
            "scores": result.scores.tolist(),
        }
    (tmp_path / "job.json").write_text(json.dumps(job))
    text = verilog.convert(SideBySide(shells), name=TOP, strip_internal_attrs=True)
    parameters = {"HWSNN_JOB": str(tmp_path / "job.json")}
    run_bench(build_simulator(text, TOP), TOP, "rtl_tests.axi.tb_axi_networks", parameters, tests=1)
