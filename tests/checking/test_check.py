"""A module beside its model: equal where all is exact, and what is wrong is found where it is."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hwsnn
from hwsnn import reference
from hwsnn.checking import check as check_module
from hwsnn.checking.counterparts import CountedAs, match
from hwsnn.errors import InputError
from hwsnn.spec import Encoder, Network
from tests.checking import nets
from tests.checking.compared import CLASSES, IMAGE, STEPS, checked, exact, images, made, read
from tests.checking.nets import nn, norse, torch

IMAGES = images(40)


@pytest.mark.parametrize("net", [nets.dense, nets.conv])
def test_exact_weights_differ_nowhere(net: Any) -> None:
    network = made(net())
    labels = reference.run(network, IMAGES).predictions
    labels[:10] = (labels[:10] + 1) % CLASSES
    result = checked(net(), network, IMAGES, labels)
    assert [(one.differ, one.ties, one.first) for one in result.layers] == [(0, 0, None)] * 2
    sizes = [int(np.prod(network.shapes[index + 1])) for index, _ in network.populations()]
    assert [one.values for one in result.layers] == [40 * STEPS * size for size in sizes]
    assert (result.images, result.answers_agree) == (40, 1.0)
    assert (result.accuracy_framework, result.accuracy_model) == (0.75, 0.75)
    assert (result.not_compared, result.other_numbers) == ((), ())
    assert reference.run(network, IMAGES, trace=True).spikes[result.layers[1].name].any()


def test_without_labels() -> None:
    result = checked(nets.dense(), made(nets.dense()), IMAGES)
    assert (result.accuracy_framework, result.accuracy_model) == (None, None)


@pytest.mark.parametrize("encoding", ["uniform", "poisson", "latency"])
def test_encoders_that_make_spikes(encoding: Any) -> None:
    network = made(nets.conv(), encoding)
    gray = np.random.default_rng(1).integers(0, 256, (20, *IMAGE), np.uint8)
    result = checked(nets.conv(), network, gray)
    assert [one.differ for one in result.layers] == [0, 0]
    assert result.answers_agree == 1.0


def test_steps() -> None:
    spikes = images(20, (STEPS, *IMAGE), ones=1)
    result = checked(nets.conv(), made(nets.conv(), "steps"), spikes)
    assert [one.differ for one in result.layers] == [0, 0]


def test_scores_that_have_the_frames_first() -> None:
    net = nets.FramesFirst()
    network = made(net, "steps")
    assert (network.readout, read(net, "steps").order) == ("sum", "batch_first")
    result = checked(net, network, images(20, (STEPS, *IMAGE), ones=1))
    assert ([one.differ for one in result.layers], result.answers_agree) == ([0], 1.0)


def test_steps_of_a_vector_are_channels_of_one_pixel() -> None:
    net = nets.dense(flatten=False)
    network = made(net, "steps", (30,))
    assert network.input_shape == (30, 1, 1)
    result = checked(net, network, images(20, (STEPS, 30, 1, 1), ones=1))
    assert [one.differ for one in result.layers] == [0, 0]


def test_a_row_of_pixels() -> None:
    net = nets.dense(flatten=False)
    network = made(net, "direct", (30,))
    assert network.input_shape == (1, 1, 30)
    assert [one.differ for one in checked(net, network, images(20, (1, 1, 30))).layers] == [0, 0]


def test_normalized_input() -> None:
    """255 counts as 1.5 and 0 as -0.5: exact in floats, and in integers."""
    how: dict[str, Any] = {"mean": 0.25, "std": 0.5}
    network = made(nets.dense(), **how)
    assert [one.differ for one in checked(nets.dense(), network, IMAGES, **how).layers] == [0, 0]
    other = checked(nets.dense(), network, IMAGES)
    assert other.layers[0].differ > 0
    assert other.layers[0].first is not None
    assert "bias of channel" in other.layers[0].first.why


@pytest.mark.parametrize("readout", ["count", "first", "membrane", "sum", "max"])
def test_readouts(readout: Any) -> None:
    """Also those that the module does not compute itself."""
    network = made(nets.dense(), readout=readout)
    result = checked(nets.dense(), network, IMAGES)
    assert result.answers_agree == 1.0
    last = network.layers[-1].name
    assert result.not_compared == (() if readout in ("count", "first") else (last,))


@pytest.mark.parametrize("readout", ["membrane", "max", "sum"])
def test_currents_at_the_end(readout: Any) -> None:
    net = exact(norse.SequentialState(nn.Flatten(), nn.Linear(30, 12), norse.IAFCell(), nn.Linear(12, CLASSES)))
    network = made(net, readout=readout)
    result = checked(net, network, IMAGES)
    assert result.answers_agree == 1.0
    assert [one.name for one in result.layers] == [network.layers[0].name]
    assert result.not_compared == (network.layers[1].name,)


# What is wrong is found


def changed(network: Network, index: int, **fields: Any) -> Network:
    """With other fields of the neurons of layer ``index``, or of the layer."""
    layer = network.population(index)
    neuron = {name: value for name, value in fields.items() if hasattr(layer.neuron, name)}
    others = {name: value for name, value in fields.items() if name not in neuron}
    layer = replace(layer, neuron=replace(layer.neuron, **neuron), **others)
    return replace(network, layers=(*network.layers[:index], layer, *network.layers[index + 1 :]))


def higher(values: Any, channel: int) -> Any:
    found = values.copy()
    found[channel] += found[channel] // 2
    return found


def test_another_threshold_is_found_in_its_layer() -> None:
    network = made(nets.dense())
    threshold = network.population(1).neuron.constants["threshold"]
    wrong = changed(network, 1, threshold=higher(threshold, 2))
    result = checked(nets.dense(), wrong, IMAGES)
    first, second = result.layers
    assert first.differ == 0
    assert second.first is not None
    assert second.first.neuron == (2, 0, 0)
    assert second.first.why == (
        f"the model's threshold of channel 2 is {threshold[2] + threshold[2] // 2}, "
        f"of this module it would be {threshold[2]}"
    )


def test_the_membranes_of_both_sides_are_in_one_unit() -> None:
    network = made(nets.dense())
    wrong = changed(network, 1, threshold=higher(network.population(1).neuron.constants["threshold"], 2))
    first = checked(nets.dense(), wrong, IMAGES).layers[1].first
    assert first is not None
    assert first.u_framework == pytest.approx(first.u_model, rel=1e-5)
    assert 1.0 < first.u_model < 1.5  # above the module's threshold, below that of the model
    spikes = reference.run(network, IMAGES, trace=True).spikes[network.layers[1].name]
    others = reference.run(wrong, IMAGES, trace=True).spikes[network.layers[1].name]
    differs = np.argwhere(spikes != others)[0]
    assert (first.image, first.step, *first.neuron) == tuple(differs)


def test_inputs_that_differ_are_no_fault_of_the_layer() -> None:
    network = made(nets.conv())
    wrong = changed(network, 0, threshold=higher(network.population(0).neuron.constants["threshold"], 1))
    first, _, second = (layer.name for layer in wrong.layers)
    result = checked(nets.conv(), wrong, IMAGES)
    assert [one.name for one in result.layers] == [first, second]
    assert result.layers[0].first is not None
    assert "threshold of channel 1" in result.layers[0].first.why
    assert result.layers[1].first is not None
    said = re.fullmatch(
        rf"its inputs differ: {first} first differs at step (\d) of this image", result.layers[1].first.why
    )
    assert said is not None
    assert int(said[1]) <= result.layers[1].first.step
    assert result.answers_agree < 1.0


def test_another_weight_is_found() -> None:
    network = made(nets.dense())
    layer = network.population(0)
    weight = layer.projection.weight.copy()
    weight[3, 0, 2, 2] -= 100 if weight[3, 0, 2, 2] > 0 else -100
    projections = (replace(layer.projection, weight=weight),)
    wrong = changed(network, 0, projections=projections)
    first = checked(nets.dense(), wrong, IMAGES).layers[0].first
    assert first is not None
    assert first.why == "1 of the model's 30 weights of channel 3 are not this module's"


def test_another_weight_is_told_even_if_nothing_differs() -> None:
    network = made(nets.dense())
    layer = network.population(0)
    weight = layer.projection.weight.copy()
    weight[[3, 5], 0, 0, 0] -= 1
    wrong = changed(network, 0, projections=(replace(layer.projection, weight=weight),))
    result = checked(nets.dense(), wrong, np.zeros((1, *IMAGE), np.uint8))
    assert [one.differ for one in result.layers] == [0, 0]
    (text,) = result.other_numbers
    assert text == (
        f"{layer.name}: 2 of 12 channels are not what quantize makes of this module: "
        "1 of the model's 30 weights of channel 3 are not this module's"
    )


def test_another_reset_is_found() -> None:
    wrong = changed(made(nets.dense()), 0, reset="none")
    first = checked(nets.dense(), wrong, IMAGES).layers[0].first
    assert first is not None
    assert first.why == "the model's reset is 'none', the module's is 'zero'"


def test_a_tie() -> None:
    """0.1 ten times in single precision is more than 1, and 1 is not."""
    net = norse.SequentialState(nn.Linear(1, 2, bias=False), norse.IAFCell()).eval()
    net[0].weight.data = torch.tensor([[0.1], [0.05]])
    network = made(net, "direct", (1,), timesteps=10)
    (layer,) = checked(net, network, np.full((3, 1, 1, 1), 255, np.uint8)).layers
    assert (layer.values, layer.differ, layer.ties) == (3 * 10 * 2, 3, 3)
    assert layer.first is not None
    assert (layer.first.image, layer.first.step, layer.first.neuron) == (0, 9, (0, 0, 0))
    assert layer.first.u_model == pytest.approx(1.0)
    assert layer.first.why == "a tie: the module's membrane is at the threshold but for the rounding of its floats"


def test_saturation() -> None:
    net = nets.dense()
    net[1].weight.data[:, 1::2] *= -2  # far below what 9 bits hold, and up again
    network = made(net, "steps", membrane_bits=9)
    first = checked(net, network, images(40, (STEPS, *IMAGE), ones=1)).layers[0].first
    assert first is not None
    assert first.why.startswith("the model's membrane of 9 bits saturated at step ")


def test_rounding_explains_what_is_rounded() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (100, *IMAGE), np.uint8)
    for bits in (8, 4, 2):
        first = checked(nets.leaky(), made(nets.leaky(), bits=bits), gray).layers[0].first
        assert first is not None
        assert first.why.startswith(f"rounding (weights of {bits} bits")
        assert "decay" in first.why


def test_what_rounding_cannot_explain_has_no_reason() -> None:
    """Neurons that do something else than what was read of them."""
    net = nets.dense()
    found = read(net)
    net[2].p = net[2].p._replace(v_th=torch.tensor(0.5))
    first = check_module.check(found, made(nets.dense()), IMAGES).layers[0].first
    assert first is not None
    assert first.why.startswith("no reason found: the membranes are ")


# Batches


def test_the_result_does_not_depend_on_the_number_of_images() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (37, *IMAGE), np.uint8)
    net, network = nets.leaky(), made(nets.leaky(), bits=4)
    whole = checked(net, network, gray)
    alone = [checked(net, network, gray[i : i + 1]) for i in range(37)]
    for index, layer in enumerate(whole.layers):
        assert layer.differ == sum(one.layers[index].differ for one in alone) > 0
        assert layer.first is not None
        found = next(i for i, one in enumerate(alone) if one.layers[index].first)
        other = alone[found].layers[index].first
        assert other is not None
        assert layer.first == replace(other, image=found)
    assert whole.answers_agree == sum(one.answers_agree for one in alone) / 37


def test_large_models_take_fewer_frames_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "BATCH_VALUES", 1)
    sizes = list[int]()
    result = checked(nets.dense(), made(nets.dense()), IMAGES[:3])
    check_module.check(read(nets.dense()), made(nets.dense()), IMAGES[:3], progress=sizes.append)
    assert sizes == [1, 1, 1]
    assert [one.differ for one in result.layers] == [0, 0]


# What cannot be compared


def test_another_network() -> None:
    network = made(nets.conv())
    with pytest.raises(InputError, match=r"^the model was not made of this module: it has .* where the module has "):
        checked(nets.dense(), network, IMAGES)
    dense = made(nets.dense())
    last = dense.population(1)
    projection = replace(last.projection, name="more", weight=np.ones((CLASSES, CLASSES, 1, 1), np.int32))
    more = replace(last, name="more", projections=(projection,))
    longer = replace(dense, layers=(*dense.layers, more))
    with pytest.raises(InputError, match="it has 3 layers, the module 2; give the MODEL"):
        match(read(nets.dense()).network, longer, CountedAs())
    taller = replace(read(nets.dense()).network, input_shape=(1, 5, 6))
    with pytest.raises(InputError, match="it takes 1x6x5, the module 1x5x6; give the MODEL"):
        match(taller, dense, CountedAs())


def test_one_input_for_all_steps_is_no_encoder() -> None:
    class Looped(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = nets.dense()

        def forward(self, x: Any) -> Any:
            state, total = None, 0
            for _ in range(STEPS):
                spikes, state = self.net(x, state)
                total = total + spikes
            return total

    network = quantized = made(Looped())
    assert checked(Looped(), network, IMAGES).answers_agree == 1.0
    quantized = replace(network, encoder=Encoder("uniform"))
    with pytest.raises(InputError, match="takes one input for all steps, and the model's encoding 'uniform' changes"):
        checked(Looped(), quantized, IMAGES)


def test_a_forward_that_fails() -> None:
    net = nets.dense()
    found = read(net)

    def fail(*_: Any) -> None:
        raise RuntimeError("out of order")

    net[1].register_forward_hook(fail)
    with pytest.raises(InputError, match=r"^the module's forward fails on 16 frames: out of order$"):
        check_module.check(found, made(nets.dense()), IMAGES)


def test_a_forward_that_ends_the_program() -> None:
    net = nets.dense()
    found = read(net)
    net[1].register_forward_hook(lambda *_: sys.exit(0))
    with pytest.raises(InputError, match=r"^its forward ends the program \(SystemExit\); leave that out$"):
        check_module.check(found, made(nets.dense()), IMAGES)
    with pytest.raises(InputError, match=r"^its forward ends the program"):
        read(net)


def test_images_and_labels_that_do_not_fit() -> None:
    network = made(nets.dense())
    with pytest.raises(ValueError, match="images must be at least one"):
        checked(nets.dense(), network, IMAGES[:0])
    with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, 1, 6, 5\)"):
        checked(nets.dense(), network, IMAGES[:, :, :3])
    with pytest.raises(ValueError, match=r"labels must be one for each of 40 images, not of shape \(3,\)"):
        checked(nets.dense(), network, IMAGES, np.zeros(3, np.int64))


def test_from_python() -> None:
    """Sample and layout are those that fit, and values count as they are unless one says otherwise."""
    network = made(nets.dense(), mean=0.25, std=0.5)
    seen = list[int]()
    result = hwsnn.check(nets.dense(), network, IMAGES, mean=0.25, std=0.5, progress=seen.append)
    assert result.to_json()["answers_agree"] == 1.0
    assert [layer["differ"] for layer in result.to_json()["layers"]] == [0, 0]
    assert seen == [16, 16, 8]
    flat = nets.dense(flatten=False)
    row = made(flat, "direct", (30,))
    assert hwsnn.check(flat, row, images(3, (1, 1, 30)), forward="step").images == 3
    with pytest.raises(InputError, match="its forward fails on an input of 2x1x6x5, 2 frames of 1x6x5: "):
        hwsnn.check(flat, row, images(3, (1, 1, 30)), sample=IMAGE)
