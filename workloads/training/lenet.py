"""LeNet for MNIST with simulated 4-bit quantisation of weights and activations."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from lenet_onnx import LAYERS
from quantization import least_error_scale, quantize_activation, quantize_weight

LEVELS = 15  # 4 bits: magnitudes 0..15 of a weight (its sign is apart), 0..15 of an activation
INPUT_SCALE = 1.0 / LEVELS  # the input is pixel/255, so code 15 is a white pixel
WEIGHT_COUNT = 105_918  # without biases
ACTIVATIONS = ("relu1", "relu2", "relu3", "relu4")
# The grid spans the largest weight, and device noise scales with the grid: a few outliers would
# stretch both (fc1: to 10 times the root mean square).
WEIGHT_LIMIT_RMS = 5.0


class LeNet(nn.Module):
    """Float network while `quantized` is False, 4-bit network afterwards.

    `activation_scales` holds the step of each quantiser that follows a ReLU, `weight_limits` the
    largest weight of each layer. Both are set once, when quantised training begins.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3, padding=1)
        self.fc1 = nn.Linear(784, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
        self.quantized = False
        self.register_buffer("activation_scales", torch.zeros(len(ACTIVATIONS)))
        self.register_buffer("weight_limits", torch.full((len(LAYERS),), math.inf))
        count = sum(p.numel() for name, p in self.named_parameters() if name.endswith("weight"))
        assert count == WEIGHT_COUNT, count

    def forward(self, image):
        x = quantize_activation(image, INPUT_SCALE, LEVELS) if self.quantized else image
        x = F.max_pool2d(self._activate(0, self._conv(self.conv1, x)), 2)
        x = F.max_pool2d(self._activate(1, self._conv(self.conv2, x)), 2)
        x = self._activate(2, self._linear(self.fc1, x.flatten(1)))
        x = self._activate(3, self._linear(self.fc2, x))
        return self._linear(self.fc3, x)

    @torch.no_grad()
    def calibrate(self, images):
        """Sets each activation scale to the one of least mean square error on `images`."""
        assert not self.quantized
        self._recorded = {}
        self(images)
        for index in range(len(ACTIVATIONS)):
            self.activation_scales[index] = least_error_scale(self._recorded[index], LEVELS)
        del self._recorded

    @torch.no_grad()
    def limit_weights(self):
        """Sets each layer's weight limit from its root mean square, once."""
        for index, name in enumerate(LAYERS):
            rms = getattr(self, name).weight.square().mean().sqrt()
            self.weight_limits[index] = WEIGHT_LIMIT_RMS * rms

    @torch.no_grad()
    def clip_weights(self):
        for limit, name in zip(self.weight_limits.tolist(), LAYERS):
            getattr(self, name).weight.clamp_(-limit, limit)

    def _weight(self, layer):
        return quantize_weight(layer.weight, LEVELS) if self.quantized else layer.weight

    def _conv(self, layer, x):
        return F.conv2d(x, self._weight(layer), layer.bias, padding=1)

    def _linear(self, layer, x):
        return F.linear(x, self._weight(layer), layer.bias)

    def _activate(self, index, x):
        x = F.relu(x)
        if hasattr(self, "_recorded"):
            self._recorded[index] = x
        if not self.quantized:
            return x
        return quantize_activation(x, self.activation_scales[index], LEVELS)
