"""Reads the IDX files of MNIST, plain or gzip-compressed."""

import gzip
from pathlib import Path

import numpy as np

_UINT8_MAGIC = 0x0800  # two zero bytes, type code 0x08 (unsigned byte), then the number of axes


def read_idx(path):
    """Returns the array of one IDX file of unsigned bytes."""
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        content = file.read()
    magic = int.from_bytes(content[:4], "big")
    axes = magic & 0xFF
    if len(content) < 4 or magic & ~0xFF != _UINT8_MAGIC:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes (magic {magic:#010x})")
    shape = tuple(np.frombuffer(content, ">u4", axes, offset=4).astype(int))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if values.size != np.prod(shape):
        raise ValueError(f"{path}: header says {shape}, file holds {values.size} values")
    return values.reshape(shape)


def read_mnist(folder, part):
    """Returns images uint8 [N,28,28], labels uint8 [N]; part is "train", "train10k" or "t10k"."""
    images = read_idx(_find(folder, f"{part}-images-idx3-ubyte"))
    labels = read_idx(_find(folder, f"{part}-labels-idx1-ubyte"))
    if images.shape != (len(labels), 28, 28):
        raise ValueError(f"{folder}: images {images.shape} do not match {len(labels)} labels")
    return images, labels


def _find(folder, name):
    for candidate in (Path(folder) / name, Path(folder) / (name + ".gz")):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"{Path(folder) / name} is missing, also as .gz (see tools/get-data)")
