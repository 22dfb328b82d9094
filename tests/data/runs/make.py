#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the logs that the tests of imports read, each with the library that writes such logs in the field.

    pip install torch tensorboard transformers accelerate orjson
    pip install --no-deps --target LIBRARIES verl
    python make.py LIBRARIES

expected.json is what TensorBoard's own reader finds in the event files. The numbers are of no training: they are small
curves with a spike, a NaN and an infinity at known places.
"""
import importlib.util
import io
import json
import math
import os
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

HERE = Path(__file__).resolve().parent
STEPS = 40


def curve(step):
    return math.exp(-step / 12) + (5 if step == 17 else 0)


def verl_module(libraries, name):
    """One module of verl, without its package, which wants a GPU stack."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), libraries / "verl" / "utils" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tensorboard_logs():
    """SummaryWriter of torch (simple values, histograms, hyper-parameters, text) and of tensorboard (tensors)."""
    import numpy
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.summary import Writer
    from torch.utils.tensorboard import SummaryWriter

    folder = HERE / "tensorboard"
    shutil.rmtree(folder, ignore_errors=True)
    numpy.random.seed(1)
    writer = SummaryWriter(folder / "torch")
    for step in range(STEPS):
        writer.add_scalar("train/loss", curve(step), step, walltime=1_700_000_000 + step)
        writer.add_scalar("train/grad_norm", float("nan") if step == 5 else float("inf") if step == 6 else 0.5, step,
                          walltime=1_700_000_000 + step)
        if step % 10 == 0:
            writer.add_histogram("train/ratio", numpy.random.lognormal(0, 0.3, 200), step,
                                 walltime=1_700_000_000 + step)
    writer.add_text("note", "a text is no metric", 0)
    writer.close()
    hparams = SummaryWriter(folder / "hparams")
    hparams.add_hparams({"lr": 3e-4, "loss": "cispo", "freeze": True}, {"train/reward": 0.5}, run_name=".")
    hparams.close()
    tensors = Writer(str(folder / "tensors"))
    for step in range(STEPS):
        tensors.add_scalar("reward", curve(step), step)
    tensors.close()

    expected = {}
    for run in ("torch", "tensors"):
        reader = EventAccumulator(str(folder / run), size_guidance={"scalars": 0, "tensors": 0})
        reader.Reload()
        scalars = {tag: [[e.step, e.value] for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
        for tag in reader.Tags()["tensors"]:
            if run == "tensors":
                scalars[tag] = [[e.step, e.tensor_proto.float_val[0] if e.tensor_proto.float_val else
                                 float(numpy.frombuffer(e.tensor_proto.tensor_content, "<f4")[0])]
                                for e in reader.Tensors(tag)]
        expected[run] = scalars
    text = json.dumps(expected, default=float)
    (HERE / "expected.json").write_text(text.replace("NaN", '"NaN"').replace("Infinity", '"Infinity"') + "\n")


def trainer_state():
    """Transformers' Trainer on a two-weight model, with a checkpoint half way."""
    import torch
    from transformers import Trainer, TrainingArguments

    class Line(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Linear(1, 1)

        def forward(self, x, labels):
            out = self.weight(x)
            return {"loss": torch.nn.functional.mse_loss(out, labels), "logits": out}

    torch.manual_seed(1)
    rows = [{"x": torch.tensor([i / 16]), "labels": torch.tensor([i / 8])} for i in range(32)]
    out = HERE / "trainer"
    shutil.rmtree(out, ignore_errors=True)
    arguments = TrainingArguments(output_dir=str(out), max_steps=12, logging_steps=2, save_steps=6, eval_steps=6,
                                  eval_strategy="steps", per_device_train_batch_size=4, report_to=[],
                                  learning_rate=0.1, use_cpu=True, seed=1, disable_tqdm=True)
    Trainer(Line(), arguments, train_dataset=rows, eval_dataset=rows[:8]).train()
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != "trainer_state.json":
            path.unlink()


def verl_logs(libraries):
    """verl's file logger and its console line."""
    os.environ["VERL_FILE_LOGGER_ROOT"] = str(HERE / "verl")
    tracking = verl_module(libraries, "tracking")
    console = verl_module(libraries, "logger/aggregate_logger")
    logger = tracking.FileLogger("math", "cispo-mu4")
    lines = io.StringIO()
    for step in range(1, STEPS + 1):
        data = {"actor/pg_loss": -curve(step) / 10, "actor/grad_norm": 0.5 if step != 5 else float("nan"),
                "critic/score/mean": 1 - curve(step) / 6, "response_length/mean": 100.0 + step,
                "training/global_step": step, "actor/pg_clipfrac": 0.001 * step}
        logger.log(data, step)
        with redirect_stdout(lines):
            console.LocalLogger().log(data, step)
    logger.finish()
    (HERE / "verl" / "console.log").write_text(
        "Checkpoint tracker file does not exist\n"
        + "".join(f"(TaskRunner pid=811) {line}\n" for line in lines.getvalue().splitlines()))


def main():
    libraries = Path(sys.argv[1]).resolve()
    tensorboard_logs()
    trainer_state()
    verl_logs(libraries)


if __name__ == "__main__":
    main()
