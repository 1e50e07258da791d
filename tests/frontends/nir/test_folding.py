"""Convolutions, pools, scales and dense layers in a row, folded into one: equal, or refused."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsnn.errors import InputError
from hwsnn.frontends import linear
from tests.frontends.nir import nir_oracle
from tests.frontends.nir.nir_graphs import Array, whole

extents = st.integers(1, 4)


@st.composite
def spatial_maps(draw: st.DrawFn) -> tuple[list[linear.Spatial], tuple[int, int, int]]:
    """A few convolutions, pools and scales in a row, and the shape they take."""
    shape = first = (draw(st.integers(1, 2)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    maps: list[linear.Spatial] = []
    for index in range(draw(st.integers(1, 3))):
        padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
        kernel = tuple(
            draw(st.integers(1, min(4, extent + 2 * pad))) for extent, pad in zip(shape[1:], padding, strict=True)
        )
        stride = (draw(extents), draw(extents))
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        kind = draw(st.sampled_from(["conv", "pool", "scale"]))
        if kind == "conv":
            groups = draw(st.sampled_from([part for part in range(1, shape[0] + 1) if shape[0] % part == 0]))
            outputs = groups * draw(st.integers(1, 3))
            bias = whole(rng, outputs) * draw(st.booleans())
            weight = whole(rng, outputs, shape[0] // groups, *kernel)
            maps.append(linear.ConvMap(str(index), weight, bias, stride, padding, groups))
        elif kind == "pool":
            maps.append(linear.PoolMap(str(index), (kernel[0], kernel[1]), stride, padding, 0.5))
        else:
            maps.append(linear.Scale(str(index), whole(rng, shape[0], 1, 1)))
        shape = linear.output_shape(maps[-1], shape)
    return maps, first


def apply(one: linear.Linear, x: Array) -> Array:
    if isinstance(one, linear.ConvMap):
        return nir_oracle.convolution(x, one.weight, one.bias, one.stride, one.padding, one.groups)
    if isinstance(one, linear.PoolMap):
        sums = nir_oracle.windows(x, one.window, one.stride, one.padding).sum(axis=(3, 4)).transpose(2, 0, 1)
        return np.asarray(sums * one.factor)
    if isinstance(one, linear.Scale):
        return np.asarray(x * one.factor)
    return np.array((one.weight.reshape(len(one.weight), -1) @ x.ravel() + one.bias)[:, None, None])


@settings(max_examples=150, deadline=None)
@given(spatial_maps(), st.booleans())
def test_folding_is_exact_or_refused(drawn: tuple[list[linear.Spatial], tuple[int, int, int]], dense: bool) -> None:
    maps, shape = drawn
    rng = np.random.default_rng(1)
    expected = x = whole(rng, *shape)
    row: list[linear.Linear] = list(maps)
    for one in maps:
        expected = apply(one, expected)
    if dense:
        row.append(linear.DenseMap("dense", whole(rng, 3, *expected.shape), whole(rng, 3)))
        expected = apply(row[-1], expected)
    try:
        folded, pool = linear.fold("neurons", row, shape, linear.Work())
    except InputError:
        assert not dense, "whatever ends in a dense layer can be folded"
        assert any(isinstance(one, linear.ConvMap | linear.PoolMap) and max(one.padding) for one in maps[1:])
        return
    assert pool is None
    np.testing.assert_array_equal(apply(folded, x), expected)
