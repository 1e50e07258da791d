"""``FILE.py:NAME``: the module that a user's file makes, with a checkpoint's weights, or one line."""

from __future__ import annotations

import json
import pickle
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hwsnn.errors import InputError
from tests.support.torchvision_stand_in import stand_in_for_torchvision

torch: Any = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.source_file import ModuleSource, load_module  # noqa: E402

NET = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, size=3):
            super().__init__()
            self.fc = nn.Linear(2, size)
            self.norm = nn.BatchNorm1d(size)

        def forward(self, x):
            return self.norm(self.fc(x))

    net = Net()

    def make_net():
        return Net(4)
"""


@pytest.fixture(autouse=True)
def paths() -> Iterator[None]:
    """The search path and the modules are as before, whatever a test loads."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if "pytest-" in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(folder: Path, text: str = NET, name: str = "trained_net.py") -> Path:
    file = folder / name
    file.write_text(textwrap.dedent(text))
    return file


def loaded(file: Path, name: str = "Net", weights: Path | None = None) -> Any:
    return load_module(ModuleSource(file, name), weights)


def refusal(file: Path, name: str = "Net", weights: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        loaded(file, name, weights)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("name", "outputs"), [("Net", 3), ("net", 3), ("make_net", 4)])
def test_a_class_an_instance_and_a_function(name: str, outputs: int, tmp_path: Path) -> None:
    module = loaded(write(tmp_path), name)
    assert module.fc.out_features == outputs
    assert not module.training
    assert not module.norm.training


def test_a_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "from torch import nn\nlayer = nn.Linear(2, 7)\n", "layers_of_mine.py")
    file = write(tmp_path, "from layers_of_mine import layer\nfrom torch import nn\nnet = nn.Sequential(layer)\n")
    assert loaded(file, "net")[0].out_features == 7


def test_a_file_beside_it_that_imports_it_again(tmp_path: Path) -> None:
    write(tmp_path, "import trained_net\n\ndef size():\n    return trained_net.SIZE\n", "sizes_of_mine.py")
    text = "SIZE = 6\nimport sizes_of_mine\nfrom torch import nn\nnet = nn.Linear(1, sizes_of_mine.size())\n"
    assert loaded(write(tmp_path, text), "net").out_features == 6


def test_a_file_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only FILE's own folder is searched, and a relative FILE is named as it was given."""
    (tmp_path / "nets").mkdir()
    write(tmp_path, "", "only_here.py")
    write(tmp_path / "nets", "import json\nimport only_here\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    expected = "nets/trained_net.py: line 2: needs only_here: pip install only_here"
    assert refusal(Path("nets/trained_net.py")) == expected


def test_imports_within_forward(tmp_path: Path) -> None:
    write(tmp_path, "FACTOR = 3\n", "factors_of_mine.py")
    text = """
        from torch import nn

        class Net(nn.Module):
            def forward(self, x):
                from factors_of_mine import FACTOR
                return x * FACTOR
    """
    assert loaded(write(tmp_path, text))(torch.ones(1)).item() == 3


@pytest.mark.parametrize("name", ["click", "json", "safetensors", "nir", "torch", "hwsnn", "types"])
def test_a_file_named_like_a_package(name: str, tmp_path: Path) -> None:
    """What we import afterwards is the package, be it loaded already or not."""
    before = sys.modules.pop(name) if name in ("nir", "safetensors") and name in sys.modules else None
    held = sys.modules.get(name)
    try:
        text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + textwrap.dedent(NET)
        text += "\n@dataclass\nclass Settings:\n    size: int = 5\n"
        text += "\ndef of_settings():\n    return Net(Settings().size)\n"
        assert loaded(write(tmp_path, text, f"{name}.py"), "of_settings").fc.out_features == 5
        assert sys.modules.get(name) is held
    finally:
        if before is not None:
            sys.modules[name] = before
    assert json.loads("[1]") == [1]


def test_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below ``__main__`` nothing runs."""
    loaded(write(tmp_path, NET + "\n    if __name__ == '__main__':\n        raise SystemExit('trains')\n"))
    assert capsys.readouterr() == ("", "")


FILES: dict[str, tuple[str, str]] = {
    "other names": ("Mine", "FILE: has no 'Mine'; it has Net, make_net, net"),
    "no name": ("", "FILE: has no ''; it has Net, make_net, net"),
    "a package": (
        "nn",
        "FILE:nn: must be a torch.nn.Module, or a callable of no arguments that returns one, not module",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_names(case: str, tmp_path: Path) -> None:
    name, expected = FILES[case]
    file = write(tmp_path)
    assert refusal(file, name) == expected.replace("FILE", str(file))


TEXTS: dict[str, tuple[str, str]] = {
    "syntax": ("import torch\ndef broken(:\n    pass\n", "FILE: line 2: invalid syntax"),
    "raises": ("x = 1\n\ny = x / 0\n", "FILE: line 3: ZeroDivisionError: division by zero"),
    "raises in a function": (
        "def Net():\n    values = []\n    return values[3]\n",
        "FILE: line 3: IndexError: list index out of range",
    ),
    "raises without a text": ("raise RuntimeError\n", "FILE: line 1: RuntimeError: RuntimeError"),
    "raises over several lines": ("raise ValueError('one\\ntwo')\n", "FILE: line 1: ValueError: one"),
    "ends the program": (
        "import sys\nsys.exit(3)\n",
        "FILE:Net: ends the program when it is imported; put what trains below if __name__ == '__main__'",
    ),
    "arguments": (
        "class Net:\n    def __init__(self, size):\n        pass\n",
        "FILE:Net: TypeError: Net.__init__() missing 1 required positional argument: 'size'",
    ),
    "a number": (
        "Net = 3\n",
        "FILE:Net: must be a torch.nn.Module, or a callable of no arguments that returns one, not int",
    ),
    "returns nothing": (
        "def Net():\n    pass\n",
        "FILE:Net: must be a torch.nn.Module, or a callable of no arguments ",
    ),
    "a class of another kind": ("class Net:\n    pass\n", "FILE:Net: must be a torch.nn.Module, or a callable of no"),
    "empty": ("", "FILE: has no 'Net'; it has no module"),
    "missing package": ("import no_such_package_of_ours\n", "FILE: line 1: needs no_such_package_of_ours: pip install"),
    "missing part": (
        "from torch import no_such_part\n",
        "FILE: line 1: ImportError: cannot import name 'no_such_part'",
    ),
    "not text": ("\0\0", "FILE"),
    "assertion": ("assert False\n", "FILE: line 1: AssertionError: AssertionError"),
    "for ever": ("def Net():\n    return Net()\n", "FILE: line 2: RecursionError: maximum recursion depth exceeded"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_files_that_do_not_load(case: str, tmp_path: Path) -> None:
    text, expected = TEXTS[case]
    file = write(tmp_path, text)
    assert refusal(file).startswith(expected.replace("FILE", str(file)))


def test_a_mistake_in_a_file_beside_it(tmp_path: Path) -> None:
    beside = write(tmp_path, "x = (\n", "mistaken_of_mine.py")
    assert refusal(write(tmp_path, "import mistaken_of_mine\n")) == f"{beside}: line 1: '(' was never closed"


def test_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "net.py") == f"{tmp_path}/net.py: no such file"
    (tmp_path / "net.py").mkdir()
    assert refusal(tmp_path / "net.py") == f"{tmp_path}/net.py: is a folder, not a file"


# Weights


def saved(path: Path, state: Any) -> Path:
    torch.save(state, path)
    return path


def some_state() -> Any:
    torch.manual_seed(1)
    net = nn.ModuleDict({"fc": nn.Linear(2, 3), "norm": nn.BatchNorm1d(3)})
    net["norm"].running_mean += 0.5
    return net.state_dict()


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: dict(state),
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model_state_dict": state, "optimizer_state_dict": {"state": {}}, "loss": 0.5},
        lambda state: {name: value.double() if value.is_floating_point() else value for name, value in state.items()},
    ],
)
def test_weights(wrapped: Any, tmp_path: Path) -> None:
    state = some_state()
    module = loaded(write(tmp_path), "net", saved(tmp_path / "net.pt", wrapped(state)))
    assert {name: value.tolist() for name, value in module.state_dict().items()} == {
        name: value.tolist() for name, value in state.items()
    }
    assert module.fc.weight.dtype == torch.float32


def without(state: Any, *names: str) -> Any:
    return {name: value for name, value in state.items() if name not in names}


class Evil:
    """A pickle that runs code of its own."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it ran')",)


WEIGHTS: dict[str, tuple[Any, str]] = {
    "missing": (lambda s: without(s, "fc.bias"), "does not fit the module: it lacks fc.bias"),
    "unexpected": (
        lambda s: {**s, "extra": s["fc.bias"]},
        "does not fit the module: it has extra, which the module lacks",
    ),
    "both": (
        lambda s: {"module." + name: value for name, value in s.items()},
        "does not fit the module: it lacks fc.weight, fc.bias, norm.weight and 3 more and has module.fc",
    ),
    "another shape": (
        lambda s: {**s, "fc.weight": torch.ones(3, 5)},
        "does not fit the module: size mismatch for fc.weight: copying a param with shape torch.Size([3, 5]) from",
    ),
    "a list": (
        lambda s: list(s.values()),
        "must hold a state dict, or one as state_dict or model_state_dict, not list",
    ),
    "a tensor": (
        lambda s: s["fc.weight"],
        "must hold a state dict, or one as state_dict or model_state_dict, not Tensor",
    ),
    "nothing": (lambda s: {}, "must hold a state dict, or one as state_dict or model_state_dict, not dict"),
    "numbers": (lambda s: {"fc.weight": 3.0}, "must hold tensors by name, but 'fc.weight' is none"),
    "names of numbers": (lambda s: {1: s["fc.weight"]}, "must hold tensors by name, but '1' is none"),
    "another checkpoint": (
        lambda s: {"net": dict(s), "epoch": 3},
        "must hold tensors by name, but 'net' is none; save net.state_dict(), or a checkpoint that has it as ",
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_do_not_fit(case: str, tmp_path: Path) -> None:
    change, expected = WEIGHTS[case]
    path = saved(tmp_path / "net.pt", change(some_state()))
    assert refusal(write(tmp_path), "net", path).startswith(f"{path}: {expected}")


def test_a_whole_module_is_no_weights(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pt", nn.Linear(2, 3))
    assert refusal(write(tmp_path), "net", path) == (
        f"{path}: cannot be read as weights alone (it holds torch.nn.modules.linear.Linear, not tensors alone); save "
        "net.state_dict() with torch.save"
    )


@pytest.mark.parametrize(
    "contents",
    [b"", b"no weights", pickle.dumps({"fc.weight": 1}), pickle.dumps(Evil())],
    ids=["empty", "text", "pickle", "code"],
)
def test_files_without_weights(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(contents)
    text = refusal(write(tmp_path), "net", path)
    assert text.startswith(f"{path}: ")
    assert "cannot be read as weights alone (" in text or "must hold tensors by name" in text


def test_code_in_a_checkpoint(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pt", {"state_dict": Evil()})
    assert "cannot be read as weights alone (" in refusal(write(tmp_path), "net", path)


@pytest.mark.parametrize("part", [0.3, 0.9, 0.99])
def test_a_file_cut_short(part: float, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pt", some_state())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert "cannot be read as weights alone (" in refusal(write(tmp_path), "net", path)


def test_no_weights_file(tmp_path: Path) -> None:
    assert refusal(write(tmp_path), "net", tmp_path / "w.pt") == f"{tmp_path}/w.pt: no such file"
    assert refusal(write(tmp_path), "net", tmp_path) == f"{tmp_path}: is a folder, not a file"


def test_membranes_saved_beside_the_weights(tmp_path: Path) -> None:
    """sinabs saves the membranes of its last batch, which are no weights."""
    stand_in_for_torchvision()
    pytest.importorskip("sinabs")
    text = """
        import sinabs.layers as sl
        from torch import nn

        def make_net():
            return nn.Sequential(nn.Linear(2, 3), sl.IAFSqueeze(batch_size=1), nn.Linear(3, 2), sl.LIF(tau_mem=5.0))
    """
    file = write(tmp_path, text)
    net = loaded(file, "make_net")
    net[:2](torch.ones(4, 2))
    state = net.state_dict()
    assert state["1.v_mem"].numel()
    module = loaded(file, "make_net", saved(tmp_path / "net.pt", state))
    assert (module[0].weight == net[0].weight).all()
    assert not module[1].v_mem.numel()
