"""The inputs of a fully connected layer, cut into slices."""

from __future__ import annotations

from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .chain import connect_chain
from .checks import check_integer
from .replay import Replay
from .slices import WindowSlices


class FrameSlices(wiring.Component):
    """Keeps a frame and gives, step by step, the slices of all its pixels, once for each output group.

    Parameters
    ----------
    pixels : pixels of a frame.
    channels : channels of a pixel.
    bits : bits of an input.
    beats : beats of a pixel: the T time steps of spikes, 1 for multi-bit pixels.
    cin_par : channels in a slice, at most ``channels``; where it does not divide them, the missing inputs are 0.
    groups : output groups.

    Members
    -------
    ``i`` : stream of ``unsigned(channels * bits)``, in the order (pixel, beat).
    ``o`` : stream of ``unsigned(cin_par * bits)``, in the order (beat, output group, pixel, channel fold).

    Latency: 2 clocks from a frame's last beat in to its first slice out, 3 where pixels have several channel folds.
    One slice a clock, across frames too; the next frame is taken in meanwhile.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer in its range.
    """

    def __init__(self, pixels: int, channels: int, bits: int, beats: int, cin_par: int, groups: int) -> None:
        check_integer("pixels", pixels, 1)
        check_integer("beats", beats, 1)
        check_integer("groups", groups, 1)
        self._slices = WindowSlices(1, channels, bits, cin_par, 1)
        self._replay = Replay(unsigned(channels * bits), pixels, beats, groups)
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(channels * bits))),
                "o": Out(stream.Signature(unsigned(cin_par * bits))),
            }
        )

    @property
    def latency(self) -> int:
        """Clocks from a frame's last beat in to its first slice out."""
        return self._replay.latency + self._slices.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts = [("replay", self._replay), ("slices", self._slices)]
        connect_chain(m, wiring.flipped(self.i), parts, wiring.flipped(self.o))
        return m
