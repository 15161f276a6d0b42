"""CIFAR-10's binary batches and packed JPEGs (.jpk) as arrays: images uint8 [N, 3, H, W], labels."""

import io
import struct

import numpy as np


def read_cifar10(folder, part, limit=None):
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if part == "train" else ["test_batch.bin"]
    records = np.concatenate([np.fromfile(folder / name, np.uint8).reshape(-1, 3073)
                              for name in names])
    records = records[:limit]
    return records[:, 1:].reshape(-1, 3, 32, 32).copy(), records[:, 0].astype(np.int64)


def read_jpk(file, limit=None):
    from PIL import Image

    data = file.read_bytes()
    if data[:4] != b"JPK1":
        raise SystemExit(f"{file}: is no file of packed JPEGs")
    (count,) = struct.unpack_from("<I", data, 4)
    at = 8 + 8 * count
    images, labels = [], []
    for index in range(min(count, limit or count)):
        label, _, size = struct.unpack_from("<HHI", data, 8 + 8 * index)
        image = Image.open(io.BytesIO(data[at:at + size])).convert("RGB")
        images.append(np.asarray(image).transpose(2, 0, 1))
        labels.append(label)
        at += size
    return np.stack(images), np.array(labels, np.int64)


def read_tiny_imagenet(folder, part, limit=None):
    """`folder` holds val.jpk and train*.jpk (the first in alphabetical order is taken)."""
    files = sorted(folder.glob("train*.jpk")) if part == "train" else [folder / "val.jpk"]
    if not files:
        raise SystemExit(f"{folder}: holds no train*.jpk")
    return read_jpk(files[0], limit)
