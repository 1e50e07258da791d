"""What a fold makes of a layer: its PEs, and how many output and input folds there are."""

from __future__ import annotations

from dataclasses import dataclass

from hwsnn.spec import Population

from .folding import LayerFold


@dataclass(frozen=True)
class FoldShape:
    """A layer in numbers of its fold.

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


def fold_shape(layer: Population, fold: LayerFold) -> FoldShape:
    """The numbers of ``layer`` folded as ``fold`` says. Parts larger than their channel count are cut down to it.

    In a layer of several groups, the lanes are whole groups, or a divisor of a group's outputs: other numbers are cut
    down. So lanes never lie in parts of two groups, and only after the last output channel are there surplus lanes.
    """
    projection = layer.projection
    channels = int(projection.weight.shape[1])
    channel_groups = projection.in_channels // channels
    outputs = layer.out_channels // channel_groups
    lanes, cin_par = min(fold.cout_par, layer.out_channels), min(fold.cin_par, channels)
    if channel_groups > 1:
        lanes = lanes // outputs * outputs or max(part for part in range(1, lanes + 1) if outputs % part == 0)
    return FoldShape(
        lanes=lanes,
        cin_par=cin_par,
        output_folds=-(-layer.out_channels // lanes),
        input_folds=-(-channels // cin_par),
        channel_groups=channel_groups,
        sections=-(-lanes // outputs),
    )
