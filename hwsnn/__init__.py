"""hwsnn: a trained spiking neural network in, a verified FPGA pipeline out.

    network = hwsnn.read("net.nir")                  # a float network
    integers, report = hwsnn.quantize(network)       # an integer network
    hwsnn.save(integers, "net.safetensors")
    result = hwsnn.run(hwsnn.load("net.safetensors"), images)
    hwsnn.verify(integers, images)                   # its Verilog, simulated
    hwsnn.generate(integers, "design")
    with hwsnn.open_board("sim", integers) as board: ...

Each is imported when it is first used: ``import hwsnn`` loads none of its parts.
"""

from .version import __version__

# With ``python -m hwsnn`` the current folder still comes first here: nothing of Python's own may be imported.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .board import open_board as open_board
    from .errors import InputError as InputError
    from .errors import ToolError as ToolError
    from .float_network import FloatNetwork as FloatNetwork
    from .frontends.read import read as read
    from .model_file.by_name import load_model as load
    from .public import check as check
    from .public import convert as convert
    from .public import from_torch as from_torch
    from .public import generate as generate
    from .public import save as save
    from .public import verify as verify
    from .quantization.quantize import quantize as quantize
    from .reference import run as run
    from .reference.firing import measure as firing
    from .spec import Network as Network

_PUBLIC = {
    "FloatNetwork": "float_network",
    "InputError": "errors",
    "Network": "spec",
    "ToolError": "errors",
    "check": "public",
    "convert": "public",
    "firing": "reference.firing:measure",
    "from_torch": "public",
    "generate": "public",
    "load": "model_file.by_name:load_model",
    "open_board": "board",
    "quantize": "quantization.quantize",
    "read": "frontends.read",
    "run": "reference",
    "save": "public",
    "verify": "public",
}
"""Where each public name is defined, with the name it has there if that is another."""

__all__ = [
    "FloatNetwork",
    "InputError",
    "Network",
    "ToolError",
    "__version__",
    "check",
    "convert",
    "firing",
    "from_torch",
    "generate",
    "load",
    "open_board",
    "quantize",
    "read",
    "run",
    "save",
    "verify",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module, _, there = _PUBLIC[name].partition(":")
        value = getattr(import_module(f"{__name__}.{module}"), there or name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
