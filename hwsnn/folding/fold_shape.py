"""What a fold makes of a projection: its PEs, and how many output and input folds there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from hwsnn.spec import AnyProjection, Population

from .folding import LayerFold
from .shared_adders import MOST_WORK


@dataclass(frozen=True)
class FoldShape:
    """A projection in numbers of its layer's fold.

    ``lanes``: output channels per cycle. ``cin_par``: input channels per cycle of each group that the lanes belong to.
    ``output_folds``, ``input_folds``: how often until all outputs, or all channels of a group, have had their turn.

    ``channel_groups``: groups of the convolution, 1 for other layers. ``sections``: groups that the lanes of an output
    fold belong to. A slice has as many sections, and each lane sees only that of its group.
    """

    lanes: int
    cin_par: int
    output_folds: int
    input_folds: int
    channel_groups: int
    sections: int

    @property
    def section_sets(self) -> int:
        """Sets of groups whose inputs are in different slices: output folds of the same set have the same slices."""
        return -(-self.channel_groups // self.sections)


def fold_shapes(layer: Population, fold: LayerFold) -> tuple[FoldShape, ...]:
    """The numbers of each projection of ``layer``, folded as ``fold`` says. Numbers larger than a total are cut to it.

    All projections have the same lanes and output folds. In a convolution of several groups, the lanes are whole
    groups, or a divisor of a group's outputs: other numbers are cut down. So lanes never lie in parts of two groups,
    and only after the last output channel are there surplus lanes.

    ``fold.cin_par`` is that of the projection with the most input channels in a group, and gives the input folds that
    all of them take time for. The others have no more of them.

    Raises ``ValueError`` if a recurrent layer has several steps per cycle, as each needs the spikes of the one before,
    and if sums are to be of shared adders although not all weights are used in every cycle, or they are too many.
    """
    if layer.recurrent and fold.t_par > 1:
        raise ValueError(f"t_par of the recurrent layer {layer.name!r} must be 1, not {fold.t_par}")
    outputs = [layer.out_channels // _groups(projection) for projection in layer.projections]
    lanes = next(
        part
        for part in range(min(fold.cout_par, layer.out_channels), 0, -1)
        if all(part % each == 0 or each % part == 0 or each == layer.out_channels for each in outputs)
    )
    channels = [int(projection.weight.shape[1]) for projection in layer.projections]
    widest = channels.index(max(channels))
    whole_folds = -(-channels[widest] // fold.cin_par)
    cin_par = [-(-each // whole_folds) for each in channels]
    cin_par[widest] = min(fold.cin_par, channels[widest])
    shapes = tuple(
        FoldShape(
            lanes=lanes,
            cin_par=parts,
            output_folds=-(-layer.out_channels // lanes),
            input_folds=-(-each // parts),
            channel_groups=_groups(projection),
            sections=-(-lanes // of_group),
        )
        for projection, of_group, each, parts in zip(layer.projections, outputs, channels, cin_par, strict=True)
    )
    if fold.sums == "adders":
        _check_adders(layer, shapes)
    return shapes


def fold_of_adders(layer: Population) -> LayerFold | None:
    """The fold of ``layer`` with sums of shared adders, and one step per cycle; None if it cannot have one."""
    channels = max(int(projection.weight.shape[1]) for projection in layer.projections)
    fold = LayerFold(channels, layer.out_channels, sums="adders")
    try:
        fold_shapes(layer, fold)
    except ValueError:
        return None
    return fold


def _check_adders(layer: Population, shapes: Sequence[FoldShape]) -> None:
    for projection, shape in zip(layer.projections, shapes, strict=True):
        positions = 1 if projection.sliding else prod(projection.weight.shape[2:])
        if shape.output_folds * shape.input_folds * positions > 1:
            channels = max(int(each.weight.shape[1]) for each in layer.projections)
            raise ValueError(
                f"sums of adders must have all weights of layer {layer.name!r} in every cycle, so cin_par {channels} "
                f"and cout_par {layer.out_channels}, and inputs of one position"
            )
        weights, inputs = projection.weight.size, projection.in_channels * projection.taps
        if weights * inputs > MOST_WORK:
            raise ValueError(
                f"sums of adders must be of few weights, which times their inputs are at most {MOST_WORK:,}, as it "
                f"takes long to find them, not {weights:,} weights times {inputs:,} inputs in layer {layer.name!r}"
            )


def _groups(projection: AnyProjection) -> int:
    return projection.in_channels // int(projection.weight.shape[1])
