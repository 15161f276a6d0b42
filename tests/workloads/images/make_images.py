#!/usr/bin/python3
"""Writes the images of this folder and, as .raw (channels first), what Pillow reads from them."""
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 9, 14
rng = np.random.default_rng(1)
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
smooth = np.stack([20 * y + 5 * x, 255 - 12 * x - 6 * y, 90 + 60 * np.sin(x / 3.0) + 3 * y], -1)
colour = np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
gray = colour[:, :, 0]

Image.fromarray(colour).save("colour.png")
Image.fromarray(colour).quantize(32).save("palette.png")
Image.fromarray(colour).save("colour.jpg", quality=85)
Image.fromarray(colour).save("progressive.jpg", quality=60, progressive=True, subsampling=2)
Image.fromarray(gray).save("gray.png")
Image.fromarray(gray).save("gray.jpg", quality=85)
Image.fromarray(colour).convert("CMYK").save("cmyk.jpg")
Image.fromarray(np.dstack([colour, gray])).save("transparent.png")
Image.fromarray(gray.astype(np.uint16) * 257).save("sixteen_bits.png")
for name in ("colour.png", "palette.png", "colour.jpg", "progressive.jpg"):
    pixels = np.asarray(Image.open(name).convert("RGB"))
    pixels.transpose(2, 0, 1).tofile(name.replace(".", "_") + ".raw")
for name in ("gray.png", "gray.jpg"):
    np.asarray(Image.open(name)).tofile(name.replace(".", "_") + ".raw")

images = rng.integers(0, 256, (3, 2, 4, 5), np.uint8)
labels = np.array([7, 0, 3])
np.savez("stored.npz", images=images, labels=labels)
np.savez_compressed("deflated.npz", x_test=images.transpose(0, 2, 3, 1), y_test=labels.astype(np.int32))
images.tofile("npz.raw")
Image.fromarray(colour[:2, :3]).save("small.png")
