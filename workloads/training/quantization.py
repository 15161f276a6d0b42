"""Simulated quantisation with straight-through gradients (PyTorch)."""

import torch


def weight_codes(weight, levels):
    """Signed integer codes in -levels..levels and the scale for which weight ~ scale * code / levels."""
    scale = weight.abs().max()
    return torch.sign(weight) * torch.round(weight.abs() / scale * levels), scale


def quantize_weight(weight, levels):
    """The weight on its grid of 2 levels + 1 values; the gradient passes straight through."""
    with torch.no_grad():
        codes, scale = weight_codes(weight, levels)
        step = scale * codes / levels - weight
    return weight + step


def quantize_activation(x, scale, levels):
    """The activation on its grid of levels + 1 values; the gradient passes where x is not clipped."""
    clipped = x.clamp(0.0, float(levels * scale))
    with torch.no_grad():
        # torch.round rounds halves to even, as ONNX QuantizeLinear does.
        step = scale * torch.round(x / scale).clamp(0, levels) - clipped
    return clipped + step


def least_error_scale(x, levels):
    """Searches the clipping point between 20 % and 100 % of the largest activation."""
    candidates = [x.max() * percent / 100 / levels for percent in range(20, 101)]
    errors = [float((quantize_activation(x, scale, levels) - x).square().mean())
              for scale in candidates]
    return candidates[errors.index(min(errors))]
