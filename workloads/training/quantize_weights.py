#!/usr/bin/env python3
"""quantize_weights.py IN.onnx OUT.onnx BITS: the weights of Conv and Gemm at one byte each.

Each weight becomes an int8 initializer of whole codes in -(2^BITS - 1)..2^BITS - 1 (at most 7 bits)
and a DequantizeLinear; the largest magnitude of a layer has the largest code. Everything else stays.
"""

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, target = sys.argv[1:3]
    if sys.argv[3] not in "1234567":
        sys.exit("BITS must lie between 1 and 7")
    bits = int(sys.argv[3])
    levels = 2**bits - 1
    model = onnx.load(source)
    graph = model.graph
    initializers = {t.name: t for t in graph.initializer}
    added = []
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.input[1] not in initializers:
            continue
        tensor = initializers[node.input[1]]
        weight = numpy_helper.to_array(tensor).astype(np.float64)
        largest = np.abs(weight).max()
        codes = np.rint(weight / largest * levels).astype(np.int8)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(codes, f"{name}_codes"))
        graph.initializer.append(
            numpy_helper.from_array(np.float32(largest / levels), f"{name}_scale"))
        added.append(helper.make_node("DequantizeLinear", [f"{name}_codes", f"{name}_scale"],
                                      [name], name=f"{name}_dequantize"))
    for node in reversed(added):
        graph.node.insert(0, node)
    entry = model.metadata_props.add()
    entry.key, entry.value = "weight_bits", str(bits)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
    print(f"{len(added)} layers at {bits} bits and a sign; wrote {target}")


if __name__ == "__main__":
    main()
