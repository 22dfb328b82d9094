#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same event files through TensorBoard's own loader and through bench_runs, one after the other.

    pip install tensorboard torch
    python tensorboard_load.py BENCH_RUNS FOLDER [STEPS [TAGS [RUNS]]]

Writes RUNS event files with torch's SummaryWriter into FOLDER unless they are there. TensorBoard's time is
EventAccumulator.Reload() with every scalar kept, and a read of all of them, for each run. Seconds are of CPU, so that
what else the machine does changes little.
"""
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def write(folder, steps, tags, runs):
    from torch.utils.tensorboard import SummaryWriter
    for run in range(runs):
        writer = SummaryWriter(folder / f"run-{run}", max_queue=10_000)
        for step in range(steps):
            for tag in range(tags):
                writer.add_scalar(f"group{tag % 5}/metric_{tag}", 1 / (1 + step) + tag, step)
        writer.close()


def load(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    begin = time.process_time()
    values = 0
    for run in sorted(folder.iterdir()):
        accumulator = EventAccumulator(str(run), size_guidance={"scalars": 0})
        accumulator.Reload()
        for tag in accumulator.Tags()["scalars"]:
            values += len(accumulator.Scalars(tag))
    return values, time.process_time() - begin


def main():
    bench, folder = Path(sys.argv[1]), Path(sys.argv[2])
    steps, tags, runs = [int(x) for x in sys.argv[3:6]] + [5000, 20, 2][len(sys.argv[3:6]):]
    if not folder.exists():
        write(folder, steps, tags, runs)
    values, seconds = load(folder)
    print(f"TensorBoard's loader: {values} values in {seconds:.2f} s of CPU, {values / seconds:.0f} values/s of CPU", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([bench, Path(scratch) / "runs.fulgurite", "import", folder], check=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = used.ru_utime + used.ru_stime
    print(f"whole process of ours: {ours:.2f} s of CPU; ratio {seconds / ours:.1f}")


if __name__ == "__main__":
    main()
