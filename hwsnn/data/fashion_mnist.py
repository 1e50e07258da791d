"""Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28x28 pixels, in MNIST's format.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
arXiv 1708.07747, 2017; github.com/zalandoresearch/fashion-mnist, under the MIT licence.
"""

from __future__ import annotations

from . import idx
from .idx import name
from .named import NamedData, RemoteFile

FILES = (
    RemoteFile(name("train", "images"), 26_421_880, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    RemoteFile(name("train", "labels"), 29_515, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    RemoteFile(name("test", "images"), 4_422_102, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    RemoteFile(name("test", "labels"), 5_148, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)

SET = NamedData(
    word="fashion-mnist",
    title="Fashion-MNIST",
    shape=(1, 28, 28),
    folder="fashion-mnist",
    holds=idx.holds,
    frames=idx.frames,
    files=FILES,
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    models=("fashion", "fashion-mnist"),
)
