"""Graphs of every form that the builder knows, as functions of a ``Traced``."""

from __future__ import annotations

from collections.abc import Callable

from tests.frontends.traced import Tensor, Traced


def skip_of_spikes(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    b = t.neurons(t.conv(a, 3, (3, 3), padding=(1, 1)))
    t.neurons(t.conv(t.sum(b, a), 2))


def sum_of_three(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    b, c = t.neurons(t.conv(a, 3)), t.neurons(t.conv(a, 3))
    t.neurons(t.conv(t.sum(b, a, c), 2, (2, 2)))


def sum_with_itself(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    t.neurons(t.conv(t.sum(a, a), 2))


def sums_of_sums(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    for _ in range(3):
        a = t.sum(t.neurons(t.conv(a, 2)), a)
    t.neurons(a)


def sum_of_currents(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    b = t.neurons(t.conv(a, 4, padding=(1, 1), kernel=(3, 3)))
    t.neurons(t.sum(t.conv(b, 5), t.conv(a, 5)))


def spikes_to_currents(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    t.neurons(t.scale(t.sum(t.conv(t.neurons(t.conv(a, 4)), 3, (3, 3), padding=(1, 1)), a)))


def pixels_to_currents(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    t.neurons(t.conv(t.sum(t.conv(a, t.shape[0]), t.input), 2))


def pixels_twice(t: Traced) -> None:
    t.neurons(t.sum(t.conv(t.input, 3), t.conv(t.input, 3, (3, 3), padding=(1, 1))))


def strided_shortcut(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 4, (3, 3), (2, 2), (1, 1)))
    t.neurons(t.sum(t.conv(b, 4, (3, 3), padding=(1, 1)), t.conv(a, 4, stride=(2, 2))))


def sum_behind_dense(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 2))
    t.neurons(t.dense(t.flat(t.sum(a, b)), 4))


def dense_of_added_currents(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 2))
    t.neurons(t.dense(t.flat(t.sum(t.conv(a, 3), t.conv(b, 3))), 4))


def window_of_all_and_dense(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.sum(t.flat(t.conv(a, 4, (5, 6))), t.dense(t.flat(a), 4)))
    c = t.neurons(t.flat(t.conv(a, 4, (5, 6))))
    t.neurons(t.dense(t.sum(b, c), 3))


def flat_sum_of_extents(t: Traced) -> None:
    a = t.flat(t.neurons(t.conv(t.input, 2)))
    t.neurons(t.sum(t.neurons(t.dense(a, a.values.shape[1])), a))


def concatenated_images(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    t.neurons(t.conv(t.concatenate(a, b, a), 3, (3, 3), padding=(1, 1)))


def concatenated_with_pixels(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    t.neurons(t.conv(t.concatenate(t.input, a), 3))


def concatenated_to_neurons(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    t.neurons(t.concatenate(t.conv(a, 3), a, t.conv(a, 4, groups=2)))


def concatenated_groups(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 4))
    t.neurons(t.conv(t.concatenate(a, b), 6, (2, 2), groups=3))


def concatenated_depthwise(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    t.neurons(t.conv(t.conv(t.concatenate(a, b), 10, (2, 2), groups=5), 3))


def groups_across_parts(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 3))
    b = t.neurons(t.conv(a, 1))
    t.neurons(t.conv(t.concatenate(a, b), 4, groups=2))


def concatenated_scaled(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    t.neurons(t.conv(t.scale(t.concatenate(a, b)), 3, (2, 2)))


def concatenated_sums_scaled(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    both = t.concatenate(t.sum(t.conv(a, 2), a), t.sum(t.conv(b, 3), b, t.conv(a, 3)))
    t.neurons(t.conv(t.scale(both), 3))


def concatenated_vectors(t: Traced) -> None:
    a = t.neurons(t.dense(t.flat(t.input), 5))
    b = t.neurons(t.dense(a, 3))
    t.neurons(t.dense(t.concatenate(a, b), 4))


def vectors_of_images(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3, (2, 2), (2, 2)))
    c = t.neurons(t.dense(t.flat(a), 5))
    joined = t.concatenate(t.flat(a), c, t.flat(b))
    t.neurons(t.dense(t.scale(joined, by_element=True), 4))


def vectors_of_images_of_one_extent(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    joined = t.concatenate(t.flat(b), t.flat(a))
    t.neurons(t.dense(t.scale(joined, by_element=True), 4))


def vectors_to_neurons(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2, (3, 3), (2, 2)))
    b = t.neurons(t.dense(t.flat(a), 3))
    t.neurons(t.concatenate(b, t.flat(a)))


def pooled_concatenation(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    t.neurons(t.conv(t.sum_pool(t.concatenate(a, b)), 3))


def pooled_sum(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 2))
    t.neurons(t.conv(t.sum_pool(t.sum(a, b)), 3))


def pooled_added_currents(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    t.neurons(t.sum_pool(t.sum(t.conv(a, 2), a)))


def max_pooled_concatenation(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    b = t.neurons(t.conv(a, 3))
    t.neurons(t.conv(t.max_pool(t.concatenate(a, b)), 3))


def max_pool_of_currents_and_a_skip(t: Traced) -> None:
    a = t.neurons(t.max_pool(t.conv(t.input, 2)))
    t.neurons(t.conv(t.sum(t.neurons(t.conv(a, 2)), a), 2))


def inception(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 2))
    parts = [
        t.neurons(t.conv(a, 2)),
        t.neurons(t.conv(a, 3, (3, 3), padding=(1, 1))),
        t.neurons(t.conv(t.max_pool(a, (3, 3), (1, 1)), 2, padding=(1, 1))),
    ]
    t.neurons(t.dense(t.flat(t.sum_pool(t.concatenate(*parts))), 4))


def recurrent_dense(t: Traced) -> None:
    a = t.neurons(t.dense(t.flat(t.input), 5), t.whole(5, 5))
    t.neurons(t.dense(a, 3))


def recurrent_one_to_one(t: Traced) -> None:
    a = t.neurons(t.dense(t.flat(t.input), 5), t.whole(5))
    t.neurons(t.dense(a, 3))


def recurrent_image(t: Traced) -> None:
    a = t.neurons(t.conv(t.input, 4, (3, 3), padding=(1, 1)), t.whole(4, 4))
    t.neurons(t.conv(a, 3), t.whole(3))


def recurrent_join(t: Traced) -> None:
    a = t.neurons(t.dense(t.flat(t.input), 5), t.whole(5, 5))
    b = t.neurons(t.dense(a, 5), t.whole(5))
    t.neurons(t.sum(t.dense(t.sum(a, b), 4), t.dense(a, 4)), t.whole(4, 4))


GRAPHS: dict[str, Callable[[Traced], None]] = {
    one.__name__: one
    for one in (
        skip_of_spikes,
        sum_of_three,
        sum_with_itself,
        sums_of_sums,
        sum_of_currents,
        spikes_to_currents,
        pixels_to_currents,
        pixels_twice,
        strided_shortcut,
        sum_behind_dense,
        dense_of_added_currents,
        window_of_all_and_dense,
        flat_sum_of_extents,
        concatenated_images,
        concatenated_with_pixels,
        concatenated_to_neurons,
        concatenated_groups,
        concatenated_depthwise,
        groups_across_parts,
        concatenated_scaled,
        concatenated_sums_scaled,
        concatenated_vectors,
        vectors_of_images,
        vectors_of_images_of_one_extent,
        vectors_to_neurons,
        pooled_concatenation,
        pooled_sum,
        pooled_added_currents,
        max_pooled_concatenation,
        max_pool_of_currents_and_a_skip,
        inception,
        recurrent_dense,
        recurrent_one_to_one,
        recurrent_image,
        recurrent_join,
    )
}


def randomly(t: Traced) -> None:
    """Neurons, maps and joins in any order; what nothing takes goes to the last layer."""
    rng = t.rng
    spikes, free = [t.input], list[Tensor]()  # currents are taken once; spikes by any number

    def taken() -> Tensor:
        return free.pop(int(rng.integers(len(free)))) if free and rng.integers(2) else spikes[rng.integers(len(spikes))]

    def fitting(tensor: Tensor) -> Tensor:
        found = [one for one in spikes if one.values.shape == tensor.values.shape and one is not tensor]
        return found[rng.integers(len(found))] if found else t.scale(tensor)

    for _ in range(int(rng.integers(4, 12))):
        one = taken()
        image = one.values.ndim == 4
        height, width = one.signal.shape[1:]
        match int(rng.integers(8)):
            case 0 if image:
                free.append(t.conv(one, int(rng.integers(1, 4))))
            case 1 if image and min(height, width) > 1:
                channels = one.signal.shape[0]
                free.append(t.conv(one, channels * int(rng.integers(1, 3)), (2, 2), groups=channels))
            case 2 if image and min(height, width) > 2:
                free.append(t.sum_pool(one, stride=(1, 2)))
            case 3:
                free.append(t.scale(one))
            case 4:
                free.append(t.sum(one, fitting(one)))
            case 5:
                free.append(t.concatenate(one, fitting(one)))
            case 6 if not image:
                free.append(t.dense(one, int(rng.integers(1, 5))))
            case _:
                back = t.whole(one.signal.shape[0]) if rng.integers(2) else None
                spikes.append(t.neurons(one, back))
    parts = [t.flat(one) if one.values.ndim == 4 else one for one in [*free, *spikes]]
    t.neurons(t.dense(t.concatenate(*parts), 3))
