#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the logs that the tests of imports read, each with the library that writes such logs in the field.

    pip install torch tensorboard transformers accelerate orjson trl datasets modelscope json_repair peft
    pip install --no-deps --target LIBRARIES verl ms-swift
    git clone https://github.com/PrimeIntellect-ai/prime-rl PRIME
    python make.py LIBRARIES PRIME [tensorboard|trainer|trl|swift|verl|prime ...]

expected.json is what TensorBoard's own reader finds in the event files. The numbers are of no training: they are small
curves with a spike, a NaN and an infinity at known places.

What lies here came from torch 2.15, transformers 5.24, trl 1.16, ms-swift 4.6, verl 0.9, and prime-rl 559b4477, which is
on no package index.
"""
import asyncio
import importlib.util
import io
import json
import logging
import math
import os
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType, SimpleNamespace

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


def train_line(out, **more):
    """Transformers' Trainer on a two-weight model; only what it logs stays."""
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
    shutil.rmtree(out, ignore_errors=True)
    arguments = TrainingArguments(output_dir=str(out), max_steps=12, logging_steps=2, save_steps=6, eval_steps=6,
                                  eval_strategy="steps", per_device_train_batch_size=4, report_to=[],
                                  learning_rate=0.1, use_cpu=True, seed=1, **more)
    trainer = Trainer(Line(), arguments, train_dataset=rows, eval_dataset=rows[:8])
    trainer.train()
    keep_logs(out)
    return trainer


def keep_logs(out):
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name not in ("trainer_state.json", "logging.jsonl"):
            path.unlink()


def trainer_state():
    """A checkpoint half way, and one at the end."""
    train_line(HERE / "trainer", disable_tqdm=True)


def swift_log(libraries):
    """ms-swift's progress callback in the place of the trainer's own, and the line that ms-swift adds at the end."""
    sys.path.append(str(libraries))
    from swift.trainers import patcher
    from swift.utils import append_to_jsonl
    from transformers import DefaultFlowCallback, trainer

    out = HERE / "swift"
    trainer.DEFAULT_PROGRESS_CALLBACK = patcher.ProgressCallbackNew
    trainer.DEFAULT_CALLBACKS = [DefaultFlowCallback]  # its own wants arguments of its own
    state = train_line(out).state
    append_to_jsonl(str(out / "logging.jsonl"),
                    {"last_model_checkpoint": getattr(state, "last_model_checkpoint", None), "best_model_checkpoint": None,
                     "best_metric": state.best_metric, "global_step": state.global_step,
                     "log_history": state.log_history, "memory": getattr(state, "max_memory", None)}, strict=False)
    for folder in out.glob("checkpoint-*"):
        shutil.rmtree(folder)


def trl_state():
    """TRL's GRPOTrainer with the CISPO loss on an untrained model of three characters: its own metric names."""
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    words = {"<pad>": 0, "<eos>": 1, "a": 2, "b": 3, "c": 4}
    letters = Tokenizer(models.WordLevel(words, unk_token="a"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=letters, pad_token="<pad>", eos_token="<eos>")
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=5, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                                         num_attention_heads=2, pad_token_id=0, eos_token_id=1, bos_token_id=1))

    def reward_of_a(completions, **_):
        return [text.count("a") / 8 for text in completions]

    start = tempfile.mkdtemp()  # the reference model is read from where the policy came from
    model.save_pretrained(start)
    out = HERE / "trl"
    shutil.rmtree(out, ignore_errors=True)
    arguments = GRPOConfig(output_dir=str(out), max_steps=8, logging_steps=1, save_steps=8, num_generations=4,
                           per_device_train_batch_size=4, max_completion_length=8, num_iterations=2, beta=0.04,
                           loss_type="cispo", epsilon_high=5.0, learning_rate=0.05, report_to=[], use_cpu=True, seed=1,
                           disable_tqdm=True, bf16=False)
    trainer = GRPOTrainer(model=start, reward_funcs=reward_of_a, args=arguments, processing_class=tokenizer,
                          train_dataset=Dataset.from_list([{"prompt": text} for text in ("ab", "bc", "ca", "cb")]))
    trainer.train()
    keep_logs(out)


def prime_log(checkout):
    """prime-rl's file monitor. Several rows a step, some of the trainer and some of the orchestrator, which is ahead; the
    names are those that their train.py and orchestrator.py give."""
    for name in ("prime_rl", "prime_rl.monitors", "prime_rl.utils"):  # without what the packages import
        package = ModuleType(name)
        package.__path__ = [str(checkout / "src" / name.replace(".", "/"))]
        sys.modules[name] = package
    for name, members in {"prime_rl.configs": {}, "prime_rl.configs.monitors": {"FileMonitorConfig": SimpleNamespace},
                          "prime_rl.utils.config": {"BaseConfig": SimpleNamespace},
                          "prime_rl.utils.logger": {"get_logger": logging.getLogger}, "wandb": {}}.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(members)
    from prime_rl.monitors.file import FileMonitor

    out = HERE / "prime"
    shutil.rmtree(out, ignore_errors=True)

    async def write():
        monitor = FileMonitor(SimpleNamespace(path="metrics.jsonl"))
        await monitor.init(out)
        total = 0
        for step in range(STEPS):
            if step < STEPS - 1:  # the orchestrator ships a batch before the trainer has used the one before
                await monitor.log({"train/agg/effective/policy/reward/mean": 1 - curve(step) / 6,
                                   "train/agg/effective/policy/num_output_tokens/mean": 100.0 + step,
                                   "train/agg/effective/policy/is_truncated/mean": 0.1,
                                   "progress/tokens": 4096, "progress/total_tokens": total, "time/step": 1.5,
                                   "step": step + 1}, step=step + 1)
            total += 4096
            await monitor.log({"perf/throughput": 900.0 + step, "perf/mfu": 31.5, "step": step}, step=step)
            await monitor.log({"optim/lr": 1e-6, "optim/grad_norm": 0.5 if step != 5 else float("nan"), "step": step},
                              step=step)
            await monitor.log({"loss/mean": curve(step), "entropy/all/mean": 1.2, "mismatch_kl/all/mean": 0.002,
                               "step": step}, step=step)
        await monitor.finalize()

    asyncio.run(write())


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
    libraries, prime = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    writers = {"tensorboard": tensorboard_logs, "trainer": trainer_state, "trl": trl_state,
               "swift": lambda: swift_log(libraries), "verl": lambda: verl_logs(libraries),
               "prime": lambda: prime_log(prime)}
    for name in sys.argv[3:] or writers:
        writers[name]()


if __name__ == "__main__":
    main()
