"""CIFAR-10's binary batches and Tiny ImageNet (its own folders, or packed JPEGs) as arrays: images
uint8 [N, 3, H, W], labels. What is missing or damaged ends the program with a sentence."""

import io
import struct

import numpy as np


RECORD = 1 + 3 * 32 * 32  # of CIFAR-10: a label and the pixels


def read_cifar10(folder, part, limit=None):
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if part == "train" else ["test_batch.bin"]
    batches = []
    for file in (folder / name for name in names):
        try:
            batch = np.fromfile(file, np.uint8)
        except OSError as error:
            raise SystemExit(f"{file}: {error.strerror or error}; expected the six binary batches "
                             "of CIFAR-10, which tools/get-data cifar10 brings")
        if batch.size == 0 or batch.size % RECORD != 0:
            raise SystemExit(f"{file}: {batch.size} bytes are no whole number of records of "
                             f"{RECORD} bytes")
        batches.append(batch.reshape(-1, RECORD))
    records = np.concatenate(batches)[:limit]
    return records[:, 1:].reshape(-1, 3, 32, 32).copy(), records[:, 0].astype(np.int64)


def _pixels(file):
    """[3, H, W] of an image file, greyscale as three equal channels."""
    from PIL import Image

    return np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1)


def read_jpk(file, limit=None):
    data = file.read_bytes()
    if data[:4] != b"JPK1":
        raise SystemExit(f"{file}: is no file of packed JPEGs")
    (count,) = struct.unpack_from("<I", data, 4)
    at = 8 + 8 * count
    images, labels = [], []
    for index in range(min(count, limit or count)):
        label, _, size = struct.unpack_from("<HHI", data, 8 + 8 * index)
        images.append(_pixels(io.BytesIO(data[at:at + size])))
        labels.append(label)
        at += size
    return np.stack(images), np.array(labels, np.int64)


def _tiny_imagenet_files(folder, part):
    """Files and labels of the official folders: train/CLASS/images/*.JPEG, val/images/*.JPEG with
    val/val_annotations.txt. Classes are numbered in alphabetical order; the training images come
    round robin over the classes, as the simulator reads them."""
    classes = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir())
    number = {name: label for label, name in enumerate(classes)}
    if part == "train":
        files = {name: sorted((folder / "train" / name).rglob("*.JPEG")) for name in classes}
        turns = max((len(of_class) for of_class in files.values()), default=0)
        return [(files[name][turn], number[name]) for turn in range(turns) for name in classes
                if turn < len(files[name])]
    listed = folder / "val" / "val_annotations.txt"
    if not listed.is_file():
        raise SystemExit(f"{listed}: is missing")
    lines = [line.split() for line in listed.read_text().splitlines() if line.strip()]
    for line, fields in enumerate(lines, 1):
        if len(fields) < 2 or fields[1] not in number:
            raise SystemExit(f"{listed}:{line}: expected a file's name and one of the classes that "
                             f"{folder / 'train'} holds")
    return [(folder / "val" / "images" / fields[0], number[fields[1]]) for fields in lines]


def read_tiny_imagenet(folder, part, limit=None):
    """`folder` holds the official folders train and val, or val.jpk and train*.jpk (the first in
    alphabetical order is taken)."""
    packed = sorted(folder.glob("train*.jpk" if part == "train" else "val.jpk"))
    if packed:
        return read_jpk(packed[0], limit)
    if not (folder / "train").is_dir():
        raise SystemExit(f"{folder}: holds neither Tiny ImageNet's folders train and val nor "
                         "val.jpk and train*.jpk")
    files = _tiny_imagenet_files(folder, part)[:limit]
    if not files:
        raise SystemExit(f"{folder}: no image for the part '{part}'")
    try:
        images = [_pixels(file) for file, _ in files]
    except OSError as error:
        raise SystemExit(f"{folder}: {error}")
    return np.stack(images), np.array([label for _, label in files], np.int64)
