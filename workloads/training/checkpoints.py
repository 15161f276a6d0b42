"""What all trainings share: cores, a state that is saved whole, and learning rates."""

import math
import os

import torch


def usable_cores():
    """Those that this process may run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0))


def save(path, state):
    """Writes `path`, whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load(path, settings, device):
    """The saved state, or None where there is none; refuses one of other settings."""
    if not path.is_file():
        return None
    saved = torch.load(path, map_location=device)
    if saved["settings"] != settings:
        raise SystemExit(f"{path} was made with {saved['settings']}, "
                         f"this run has {settings}: choose another --out or remove it")
    return saved


def epoch_generator(seed, epoch):
    """A generator per epoch makes a resumed run equal to an uninterrupted one."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def cosine_rates(peak, first_step, steps, total_steps):
    """Learning rates of `steps` batches on a cosine that falls from `peak` to 0 in a phase."""
    return [0.5 * peak * (1 + math.cos(math.pi * (first_step + i) / total_steps))
            for i in range(steps)]
