"""One time step of one neuron (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.pipeline_depths import step_stages
from hwsnn.spec import AnyNeuron, Integrator, Neuron, Reset
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import signed_limits

from .leak import leaked
from .rom import shape_of


def state_layout(neuron: AnyNeuron) -> data.StructLayout:
    """The state of a neuron as one number: its state variables, side by side."""
    return data.StructLayout({variable.name: signed(variable.bits) for variable in neuron.state})


def constants_layout(neuron: AnyNeuron) -> data.StructLayout:
    """The constants of a channel as one number, each as wide as the widest of all channels."""
    return data.StructLayout(
        {name: shape_of(int(values.min()), int(values.max())) for name, values in neuron.constants.items()}
    )


class NeuronStep(wiring.Component):
    """One time step of one neuron: leak, add, saturate, then fire and reset, with a register behind each stage.

    A pipeline that never stalls. Stages with nothing to do (no leak, no saturation, nothing to fire) are left out. Each
    stage is at most one adder or two levels of look-up tables. The state after a spike is selected behind the last
    registers, so the next step needs a register of its own in front.

    Parameters
    ----------
    neuron : AnyNeuron
        Its kind, and the constants of all channels, which determine the width of one.
    current_bits : int
        Width of an input current, two's complement.
    saturates : bool
        Whether u can leave the membrane's range and is clipped to it. False saves the logic where the ranges rule it
        out.
    begins : bool
        Whether this is the first step of all: there is no state before it.

    Attributes
    ----------
    stages : StepStages
        The cycle in which each port has its value; that of the state is 0.

    Ports
    -----
    state : Signal(state_layout(neuron)), in
        In cycle ``stages.state``; absent where the step is the first.
    current : Signal(signed(current_bits)), in
        In cycle ``stages.current``.
    constants : Signal(constants_layout(neuron)), in
        Of the neuron's channel, in cycle ``stages.constants``; absent where the neuron has none.
    spike : Signal(1), out
        In cycle ``stages.end``; absent where the neuron never fires.
    left : Signal(state_layout(neuron)), out
        The state after the step, in cycle ``stages.end``.

    Timing
    ------
    Latency: ``stages.end`` cycles. One step per cycle, without stalls.
    """

    def __init__(self, neuron: AnyNeuron, current_bits: int, *, saturates: bool, begins: bool = False) -> None:
        self._neuron, self._saturates, self._begins = neuron, saturates, begins
        self.stages = step_stages(neuron, saturates=saturates, begins=begins)
        members = {"current": In(signed(current_bits)), "left": Out(state_layout(neuron))}
        if not begins:
            members["state"] = In(state_layout(neuron))
        if neuron.constants:
            members["constants"] = In(constants_layout(neuron))
        if neuron.fires:
            members["spike"] = Out(1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        u = self._integrate(m)
        match self._neuron:
            case Neuron(reset=reset):
                self._fire(m, u, reset)
            case Integrator():
                m.d.comb += self.left.v.eq(u)
            case neuron:
                raise assert_never(neuron)
        return m

    def _integrate(self, m: Module) -> Value:
        """``saturate(leak(v) + I)``."""
        bits = self._neuron.membrane_bits
        u = self.current
        if not self._begins:
            rest = leaked(m, self._neuron.leak, self.state.v)
            wide = max(bits, len(self.current)) + 1 if self._saturates else bits
            u = Signal(signed(wide), name="sum", reset_less=True)
            m.d.sync += u.eq(rest + self.current)
        if not self._saturates:
            return u
        low, high = signed_limits(bits)
        # u fits where all bits from the membrane's sign bit up are equal.
        beyond = u[bits - 1 :]
        clipped = Signal(signed(bits), name="u", reset_less=True)
        m.d.sync += clipped.eq(
            Mux(beyond.any() & ~beyond.all(), Mux(u[-1], low, high), u[:bits].as_signed()) if len(u) > bits else u
        )
        return clipped

    def _fire(self, m: Module, u: Value, reset: Reset) -> None:
        membrane = signed(self._neuron.membrane_bits)
        spike, kept = Signal(name="fires", reset_less=True), Signal(membrane, name="kept", reset_less=True)
        m.d.sync += [spike.eq(u >= self.constants.threshold), kept.eq(u)]
        fired: Value
        match reset:
            case "subtract":
                # At least 1 - sub where the neuron fires: it fits the membrane. Elsewhere it is not used.
                fired = Signal(membrane, name="reduced", reset_less=True)
                m.d.sync += fired.eq(u - self.constants.sub)
            case "zero":
                fired = Const(0, membrane)
            case "none":
                fired = kept
            case _:
                raise assert_never(reset)
        m.d.comb += [self.spike.eq(spike), self.left.v.eq(Mux(spike, fired, kept))]
