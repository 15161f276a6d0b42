"""Builds ONNX files of standard operators."""

import os
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 8


class Graph:
    """Nodes and initializers in the order in which they are added; `last` is the newest tensor."""

    def __init__(self, input_name):
        self.nodes = []
        self.initializers = []
        self.last = input_name

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, name, *more_inputs, output=None, **attributes):
        output = output or f"{name}_out"
        self.nodes.append(helper.make_node(op, [self.last, *more_inputs], [output], name=name,
                                           **attributes))
        self.last = output


def save(path, graph, name, input_shape, classes, metadata):
    """Writes `path`, whole or not at all. The input is `image`, the output `logits`."""
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, name,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *input_shape])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
            graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="uswim")
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    partial = Path(f"{path}.partial")
    onnx.save(model, str(partial))
    os.replace(partial, path)
