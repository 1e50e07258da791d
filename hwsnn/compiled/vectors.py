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

NEURONS = 8
"""Neurons that are computed at once."""
_I1, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (1, 16, 32, 64))


@intrinsic(prefer_literal=True)
def add_runs(
    typing: Any,
    lanes: Any,
    many: Any,
    sums: Any,
    at: Any,
    weights: Any,
    starts: Any,
    first: Any,
    offset: Any,
    count: Any,
) -> Any:
    """``sums[at + i] += weights[starts[k] + offset + i]``: ``many`` k from ``first`` on, all i below ``count * lanes``.

    ``weights``: of the type of ``sums`` or a narrower one; what does not fit ``sums`` wraps. ``many``: a literal.
    ``starts``: int64.
    """
    if not (isinstance(lanes, types.IntegerLiteral) and isinstance(many, types.IntegerLiteral)):
        return None
    wide, place = lanes.literal_value, types.intp
    signature = types.void(lanes, many, sums, place, weights, starts, place, place, place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, sums, at, weights, starts, first, offset, count = arguments
        sums, weights, starts = _pointers(context, builder, signature, {2: sums, 4: weights, 5: starts})
        places = []
        for k in range(many.literal_value):
            start = builder.load(builder.gep(starts, [builder.add(first, ir.Constant(_I64, k))]))
            places.append(builder.gep(weights, [builder.add(start, offset)]))
        with cgutils.for_range(builder, count, intp=_I64) as loop:
            done = builder.mul(loop.index, ir.Constant(_I64, wide))
            to = builder.add(at, done)
            total = _load(builder, sums, to, wide)
            for run in places:
                some = _load(builder, run, done, wide)
                total = builder.add(total, some if some.type == total.type else builder.sext(some, total.type))
            _store(builder, total, sums, to)
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
                with builder.if_then(builder.icmp_signed("!=", pair, ir.Constant(_I32, 0))):
                    some = _load(builder, weights, at_weights, 2 * wide)
                    made = builder.mul(builder.sext(some, products), builder.sext(every, products))
                    halved = (builder.shuffle_vector(made, none, half) for half in (even, odd))
                    builder.store(builder.add(builder.load(total), builder.add(*halved)), total)
        _store(builder, builder.load(total), sums, at)
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def run_neurons(
    typing: Any,
    multiplies: Any,
    cells: Any,
    channel: Any,
    positions: Any,
    channels: Any,
    currents: Any,
    at: Any,
    step: Any,
    timesteps: Any,
    bits: Any,
    to: Any,
    bits_step: Any,
) -> Any:
    """All steps of ``NEURONS`` neurons of neighbouring channels, at ``positions`` positions in a row.

    Their currents begin at ``currents[at]``, ``channels`` numbers apart, and those of a step are ``step`` behind those
    of the one before. Their spikes begin at ``bits[to]``, a byte for 8 channels, ``bits_step`` bytes from step to step.
    ``multiplies``: a literal, which leak of ``cells`` it is.
    """
    if not isinstance(multiplies, types.IntegerLiteral):
        return None
    by_product, place = bool(multiplies.literal_value), types.intp
    signature = types.void(multiplies, cells, place, place, place, currents, place, place, place, bits, place, place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, cells, channel, positions, channels, currents, at, step, timesteps, bits, to, bits_step = arguments
        currents, bits = _pointers(context, builder, signature, {5: currents, 9: bits})
        names = dict(zip(signature.args[1].fields, signature.args[1].types, strict=True))

        def field(name: str) -> Any:
            return builder.extract_value(cells, list(names).index(name))

        def by_channel(name: str) -> Any:
            pointer = cgutils.create_struct_proxy(names[name])(context, builder, value=field(name)).data
            return _load(builder, pointer, channel, NEURONS)

        def splat(value: Any) -> Any:
            return _splat(builder, value, NEURONS)

        wide, wider, word = ir.VectorType(_I32, NEURONS), ir.VectorType(_I64, NEURONS), ir.IntType(NEURONS)
        initial, threshold, keep, sub = (by_channel(name) for name in ("initial", "threshold", "keep", "sub"))
        multiplier = by_channel("multiplier")
        shifts = splat(builder.and_(builder.trunc(field("shift"), _I32), ir.Constant(_I32, 31)))
        kept = cgutils.alloca_once(builder, wide)
        bytes_apart = builder.lshr(channels, ir.Constant(_I64, 3))
        with cgutils.for_range(builder, positions, intp=_I64) as position:
            from_current = builder.add(at, builder.mul(position.index, channels))
            to_byte = builder.add(to, builder.mul(position.index, bytes_apart))
            builder.store(initial, kept)
            with cgutils.for_range(builder, timesteps, intp=_I64) as loop:
                v = builder.load(kept)
                if by_product:
                    product = builder.mul(builder.sext(v, wider), builder.sext(multiplier, wider))
                    leaked = builder.trunc(builder.ashr(product, builder.zext(shifts, wider)), wide)
                else:
                    leaked = builder.sub(v, builder.and_(builder.ashr(v, shifts), multiplier))
                found = _load(builder, currents, builder.add(from_current, builder.mul(loop.index, step)), NEURONS)
                u = builder.add(leaked, found if found.type == wide else builder.sext(found, wide))
                fires = builder.icmp_signed(">=", u, threshold)
                spikes = builder.gep(bits, [builder.add(to_byte, builder.mul(loop.index, bits_step))])
                builder.store(builder.bitcast(fires, word), builder.bitcast(spikes, word.as_pointer()), align=1)
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
