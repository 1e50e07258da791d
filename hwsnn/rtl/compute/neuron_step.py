"""One time step of one neuron (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.leak_products import leak_clocks, pe_leaks
from hwsnn.folding.step_stages import step_stages
from hwsnn.spec import AnyNeuron, Integrator, Neuron
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import signed_limits, unsigned_width

from ..stream.delay import delayed
from .firing import Firing
from .leak import leaked
from .step_constants import constants_layout


def state_layout(neuron: AnyNeuron) -> data.StructLayout:
    """The state of a neuron's membrane as one number, its variables side by side; a synaptic current is not in it."""
    return data.StructLayout(
        {
            variable.name: signed(variable.bits) if variable.signed else unsigned(variable.bits)
            for variable in neuron.state
            if variable.name != "s"
        }
    )


def fields(layout: data.StructLayout) -> str:
    """Where the fields are, as Verilog says it."""
    return ", ".join(f"{name} [{field.offset + field.width - 1}:{field.offset}]" for name, field in layout)


class NeuronStep(wiring.Component):
    """One time step of one neuron: leak, add, saturate, then fire and reset, with a register behind each stage.

    A pipeline that never stalls. Stages with nothing to do (no leak, no saturation, nothing to fire) are left out. Each
    stage is at most one adder or two levels of look-up tables. The state after a spike is selected behind the last
    registers, so the next step needs a register of its own in front.

    A step of a synaptic current is that of an ``Integrator``; here the current is the synaptic one, if there is one.

    Parameters
    ----------
    neuron : AnyNeuron
        Its kind, and the constants of all channels, which determine the width of one.
    current_bits : int
        Width of an input current, two's complement.
    saturates : bool
        Whether u can leave the membrane's range and is clipped to it. False saves the logic where the ranges rule it
        out.
    groups : int
        Output folds: the channels of a PE.
    lane : int
        The PE, which determines the product of a leak per channel.
    begins : bool
        Whether this is the first step of all: there is no state before it.
    gives_u : bool
        Whether the membrane before the reset leaves.
    gives_spikes : bool
        Whether the spikes leave.

    Attributes
    ----------
    stages : StepStages
        The cycle in which each port has its value; that of the state is 0.
    remark : str
        Which step it is, the fields of its ports, and the cycles of its constants.

    Ports
    -----
    state : Signal(state_layout(neuron)), in
        In cycle ``stages.state``; absent where the step is the first of all.
    current : Signal(signed(current_bits)), in
        In cycle ``stages.current``.
    constants : Signal(constants_layout(neuron, stages.constants)), in
        Of the neuron's channel, each in its cycle; absent where there are none.
    spike : Signal(range(K + 1)), out
        How many spikes, in cycle ``stages.spikes``; absent where the neuron never fires or they do not leave.
    u : Signal(signed(membrane_bits)), out
        The membrane before the reset, in cycle ``stages.u``; absent where it does not leave.
    left : Signal(state_layout(neuron)), out
        The state after the step, in cycle ``stages.end``.

    Timing
    ------
    Latency: ``stages.end`` cycles. One step per cycle, without stalls.
    """

    def __init__(
        self,
        neuron: AnyNeuron,
        current_bits: int,
        *,
        saturates: bool,
        groups: int = 1,
        lane: int = 0,
        begins: bool = False,
        gives_u: bool = False,
        gives_spikes: bool = True,
    ) -> None:
        self._neuron, self._saturates, self._begins, self._gives_u = neuron, saturates, begins, gives_u
        self._gives_spikes = gives_spikes and neuron.fires
        leaks = pe_leaks(neuron.leak, groups)
        self._leak, self._leak_clocks = leaks[lane % len(leaks)], leak_clocks(neuron.leak, groups)
        self._membrane = signed(neuron.membrane_bits)
        self._reset = neuron.reset if isinstance(neuron, Neuron) else None
        self._remembers = any(variable.name == "fired" for variable in neuron.state)
        self.stages = step_stages(neuron, saturates=saturates, groups=groups, begins=begins)
        self.here = {"current_bits": current_bits, "membrane_bits": neuron.membrane_bits, "K": neuron.spikes}
        for name in "state", "current", "u", "spikes", "end":
            self.here[f"stages.{name}"] = getattr(self.stages, name)
        self.remark = self._described()
        members = {"current": In(signed(current_bits)), "left": Out(state_layout(neuron))}
        if not begins:
            members["state"] = In(state_layout(neuron))
        if self.stages.constants:
            members["constants"] = In(constants_layout(neuron, self.stages.constants))
        if gives_u:
            members["u"] = Out(self._membrane)
        if self._gives_spikes:
            members["spike"] = Out(unsigned_width(neuron.spikes))
        super().__init__(members)

    def _described(self) -> str:
        which = (
            "This is an output pixel's first step, which no state comes before: v begins as 0, or as a constant."
            if self._begins
            else "This step goes on from a state: that of the step before, or one from the memory."
        )
        lines = [which, f"Bits of a state: {fields(state_layout(self._neuron))}."]
        if at := self.stages.constants:
            layout = constants_layout(self._neuron, at)
            cycles = ", ".join(f"{name} {cycle}" for name, cycle in at.items())
            lines.append(f"Bits of constants: {fields(layout)}; their cycles: {cycles}.")
        return "\n".join(lines)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        u, *reduced = [self._saturated(m, total, name) for total, name in self._sums(m)]
        firing = Firing(m, self._neuron, self.constants if self.stages.constants else None)
        match self._neuron:
            case Neuron(reset="undelayed-subtract"):
                fired = firing.by_u_and_v(u, reduced[0], self._again(m))
            case Neuron() as neuron:
                fired = firing.by_u(neuron, u, self._fired_before(m, self.stages.end) if neuron.once else Const(0))
            case Integrator():
                fired = firing.never(u)
            case neuron:
                raise assert_never(neuron)
        m.d.comb += self.left.v.eq(fired.v)
        if self._gives_u:
            m.d.comb += self.u.eq(fired.u)
        if self._gives_spikes:
            m.d.comb += self.spike.eq(fired.spikes)
        if self._remembers:
            m.d.comb += self.left.fired.eq(fired.fired)
        return m

    def _sums(self, m: Module) -> list[tuple[Value, str]]:
        """The exact u, and the name of its register; with an undelayed reset also u with the reset amount taken off."""
        current = self.current
        if self._begins:
            if "leaked_initial" not in self.stages.constants:
                return [(current, "u")]
            sums = [self._sum(m, self.constants.leaked_initial, current, "sum")]
            if self._reset == "undelayed-subtract":
                sums.append(self._sum(m, self.constants.leaked_initial_reduced, current, "sum_reduced"))
            return list(zip(sums, ("u", "u_reduced"), strict=False))
        multiplier = self.constants.multiplier if "multiplier" in self.stages.constants else None
        rest = leaked(m, self._leak, self.state.v, self._leak_clocks, multiplier)
        if self._reset not in ("late-subtract", "undelayed-subtract"):
            return [(self._sum(m, rest, current, "sum"), "u")]
        difference = current - self.constants.sub
        less = Signal(difference.shape(), name="current_reduced", reset_less=True)
        m.d.sync += less.eq(difference)
        current = delayed(m, current, "current", 1)
        if self._reset == "late-subtract":
            current = Mux(self._fired_before(m, self._leak_clocks), less, current)
            return [(self._sum(m, rest, current, "sum"), "u")]
        return [(self._sum(m, rest, current, "sum"), "u"), (self._sum(m, rest, less, "sum_reduced"), "u_reduced")]

    def _sum(self, m: Module, rest: Value, current: Value, name: str) -> Value:
        bits = self._neuron.membrane_bits
        wide = max(bits, len(current)) + 1 if self._saturates else bits
        total = Signal(signed(wide), name=name, reset_less=True)
        m.d.sync += total.eq(rest + current)
        if self._reset == "late-zero" and not self._begins:
            with m.If(self._fired_before(m, self._leak_clocks)):
                m.d.sync += total.eq(0)
        return total

    def _fired_before(self, m: Module, cycle: int) -> Value:
        """The state's ``fired``, in a cycle; the first step has none."""
        return Const(0) if self._begins else delayed(m, self.state.fired, "fired_before", cycle)

    def _again(self, m: Module) -> Value:
        """Whether v reached the threshold before this step, when the comparisons with u are done."""
        if self._begins:
            return self.constants.again
        again = Signal(name="again", reset_less=True)
        m.d.sync += again.eq(self.state.v >= self.constants.threshold_before)
        return delayed(m, again, "again", self.stages.end - 1)

    def _saturated(self, m: Module, u: Value, name: str) -> Value:
        if not self._saturates:
            return u
        bits = self._neuron.membrane_bits
        low, high = signed_limits(bits)
        clipped = Signal(self._membrane, name=name, reset_less=True)
        exceeds = _differ(u[bits - 1 :])  # u fits where all bits from the membrane's sign bit up are equal
        m.d.sync += clipped.eq(Mux(exceeds, Mux(u[-1], low, high), u[:bits].as_signed()) if len(u) > bits else u)
        return clipped


def _differ(bits: Value) -> Value:
    """Whether the bits are not all equal, in look-up tables of six, of which neighbours share a bit."""
    parts = [bits[first : first + 6] for first in range(0, max(len(bits) - 1, 1), 5)]
    differ = [part.any() & ~part.all() for part in parts]
    return Cat(differ).any() if len(differ) > 1 else differ[0]
