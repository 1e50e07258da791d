"""``hwsnn check``: a framework's own module beside the integer model that was made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model, model_path

from ..errors import InputError
from ..progress import stages
from . import completers
from .common import count_option, data_option, emit, json_option, model_argument, results_console, say, say_remark
from .documented import Command
from .module_source import ModuleOptions, is_module, loaded_module, module_options, read_loaded

if TYPE_CHECKING:
    from hwsnn.checking.counterparts import CountedAs
    from hwsnn.checking.result import CheckResult
    from hwsnn.model_file.notes import Notes

    from ..spec import Network

DEFAULT_AGREE = 0.97


def _share(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Refuse what is no share, NaN too, of which ``click.FloatRange`` knows nothing."""
    if not 0 <= value <= 1:
        raise click.BadParameter(f"must be from 0 to 1, not {value:g}")
    return value


@click.command(
    "check",
    cls=Command,
    examples=("hwsnn check net.py:make_net net.safetensors --weights net.pt --data mnist -n 500",),
)
@click.argument("source", metavar="SRC", shell_complete=completers.source)
@model_argument
@module_options
@data_option(required=True)
@count_option
@click.option(
    "--agree",
    type=float,
    callback=_share,
    default=DEFAULT_AGREE,
    show_default=True,
    help="Exit with 1 if a smaller share of the answers agrees.",
)
@json_option
def command(
    source: str,
    model: str,
    weights: Path | None,
    sample: tuple[int, ...] | None,
    forward: Any,
    data: str,
    count: int | None,
    agree: float,
    as_json: bool,
) -> int:
    """Run the module SRC, FILE.py:NAME, in its own framework beside MODEL, which was made of it, on the same images.

    Shows for each layer of spiking neurons how many of their spikes differ, where the first does and why; how many
    answers agree; and both accuracies. Steps, encoding and input scale are those of MODEL. docs/checking.md explains
    the result.
    """
    if not is_module(source):
        raise InputError(f"{source}: check runs a module of PyTorch: FILE.py:NAME")

    from ..data import load

    network = load_model(model)
    counted, notes, remark = _counted_as(model, network)
    loaded = load(data, network, count)
    module = loaded_module(source, weights)

    from hwsnn.checking.check import check, sample_of
    from hwsnn.frontends.modules.conversion import with_thresholds

    shape = sample or notes.sample or sample_of(network)
    options = ModuleOptions(weights, shape, forward or notes.forward).of_model(network)
    try:
        if notes.thresholds is not None:
            module = with_thresholds(module, notes.thresholds, shape, network.timesteps)
        read = read_loaded(source, module, options)
    except InputError as error:
        raise InputError(f"{error} ({model}: {network.timesteps} steps, encoding {network.encoder.kind!r})") from None
    with stages() as show:
        show.at("running the module and the reference", 0, len(loaded.images), "images")
        try:
            result = check(read, network, loaded.images, loaded.labels, counted=counted, progress=show.advance)
        except InputError as error:
            raise InputError(f"{model}: {error}") from None

    def human() -> None:
        if remark is not None:
            say(remark)
        _show(result)
        say_remark(loaded)
        if result.answers_agree < agree:
            say(f"fewer than {agree:.1%} of the answers agree (--agree)")

    emit(as_json, result.to_json(), human)
    return int(result.answers_agree < agree)


def _counted_as(model: str, network: Network) -> tuple[CountedAs, Notes, str | None]:
    """What MODEL's input counts as, the notes in MODEL, and a line if they do not say."""
    from hwsnn.checking.counterparts import CountedAs
    from hwsnn.model_file.notes import read_notes

    notes = read_notes(model_path(model), network.input_shape[0])
    if notes.input is not None:
        return CountedAs(notes.input.mean, notes.input.std, notes.input.scale), notes, None
    largest = 1 if network.encoder.timed else network.largest_pixel
    remark = f"input: {model} does not say what its values count as; {largest} is taken as 1"
    return CountedAs(), notes, None if notes.quantized else remark


def _show(result: CheckResult) -> None:
    from .tables import FittingTable

    numbers = ("spikes compared", "differ", "share", "of these ties")
    table = FittingTable(("layer",), numbers, f"{result.images:,} images, the module beside the model")
    for layer in result.layers:
        share = f"{layer.differ / layer.values:.3%}"
        table.add_row(layer.name, f"{layer.values:,}", f"{layer.differ:,}", share, f"{layer.ties:,}")
    results_console().print(table)
    for layer in result.layers:
        if layer.first is not None:
            one = layer.first
            theirs = "not finite" if one.u_framework is None else f"{one.u_framework:.6g}"
            say(
                f"{layer.name}: first differs in image {one.image}, step {one.step}, neuron {list(one.neuron)}: "
                f"membrane {theirs} in the module, {one.u_model:.6g} in the model; {one.why}"
            )
    for text in result.other_numbers:
        say(text)
    for name in result.not_compared:
        say(f"{name}: its membranes are read; the answers are compared, not its spikes")
    accuracy = "no labels"
    if result.accuracy_framework is not None:
        accuracy = f"right: {result.accuracy_framework:.2%} in the module, {result.accuracy_model:.2%} in the model"
    say(f"answers: {result.answers_agree:.2%} agree; {accuracy}")
