"""Vector instructions that numba has no words for: sums and membranes that stay in registers.

Each is written in LLVM's own vectors, of any length: LLVM takes the instructions of the processor that it runs on, of
AVX2 as of AVX-512 or NEON. ``lanes`` is a literal. Arrays are contiguous, of one dimension; nothing checks their ends.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I1, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (1, 16, 32, 64))


@intrinsic(prefer_literal=True)
def add_run(typing: Any, lanes: Any, sums: Any, at: Any, weights: Any, start: Any, count: Any) -> Any:
    """``sums[at + i] += weights[start + i]`` for every i below ``count`` times ``lanes``.

    ``sums`` and ``weights``: of one type; what does not fit it wraps.
    """
    if not isinstance(lanes, types.IntegerLiteral):
        return None
    wide = lanes.literal_value
    signature = types.void(lanes, sums, types.intp, weights, types.intp, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, sums, at, weights, start, count = arguments
        sums, weights = _pointers(context, builder, signature, {1: sums, 3: weights})
        with cgutils.for_range(builder, count, intp=_I64) as loop:
            offset = builder.mul(loop.index, ir.Constant(_I64, wide))
            to = builder.add(at, offset)
            added = builder.add(
                _load(builder, sums, to, wide), _load(builder, weights, builder.add(start, offset), wide)
            )
            _store(builder, added, sums, to)
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def sum_products(
    typing: Any,
    lanes: Any,
    sums: Any,
    at: Any,
    bias: Any,
    channel: Any,
    weights: Any,
    base: Any,
    image: Any,
    corner: Any,
    rows: Any,
    row_step: Any,
    pairs: Any,
) -> Any:
    """``sums[at + i] = bias[channel + i] + sum of weight * image`` over a window of ``rows`` rows of ``pairs`` pairs.

    The window begins at ``image[corner]``, its rows ``row_step`` apart. ``weights``: from ``base`` on, by row, pair,
    lane, and number of the pair. ``sums`` and ``bias``: int32. ``image`` and ``weights``: int16.
    """
    if not isinstance(lanes, types.IntegerLiteral):
        return None
    wide, place = lanes.literal_value, types.intp
    signature = types.void(lanes, sums, place, bias, place, weights, place, image, place, place, place, place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, sums, at, bias, channel, weights, base, image, corner, rows, row_step, pairs = arguments
        sums, bias, weights, image = _pointers(context, builder, signature, {1: sums, 3: bias, 5: weights, 7: image})
        totals, halves, products = (ir.VectorType(*of) for of in ((_I32, wide), (_I16, 2 * wide), (_I32, 2 * wide)))
        nothing, none = ir.Constant(totals, ir.Undefined), ir.Constant(products, ir.Undefined)
        # The sum of neighbouring products is one instruction (vpmaddwd, vpdpwssd), which LLVM knows by this form.
        even, odd = (ir.Constant(totals, list(range(first, 2 * wide, 2))) for first in (0, 1))
        total = cgutils.alloca_once_value(builder, _load(builder, bias, channel, wide))
        with cgutils.for_range(builder, rows, intp=_I64) as row:
            from_row = builder.add(corner, builder.mul(row.index, row_step))
            to_row = builder.mul(row.index, pairs)
            with cgutils.for_range(builder, pairs, intp=_I64) as loop:
                at_pair = builder.add(from_row, builder.mul(loop.index, ir.Constant(_I64, 2)))
                pair = builder.load(builder.bitcast(builder.gep(image, [at_pair]), _I32.as_pointer()), align=2)
                first = builder.insert_element(nothing, pair, ir.Constant(_I32, 0))
                every = builder.bitcast(builder.shuffle_vector(first, nothing, ir.Constant(totals, [0] * wide)), halves)
                number = builder.add(to_row, loop.index)
                at_weights = builder.add(base, builder.mul(number, ir.Constant(_I64, 2 * wide)))
                some = _load(builder, weights, at_weights, 2 * wide)
                made = builder.mul(builder.sext(some, products), builder.sext(every, products))
                added = builder.add(builder.shuffle_vector(made, none, even), builder.shuffle_vector(made, none, odd))
                builder.store(builder.add(builder.load(total), added), total)
        _store(builder, builder.load(total), sums, at)
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def run_neurons(
    typing: Any,
    lanes: Any,
    multiplies: Any,
    cells: Any,
    channel: Any,
    currents: Any,
    at: Any,
    step: Any,
    timesteps: Any,
    bits: Any,
    to: Any,
    bits_step: Any,
) -> Any:
    """All steps of ``lanes`` neurons of neighbouring channels: currents from ``currents[at]`` on, spikes to ``bits``.

    Those of a step are ``step`` and ``bits_step`` numbers after those of the one before. ``multiplies``: a literal,
    which leak of ``cells`` it is. A spike of lane i is bit i from ``bits[to]`` on, uint8.
    """
    if not (isinstance(lanes, types.IntegerLiteral) and isinstance(multiplies, types.IntegerLiteral)):
        return None
    count, by_product, place = lanes.literal_value, bool(multiplies.literal_value), types.intp
    signature = types.void(lanes, multiplies, cells, place, currents, place, place, place, bits, place, place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, cells, channel, currents, at, step, timesteps, bits, to, bits_step = arguments
        currents, bits = _pointers(context, builder, signature, {4: currents, 8: bits})
        names = dict(zip(signature.args[2].fields, signature.args[2].types, strict=True))

        def field(name: str) -> Any:
            return builder.extract_value(cells, list(names).index(name))

        def by_channel(name: str) -> Any:
            pointer = cgutils.create_struct_proxy(names[name])(context, builder, value=field(name)).data
            return _load(builder, pointer, channel, count)

        wide, wider = ir.VectorType(_I32, count), ir.VectorType(_I64, count)
        threshold, keep, sub = by_channel("threshold"), by_channel("keep"), by_channel("sub")
        shift = builder.trunc(field("shift"), _I32)
        shifts = _splat(builder, builder.and_(shift, ir.Constant(_I32, 31)), count)
        kept = cgutils.alloca_once_value(builder, by_channel("initial"))
        with cgutils.for_range(builder, timesteps, intp=_I64) as loop:
            v = builder.load(kept)
            if by_product:
                product = builder.mul(builder.sext(v, wider), builder.sext(by_channel("multiplier"), wider))
                leaked = builder.trunc(builder.ashr(product, builder.zext(shifts, wider)), wide)
            else:
                lost = builder.and_(builder.ashr(v, shifts), by_channel("multiplier"))
                leaked = builder.sub(v, lost)
            found = _load(builder, currents, builder.add(at, builder.mul(loop.index, step)), count)
            u = builder.add(leaked, found if found.type == wide else builder.sext(found, wide))
            fires = builder.icmp_signed(">=", u, threshold)
            place = builder.gep(bits, [builder.add(to, builder.mul(loop.index, bits_step))])
            word = ir.IntType(count)
            builder.store(builder.bitcast(fires, word), builder.bitcast(place, word.as_pointer()), align=1)
            builder.store(builder.select(fires, builder.sub(builder.and_(u, keep), sub), u), kept)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def lowest(typing: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set; one is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return (
            builder.zext(builder.cttz(arguments[0], ir.Constant(_I1, 1)), _I64)
            if (arguments[0].type.width < 64)
            else builder.cttz(arguments[0], ir.Constant(_I1, 1))
        )

    return types.int64(bits), generate


def _load(builder: Any, pointer: Any, at: Any, count: int) -> Any:
    """A vector of ``count`` numbers."""
    vector = ir.VectorType(pointer.type.pointee, count)
    place = builder.bitcast(builder.gep(pointer, [at]), vector.as_pointer())
    return builder.load(place, align=pointer.type.pointee.width // 8)


def _store(builder: Any, vector: Any, pointer: Any, at: Any) -> None:
    place = builder.bitcast(builder.gep(pointer, [at]), vector.type.as_pointer())
    builder.store(vector, place, align=pointer.type.pointee.width // 8)


def _splat(builder: Any, value: Any, count: int) -> Any:
    nothing = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_I32, count), [0] * count))


def _pointers(context: Any, builder: Any, signature: Any, arrays: dict[int, Any]) -> list[Any]:
    """The first elements of arrays, which stand at these places of the arguments."""
    made = cgutils.create_struct_proxy
    return [made(signature.args[at])(context, builder, value=array).data for at, array in arrays.items()]
