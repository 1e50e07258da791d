"""A module made of a framework's spiking neurons, recorded in one layout, as the graph of a float network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatArray, FloatIntegrator, FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.model_file.notes import Forward
from hwsnn.spec import INPUT, EncoderKind, Readout, Sum

from .. import linear
from ..graph import Graph
from ..terms import Signal
from . import functions, layers
from .calling import Frame, number_type, reset, step_by_step
from .framework import CALL_PER_STEP, Framework, Layout, Node
from .frameworks import framework_of
from .joins import Made, added, concatenated, late, parted, require_no_late
from .movement import EVERY_STEP, Frames, moved, stacked
from .path import Path, path, picks
from .probing import order_of
from .recording import Call, Recorder, Value
from .scores import OverTime, Scores, over_time_of, scores
from .walking import ADDING, JOINING, is_neuron, picked_step, takes_all_steps

CALLS = 2
"""How many steps are recorded of a module that makes a step a call."""
READOUTS: dict[OverTime, Readout] = {"all": "sum", "last": "membrane", "largest": "max"}
"""Of membranes, and of currents that no neurons take."""


@dataclass(frozen=True, eq=False)
class ReadModule:
    """``module`` as a float network, how it is called, and its modules of neurons by the names of their layers.

    ``sample``: the shape of its input at a step. ``order``: the layout of what a call for all steps gives.
    """

    module: nn.Module
    sample: tuple[int, ...]
    network: FloatNetwork
    layout: Layout
    order: Layout
    neurons: dict[str, nn.Module]

    @property
    def forward(self) -> Forward:
        """Whether a call makes one step, or all."""
        return "step" if self.layout in CALL_PER_STEP else "all"


class Builder:
    """Calls a module once, and builds the graph of what it did."""

    def __init__(self, module: nn.Module, frame: Frame, layout: Layout, told: int | None) -> None:
        self._module = module
        self._frame = frame
        self._layout = layout
        self._graph = Graph()
        self._input = Made(
            self._graph.input(frame.shape, flat=len(frame.sample) == 1),
            Frames(
                frame.outer(layout),
                frame.sample,
                frame.images(layout, frame.steps),
                frame.steps_in(layout, frame.steps),
            ),
        )
        self._neurons: dict[str, nn.Module] = {}
        self._remarks: list[str] = []
        if told not in (None, frame.timesteps):
            self._remarks.append(f"time steps: {frame.timesteps} as asked for, where its layers are made for {told}")
        self._steps: int | None = None
        self.came_to = 0
        """How far this went: 0: the module is not called so. 1: it began to run. 2: all of it ran. 3: it was read."""

    def build(self, name: str, encoding: EncoderKind | None) -> ReadModule:
        output, found = self._record()
        self._require_loop(found)
        way, made = found.ways[-1], dict[tuple[Call | None, int], Made]()
        made[None, 0] = self._input
        for call in way.late:
            made[call, 0] = late(call, self._one_step(EVERY_STEP))
        for call, taken in way.inputs.items():
            for position in way.positions(call):
                inputs = [made[value.call, value.position] for value in taken]
                made[call, position] = self._made(call, inputs, position)
        assert way.end.call is not None
        end = made[way.end.call, way.end.position]
        scored = replace(found.scores, over_time=self._over_time(way.end.call, end.frames, found))
        readout = self._read_out(way.end.call, end.signal, scored)
        order = order_of(
            output,
            scored,
            self._layout,
            self._frame.frames,
            math.prod(end.signal.shape),
            spikes=readout == "count",
        )
        if len(self._frame.sample) == 1 and encoding is None:
            width = self._frame.sample[0]
            self._remarks.append(
                f"input: {width} values without height and width, built as one row of {width} pixels, or with the "
                f"encoding 'steps' as {width} channels of one pixel"
            )
        network = FloatNetwork(
            name,
            self._frame.shape,
            tuple(self._graph.layers),
            tuple(dict.fromkeys(self._remarks)),
            timesteps=self._steps or self._frame.timesteps,
            encoding=encoding,
            readout=readout,
        )
        self.came_to = 3
        return ReadModule(self._module, self._frame.sample, network, self._layout, order, self._neurons)

    def _record(self) -> tuple[Value, Path]:
        """What the module gives, and what it does for that."""
        recorder = Recorder(self._module, _is_whole, _membrane)
        empty = next((name for name, tensor in self._module.named_parameters() if tensor.is_meta), None)
        if empty is not None:
            raise InputError(f"its {empty} is on the device meta, without numbers; load the weights")
        dtype, device = number_type(self._module)
        size = (*self._input.frames.outer, *self._input.frames.inner)
        pixels = torch.rand(size, generator=torch.Generator().manual_seed(0)).to(dtype=dtype, device=device)
        reset(self._module, self._frame.frames)
        try:
            with recorder.hooked(), recorder:
                output = self._call(recorder.input(pixels))
        except InputError:
            self.came_to = 1
            raise
        except Exception as error:  # a user's own code may raise anything
            text, frame = ("x".join(map(str, one)) for one in (size, self._frame.sample))
            raise InputError(
                f"its forward fails on an input of {text}, {self._frame.frames} frames of {frame}: {reason(error)}"
            ) from error
        finally:
            reset(self._module, self._frame.frames)
        self.came_to = 2
        given = recorder.value(output)
        found = path(scores(given, _ends_search))
        assert given is not None
        return given, found

    def _call(self, pixels: torch.Tensor) -> Any:
        """One call for a frame; two steps, so that it shows what goes on from one to the next."""
        if self._layout in CALL_PER_STEP:
            return torch.stack(step_by_step(self._module, self._layout, [pixels] * CALLS))
        return self._module(pixels)

    def _require_loop(self, found: Path) -> None:
        """A loop over time has as many steps as the frame, and takes them in their order."""
        once, steps = self._layout == "frame", found.steps
        asked = self._frame.timesteps if once else self._frame.steps
        if steps is None:
            return
        if self._layout in CALL_PER_STEP:
            if steps == CALLS:
                return
            text = f"is called {steps // CALLS} times in one step: a loop over time in forward is --forward all"
            raise self._misfit(found.ways[-1].neurons[0], text)
        if not once and len(found.ways) > 1:
            for step, way in enumerate(found.ways, steps - len(found.ways)):
                taken = picks(way, found.ways)
                if not taken or any(picked_step(value) != step for value, behind in taken.items() if not behind):
                    text = "must take step after step of the input (T, N, ...): x[0], x[1] and so on"
                    raise next(iter(way.inputs)).error(text)
        if asked is not None and steps != asked:
            raise InputError(f"its loop over time makes {steps} steps, not {asked}; give --timesteps {steps}")
        if once:
            self._steps = steps

    def _misfit(self, call: Call, text: str) -> InputError:
        """The exception for a module that is not called so."""
        self.came_to = 0
        return call.error(text)

    # The graph

    def _made(self, call: Call, inputs: Sequence[Made], position: int) -> Made:
        """What ``call`` gives at ``position``, of its ``inputs``."""
        if call.module is not None and call.module.training:
            raise call.error("is in training mode where the network is in eval mode; let it follow the network")
        before = inputs[0]
        if is_neuron(call):
            return self._fire(call, before, position)
        if call.module is None and call.name in ADDING:
            return added(self._graph, call, inputs)
        if call.module is None and call.name in JOINING:
            return concatenated(self._graph, call, inputs)
        if isinstance(call.module, layers.UNCHANGED) or (self._passes_spikes(before) and functions.is_relu(call)):
            return before  # spikes are never negative
        if isinstance(call.module, layers.MOVING) or (call.module is None and functions.is_movement(call)):
            return self._moved(call, before, position)
        if call.module is None:
            signal = functions.add_function(self._graph, before.signal, call, before.frames)
        else:
            signal = layers.add_layer(self._graph, before.signal, call, call.module, len(before.frames.inner))
        return self._after(call, before, signal)

    def _moved(self, call: Call, before: Made, position: int) -> Made:
        if len({id(value) for value in call.inputs}) > 1:
            return Made(before.signal, stacked(call, before.frames))
        frames, signal = moved(call, before.frames, position, most=self._most_spikes(before)), before.signal
        inner, was = frames.inner, before.frames.inner
        if len(inner) == 1:
            signal = self._graph.flattened(signal)
        elif inner != was and tuple(n for n in inner if n > 1) != tuple(n for n in was if n > 1):
            raise call.error(
                f"makes {'x'.join(map(str, inner))} of {'x'.join(map(str, was))}; give --sample as the layers "
                "take it, and flatten all of a frame"
            )
        return Made(signal, frames)

    def _after(self, call: Call, before: Made, signal: Signal) -> Made:
        """What a map gave: ``signal``, and its dimensions."""
        size, values = tuple(call.values[0].tensor.shape), math.prod(signal.shape)
        for axes in (len(before.frames.inner), 1):
            outer, inner = size[:-axes], size[-axes:]
            if math.prod(inner) == values and math.prod(outer) == math.prod(before.frames.outer):
                return Made(
                    self._graph.flattened(signal) if axes == 1 else signal,
                    replace(before.frames, outer=outer, inner=inner),
                )
        raise call.error(f"gives {'x'.join(map(str, size))}, where {'x'.join(map(str, signal.shape))} is expected")

    def _fire(self, call: Call, before: Made, position: int) -> Made:
        assert call.module is not None
        framework = framework_of(call.module)
        assert framework is not None
        self._require_time(call, call.module, framework, before.frames)
        reading = framework.read(Node(call.name, call.module, before.signal.shape, len(before.frames.inner)))
        self._remarks += reading.remarks
        if reading.weight is not None:
            before = self._weighed(call, before, reading.weight)
        own = parted(self._graph, call, before.signal)
        if own.weight is not None and reading.recurrent is not None:
            raise call.error("gets its own spikes of the step before twice: by its module and by forward; add them up")
        self._require_firing(call, own.signal)
        weight = reading.recurrent if own.weight is None else own.weight
        offset = reading.offset + reading.gain * own.bias
        signal = self._graph.close(call, own.signal, reading.neuron, reading.gain, offset, weight)
        self._neurons[self._graph.layers[-1].name] = call.module
        steps = (call.occurrence,) * len(before.frames.steps)
        if framework.takes_all_steps(call.module):
            steps = self._steps_in_order(before.frames)
            if call.values[position].tensor.numel() < len(steps) * math.prod(signal.shape):  # a membrane that is kept
                return Made(signal, self._one_step(max(steps)))
        return Made(signal, replace(before.frames, steps=steps))

    def _one_step(self, number: int) -> Frames:
        """The dimensions of a step's values, but for those of a frame."""
        frames = self._frame
        images = frames.images("step", 1)
        return Frames(frames.outer("step"), (), images, (number,) * len(images))

    def _steps_in_order(self, found: Frames) -> tuple[int, ...]:
        """Those of all steps in one call."""
        layout = "sequence" if self._layout == "frame" else self._layout
        return self._frame.steps_in(layout, math.prod(found.outer) // self._frame.frames)

    def _weighed(self, call: Call, before: Made, weight: FloatArray) -> Made:
        """Behind weights that neurons have of their own."""
        signal = before.signal
        if weight.shape[1] != math.prod(signal.shape) or not signal.flat:
            raise call.error(f"takes {weight.shape[1]} values, but gets {'x'.join(map(str, signal.shape))}")
        weight = weight.reshape(len(weight), *signal.shape)
        added_map = linear.DenseMap(call.name, weight, np.zeros(len(weight)))
        return self._after(call, before, self._graph.add(call, signal, added_map))

    def _require_firing(self, call: Call, signal: Signal) -> None:
        require_no_late(call, signal.terms)
        if self._integrates(signal):
            raise call.error("comes after neurons that never fire, which can only be the last layer")

    def _integrates(self, signal: Signal) -> bool:
        """Whether neurons that never fire take part in ``signal``."""
        sources = {term.source for term in signal.terms}
        return any(
            isinstance(layer, FloatPopulation) and not layer.neuron.fires
            for layer in self._graph.layers
            if layer.name in sources
        )

    def _passes_spikes(self, made: Made) -> bool:
        terms = made.signal.terms
        return all(term.source != INPUT and not term.maps for term in terms) and not self._integrates(made.signal)

    def _most_spikes(self, made: Made) -> int | None:
        """How many at a step, or more; None where they are other numbers."""
        if not self._passes_spikes(made):
            return None
        most = 1
        for layer in self._graph.layers:
            if isinstance(layer, Sum):
                most *= len(layer.sources)
            elif isinstance(layer, FloatPopulation) and isinstance(layer.neuron, FloatNeuron):
                most *= layer.neuron.spikes
        return most

    def _require_time(self, call: Call, module: nn.Module, framework: Framework, found: Frames) -> None:
        """Neurons get a step of all frames a call, or all steps of them in their layout."""
        frames, outer = self._frame.frames, found.outer
        mixed = "gets frames in another order than they came in, or parts of several: look for a reshape or view that "
        mixed += "should be a transpose"
        looped = len(call.of_module) > 1
        if not framework.takes_all_steps(module):
            if outer != (frames,):
                size = "x".join(map(str, outer))
                text = (
                    f"takes one step a call, but gets {size} of them for {frames} frames; call it in a loop over time"
                )
                raise self._misfit(call, text)
            if self._layout not in CALL_PER_STEP and not looped and self._frame.timesteps != 1:
                raise self._misfit(call, "is called once for a frame: one step, not a loop over time")
            if found.images != self._frame.images("step", 1):
                raise call.error(mixed)
            return
        if looped and self._layout not in CALL_PER_STEP:
            raise call.error(
                "takes all steps in one call, (T, N, ...), but is called several times; give it their stack"
            )
        if self._layout in CALL_PER_STEP:
            raise self._misfit(call, "takes all steps a call, but is called once a step; give --forward all")
        steps = math.prod(outer) // frames if self._layout == "frame" else self._frame.steps
        wanted: tuple[int, ...] = (steps, frames)
        if framework.folds_steps(module):
            wanted = (frames * steps,)
        elif self._layout in ("batch_first", "folded"):
            wanted = (frames, steps)
        if outer != wanted:
            raise call.error(f"gets {'x'.join(map(str, outer))} steps and frames, not {'x'.join(map(str, wanted))}")
        if found.images != self._frame.images("sequence" if self._layout == "frame" else self._layout, steps):
            raise call.error(mixed)
        if EVERY_STEP not in found.steps and found.steps != self._steps_in_order(found):
            raise call.error("must get all steps, each once and in their order")
        if self._layout == "frame":
            if (self._steps or self._frame.timesteps) not in (None, steps):
                raise InputError(
                    f"its forward makes {steps} steps, not {self._frame.timesteps}; give --timesteps {steps}"
                )
            self._steps = steps

    def _over_time(self, last: Call, frames: Frames, found: Path) -> OverTime:
        """Which steps of the last neurons count."""
        neurons, given = found.ways[-1].neurons[-1], frames.of_a_frame
        steps = (self._steps or self._frame.steps) if takes_all_steps(neurons) else len(neurons.of_module)
        if len(found.ways) > 1:
            given = tuple(range(given[-1] + 1 - len(found.ways), given[-1] + 1))
        return over_time_of(last, found.scores.over_time, given, steps)

    def _read_out(self, last: Call, signal: Signal, scored: Scores) -> Readout:
        """How the scores follow from the last layer, whose currents become a layer where no neurons take them."""
        over_time = scored.over_time
        if not is_neuron(last):
            require_no_late(last, signal.terms)
            if self._integrates(signal):
                raise last.error("comes after neurons that never fire, which can only be the last layer")
            zero = np.zeros(signal.shape[0])
            self._graph.close(last, signal, FloatIntegrator(0.0), np.ones_like(zero), zero)
            return READOUTS[over_time]
        if self._integrates(signal):
            return READOUTS[over_time]
        if scored.values[-1].membrane:
            assert last.module is not None
            framework = framework_of(last.module)
            assert framework is not None
            if not framework.keeps_membrane_before_reset(last.module):
                raise last.error(
                    "its membrane after the reset makes the scores, and readouts take it before; return its spikes, or "
                    "let it never fire"
                )
            return READOUTS[over_time]
        if over_time != "all":
            raise last.error("its spikes make the scores: of all steps, not of the last or the largest")
        return "count"


def _is_whole(module: nn.Module) -> bool:
    return framework_of(module) is not None or layers.is_layer(module)


def _ends_search(call: Call) -> bool:
    """Whether what a call gave is scores, not what was done to them."""
    return call.module is not None and not isinstance(call.module, layers.ORDER_KEPT)


def _membrane(module: nn.Module, output: Any) -> torch.Tensor | None:
    framework = framework_of(module)
    return None if framework is None else framework.membrane(module, output)
