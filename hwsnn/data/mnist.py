"""MNIST, the handwritten digits of LeCun, Cortes and Burges: 60,000 training and 10,000 test images of 28x28 pixels."""

from __future__ import annotations

from . import idx
from .idx import name
from .named import NamedData, RemoteFile

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = (
    RemoteFile(name("train", "images"), 9_912_422, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    RemoteFile(name("train", "labels"), 28_881, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    RemoteFile(name("test", "images"), 1_648_877, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    RemoteFile(name("test", "labels"), 4_542, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)

SET = NamedData(
    word="mnist",
    title="MNIST",
    shape=(1, 28, 28),
    folder="mnist",
    holds=idx.holds,
    frames=idx.frames,
    files=FILES,
    mirrors=MIRRORS,
    models=("mnist",),
)
