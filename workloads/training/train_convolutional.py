#!/usr/bin/env python3
"""Trains ConvNet or ResNet-18 and writes ONNX in float32. Quantisation is the simulator's.

The network of the last epoch is the result: the test images are only reported on, they select
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
import onnx_graph
from convolutional import ConvNet, ResNet18, weights_of
from image_sets import read_cifar10, read_tiny_imagenet

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
TINY_MEAN, TINY_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as is usual
# name: network, classes, reader, side of an image, mean, std, epochs, padding of random crops
NETWORKS = {
    "convnet_cifar10": (ConvNet, 10, read_cifar10, 32, CIFAR_MEAN, CIFAR_STD, 26, 4),
    "resnet18_cifar10": (ResNet18, 10, read_cifar10, 32, CIFAR_MEAN, CIFAR_STD, 60, 4),
    "resnet18_tiny_imagenet": (ResNet18, 200, read_tiny_imagenet, 64, TINY_MEAN, TINY_STD, 60, 8),
}
SMOKE_IMAGES = 32
# --grow: up to this share of the epochs the images have this part of their side.
GROWTH = ((0.4, 0.625), (0.7, 0.8125))


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR",
                        help="folder of CIFAR-10's six binary batches; for Tiny ImageNet its own "
                             "folders train and val, or val.jpk and train*.jpk")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="folder for the checkpoint and the ONNX file (default: results/NETWORK)")
    parser.add_argument("--epochs", type=int, help="default: 26 for ConvNet, 60 for ResNet-18")
    parser.add_argument("--batch", type=int, default=128, help="batch size (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=checkpoints.usable_cores(),
                        help="CPU threads (default: one per core, here %(default)s)")
    parser.add_argument("--bf16", action="store_true",
                        help="multiply in bfloat16, several times as fast where the processor has "
                             "it; weights and their updates stay float32")
    parser.add_argument("--grow", action="store_true",
                        help="begin with smaller images (ResNet-18): two thirds of the pixels in all")
    parser.add_argument("--smoke", action="store_true",
                        help=f"one epoch on {SMOKE_IMAGES} images: shows that everything works")
    arguments = parser.parse_args()
    if arguments.grow and arguments.network.startswith("convnet"):
        parser.error("--grow: ConvNet's dense layers take one size of images")
    arguments.out = arguments.out or Path("results") / arguments.network
    if arguments.smoke:
        arguments.epochs, arguments.batch = 1, 8
    arguments.epochs = arguments.epochs or NETWORKS[arguments.network][6]
    return arguments


class Images:
    """One part of a data set on the device; pixels stay bytes until a batch needs them."""

    def __init__(self, images, labels, padding, mean, std, device):
        self.side, self.padding = images.shape[2], padding
        widths = ((0, 0), (0, 0), (padding, padding), (padding, padding))
        self.pixels = torch.from_numpy(np.pad(images, widths)).to(device)
        self.labels = torch.from_numpy(labels).to(device)
        self.mean = 255 * torch.tensor(mean, device=device).reshape(1, 3, 1, 1)
        self.std = 255 * torch.tensor(std, device=device).reshape(1, 3, 1, 1)

    def __len__(self):
        return len(self.labels)

    def batch(self, rows, shift_y=None, shift_x=None, flip=None):
        """Normalised images; shifts (0 to 2 padding; None is the centre) and flips are tensors."""
        window = torch.arange(self.side, device=rows.device)
        centre = torch.full_like(rows, self.padding)
        y = (centre if shift_y is None else shift_y)[:, None] + window
        x = (centre if shift_x is None else shift_x)[:, None] + window
        if flip is not None:
            x = torch.where(flip[:, None], x.flip(1), x)
        images = self.pixels[rows[:, None, None], :, y[:, :, None], x[:, None, :]]
        return (images.permute(0, 3, 1, 2).float() - self.mean) / self.std, self.labels[rows]


class Training:
    """The state that a checkpoint holds and the epochs that advance it."""

    def __init__(self, arguments, device):
        network, classes, reader, _, mean, std, _, padding = NETWORKS[arguments.network]
        self.arguments, self.device = arguments, device
        self.settings = {key: getattr(arguments, key)
                         for key in ("network", "epochs", "batch", "seed", "bf16", "grow", "smoke")}
        self.checkpoint = arguments.out / "checkpoint.pt"
        parts = []
        for part in ("train", "test"):
            images, labels = reader(arguments.data, part, SMOKE_IMAGES if arguments.smoke else None)
            parts.append(Images(images, labels, padding, mean, std, device))
        self.train, self.test = parts
        torch.manual_seed(arguments.seed)
        # Channels last is the order that CPUs convolve fastest in.
        self.model = network(classes).to(device, memory_format=torch.channels_last)
        assert weights_of(self.model) == self.model.weight_count
        self.optimizer = torch.optim.AdamW(self.model.parameters(), weight_decay=0.02)
        self.epochs_done, self.seconds, self.correct = 0, 0.0, None

    def resume(self):
        saved = checkpoints.load(self.checkpoint, self.settings, self.device)
        if saved is None:
            return
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.epochs_done, self.seconds = saved["epochs_done"], saved["seconds"]
        self.correct = saved["correct"]
        print(f"resumed after epoch {self.epochs_done}", flush=True)

    def _side(self, epoch):
        share = epoch / self.arguments.epochs if self.arguments.grow else 1
        return next((round(self.train.side * part) for end, part in GROWTH if share < end),
                    self.train.side)

    def _remaining(self):
        """Seconds, as the pixels of the epochs so far tell."""
        pixels = [self._side(epoch) ** 2 for epoch in range(self.arguments.epochs)]
        return self.seconds / sum(pixels[:self.epochs_done]) * sum(pixels[self.epochs_done:])

    def _logits(self, images, bf16):
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16):
            return self.model(images).float()

    def run(self):
        while self.epochs_done < self.arguments.epochs:
            self._run_epoch()
            checkpoints.save(self.checkpoint, {
                "settings": self.settings, "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(), "epochs_done": self.epochs_done,
                "seconds": self.seconds, "correct": self.correct})

    def _run_epoch(self):
        started = time.monotonic()
        # Dropout draws from the global generator.
        torch.manual_seed(self.arguments.seed * 1_000_003 + self.epochs_done)
        loss = self._train_epoch(
            checkpoints.epoch_generator(self.arguments.seed, self.epochs_done))
        # What is reported in the end is float32.
        last = self.epochs_done + 1 == self.arguments.epochs
        self.correct = self._count_correct(self.arguments.bf16 and not last)
        self.epochs_done += 1
        self.seconds += time.monotonic() - started
        print(f"epoch {self.epochs_done:3}/{self.arguments.epochs}  loss {loss:.4f}  "
              f"test {100 * self.correct / len(self.test):.2f} %  {self.seconds:.0f} s so far, "
              f"about {self._remaining():.0f} s to go", flush=True)

    def _train_epoch(self, generator):
        train, count = self.train, len(self.train)
        steps = math.ceil(count / self.arguments.batch)
        rates = checkpoints.cosine_rates(self.model.learning_rate, self.epochs_done * steps, steps,
                                         self.arguments.epochs * steps)
        order = torch.randperm(count, generator=generator).to(self.device)
        shifts = torch.randint(0, 2 * train.padding + 1, (2, count), generator=generator)
        flips = torch.randint(0, 2, (count,), generator=generator).bool()
        shifts, flips = shifts.to(self.device), flips.to(self.device)
        self.model.train()
        side = self._side(self.epochs_done)
        total = 0.0
        for rows, rate in zip(order.tensor_split(steps), rates):
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            images, labels = train.batch(rows, shifts[0][rows], shifts[1][rows], flips[rows])
            if side != train.side:
                images = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
            logits = self._logits(images, self.arguments.bf16)
            loss = F.cross_entropy(logits, labels, label_smoothing=0.05)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += float(loss)
        return total / steps

    @torch.no_grad()
    def _count_correct(self, bf16):
        self.model.eval()
        correct = 0
        for rows in torch.arange(len(self.test), device=self.device).split(500):
            images, labels = self.test.batch(rows)
            correct += int((self._logits(images, bf16).argmax(1) == labels).sum())
        return correct


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    arguments.out.mkdir(parents=True, exist_ok=True)
    training = Training(arguments, device)
    training.resume()
    training.run()

    _, classes, _, side, mean, std, _, _ = NETWORKS[arguments.network]
    graph = onnx_graph.Graph("image")
    training.model.write(graph)
    accuracy = training.correct / len(training.test)
    path = arguments.out / f"{arguments.network}.onnx"
    onnx_graph.save(path, graph, arguments.network, [3, side, side], classes, {
        "trained_by": "workloads/training/train_convolutional.py",
        "seed": str(arguments.seed),
        "epochs": str(arguments.epochs),
        "arithmetic": "bfloat16" if arguments.bf16 else "float32",
        "growing_images": str(arguments.grow).lower(),
        "training_images": str(len(training.train)),
        "mean": str(list(mean)),
        "std": str(list(std)),
        "float_accuracy": f"{accuracy:.4f}",
    })
    print(f"{100 * accuracy:.2f} % of {len(training.test)} test images, "
          f"{training.seconds:.0f} s of training; wrote {path}")


if __name__ == "__main__":
    main()
