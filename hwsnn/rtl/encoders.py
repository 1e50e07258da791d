"""Spike encoders: each pixel becomes its T time steps of spikes."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import MAX_PIXEL_BITS, MAX_TIMESTEPS, Network
from hwsnn.spec.checks import assert_never

from .checks import check_integer
from .stream.counter import ModuloCounter

_TAPS = (31, 28)
"""Linear feedback shift register of ``poisson``: b(k) = b(k - 31) xor b(k - 28)."""
_CHANNEL_STRIDE = 0x9E3779B1
_MAX_SEED = (1 << _TAPS[0]) - 1


class SpikeEncoder(wiring.Component):
    """Base of the encoders: their streams, the counter of time steps, and two stages that advance together.

    A pixel stays on the input until its last step leaves, so nothing stores it.

    Parameters
    ----------
    channels : int
        Channels of a pixel.
    pixel_bits : int
        Bits n of a pixel's channel, 1 to 8.
    timesteps : int
        Beats of spikes per pixel, 1 to 256.

    Ports
    -----
    i : stream in of ``ArrayLayout(unsigned(pixel_bits), channels)``
        Pixels. A pixel is taken with its last step.
    o : stream out of ``unsigned(channels)``
        Spikes, order (y, x, t).

    Timing
    ------
    Latency: 2 cycles from a pixel offered to its first spikes. One output beat per cycle: T cycles per pixel.
    """

    def __init__(self, channels: int, pixel_bits: int, timesteps: int) -> None:
        check_integer("channels", channels, 1)
        check_integer("pixel bits", pixel_bits, 1, MAX_PIXEL_BITS)
        check_integer("timesteps", timesteps, 1, MAX_TIMESTEPS)
        self.channels, self.pixel_bits, self.timesteps = channels, pixel_bits, timesteps
        self.latency = 2
        pixels = data.ArrayLayout(unsigned(pixel_bits), channels)
        super().__init__({"i": In(stream.Signature(pixels)), "o": Out(stream.Signature(unsigned(channels)))})

    def _steps(self, m: Module) -> tuple[ModuloCounter, Signal]:
        """The counter of the time steps, whose ``step`` is high when a step enters the first stage; and ``advance``."""
        m.submodules.steps = step = ModuloCounter(self.timesteps)
        advance = Signal()
        taken = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            step.step.eq(self.i.valid & advance),
            self.i.ready.eq(advance & step.last),
        ]
        with m.If(advance):
            m.d.sync += [taken.eq(self.i.valid), self.o.valid.eq(taken)]
        return step, advance

    def _register_output(self, m: Module, advance: Signal, spikes: list[Value]) -> None:
        """Register the spikes of the step in the first stage as the output."""
        held = Signal(self.channels, reset_less=True)
        with m.If(advance):
            m.d.sync += held.eq(Cat(spikes))
        m.d.comb += self.o.payload.eq(held)


class UniformEncoder(SpikeEncoder):
    """Spikes spread evenly: one at step t where floor((t + 1) p / M) > floor(t p / M), with M = 2^n - 1.

    A channel adds p to a sum modulo M at every step and spikes where it wraps. Modulo 2^n - 1 a wrap is the adder's
    carry, added at the lowest bit one step later. Parameters, ports and timing are those of the base class.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step, advance = self._steps(m)
        spikes: list[Value] = []
        for channel in range(self.channels):
            part = Signal(self.pixel_bits, name=f"part{channel}")
            carry = Signal(name=f"carry{channel}", init=1)
            total = Signal(self.pixel_bits + 1, name=f"total{channel}")
            m.d.comb += total.eq((Cat(1, self.i.payload[channel]) + Cat(carry, part))[1:])
            with m.If(step.step):
                m.d.sync += [part.eq(Mux(step.last, 0, total[:-1])), carry.eq(total[-1] | step.last)]
            wraps = Signal(name=f"wraps{channel}", reset_less=True)
            with m.If(advance):
                m.d.sync += wraps.eq(total[-1])
            spikes.append(wraps)
        self._register_output(m, advance, spikes)
        return m


class PoissonEncoder(SpikeEncoder):
    """Random spikes, the same ones every frame: one where the channel's n-bit random number is below p.

    The random bits come from one linear feedback shift register per channel, x^31 + x^28 + 1, which advances by n bits
    per step: its feedback is long enough that all new bits are sums of two old ones. Ports and timing are those of the
    base class.

    Parameters
    ----------
    channels, pixel_bits, timesteps : int
        As of the base class.
    height, width : int
        Pixels of a frame, after which the random numbers start again.
    seed : int
        1 to 2^31 - 1; the seed of each channel follows from it.
    """

    def __init__(self, channels: int, pixel_bits: int, timesteps: int, height: int, width: int, seed: int) -> None:
        super().__init__(channels, pixel_bits, timesteps)
        check_integer("height", height, 1)
        check_integer("width", width, 1)
        check_integer("seed", seed, 1, _MAX_SEED)
        self.height, self.width, self.seed = height, width, seed

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step, advance = self._steps(m)
        m.submodules.column = column = ModuloCounter(self.width)
        m.submodules.row = row = ModuloCounter(self.height)
        m.d.comb += [
            column.step.eq(step.step & step.last),
            row.step.eq(step.step & step.last & column.last),
        ]
        restart = step.last & column.last & row.last
        spikes: list[Value] = []
        for channel in range(self.channels):
            start = self._first_bits(channel)
            bits = Signal(_TAPS[0], name=f"bits{channel}", init=start)
            random = bits[-self.pixel_bits :][::-1]
            following = [bits[k] ^ bits[k + _TAPS[0] - _TAPS[1]] for k in range(self.pixel_bits)]
            with m.If(step.step):
                m.d.sync += bits.eq(Mux(restart, start, Cat(bits[self.pixel_bits :], *following)))
            below = Signal(name=f"below{channel}", reset_less=True)
            with m.If(advance):
                m.d.sync += below.eq(random < self.i.payload[channel])
            spikes.append(below)
        self._register_output(m, advance, spikes)
        return m

    def _first_bits(self, channel: int) -> int:
        """The 31 latest bits after the first random number, the oldest as bit 0."""
        length, tap = _TAPS
        seed = (self.seed ^ (channel * _CHANNEL_STRIDE % (1 << length))) or 1
        bits = [(seed >> (length - 1 - index)) & 1 for index in range(length)]
        for _ in range(self.pixel_bits):
            bits.append(bits[-length] ^ bits[-tap])
        return sum(bit << index for index, bit in enumerate(bits[-length:]))


class LatencyEncoder(SpikeEncoder):
    """One spike per pixel, the earlier the brighter, at t(p) = round((1 - p / M)(T - 1)); none for p = 0.

    t(p) falls as p grows: a pixel spikes at the first step whose threshold it reaches, the smallest p with t(p) at
    most t. One table of T thresholds serves all channels. Parameters, ports and timing are those of the base class.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step, advance = self._steps(m)
        thresholds = self._thresholds()
        threshold = Signal(self.pixel_bits, init=thresholds[0])
        # The table is rotated by one: at step t it outputs the threshold of the next step.
        m.submodules.thresholds = table = memory.Memory(
            shape=unsigned(self.pixel_bits), depth=self.timesteps, init=thresholds[1:] + thresholds[:1]
        )
        coming = table.read_port(domain="comb")
        m.d.comb += coming.addr.eq(step.count)
        with m.If(step.step):
            m.d.sync += threshold.eq(coming.data)
        spikes: list[Value] = []
        taken = Signal()
        last = Signal()  # of the step in the first stage
        with m.If(advance):
            m.d.sync += [taken.eq(self.i.valid), last.eq(step.last)]
        for channel in range(self.channels):
            fired = Signal(name=f"fired{channel}")
            reached = Signal(name=f"reached{channel}", reset_less=True)
            with m.If(advance):
                m.d.sync += reached.eq(self.i.payload[channel] >= threshold)
                with m.If(taken):
                    m.d.sync += fired.eq((fired | reached) & ~last)
            spikes.append(reached & ~fired)
        self._register_output(m, advance, spikes)
        return m

    def _thresholds(self) -> list[int]:
        """For every step t, the smallest pixel p > 0 with t(p) at most t."""
        largest, steps = (1 << self.pixel_bits) - 1, self.timesteps
        times = {p: (2 * (largest - p) * (steps - 1) + largest) // (2 * largest) for p in range(1, largest + 1)}
        return [min(p for p, time in times.items() if time <= t) for t in range(steps)]


def encoder_component(network: Network) -> wiring.Component | None:
    """The encoder of ``network``; None where the first layer takes the values themselves."""
    channels, height, width = network.input_shape
    bits, steps, kind = network.pixel_bits, network.timesteps, network.encoder.kind
    match kind:
        case "direct" | "steps":
            return None
        case "uniform":
            return UniformEncoder(channels, bits, steps)
        case "latency":
            return LatencyEncoder(channels, bits, steps)
        case "poisson":
            return PoissonEncoder(channels, bits, steps, height, width, network.encoder.seed)
        case _:
            return assert_never(kind)
