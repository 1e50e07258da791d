"""A finished model: measured, and written with its floats and its card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from hwsnn.files.atomic import written_whole
from hwsnn.float_network import FloatNetwork as Trained
from hwsnn.frontends.nir import writer
from hwsnn.model_file import float_file, integer_file
from hwsnn.quantization.quantize import quantize
from hwsnn.reference import activity

from ..bench import this_cpu
from ..compiled import run as compiled
from ..data import LabelledData
from ..progress import stages
from ..spec import MAX_PIXEL_BITS, Network
from .recipe import Run

BITS = (8, 6, 4, 3, 2)
"""The weight widths of which a card gives the accuracy."""
ACTIVITY_IMAGES = 1000
"""Of so many images spikes are counted."""
FLOATS_SHIPPED = 250_000
"""The floats of a model of more weights are not shipped: they take megabytes, 8 bytes a weight."""


@dataclass(frozen=True)
class Made:
    """What came of a run, for its files and its card.

    ``network``: as trained, ``tuned``: by weight bits, fine-tuned for that many; ``model``: the one of these that is
    shipped. ``seconds``: of training, fine-tuning left out. ``remark``: a last paragraph, if there is more to say.
    """

    network: Trained
    tuned: Mapping[int, Trained]
    model: Trained
    seconds: float
    float_accuracy: float
    remark: str


def finish(run: Run, made: Made) -> None:
    """Quantize the networks, measure them, and write the model, its floats, twice, and its card to ``run.out``.

    With images held out, the card is only printed.
    """
    name, data = run.recipe.name, run.measured

    def of(network: Trained, bits: int) -> Network:
        return integers(network, bits, run.recipe.pixel_bits)

    exact = of(made.model, run.recipe.weight_bits)
    few = data.images[:ACTIVITY_IMAGES]
    with stages() as show:
        runs = (len(BITS) + len(made.tuned)) * len(data.images) + len(few)
        show.at("measuring integers", 0, runs, "images")
        plain = {bits: accuracy(of(made.network, bits), data, show.advance) for bits in BITS}
        fine = {bits: accuracy(of(other, bits), data, show.advance) for bits, other in made.tuned.items()}
        active = activity.measure(exact, few, progress=show.advance)
    text = _card(run, made, exact, plain, fine, active)
    if run.held_out:
        print(text)
        return
    run.out.mkdir(parents=True, exist_ok=True)
    source = run.out / f"{name}-float.safetensors"
    float_file.save(made.model, source)
    writer.write(made.model, run.out / f"{name}.nir")
    integer_file.save(exact, run.out / f"{name}.safetensors", {"source": source.name})
    with written_whole(run.out / "card.md") as partial:
        partial.write_text(text, encoding="utf-8")


def integers(network: Trained, bits: int, pixel_bits: int = MAX_PIXEL_BITS) -> Network:
    """The integer network of ``network``, with weights of ``bits`` bits and its own time steps and encoding."""
    if network.timesteps is None or network.encoding is None:
        raise ValueError("a network must say its time steps and encoding to be measured, not leave them open")
    exact, _ = quantize(
        network, timesteps=network.timesteps, encoding=network.encoding, bits=bits, pixel_bits=pixel_bits
    )
    return exact


def accuracy(network: Network, data: LabelledData, progress: Callable[[int], object] | None = None) -> float:
    """The part of the images that the integer network answers rightly; ``progress`` as of ``compiled.run``."""
    return float((compiled(network, data.images, progress=progress).predictions == data.labels).mean())


def _card(
    run: Run,
    made: Made,
    network: Network,
    plain: Mapping[int, float],
    fine: Mapping[int, float],
    active: activity.Activity,
) -> str:
    recipe, count = run.recipe, len(run.measured.images)
    bits = recipe.weight_bits
    cpu = this_cpu()
    weights = sum(projection.synapses for _, layer in network.populations() for projection in layer.projections)
    split = (
        f"{len(run.training.x) + run.held_out:,} training images but the last {run.held_out:,}, which measured it"
        if run.held_out
        else f"all training images, for a fixed number of epochs; the {count:,} test images measured the finished model"
    )
    said = f" ({run.measured.remark})" if run.measured.remark else ""
    rows = {
        f"accuracy, {count:,} images, {bits}-bit integers": f"{(fine if bits in fine else plain)[bits]:.2%}{said}",
        f"accuracy, {count:,} images, floats": f"{made.float_accuracy:.2%}{said}",
        "network": f"{_notation(network)}, {weights:,} weights",
        "time steps, encoding, readout": f"T = {network.timesteps}, `{network.encoder.kind}`, `{network.readout}`",
        "spikes an image": f"{active.total_spikes:,.0f} (mean of the first {min(count, ACTIVITY_IMAGES):,})",
        "synaptic operations an image": _operations(active),
        "data": f"{recipe.data.name}: {split}",
        "training": f"seed {run.seed}, {recipe.plan.epochs} epochs, {made.seconds / 60:.1f} minutes",
        "machine": f"{cpu.name}, {cpu.cores} cores; Python {platform.python_version()}, PyTorch {torch.__version__}",
        "model hash": f"`{integer_file.model_hash(network)}`",
    }
    lines = [f"# {recipe.name}", "", recipe.prose.strip(), "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    lines += ["", f"Accuracy in integers on the {count:,} images{said}, by bits a weight:", ""]
    columns = (*BITS, *(column for column in fine if column not in BITS))
    lines += ["| bits | " + " | ".join(map(str, columns)) + " |", "| --- |" + " --- |" * len(columns)]
    rounded = (f"{plain[column]:.2%}" if column in plain else "" for column in columns)
    lines += ["| rounded after training | " + " | ".join(rounded) + " |"]
    if fine:
        tuned = (f"{fine[column]:.2%}" if column in fine else "" for column in columns)
        lines += ["| fine-tuned with rounded weights | " + " | ".join(tuned) + " |"]
    place = "beside this card" if weights <= FLOATS_SHIPPED else "that this run wrote (too large to ship)"
    width = "" if bits == BITS[0] else f" --bits {bits}"
    if network.pixel_bits != MAX_PIXEL_BITS:
        width += f" --pixel-bits {network.pixel_bits}"
    lines += [
        "",
        "## Make it again",
        "",
        "    pip install -c constraints.txt -e '.[train]'",
        f"    hwsnn train {run.called} --seed {run.seed} -o {recipe.name}",
        f"    hwsnn quantize {recipe.name}/{recipe.name}-float.safetensors{width} -o net.safetensors",
        "",
        "The same seed gives the same model on one kind of machine; another processor or version of PyTorch may round",
        f"otherwise. Of the `{recipe.name}-float.safetensors` {place} the last line makes the model of this",
        "hash anywhere.",
    ]
    for more in (recipe.notes, made.remark):
        if more:
            lines += ["", more.strip()]
    return "\n".join(lines) + "\n"


def _operations(active: activity.Activity) -> str:
    spiking = f"{active.total_synaptic_operations:,.0f}"
    if active.multiply_adds:
        return f"{spiking}, and {active.total_multiply_adds:,.0f} multiply-adds of pixels"
    return spiking


def _notation(network: Network) -> str:
    return (
        "x".join(str(extent) for extent in network.input_shape)
        + " to "
        + ", ".join(
            f"{layer.name} {'x'.join(str(extent) for extent in shape)}"
            for layer, shape in zip(network.layers, network.shapes[1:], strict=True)
        )
    )
