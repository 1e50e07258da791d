"""A network behind AXI: streams of frames and results, and registers; see ``docs/axi.md``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.column_pairs import require_whole_pairs
from hwsnn.interface.registers import COUNTER_BYTES, constants, frame_bytes
from hwsnn.rtl.network import result_layout
from hwsnn.spec import Network

from ..stream.fifo import SkidBuffer
from .axis_sink import AxisSink
from .clock_crossing import StreamCrossing, ValueCrossing
from .level_counter import LevelCounter
from .pixel_reader import PixelReader
from .register_file import RegisterFile
from .result_writer import ResultWriter
from .signatures import FRAMES_IN, RESULTS_OUT, forward_ports, register_ports, stream_ports, word_layout
from .soft_reset import PIPELINE, SoftReset
from .store_and_forward import FRAMES_INSIDE, StoreAndForward
from .wide_counter import WideCounter

ACCELERATOR = "hwsnn_accelerator"
"""The name of the shell's module."""
AXI, FRAMES = "axi", "frames"
"""Two domains of ``aclk``: the first is reset by ``aresetn`` alone, the second also by soft resets."""
WORDS_CROSSING, RESULTS_CROSSING = 16, 8
"""Depths of the queues between the clock domains."""


class AxiShell(wiring.Component):
    """The accelerator of ``docs/axi.md``: a pipeline between an AXI4-Stream of frames and one of results.

    Parameters
    ----------
    network : Network
        The network that the pipeline was made from.
    pipeline : Component
        Has the streams ``pixels`` (in) and ``result`` (out) of ``docs/streams.md``.
    model_hash : str
        SHA-256 of the network's model, 64 hexadecimal digits.
    word_bytes : int
        Bytes per word of both streams: 4, 8 or 16.

    Ports
    -----
    aclk, aresetn, pipeline_clk : Signal(1), in
        The clock of all AXI ports and its reset, active low; the clock of the pipeline.
    s_axi_* : AXI4-Lite, in
        Registers.
    s_axis_* : AXI4-Stream, in
        Frames.
    m_axis_* : AXI4-Stream, out
        Results.
    """

    def __init__(self, network: Network, pipeline: Any, model_hash: str, word_bytes: int = 8) -> None:
        self._network, self._pipeline, self._word_bytes = network, pipeline, word_bytes
        self._pixels = pipeline.pixels.payload.shape()
        require_whole_pairs(network, self._pixels.length // network.input_shape[0])
        self._frames_in = stream_ports(FRAMES_IN, word_bytes, In)
        self._results_out = stream_ports(RESULTS_OUT, word_bytes, Out)
        self._constants = constants(network, model_hash, word_bytes)
        super().__init__(
            {"aclk": In(1), "aresetn": In(1), "pipeline_clk": In(1)}
            | register_ports()
            | self._frames_in
            | self._results_out
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network, word_bytes = self._network, self._word_bytes
        axi, frames, pipeline_domain = (ClockDomain(name, local=True) for name in (AXI, FRAMES, PIPELINE))
        axi.clk = frames.clk = self.aclk
        pipeline_domain.clk = self.pipeline_clk
        m.domains += [axi, frames, pipeline_domain]

        registers = RegisterFile(self._constants)
        soft_reset = SoftReset()
        intake = AxisSink(word_bytes)
        writer = ResultWriter(network, word_bytes)
        for name, part in {
            "registers": registers,
            "soft_reset": soft_reset,
            "intake": intake,
            "writer": writer,
        }.items():
            m.submodules[name] = DomainRenamer(AXI)(part)
        forward_ports(m, self, registers, register_ports())
        forward_ports(m, self, intake, self._frames_in)
        forward_ports(m, self, writer, self._results_out)
        m.d.comb += [
            axi.rst.eq(~self.aresetn),
            frames.rst.eq(soft_reset.resetting),
            pipeline_domain.rst.eq(soft_reset.pipeline_resetting),
            soft_reset.ask.eq(~self.aresetn | registers.control.reset),
            intake.start.eq(registers.control.reset),
            intake.resetting.eq(soft_reset.resetting),
            writer.resetting.eq(soft_reset.resetting),
        ]

        gate = StoreAndForward(word_bytes, frame_bytes(network), network.pixel_bits)
        self._elaborate_frames(m, intake, gate, writer)
        inside = LevelCounter(gate.places + FRAMES_INSIDE + 1)  # waiting numbers, and the packet being sent
        m.submodules.frames_inside = DomainRenamer(FRAMES)(inside)
        m.d.comb += [
            inside.up.eq(gate.accepted),
            inside.down.eq(writer.answered),
            registers.status.resetting.eq(soft_reset.resetting),
            registers.status.sending.eq(self.m_axis_tvalid),
            registers.status.receiving.eq(intake.receiving),
            registers.status.busy.eq(inside.some),
        ]
        self._elaborate_counters(m, registers, intake, gate, writer)
        return m

    def _elaborate_frames(self, m: Module, intake: AxisSink, gate: StoreAndForward, writer: ResultWriter) -> None:
        """The path of a frame: sink, store, crossing, pixels, network, crossing, writer."""
        network, word_bytes = self._network, self._word_bytes
        skid = SkidBuffer(word_layout(word_bytes).size)
        beats = network.frame_beats * network.input_shape[0] // self._pixels.length
        reader = PixelReader(self._pixels, beats, word_bytes)
        words = StreamCrossing(gate.o.payload.shape(), WORDS_CROSSING, write=FRAMES, read=PIPELINE)
        results = StreamCrossing(result_layout(network), RESULTS_CROSSING, write=PIPELINE, read=FRAMES)
        for name, part in {"skid": skid, "gate": gate}.items():
            m.submodules[name] = DomainRenamer(FRAMES)(part)
        m.submodules.words, m.submodules.results = words, results
        for name, part in {"reader": reader, "pipeline": self._pipeline}.items():
            m.submodules[name] = DomainRenamer(PIPELINE)(part)
        m.d.comb += [
            skid.i.payload.eq(intake.o.payload),
            skid.i.valid.eq(intake.o.valid),
            intake.o.ready.eq(skid.i.ready),
            gate.i.payload.eq(skid.o.payload),
            gate.i.valid.eq(skid.o.valid),
            skid.o.ready.eq(gate.i.ready),
        ]
        wiring.connect(m, gate.o, words.i)
        wiring.connect(m, words.o, reader.i)
        wiring.connect(m, reader.pixels, self._pipeline.pixels)
        wiring.connect(m, self._pipeline.result, results.i)
        wiring.connect(m, results.o, writer.result)
        wiring.connect(m, gate.numbers, writer.numbers)

    def _elaborate_counters(
        self, m: Module, registers: RegisterFile, intake: AxisSink, gate: StoreAndForward, writer: ResultWriter
    ) -> None:
        bits = 8 * COUNTER_BYTES
        events = {
            "frames": writer.answered,
            "input_stalls": intake.stalled,
            "output_stalls": writer.stalled,
            "malformed": gate.malformed,
        }
        for name, event in events.items():
            counter = WideCounter(bits)
            m.submodules[f"{name}_counter"] = DomainRenamer(FRAMES)(counter)
            m.d.comb += [counter.counts.eq(event), getattr(registers, name).eq(counter.value)]
        clocks = WideCounter(bits)
        m.submodules.clocks_counter = DomainRenamer(PIPELINE)(clocks)
        m.submodules.clocks_crossing = crossing = ValueCrossing(bits, write=PIPELINE, read=FRAMES)
        m.d.comb += [clocks.counts.eq(1), crossing.i.eq(clocks.value), registers.clocks.eq(crossing.o)]
