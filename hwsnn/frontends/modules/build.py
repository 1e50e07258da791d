"""A module made of a framework's spiking neurons, as a float network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from torch import nn

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatArray, FloatIntegrator, FloatNetwork, FloatPopulation
from hwsnn.model_file.notes import Forward
from hwsnn.spec import EncoderKind, Readout
from hwsnn.spec.checks import require_choice

from .. import linear
from ..chain import Chain
from ..names import network_name
from . import functions, layers
from .calling import Frame, evaluating, layouts_of, number_type, reset, step_by_step
from .framework import CALL_PER_STEP, Framework, Layout, Node
from .frameworks import FRAMEWORKS, framework_of
from .movement import Frames, moved, stacked
from .path import Path, is_neuron, path, picked_step
from .probing import require_order
from .recording import Call, Recorder, Value
from .scores import OverTime, scores

CALLS = 2
"""How many steps are recorded of a module that makes a step a call."""
READOUTS: dict[OverTime, Readout] = {"all": "sum", "last": "membrane", "largest": "max"}
"""Of membranes, and of currents that no neurons take."""


class MisfitError(InputError):
    """The module is not called so, or its own code fails."""


@dataclass(frozen=True, eq=False)
class ReadModule:
    """``module`` as a float network, how it is called, and its modules of neurons by the names of their layers.

    ``sample``: the shape of its input at a step.
    """

    module: nn.Module
    sample: tuple[int, ...]
    network: FloatNetwork
    layout: Layout
    neurons: dict[str, nn.Module]

    @property
    def forward(self) -> Forward:
        """Whether a call makes one step, or all."""
        return "step" if self.layout in CALL_PER_STEP else "all"


def read_module(
    module: nn.Module,
    sample: tuple[int, ...] | list[int],
    *,
    timesteps: int | None = None,
    encoding: EncoderKind | None = None,
    forward: Forward | None = None,
    name: str = "network",
) -> ReadModule:
    """``module`` as it computes in eval mode.

    ``sample``: the shape of a frame at a step: (C, H, W), (C, L) or (n,). ``forward``: whether a call of the module
    makes a step, or all of them; by default what fits. Raises ``InputError`` for what cannot be built exactly.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {type(module).__name__}")
    if encoding is not None:
        require_choice("encoding", encoding, get_args(EncoderKind))
    if forward is not None:
        require_choice("forward", forward, get_args(Forward))
    told = next(filter(None, (framework.timesteps(module) for framework in FRAMEWORKS)), None)
    sample = tuple(sample) if isinstance(sample, list) else sample
    frame = Frame(sample, told if timesteps is None else timesteps, encoding == "steps")  # checks them
    errors = []
    for layout in layouts_of(module, frame.timed, forward):
        try:
            with evaluating(module), np.errstate(over="ignore", invalid="ignore"):  # the result is checked
                return _Builder(module, frame, layout, told).build(network_name(name), encoding)
        except InputError as error:
            errors.append(error)
    ran = [error for error in errors if not isinstance(error, MisfitError)]  # they know more than a shape that is off
    raise (ran or errors)[0]


class _Builder:
    """Calls a module once, and builds the chain of what it did."""

    def __init__(self, module: nn.Module, frame: Frame, layout: Layout, told: int | None) -> None:
        self._module = module
        self._frame = frame
        self._layout = layout
        self._chain = Chain(frame.shape, flat=len(frame.sample) == 1)
        self._frames = Frames(frame.outer(layout), frame.sample, frame.images(layout, frame.steps))
        self._neurons: dict[str, nn.Module] = {}
        self._remarks: list[str] = []
        if told not in (None, frame.timesteps):
            self._remarks.append(f"time steps: {frame.timesteps} as asked for, where its layers are made for {told}")
        self._steps: int | None = None
        self._looped = False  # in the module's own forward

    def build(self, name: str, encoding: EncoderKind | None) -> ReadModule:
        output, found = self._record()
        self._require_loop(found)
        for call in found.calls:
            self._add(call)
        readout = self._read_out(found)
        require_order(
            output,
            found.scores,
            self._layout,
            self._frame.frames,
            math.prod(self._chain.shape),
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
            tuple(self._chain.layers),
            tuple(dict.fromkeys(self._remarks)),
            timesteps=self._steps or self._frame.timesteps,
            encoding=encoding,
            readout=readout,
        )
        return ReadModule(self._module, self._frame.sample, network, self._layout, self._neurons)

    def _record(self) -> tuple[Value, Path]:
        """What the module gives, and what it does for that."""
        recorder = Recorder(self._module, _is_whole, _membrane)
        empty = next((name for name, tensor in self._module.named_parameters() if tensor.is_meta), None)
        if empty is not None:
            raise InputError(f"its {empty} is on the device meta, without numbers; load the weights")
        dtype, device = number_type(self._module)
        size = (*self._frames.outer, *self._frames.inner)
        pixels = torch.rand(size, generator=torch.Generator().manual_seed(0)).to(dtype=dtype, device=device)
        reset(self._module, self._frame.frames)
        try:
            with recorder.hooked(), recorder:
                output = self._call(recorder.input(pixels))
        except InputError:
            raise
        except Exception as error:  # a user's own code may raise anything
            text, frame = ("x".join(map(str, one)) for one in (size, self._frame.sample))
            raise MisfitError(
                f"its forward fails on an input of {text}, {self._frame.frames} frames of {frame}: {reason(error)}"
            ) from error
        finally:
            reset(self._module, self._frame.frames)
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
            neurons = next(call for call in found.calls if is_neuron(call))
            raise MisfitError(
                f"{neurons.title}: is called {steps // CALLS} times in one step: a loop over time in forward is "
                "--forward all"
            )
        for step, way in enumerate(found.ways, steps - len(found.ways)):
            if not once and picked_step(way[0].values[_position(way)]) != step:
                raise found.calls[0].error("must take step after step of the input (T, N, ...): x[0], x[1] and so on")
        if asked is not None and steps != asked:
            raise InputError(f"its loop over time makes {steps} steps, not {asked}; give --timesteps {steps}")
        self._looped = True
        if once:
            self._steps = steps

    # The chain

    def _add(self, call: Call) -> None:
        if call.module is not None and call.module.training:
            raise call.error("is in training mode where the network is in eval mode; let it follow the network")
        if is_neuron(call):
            self._fire(call)
        elif isinstance(call.module, layers.UNCHANGED) or (self._passes_spikes and functions.is_relu(call)):
            pass  # spikes are never negative
        elif isinstance(call.module, layers.MOVING) or (call.module is None and functions.is_movement(call)):
            self._move(call)
        elif call.module is None:
            functions.add_function(self._chain, call, self._frames)
            self._frames = self._after(call)
        else:
            layers.add_layer(self._chain, call, call.module, len(self._frames.inner))
            self._frames = self._after(call)

    def _move(self, call: Call) -> None:
        before = self._frames
        if len({id(value) for value in call.inputs}) > 1:
            self._frames = stacked(call, before)
            return
        self._frames = moved(call, before, spikes=bool(self._chain.layers) and not self._chain.maps)
        inner = self._frames.inner
        if len(inner) == 1:
            self._chain.flat = True
        elif inner != before.inner and tuple(n for n in inner if n > 1) != tuple(n for n in before.inner if n > 1):
            raise call.error(
                f"makes {'x'.join(map(str, inner))} of {'x'.join(map(str, before.inner))}; give --sample as the layers "
                "take it, and flatten all of a frame"
            )

    def _after(self, call: Call) -> Frames:
        """The dimensions of what a map gave, by the chain's own shape."""
        size, values = tuple(call.values[0].tensor.shape), math.prod(self._chain.shape)
        for axes in (len(self._frames.inner), 1):
            outer, inner = size[:-axes], size[-axes:]
            if math.prod(inner) == values and math.prod(outer) == math.prod(self._frames.outer):
                self._chain.flat = self._chain.flat or axes == 1
                return Frames(outer, inner, self._frames.images)
        raise call.error(f"gives {'x'.join(map(str, size))}, where {'x'.join(map(str, self._chain.shape))} is expected")

    def _fire(self, call: Call) -> None:
        assert call.module is not None
        framework = framework_of(call.module)
        assert framework is not None
        self._require_time(call, call.module, framework)
        reading = framework.read(Node(call.name, call.module, self._chain.shape, len(self._frames.inner)))
        self._remarks += reading.remarks
        if reading.weight is not None:
            self._weigh(call, reading.weight)
        if self._ends_in_integrators:
            raise call.error("comes after neurons that never fire, which can only be the last layer")
        self._chain.close(call, reading.neuron, reading.gain, reading.offset)
        self._neurons[self._chain.layers[-1].name] = call.module

    def _weigh(self, call: Call, weight: FloatArray) -> None:
        """Weights that neurons have of their own."""
        if weight.shape[1] != math.prod(self._chain.shape) or not self._chain.flat:
            raise call.error(f"takes {weight.shape[1]} values, but gets {'x'.join(map(str, self._chain.shape))}")
        weight = weight.reshape(len(weight), *self._chain.shape)
        self._chain.add(call, linear.DenseMap(call.name, weight, np.zeros(len(weight))))
        self._frames = self._after(call)

    @property
    def _passes_spikes(self) -> bool:
        return bool(self._chain.layers) and not self._chain.maps and not self._ends_in_integrators

    @property
    def _ends_in_integrators(self) -> bool:
        last = self._chain.layers[-1] if self._chain.layers else None
        return isinstance(last, FloatPopulation) and not last.neuron.fires

    def _require_time(self, call: Call, module: nn.Module, framework: Framework) -> None:
        """Neurons get a step of all frames a call, or all steps of them in their layout."""
        frames, outer = self._frame.frames, self._frames.outer
        mixed = "gets frames in another order than they came in, or parts of several: look for a reshape or view that "
        mixed += "should be a transpose"
        if not framework.takes_all_steps(module):
            if outer != (frames,):
                raise call.error(
                    f"takes one step a call, but gets {'x'.join(map(str, outer))} of them for {frames} frames; call it "
                    "in a loop over time"
                )
            if self._layout not in CALL_PER_STEP and not self._looped and self._frame.timesteps != 1:
                raise call.error("is called once for a frame: one step, not a loop over time")
            if self._frames.images != self._frame.images("step", 1):
                raise call.error(mixed)
            return
        if self._looped or self._layout in CALL_PER_STEP:
            raise call.error("takes all steps a call, but is called once a step; give --forward all")
        steps = math.prod(outer) // frames
        wanted: tuple[int, ...] = (steps, frames)
        if framework.folds_steps(module):
            wanted = (frames * steps,)
        elif self._layout in ("batch_first", "folded"):
            wanted = (frames, steps)
        if outer != wanted or (self._layout != "frame" and steps != self._frame.steps):
            raise call.error(f"gets {'x'.join(map(str, outer))} steps and frames, not {'x'.join(map(str, wanted))}")
        if self._frames.images != self._frame.images("sequence" if self._layout == "frame" else self._layout, steps):
            raise call.error(mixed)
        if self._layout == "frame":
            if (self._steps or self._frame.timesteps) not in (None, steps):
                raise InputError(
                    f"its forward makes {steps} steps, not {self._frame.timesteps}; give --timesteps {steps}"
                )
            self._steps = steps

    def _read_out(self, found: Path) -> Readout:
        """How the scores follow from the last layer, whose currents become a layer where no neurons take them."""
        last = found.calls[-1]
        over_time = found.scores.over_time
        if not is_neuron(last):
            zero = np.zeros(self._chain.shape[0])
            neuron = FloatIntegrator(0.0)
            self._chain.close(last, neuron, np.ones_like(zero), zero)
            return READOUTS[over_time]
        if self._ends_in_integrators:
            return READOUTS[over_time]
        if found.scores.values[-1].membrane:
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


def _position(way: Sequence[Call]) -> int:
    """Which of the tensors that the first call gave goes on to the second."""
    if len(way) < 2:
        return 0
    return next((value.position for value in way[1].inputs if value.call is way[0]), 0)


def _is_whole(module: nn.Module) -> bool:
    return framework_of(module) is not None or layers.is_layer(module)


def _ends_search(call: Call) -> bool:
    """Whether what a call gave is scores, not what was done to them."""
    return call.module is not None and not isinstance(call.module, layers.ORDER_KEPT)


def _membrane(module: nn.Module, output: Any) -> torch.Tensor | None:
    framework = framework_of(module)
    return None if framework is None else framework.membrane(module, output)
