#!/usr/bin/env python3
"""Recomputes the 4-bit LeNet in integers from its ONNX file and measures the accuracy.

Shares no inference code with the training: only numpy, and onnx to read the file. Fails if a weight
is off the 4-bit grid or if the accuracy is not the one that the file states.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from idx_files import read_mnist

WORKLOADS = Path(__file__).resolve().parent.parent
LEVELS = 15
LOGIT_IMAGES = 16


class Quantized:
    """An activation: `codes` are whole numbers 0..15 held as float64, the value is codes * scale.

    float64 lets the matrix products run in BLAS; the sums stay far below 2^53, so they are exact.
    """

    def __init__(self, codes, scale):
        self.codes = codes
        self.scale = scale


class IntegerNetwork:
    """Evaluates the graph node by node; sums are of integer codes, scale and bias come after."""

    def __init__(self, path):
        model = onnx.load(str(path))
        self.nodes = list(model.graph.node)
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.metadata = {p.key: p.value for p in model.metadata_props}
        self.weights = {n.name: _weight_codes(n.name, self.constants[n.input[1]])
                        for n in self.nodes if n.op_type in ("Conv", "Gemm")}
        self.smallest_margin = 0.5  # of any activation to a rounding step, in steps

    def logits(self, image):
        value = image.astype(np.float64)
        for node in self.nodes:
            value = getattr(self, "_" + node.op_type.lower())(node, value)
        return value

    def activation_scales(self):
        return {n.name: float(self.constants[n.input[1]])
                for n in self.nodes if n.op_type == "QuantizeLinear"}

    def _clip(self, node, value):
        self.clipped_at = float(self.constants[node.input[2]])
        assert self.constants[node.input[1]] == 0, node.name
        return np.clip(value, 0.0, self.clipped_at)

    def _quantizelinear(self, node, value):
        scale = float(self.constants[node.input[1]])
        assert self.constants[node.input[2]] == 0, node.name
        assert abs(self.clipped_at / scale - LEVELS) < 1e-5, node.name
        steps = value / scale
        margin = np.abs(steps - np.floor(steps) - 0.5)
        self.smallest_margin = min(self.smallest_margin, float(margin.min()))
        return Quantized(np.rint(steps), scale)  # np.rint rounds halves to even

    def _dequantizelinear(self, node, value):
        assert float(self.constants[node.input[1]]) == value.scale, node.name
        return value  # stays in codes; the scale is applied after the next sum

    def _conv(self, node, value):
        codes, _ = self.weights[node.name]
        padded = np.pad(value.codes, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        sums = np.tensordot(windows, codes, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)
        return self._scaled(node, sums, value, (1, -1, 1, 1))

    def _gemm(self, node, value):
        codes, _ = self.weights[node.name]
        return self._scaled(node, value.codes @ codes.T, value, (1, -1))

    def _scaled(self, node, sums, value, bias_shape):
        _, weight_scale = self.weights[node.name]
        bias = self.constants[node.input[2]].astype(np.float64).reshape(bias_shape)
        return sums * (weight_scale * value.scale / LEVELS) + bias

    def _relu(self, node, value):
        return np.maximum(value, 0.0)

    def _maxpool(self, node, value):
        n, c, h, w = value.codes.shape
        blocks = value.codes.reshape(n, c, h // 2, 2, w // 2, 2)
        return Quantized(blocks.max(axis=(3, 5)), value.scale)

    def _flatten(self, node, value):
        return Quantized(value.codes.reshape(len(value.codes), -1), value.scale)


def _weight_codes(name, weight):
    """Codes -15..15 and scale of a weight tensor; refuses one that is not on the 4-bit grid."""
    scale = float(np.abs(weight).max())
    codes = np.rint(weight.astype(np.float64) / scale * LEVELS)
    error = np.abs(weight - scale * codes / LEVELS).max() / scale
    if error > 1e-6:
        raise SystemExit(f"{name}: weights miss the 4-bit grid by up to {error:.1e} of full scale")
    return codes, scale


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, metavar="FILE",
                        default=WORKLOADS / "networks" / "lenet_mnist_4bit.onnx",
                        help="ONNX file (default: the committed one)")
    parser.add_argument("--data", type=Path, default=WORKLOADS / "datasets" / "mnist",
                        metavar="DIR", help="folder of the test images (default: the committed)")
    parser.add_argument("--write-logits", type=Path, metavar="FILE",
                        help=f"write the logits of the first {LOGIT_IMAGES} test images, "
                             f"float32 [{LOGIT_IMAGES},10], as .npy")
    return parser.parse_args()


def write_npy(path, array):
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        np.save(file, array)
    os.replace(partial, path)


def describe(network):
    for name, (codes, scale) in network.weights.items():
        print(f"{name}: {codes.size} weights, scale {scale:.6f}, "
              f"{100 * np.mean(codes == 0):.1f} % are zero")
    print(f"{sum(codes.size for codes, _ in network.weights.values())} weights in all")
    for name, scale in network.activation_scales().items():
        print(f"{name}: scale {scale:.6f}")


def main():
    arguments = parse_arguments()
    network = IntegerNetwork(arguments.network)
    describe(network)
    pixels, labels = read_mnist(arguments.data, "t10k")
    images = (pixels.astype(np.float32) / np.float32(255))[:, np.newaxis]

    first = network.logits(images[:LOGIT_IMAGES])
    # An implementation in float32 may round an activation differently if this nears 1e-6.
    print(f"first {LOGIT_IMAGES} images: activations are at least {network.smallest_margin:.1e} "
          "steps from a rounding step")
    if arguments.write_logits:
        write_npy(arguments.write_logits, first.astype(np.float32))
        print(f"wrote {arguments.write_logits}")

    predicted = np.concatenate([network.logits(images[i:i + 500]).argmax(axis=1)
                                for i in range(0, len(images), 500)])
    correct = int((predicted == labels).sum())
    print(f"{correct} of {len(labels)} test images right: {100 * correct / len(labels):.2f} %")
    stated = network.metadata["quantized_accuracy"]
    if f"{correct / len(labels):.4f}" != stated:
        sys.exit(f"{arguments.network} states an accuracy of {stated}")


if __name__ == "__main__":
    main()
