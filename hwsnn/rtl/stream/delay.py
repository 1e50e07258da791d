"""Values some cycles later."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value


def delayed(m: Module, value: Value, name: str, cycles: int, *, reset_less: bool = True) -> Value:
    """The value ``cycles`` cycles later, through registers called ``NAME_1``, ``NAME_2`` and so on.

    ``reset_less=False`` is for valid flags, which a reset must clear.
    """
    for cycle in range(1, cycles + 1):
        # A reset keeps the last register out of shift registers, which are slow to read.
        register = Signal(value.shape(), name=f"{name}_{cycle}", reset_less=reset_less and cycle < cycles)
        m.d.sync += register.eq(value)
        value = register
    return value


class DelayLine:
    """A value in the later stages of a pipeline, all from one chain of registers."""

    def __init__(self, m: Module, value: Value, name: str, stage: int = 0) -> None:
        self._m, self._name = m, name
        self._last, self._values = stage, {stage: value}

    def at(self, stage: int) -> Value:
        """The value in ``stage``, which is not before its first stage."""
        while self._last < stage:
            value = self._values[self._last]
            self._last += 1
            # A reset keeps what is read here out of shift registers, which are slow to read.
            register = Signal(value.shape(), name=f"{self._name}_at_{self._last}", reset_less=self._last < stage)
            self._m.d.sync += register.eq(value)
            self._values[self._last] = register
        return self._values[stage]
