"""What watching costs: steps of EfficientNet-Lite0 with all rules, events and a report, over the same steps without.

python benchmarks/monitor.py [--steps 60] [--batch 8] [--side 320] [--threads 2]

Each step is a real one: forward, backward, AdamW. Watched and unwatched steps alternate, so that a machine that is busy with
other things slows both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import torch
from torch import nn

from walkaround.models.gradient.backbone import load_backbone
from walkaround.training.gradient.observing import Observer, input_means
from walkaround.training.monitor import Monitor, RunFacts, StepFacts
from walkaround.training.watching import Watch


class Bench:
    """A network with a batch in memory."""

    def __init__(self, *, batch: int, side: int) -> None:
        self.network = load_backbone().train()
        self.head = nn.Linear(320, 2)
        self.optimiser = torch.optim.AdamW([*self.network.parameters(), *self.head.parameters()], lr=1e-4)
        made = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8, generator=made)
        self.labels = torch.arange(batch) % 2
        self.observer = Observer(self.network)

    def step(self, number: int, monitor: Monitor) -> float:
        """Seconds of one step, the monitor's included."""
        began = time.perf_counter()
        looking = monitor.looks_inside(number)
        with self.observer.forward() if looking else nullcontext():
            found = self.head(self.network(self.pixels)[32].mean(dim=(2, 3)))
            loss = nn.functional.cross_entropy(found, self.labels)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        if looking:
            self.observer.gradients()
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), 10.0))
        self.optimiser.step()
        if monitor.wanted:
            layers, activations = self.observer.facts() if looking else ((), ())
            monitor.step(
                StepFacts(
                    step=number,
                    epoch=1,
                    losses={"loss": float(loss.detach())},
                    rates={"all": 1e-4},
                    waiting=0.0,
                    computing=time.perf_counter() - began,
                    pictures=len(self.pixels),
                    inputs=input_means(self.pixels),
                    gradient_norm=norm,
                    layers=layers,
                    activations=activations,
                )
            )
        return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60, help="watched steps, and as many unwatched")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    bench, silent = Bench(batch=given.batch, side=given.side), Monitor()
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(Path(folder), every=20)
        watch.start(RunFacts(name="bench", total_steps=given.steps, peak_rate=1e-4, threads=given.threads))
        bench.step(0, silent)
        plain: list[float] = []
        ordinary: list[float] = []
        looks: list[float] = []
        for number in range(1, given.steps + 1):
            plain.append(bench.step(number, silent))
            (looks if watch.looks_inside(number) else ordinary).append(bench.step(number, watch))
        watch.close()
    usual, watched, look = median(plain), median(ordinary), median(looks)
    per_step = (19 * watched + look) / 20
    print(f"a step without a monitor    {usual:8.3f} s (median of {len(plain)})")
    print(f"a watched step              {watched:8.3f} s, {watched / usual:.3f} times")
    print(f"a step with a look inside   {look:8.3f} s, {look / usual:.3f} times")
    print(f"on the whole, a look in 20  {per_step:8.3f} s, {per_step / usual:.3f} times")
    print(f"a look in 100               {(99 * watched + look) / 100 / usual:17.3f} times")


if __name__ == "__main__":
    main()
