# amaranth: UnusedElaboratable=no
"""Whole networks behind AXI: every score is the reference's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from amaranth.back import verilog

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.interface.frames import in_wire_order
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.runner import build_simulator, run_bench
from rtl_tests.axi.axi_design import SideBySide
from tests.support.random_networks import random_folding, random_network

TOP = "networks"
FRAMES = 40
NETWORKS = {14: 4, 1: 16, 26: 16, 51: 8}
"""Seeds of random networks, and bytes of a word: values that change with time and images, and several readouts."""


@pytest.mark.parametrize("seeds", [tuple(NETWORKS)])
def test_scores_are_the_references(seeds: tuple[int, ...], tmp_path: Path) -> None:
    networks = {f"random{seed}": random_network(seed) for seed in seeds}
    shells = {}
    job = {}
    for seed, (name, network) in zip(seeds, networks.items(), strict=True):
        pipeline = Pipeline(network, random_folding(network, seed))
        shells[name] = AxiShell(network, pipeline, model_hash(network), NETWORKS[seed])
        images = random_images(network, FRAMES, seed)
        result = reference.run(network, images)
        job[name] = {
            "word_bytes": NETWORKS[seed],
            "image": network.input_shape,
            "steps": network.timesteps if network.encoder.timed else None,
            "pixel_bits": network.pixel_bits,
            "classes": network.classes,
            "images": [frame.tobytes().hex() for frame in in_wire_order(images)],
            "answers": result.predictions.tolist(),
            "scores": result.scores.tolist(),
        }
    assert {network.readout for network in networks.values()} == {"count", "membrane", "max", "first"}
    assert {network.encoder.timed for network in networks.values()} == {True, False}
    (tmp_path / "job.json").write_text(json.dumps(job))
    text = verilog.convert(SideBySide(shells), name=TOP, strip_internal_attrs=True)
    parameters = {"HWSNN_JOB": str(tmp_path / "job.json")}
    run_bench(build_simulator(text, TOP), TOP, "rtl_tests.axi.tb_axi_networks", parameters, tests=1)
