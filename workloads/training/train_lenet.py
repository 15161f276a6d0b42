#!/usr/bin/env python3
"""Trains LeNet on MNIST, first in float, then with 4-bit weights and activations, and writes ONNX.

With --tune it goes on from a network that it has written before, with 4 bits in all epochs. The network of the last epoch is the result: the test images are only reported on, they select
nothing. A run that was interrupted goes on from DIR/checkpoint.pt when started again.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import checkpoints
from checkpoints import cosine_rates
from idx_files import read_mnist
from lenet import ACTIVATIONS, LEVELS, LeNet
from lenet_onnx import LAYERS, read_onnx, write_onnx
from quantization import weight_codes

MAX_SHIFT = 2  # pixels, the augmentation moves each image by up to this much in x and y
CALIBRATION_IMAGES = 2000
TUNING_RATE = 1e-4  # a tenth of that of the quantised training


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/mnist"), metavar="DIR",
                        help="folder of the four MNIST IDX files (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("results/lenet"), metavar="DIR",
                        help="folder for the checkpoint and the ONNX file (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30,
                        help="epochs in all (default: %(default)s)")
    parser.add_argument("--float-epochs", type=int, default=10,
                        help="how many of them, the first, are in float (default: %(default)s)")
    parser.add_argument("--tune", type=Path, metavar="FILE",
                        help="ONNX file of the network to go on from, with --float-epochs 0")
    parser.add_argument("--batch", type=int, default=128, help="batch size (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=checkpoints.usable_cores(),
                        help="CPU threads (default: one per core, here %(default)s)")
    arguments = parser.parse_args()
    if arguments.tune and arguments.float_epochs != 0:
        parser.error("--tune needs --float-epochs 0: the network that it goes on from has 4 bits")
    if not arguments.tune and not 0 < arguments.float_epochs < arguments.epochs:
        parser.error("--float-epochs must lie between 1 and --epochs - 1")
    return arguments


class Images:
    """One part of MNIST on the device; pixels stay bytes until a batch needs them."""

    def __init__(self, folder, part, device):
        images, labels = read_mnist(folder, part)
        padded = np.pad(images, ((0, 0), (MAX_SHIFT, MAX_SHIFT), (MAX_SHIFT, MAX_SHIFT)))
        self.side = padded.shape[1]
        self.pixels = torch.from_numpy(padded.copy()).to(device).flatten()
        self.labels = torch.from_numpy(labels.astype(np.int64)).to(device)

    def __len__(self):
        return len(self.labels)

    def batch(self, rows, shift_y=MAX_SHIFT, shift_x=MAX_SHIFT):
        """Windows of 28x28 pixels in [0, 1]; shifts (MAX_SHIFT is the centre) may be tensors."""
        window = torch.arange(28, device=rows.device)
        y = torch.as_tensor(shift_y, device=rows.device).reshape(-1, 1, 1) + window[:, None]
        x = torch.as_tensor(shift_x, device=rows.device).reshape(-1, 1, 1) + window
        index = rows.reshape(-1, 1, 1) * self.side**2 + y * self.side + x
        return (self.pixels[index].float() / 255.0).unsqueeze(1), self.labels[rows]


def train_epoch(model, optimizer, train, generator, learning_rates):
    """One pass over the shuffled, shifted training images; returns the mean loss."""
    device = train.labels.device
    order = torch.randperm(len(train), generator=generator).to(device)
    shifts = torch.randint(0, 2 * MAX_SHIFT + 1, (2, len(train)), generator=generator).to(device)
    batches = list(zip(order.tensor_split(len(learning_rates)),
                       shifts.tensor_split(len(learning_rates), dim=1)))
    total = 0.0
    for (rows, (shift_y, shift_x)), learning_rate in zip(batches, learning_rates):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        images, labels = train.batch(rows, shift_y, shift_x)
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.clip_weights()
        total += float(loss)
    return total / len(batches)


@torch.no_grad()
def count_correct(model, data, dtype=torch.float32):
    correct = 0
    for rows in torch.arange(len(data), device=data.labels.device).split(1000):
        images, labels = data.batch(rows)
        correct += int((model(images.to(dtype)).argmax(1) == labels).sum())
    return correct


class Training:
    """The state that a checkpoint holds and the epochs that advance it."""

    def __init__(self, arguments, device):
        self.arguments = arguments
        self.settings = {key: getattr(arguments, key)
                         for key in ("epochs", "float_epochs", "batch", "seed")}
        if arguments.tune:
            self.settings["tune"] = str(arguments.tune)
        self.checkpoint = arguments.out / "checkpoint.pt"
        self.train = Images(arguments.data, "train", device)
        self.test = Images(arguments.data, "t10k", device)
        torch.manual_seed(arguments.seed)
        self.model = LeNet().to(device)
        self.optimizer = self._new_optimizer()
        self.epochs_done = 0
        self.seconds = 0.0
        self.float_correct = None
        if arguments.tune:
            self._start_from(arguments.tune)

    def _new_optimizer(self):
        return torch.optim.Adam(self.model.parameters(), weight_decay=1e-5)

    @torch.no_grad()
    def _start_from(self, path):
        """Weights, biases and scales of an ONNX file; each layer keeps its scale, as far as its
        largest weight stays where it is."""
        arrays, activation_scales, metadata = read_onnx(path)
        for index, name in enumerate(LAYERS):
            weight, bias = arrays[name]
            layer = getattr(self.model, name)
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            layer.bias.copy_(torch.from_numpy(bias.copy()))
            self.model.weight_limits[index] = layer.weight.abs().max()
        self.model.activation_scales.copy_(torch.tensor(activation_scales))
        self.model.quantized = True
        self.float_correct = round(float(metadata["float_accuracy"]) * len(self.test))

    def resume(self):
        saved = checkpoints.load(self.checkpoint, self.settings, self.train.labels.device)
        if saved is None:
            return
        self.model.load_state_dict(saved["model"])
        self.model.quantized = saved["quantized"]
        self.optimizer.load_state_dict(saved["optimizer"])
        self.epochs_done, self.seconds = saved["epochs_done"], saved["seconds"]
        self.float_correct = saved["float_correct"]
        print(f"resumed after epoch {self.epochs_done}", flush=True)

    def save(self):
        checkpoints.save(self.checkpoint, {
            "settings": self.settings, "model": self.model.state_dict(),
            "quantized": self.model.quantized, "optimizer": self.optimizer.state_dict(),
            "epochs_done": self.epochs_done, "seconds": self.seconds,
            "float_correct": self.float_correct})

    def run(self):
        while self.epochs_done < self.arguments.epochs:
            if self.epochs_done == self.arguments.float_epochs and not self.model.quantized:
                self._start_quantized_phase()
            self._run_epoch()
            self.save()

    def _run_epoch(self):
        started = time.monotonic()
        generator = checkpoints.epoch_generator(self.arguments.seed, self.epochs_done)
        loss = train_epoch(self.model, self.optimizer, self.train, generator, self._epoch_rates())
        correct = count_correct(self.model, self.test)
        if not self.model.quantized:
            self.float_correct = correct
        self.epochs_done += 1
        self.seconds += time.monotonic() - started
        remaining = self.seconds / self.epochs_done * (self.arguments.epochs - self.epochs_done)
        print(f"epoch {self.epochs_done:3}/{self.arguments.epochs} "
              f"{'4-bit' if self.model.quantized else 'float'}  loss {loss:.4f}  "
              f"test {100 * correct / len(self.test):.2f} %  {self.seconds:.0f} s so far, "
              f"about {remaining:.0f} s to go", flush=True)

    def _epoch_rates(self):
        steps = math.ceil(len(self.train) / self.arguments.batch)
        if self.model.quantized:
            peak, epochs = TUNING_RATE if self.arguments.tune else 1e-3, self.arguments.epochs - self.arguments.float_epochs
            done = self.epochs_done - self.arguments.float_epochs
        else:
            peak, epochs, done = 2e-3, self.arguments.float_epochs, self.epochs_done
        return cosine_rates(peak, done * steps, steps, epochs * steps)

    def _start_quantized_phase(self):
        rows = torch.arange(CALIBRATION_IMAGES, device=self.train.labels.device)
        self.model.calibrate(self.train.batch(rows)[0])
        self.model.limit_weights()
        self.model.clip_weights()
        self.model.quantized = True
        self.optimizer = self._new_optimizer()
        scales = ", ".join(f"{name} {scale:.5f}" for name, scale in
                           zip(ACTIVATIONS, self.model.activation_scales.tolist()))
        print(f"activation scales: {scales}; before quantised training "
              f"{100 * count_correct(self.model, self.test) / len(self.test):.2f} %", flush=True)


def exported_arrays(model):
    """Per layer the integer codes, the float scale and the bias, as numpy arrays."""
    arrays = {}
    for name in LAYERS:
        layer = getattr(model, name)
        codes, scale = weight_codes(layer.weight.detach(), LEVELS)
        arrays[name] = (codes.cpu().numpy().astype(np.int8), float(scale),
                        layer.bias.detach().cpu().numpy())
    return arrays


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        training = Training(arguments, device)
    except (OSError, ValueError) as error:  # of the data set, with file and reason
        raise SystemExit(str(error))
    training.resume()
    training.run()

    # In double precision no activation falls on the wrong side of a rounding step.
    model = training.model.double()
    correct = count_correct(model, training.test, torch.float64)
    accuracy = correct / len(training.test)
    float_accuracy = training.float_correct / len(training.test)
    path = arguments.out / "lenet_mnist_4bit.onnx"
    write_onnx(path, exported_arrays(model), model.activation_scales.cpu().numpy(), {
        "trained_by": "workloads/training/train_lenet.py",
        "seed": str(arguments.seed),
        "epochs": f"{arguments.float_epochs} float + "
                  f"{arguments.epochs - arguments.float_epochs} quantised",
        "float_accuracy": f"{float_accuracy:.4f}",
        "quantized_accuracy": f"{accuracy:.4f}",
        "weight_bits": "4",
        "activation_bits": "4",
        **({"tuned_from": arguments.tune.name} if arguments.tune else {}),
    })
    print(f"float {100 * float_accuracy:.2f} %, 4-bit {100 * accuracy:.2f} %, "
          f"{training.seconds:.0f} s of training; wrote {path}")


if __name__ == "__main__":
    main()
