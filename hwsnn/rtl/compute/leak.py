"""What is left of a membrane after a step (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value

from hwsnn.spec import Leak, MultiplyLeak, NoLeak, ShiftLeak


def check_leak(leak: object) -> None:
    """Refuse anything but a leak of the spec."""
    if not isinstance(leak, NoLeak | ShiftLeak | MultiplyLeak):
        raise TypeError(f"leak must be a NoLeak, ShiftLeak or MultiplyLeak, not {leak!r}")


def leak_clocks(leak: Leak) -> int:
    """Clocks that ``leaked`` takes."""
    if isinstance(leak, ShiftLeak):
        return 1
    if isinstance(leak, MultiplyLeak):
        return max(len(signed_digits(leak.multiplier)) - 1, 0).bit_length()
    return 0


def leaked(m: Module, leak: Leak, v: Value, name: str) -> Value:
    """``leak(v)``, ``leak_clocks(leak)`` clocks later; one adder a clock."""
    if isinstance(leak, NoLeak):
        return v
    if isinstance(leak, ShiftLeak):
        rest = Signal(v.shape(), name=f"leaked_{name}", reset_less=True)
        m.d.sync += rest.eq(v - (v >> leak.shift))
        return rest
    return _product(m, v, leak.multiplier, name) >> leak.shift


def signed_digits(number: int) -> list[tuple[int, int]]:
    """The fewest (place, 1 or -1) whose powers of two add up to ``number`` (0 or more), the largest place first.

    The non-adjacent form: Reitwiesner, "Binary Arithmetic", Advances in Computers 1, 1960.
    """
    digits, place = list[tuple[int, int]](), 0
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            digits.append((place, digit))
            number -= digit
        number >>= 1
        place += 1
    return digits[::-1]


def _product(m: Module, v: Value, number: int, name: str) -> Value:
    """v times a constant: a tree of adders and subtracters, whose first term is always one to add."""
    terms = [(v << place, digit) for place, digit in signed_digits(number)]
    if not terms:
        return Const(0, v.shape())
    level = 0
    while len(terms) > 1:
        level += 1
        below, terms = terms, []
        for index in range(0, len(below), 2):
            (value, sign), *other = below[index : index + 2]
            for second, second_sign in other:
                value = value + second if sign == second_sign else value - second
            node = Signal(value.shape(), name=f"product_{name}_{level}_{index // 2}", reset_less=True)
            m.d.sync += node.eq(value)
            terms.append((node, sign))
    return terms[0][0]
