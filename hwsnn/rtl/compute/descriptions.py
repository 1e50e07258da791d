"""What the tables and adders of synaptic sums hold, in words: for people who look for a weight in the Verilog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from hwsnn.folding.synaptic_sums import SynapticSums, Table


def described_table(sums: SynapticSums, table: Table, taps: int) -> str:
    """A table of partial sums, for slices of ``taps`` taps."""
    unit = f"in units of {1 << table.shift}, " if table.shift else ""
    weights = "weights" if sums.input_bits == 1 else "weights, times 2^b for an input's bit b,"
    holds = (
        f"Column lane_l is of PE l: {unit}the sum of its {weights} over the bits of inputs that are 1, less the "
        "smallest such sum of its row."
    )
    inputs = f"inputs, from bit 0: {', '.join(_places(sums, map(int, table.bits), taps))}."
    return "\n".join([holds, inputs, _row(sums, taps)])


def described_weights(sums: SynapticSums, taps: int) -> str:
    """The memory of all weights, for slices of ``taps`` taps."""
    channels = sums.weights.shape[4] // taps
    entry = f"i = tap * {channels} + channel" if taps > 1 and channels > 1 else "i = tap" if taps > 1 else "channel i"
    return (
        f"Column weight_l_i is of PE l: its weight of input i of its section of a slice, {entry}.\n{_row(sums, taps)}"
    )


def described_adders(sums: SynapticSums, taps: int) -> str:
    """The graph of shared adders, for slices of ``taps`` taps."""
    channels = sums.weights.shape[4] // taps
    parts = [("section", sums.sections), ("tap", taps), ("channel", channels)]
    (i, _), *inner = [part for part in parts if part[1] > 1] or parts[-1:]
    for name, count in inner:
        i = f"({i}) * {count} + {name}" if " " in i else f"{i} * {count} + {name}"
    return (
        f"Input i = {i}. Output lane_l is of PE l. Its weights are in no table: the one of input i is what lane_l "
        f"grows by when input i grows by 1.\n{_channel(sums)}"
    )


def described_bases(sums: SynapticSums) -> str:
    """The table of what is added to the numbers of the tables of partial sums."""
    positions, _, folds = sums.weights.shape[:3]
    first = " and ".join(f"{name} = 0" for name, count in (("p", positions), ("k", folds)) if count > 1)
    where = f", where {first}" if first else ""
    return (
        "Column lane_l is of PE l: the smallest sums, which its tables leave out, and the bias of its output "
        f"channel{where}.\n{_row(sums)}"
    )


def described_biases(sums: SynapticSums) -> str:
    """The table of biases alone: 0, and with ``inputs`` 1 those of an output fold."""
    return f"Column lane_l is of PE l: its bias where inputs is 1, else 0. {_channel(sums)}"


def _row(sums: SynapticSums, taps: int = 0) -> str:
    """What a row is, and where ``taps`` are given, which input channels it has."""
    positions, groups, folds = sums.weights.shape[:3]
    row = "p" if positions > 1 else ""
    if groups > 1:
        row = f"p * {groups} + g" if row else "g"
    if folds > 1:
        row = f"({row}) * {folds} + k" if " " in row else f"{row} * {folds} + k" if row else "k"
    names = (("p", "input pixel", positions), ("g", "output fold", groups), ("k", "input fold", folds))
    meant = ", ".join(f"{what} {name}" for name, what, count in names if count > 1)
    said = f"Row {row}: {meant}. {_channel(sums)}" if row else f"One row. {_channel(sums)}"
    if folds == 1 or not taps:
        return said
    channels = sums.weights.shape[4] // taps
    if channels == 1:
        return f"{said} Input fold k is input channel k."
    return f"{said} Channel d of input fold k is input channel k * {channels} + d."


def _channel(sums: SynapticSums) -> str:
    if sums.weights.shape[1] == 1:
        return "PE l is output channel l."
    return f"PE l of output fold g is output channel g * {sums.lanes} + l."


def _places(sums: SynapticSums, bits: Iterable[int], taps: int) -> Iterator[str]:
    """The bits of a slice, runs of neighbours together: of a tap's channels, or of an input's bits."""
    entries = sums.weights.shape[4]
    channels = entries // taps

    def place(bit: int) -> tuple[int, int, int, int]:
        entry, of_entry = divmod(bit, sums.input_bits)
        section, entry = divmod(entry, entries)
        tap, channel = divmod(entry, channels)
        return section, tap, channel, of_entry

    what = "bit" if sums.input_bits > 1 else "channel" if channels > 1 or taps == 1 else "tap"

    def around(at: tuple[int, int, int, int]) -> str:
        section, tap, channel, _ = at
        names = [f"channel {channel}"] if what == "bit" and (channels > 1 or taps == 1) else []
        names += [f"tap {tap}"] if what != "tap" and taps > 1 else []
        names += [f"section {section}"] if sums.sections > 1 else []
        return "".join(f" of {name}" for name in names)

    for where, run in groupby(map(place, bits), around):
        yield _runs(what, [at[("tap", "channel", "bit").index(what) + 1] for at in run]) + where


def _runs(what: str, numbers: list[int]) -> str:
    """Ascending numbers, neighbours as "6 to 11"."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"{what}{'s' if len(numbers) > 1 else ''} {', '.join(words)}"
