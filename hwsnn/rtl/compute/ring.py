"""Words that wait for their next turn."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import memory


def after_a_round(m: Module, word: Value, push: Value, entries: int, keep: Value | None = None) -> Value:
    """The word that was pushed ``entries`` pushes ago; without entries, ``word`` itself.

    ``word`` is pushed where ``push`` is high; where ``keep`` is high too, the word of ``entries`` pushes ago again.
    Before a place was pushed to, its word has any value.
    """
    write_word = push if keep is None else push & ~keep
    if not entries:
        return word
    held = Signal(len(word), reset_less=True, name="held")
    if entries == 1:
        with m.If(write_word):
            m.d.sync += held.eq(word)
        return held
    m.submodules.words = words = memory.Memory(
        shape=unsigned(len(word)),
        depth=entries,
        init=[],
        attrs={"no_rw_check": 1},  # the word that is read is the one after the word that is written
    )
    write = words.write_port()
    read = words.read_port()
    entry = Signal(range(entries))
    following = Signal(range(entries), name="next_entry", init=1)
    with m.If(push):
        m.d.sync += [
            entry.eq(following),
            following.eq(Mux(following == entries - 1, 0, following + 1)),
        ]
    m.d.comb += [
        write.addr.eq(entry),
        write.data.eq(word),
        write.en.eq(write_word),
        read.addr.eq(following),
        read.en.eq(push),
        held.eq(read.data),
    ]
    return held
