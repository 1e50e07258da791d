"""The registers behind the AXI4-Lite port, generated from ``hwsnn.interface.registers``."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Member, Out

from hwsnn.interface.registers import ADDRESS_BITS, COUNTER_BYTES, REGISTER_BYTES, Register, of_kind

from .signatures import OKAY, register_ports

REGISTER_BITS = 8 * REGISTER_BYTES
LANE_BITS = (REGISTER_BYTES - 1).bit_length()
"""Address bits within a register."""


def fields_layout(described: Register) -> data.StructLayout:
    """The fields of a register, by their lower-case names."""
    return data.StructLayout({field.name.lower(): unsigned(field.width) for field in described.fields})


class RegisterFile(wiring.Component):
    """Reads and writes of ``hwsnn.interface.registers.REGISTERS``, at most one of each at a time.

    It is reset by ``aresetn`` alone.

    Parameters
    ----------
    constants : Mapping of str to int
        The value of every ``constant`` register, by its name.

    Ports
    -----
    s_axi_* : AXI4-Lite, in
        The register port.
    name of a ``status`` register in lower case : Signal(fields_layout), in
        Its fields.
    name of a ``counter`` register in lower case : Signal(64), in
        The count.
    name of a ``control`` register in lower case : Signal(fields_layout), out
        Its fields as they were written, for one cycle; else 0.

    Timing
    ------
    Latency: 4 cycles from an address to its data. A write takes effect before its response.

    Raises
    ------
    ValueError
        A constant is missing, or there is one too many, or one does not fit its register.
    """

    def __init__(self, constants: Mapping[str, int]) -> None:
        names = {described.name for described in of_kind("constant")}
        if set(constants) != names:
            raise ValueError(f"constants must be {', '.join(sorted(names))}, not {', '.join(sorted(constants))}")
        for name, value in constants.items():
            if not 0 <= value < 1 << REGISTER_BITS:
                raise ValueError(f"{name} must fit {REGISTER_BITS} bits, not be {value!r}")
        self._constants = dict(constants)
        members: dict[str, Member] = register_ports()
        members |= {described.name.lower(): In(fields_layout(described)) for described in of_kind("status")}
        members |= {described.name.lower(): In(8 * COUNTER_BYTES) for described in of_kind("counter")}
        members |= {described.name.lower(): Out(fields_layout(described)) for described in of_kind("control")}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._elaborate_reading(m)
        self._elaborate_writing(m)
        return m

    def _elaborate_reading(self, m: Module) -> None:
        address = Signal(ADDRESS_BITS - LANE_BITS, name="read_address", reset_less=True)
        idle = Signal(init=1, name="read_idle")
        accepted = Signal(name="read_accepted")
        steps = Signal(3, name="read_steps")  # register selected; its content gathered; all combined
        m.d.comb += [
            self.s_axi_arready.eq(idle),
            accepted.eq(self.s_axi_arvalid & idle),
            self.s_axi_rresp.eq(OKAY),
        ]
        m.d.sync += steps.eq(Cat(accepted, steps))
        with m.If(accepted):
            m.d.sync += [address.eq(self.s_axi_araddr[LANE_BITS:]), idle.eq(0)]
        with m.If(steps[2]):
            m.d.sync += self.s_axi_rvalid.eq(1)
        with m.Elif(self.s_axi_rvalid & self.s_axi_rready):
            m.d.sync += [self.s_axi_rvalid.eq(0), idle.eq(1)]

        def selected(offset: int) -> Signal:
            signal = Signal(name=f"selected_{offset:03x}", reset_less=True)
            m.d.sync += signal.eq(address == offset >> LANE_BITS)
            return signal

        constants = [(self._constants[r.name], selected(r.offset)) for r in of_kind("constant")]
        changing = [(self._status_word(r), selected(r.offset)) for r in of_kind("status")]
        for counter in of_kind("counter"):
            value, low = getattr(self, counter.name.lower()), selected(counter.offset)
            high = Signal(REGISTER_BITS, name=f"{counter.name.lower()}_high", reset_less=True)
            with m.If(steps[1] & low):
                m.d.sync += high.eq(value[REGISTER_BITS:])
            changing += [(value[:REGISTER_BITS], low), (high, selected(counter.offset + REGISTER_BYTES))]
        fixed = Signal(REGISTER_BITS, reset_less=True)
        content = Signal(REGISTER_BITS, reset_less=True)
        for bit in range(REGISTER_BITS):
            m.d.sync += [
                fixed[bit].eq(Cat(chosen for value, chosen in constants if (value >> bit) & 1).any()),
                content[bit].eq(Cat(value[bit] & chosen for value, chosen in changing).any()),
            ]
        with m.If(steps[2]):
            m.d.sync += self.s_axi_rdata.eq(fixed | content)

    def _status_word(self, described: Register) -> Value:
        """The word of a status register: its fields at their bits, and 0 elsewhere."""
        word: list[Value] = []
        for field in sorted(described.fields, key=lambda field: field.lsb):
            word.append(Const(0, field.lsb - len(Cat(word))))
            word.append(getattr(self, described.name.lower())[field.name.lower()])
        return Cat(word, Const(0, REGISTER_BITS - len(Cat(word))))

    def _elaborate_writing(self, m: Module) -> None:
        idle_address = Signal(init=1)
        idle_data = Signal(init=1)
        address = Signal(ADDRESS_BITS - LANE_BITS, name="write_address", reset_less=True)
        bits = Signal(REGISTER_BITS, name="write_data", reset_less=True)  # 0 in bytes that are not written
        both = Signal()
        done = Signal()
        steps = Signal(2, name="write_steps")  # register selected; written
        m.d.comb += [
            self.s_axi_awready.eq(idle_address),
            self.s_axi_wready.eq(idle_data),
            self.s_axi_bresp.eq(OKAY),
            both.eq(~idle_address & ~idle_data & ~steps.any() & ~self.s_axi_bvalid),
            done.eq(self.s_axi_bvalid & self.s_axi_bready),
        ]
        m.d.sync += steps.eq(Cat(both, steps))
        with m.If(self.s_axi_awvalid & idle_address):
            m.d.sync += [address.eq(self.s_axi_awaddr[LANE_BITS:]), idle_address.eq(0)]
        with m.Elif(done):
            m.d.sync += idle_address.eq(1)
        with m.If(self.s_axi_wvalid & idle_data):
            written = Cat(bit & self.s_axi_wstrb[index // 8] for index, bit in enumerate(self.s_axi_wdata))
            m.d.sync += [bits.eq(written), idle_data.eq(0)]
        with m.Elif(done):
            m.d.sync += idle_data.eq(1)
        with m.If(steps[1]):
            m.d.sync += self.s_axi_bvalid.eq(1)
        with m.Elif(done):
            m.d.sync += self.s_axi_bvalid.eq(0)
        for described in of_kind("control"):
            selected = Signal(name=f"writes_{described.name.lower()}", reset_less=True)
            m.d.sync += selected.eq(address == described.offset >> LANE_BITS)
            for field in described.fields:
                given = getattr(self, described.name.lower())[field.name.lower()]
                m.d.comb += given.eq(bits[field.lsb :][: field.width] & (selected & steps[1]).replicate(field.width))
