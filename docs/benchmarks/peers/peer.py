"""The work of `./podium bench`, done by TRL's DPOTrainer with PEFT, or by transformers' generate.

peer.py train|generate FOLDER [float32|bfloat16]: FOLDER has model/ and tokens.json, written by `./podium bench`.
Prints one JSON line.
"""

import json
import os
import resource
import sys
import time

folder, work = sys.argv[2], sys.argv[1]
dtype_name = sys.argv[3] if len(sys.argv) > 3 else "float32"
tokens = json.load(open(os.path.join(folder, "tokens.json")))
os.environ["OMP_NUM_THREADS"] = str(tokens["threads"])
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(tokens["threads"])
torch.manual_seed(1)
dtype = getattr(torch, dtype_name)
model = AutoModelForCausalLM.from_pretrained(os.path.join(folder, "model"), dtype=dtype)
result = {"bench": work, "dtype": dtype_name, "threads": tokens["threads"]}


def train():
    from datasets import Dataset
    from peft import LoraConfig
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import DPOConfig, DPOTrainer

    class Prepared(DPOTrainer):
        """The data set has token ids already: the same ones that Podium learns from."""

        def _prepare_dataset(self, dataset, *args, **kwargs):
            return dataset

    def rows(tasks):
        all_rows = []
        for task in tasks:
            outputs = task["completions"]
            for i in range(len(outputs)):
                for j in range(i + 1, len(outputs)):
                    all_rows.append(
                        {"prompt_ids": task["prompt"], "chosen_ids": outputs[i], "rejected_ids": outputs[j]}
                    )
        return Dataset.from_list(all_rows)

    class Clock(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 1:  # the first step is warm-up
                self.start = time.perf_counter()

        def on_train_end(self, args, state, control, **kwargs):
            self.seconds = time.perf_counter() - self.start

    outputs = len(tokens["tasks"][0]["completions"])
    pairs = outputs * (outputs - 1) // 2
    batch = tokens["batch"]
    # A step is `batch` rankings, cut into passes of so many pairs, in order: those of a ranking stand together.
    per_pass = tokens["pairs_per_pass"]
    assert batch * pairs % per_pass == 0, (batch, pairs, per_pass)
    data = rows(tokens["tasks"][:batch] + tokens["tasks"])
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 2}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    clock = Clock()
    trainer = Prepared(
        model=model,
        args=DPOConfig(
            output_dir=os.path.join(folder, "out"),
            per_device_train_batch_size=per_pass,
            gradient_accumulation_steps=batch * pairs // per_pass,
            num_train_epochs=1,
            learning_rate=1e-4,
            beta=0.1,
            max_length=None,
            gradient_checkpointing=tokens["recompute"],
            train_sampling_strategy="sequential",
            bf16=False,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            logging_steps=1000,
            disable_tqdm=True,
            seed=1,
        ),
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=16,
            lora_alpha=32,
            lora_dropout=0.0,
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            task_type="CAUSAL_LM",
        ),
        callbacks=[clock],
    )
    trainer.train()
    count = len(tokens["tasks"])
    result.update(
        tool="trl+peft",
        outputs=outputs,
        pairs_per_pass=per_pass,
        recompute=tokens["recompute"],
        tasks=count,
        seconds=clock.seconds,
        rankings_per_s=count / clock.seconds,
        pairs_per_s=count * pairs / clock.seconds,
    )


def generate():
    prompts = tokens["prompts"]
    longest = max(len(p) for p in prompts)
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    new = tokens["new_tokens"]

    def run(count, samples, length):
        with torch.no_grad():
            return model.generate(
                input_ids=ids[:count],
                attention_mask=mask[:count],
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=samples,
                min_new_tokens=length,
                max_new_tokens=length,
                pad_token_id=0,
                eos_token_id=None,
            )

    run(1, 1, 4)
    start = time.perf_counter()
    out = run(len(prompts), tokens["samples"], new)
    seconds = time.perf_counter() - start
    count = out.shape[0] * (out.shape[1] - longest)
    assert count == len(prompts) * tokens["samples"] * new, count
    result.update(tool="transformers", seconds=seconds, tokens_per_s=count / seconds)


train() if work == "train" else generate()
result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps(result))
