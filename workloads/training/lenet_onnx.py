"""Writes the 4-bit LeNet as an ONNX file of standard operators."""

import numpy as np
import onnx
from onnx import numpy_helper

from onnx_graph import Graph, save

LEVELS = 15
LAYERS = ("conv1", "conv2", "fc1", "fc2", "fc3")


class _Graph(Graph):
    def quantizer(self, suffix, scale):
        """Clip to the 16 levels, then round; QuantizeLinear alone would saturate at 255."""
        low = self.constant(f"clip{suffix}_min", np.float32(0))
        high = self.constant(f"clip{suffix}_max", np.float32(LEVELS * np.float64(scale)))
        step = self.constant(f"quantize{suffix}_scale", np.float32(scale))
        zero = self.constant(f"quantize{suffix}_zero", np.uint8(0))
        self.node("Clip", f"clip{suffix}", low, high)
        self.node("QuantizeLinear", f"quantize{suffix}", step, zero)
        self.node("DequantizeLinear", f"dequantize{suffix}", step, zero)

    def layer(self, op, name, arrays, **attributes):
        codes, scale, bias = arrays
        weight = (np.float64(scale) * codes / LEVELS).astype(np.float32)
        self.node(op, name, self.constant(f"{name}_weight", weight),
                  self.constant(f"{name}_bias", bias.astype(np.float32)),
                  **({"output": "logits"} if name == LAYERS[-1] else {}), **attributes)


def _build_graph(arrays, activation_scales):
    graph = _Graph("image")
    graph.quantizer("_input", 1.0 / LEVELS)
    for index, name in enumerate(("conv1", "conv2"), start=1):
        graph.layer("Conv", name, arrays[name], kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                    strides=[1, 1], dilations=[1, 1], group=1)
        graph.node("Relu", f"relu{index}")
        graph.quantizer(str(index), activation_scales[index - 1])
        graph.node("MaxPool", f"pool{index}", kernel_shape=[2, 2], strides=[2, 2])
    graph.node("Flatten", "flatten", axis=1)
    for index, name in enumerate(("fc1", "fc2"), start=3):
        graph.layer("Gemm", name, arrays[name], transB=1)
        graph.node("Relu", f"relu{index}")
        graph.quantizer(str(index), activation_scales[index - 1])
    graph.layer("Gemm", "fc3", arrays["fc3"], transB=1)
    return graph


def write_onnx(path, arrays, activation_scales, metadata):
    """Writes `path`, whole or not at all.

    arrays: per layer (integer codes -15..15, float scale, float bias).
    activation_scales: step of the quantiser after each of the four ReLUs.
    """
    for name in LAYERS:
        assert np.abs(arrays[name][0]).max() == LEVELS, name
    graph = _build_graph(arrays, activation_scales)
    save(path, graph, "lenet_mnist_4bit", [1, 28, 28], 10, metadata)


def read_onnx(path):
    """Of a file that write_onnx wrote: per layer (weight, bias), the four activation scales,
    metadata."""
    model = onnx.load(str(path))
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    arrays = {name: (constants[f"{name}_weight"], constants[f"{name}_bias"]) for name in LAYERS}
    scales = [float(constants[f"quantize{index}_scale"]) for index in range(1, 5)]
    return arrays, scales, {p.key: p.value for p in model.metadata_props}
