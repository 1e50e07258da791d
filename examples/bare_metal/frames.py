"""Images for the bare-metal program, and what the reference answers: prints frames.h.

python examples/bare_metal/frames.py [MODEL [DATA [NUMBER]]] > frames.h
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from hwsnn import reference
from hwsnn.data import load
from hwsnn.interface.frames import in_wire_order
from hwsnn.model_file.by_name import load_model


def row(values: Iterable[int]) -> str:
    """A line of C between braces."""
    return f"    {{ {', '.join(str(value) for value in values)} }},"


def main(model: str = "digits", data: str = "digits", number: str = "20") -> None:
    """Print the first ``number`` images of ``data``, each a frame, with scores and answers."""
    network = load_model(model)
    images = load(data, network, int(number)).images
    result = reference.run(network, images)
    frames = in_wire_order(images).reshape(len(images), -1)

    print(f"/* {len(images)} images of {data} for {network.name}, and what the reference says of them. */")
    print("#include <stdint.h>\n")
    print(f"#define FRAMES {len(images)}u\n")
    print(f"static const uint8_t images[FRAMES][{frames.shape[1]}] = {{", *map(row, frames), "};\n", sep="\n")
    print(f"static const int32_t expected_scores[FRAMES][{network.classes}] = {{", *map(row, result.scores), sep="\n")
    answers = row(result.predictions).strip(" ,")
    print(f"}};\n\nstatic const uint32_t expected_answers[FRAMES] = {answers};")


if __name__ == "__main__":
    main(*sys.argv[1:])
