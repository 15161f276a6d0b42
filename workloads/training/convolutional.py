"""ConvNet and ResNet-18 of the U-SWIM paper, each with its ONNX form.

`write(graph)` adds the module's operators to an onnx_graph.Graph as they stand: batch norm is not
folded, the weights are float32.
"""

import torch
from torch import nn


def _numpy(tensor):
    return tensor.detach().cpu().float().numpy()


def _write_conv(graph, name, conv):
    bias = [] if conv.bias is None else [graph.constant(f"{name}_bias", _numpy(conv.bias))]
    pad = conv.padding[0]
    graph.node("Conv", name, graph.constant(f"{name}_weight", _numpy(conv.weight)), *bias,
               kernel_shape=list(conv.kernel_size), strides=list(conv.stride),
               pads=[pad, pad, pad, pad])


def _write_batch_norm(graph, name, norm):
    graph.node("BatchNormalization", name,
               *[graph.constant(f"{name}_{part}", _numpy(getattr(norm, part)))
                 for part in ("weight", "bias", "running_mean", "running_var")],
               epsilon=norm.eps)


def _write_linear(graph, name, linear, output=None):
    graph.node("Gemm", name, graph.constant(f"{name}_weight", _numpy(linear.weight)),
               graph.constant(f"{name}_bias", _numpy(linear.bias)), output=output, transB=1)


class ConvNet(nn.Module):
    """Six 3x3 convolutions (64, 64, 128, 128, 256, 256), a pool after every second one, three dense
    layers; for images of 32x32."""

    channels = (64, 64, 128, 128, 256, 256)
    weight_count = 6_397_632
    learning_rate = 1.2e-3  # AdamW

    def __init__(self, classes):
        super().__init__()
        inputs = (3, *self.channels)
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1)
                                   for i, o in zip(inputs, self.channels))
        self.dense = nn.ModuleList([nn.Linear(4096, 1024), nn.Linear(1024, 1024),
                                    nn.Linear(1024, classes)])
        self.dropout = nn.ModuleList(nn.Dropout(p) for p in (0.2, 0.4, 0.4))
        for layer in (*self.convs, *self.dense):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for index, conv in enumerate(self.convs):
            x = torch.relu(conv(x))
            if index % 2 == 1:
                x = nn.functional.max_pool2d(x, 2)
        x = x.flatten(1)
        for index, (drop, dense) in enumerate(zip(self.dropout, self.dense)):
            x = dense(drop(x))
            if index < 2:
                x = torch.relu(x)
        return x

    def write(self, graph):
        for index, conv in enumerate(self.convs):
            _write_conv(graph, f"conv{index + 1}", conv)
            graph.node("Relu", f"relu{index + 1}")
            if index % 2 == 1:
                graph.node("MaxPool", f"pool{index // 2 + 1}", kernel_shape=[2, 2], strides=[2, 2])
        graph.node("Flatten", "flatten", axis=1)
        for index, dense in enumerate(self.dense):
            last = index == 2
            _write_linear(graph, f"fc{index + 1}", dense, "logits" if last else None)
            if not last:
                graph.node("Relu", f"relu{index + 7}")


class _Block(nn.Module):
    """Two 3x3 convolutions and the way around them, 1x1 where its shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        around = x if self.shortcut is None else self.shortcut_norm(self.shortcut(x))
        return torch.relu(y + around)

    def write(self, graph, name):
        around = start = graph.last
        if self.shortcut is not None:
            _write_conv(graph, f"{name}_shortcut", self.shortcut)
            _write_batch_norm(graph, f"{name}_shortcut_norm", self.shortcut_norm)
            around, graph.last = graph.last, start
        _write_conv(graph, f"{name}_conv1", self.conv1)
        _write_batch_norm(graph, f"{name}_norm1", self.norm1)
        graph.node("Relu", f"{name}_relu1")
        _write_conv(graph, f"{name}_conv2", self.conv2)
        _write_batch_norm(graph, f"{name}_norm2", self.norm2)
        graph.node("Add", f"{name}_add", around)
        graph.node("Relu", f"{name}_relu2")


class ResNet18(nn.Module):
    """For small images: a 3x3 stem of stride 1, no pool behind it."""

    learning_rate = 1e-3  # AdamW

    def __init__(self, classes):
        super().__init__()
        self.weight_count = 11_159_232 + 512 * classes
        self.stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(64)
        self.blocks = nn.ModuleList()
        inputs = 64
        for outputs, first_stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            self.blocks.append(_Block(inputs, outputs, first_stride))
            self.blocks.append(_Block(outputs, outputs, 1))
            inputs = outputs
        self.dense = nn.Linear(512, classes)

    def forward(self, x):
        x = torch.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return self.dense(x.mean((2, 3)))

    def write(self, graph):
        _write_conv(graph, "stem", self.stem)
        _write_batch_norm(graph, "stem_norm", self.stem_norm)
        graph.node("Relu", "stem_relu")
        for index, block in enumerate(self.blocks):
            block.write(graph, f"block{index + 1}")
        graph.node("GlobalAveragePool", "pool")
        graph.node("Flatten", "flatten", axis=1)
        _write_linear(graph, "fc", self.dense, "logits")


def weights_of(model):
    """Weights that go onto crossbars: of convolutions and dense layers, no bias, no batch norm."""
    return sum(layer.weight.numel() for layer in model.modules()
               if isinstance(layer, (nn.Conv2d, nn.Linear)))
