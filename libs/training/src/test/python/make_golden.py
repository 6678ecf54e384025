"""Makes src/test/resources/golden: a tiny random Llama, and what TRL and torch compute with it.

Run with torch, transformers, peft and trl (1.16.0) installed:  python make_golden.py
The tests load the same weights and must find the same losses and gradients.
"""

import json
import pathlib
import tempfile

import torch
from datasets import Dataset
from peft import LoraConfig
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    RLOOConfig,
    RLOOTrainer,
    SFTConfig,
    SFTTrainer,
)

OUT = pathlib.Path(__file__).parent.parent / "resources" / "golden"
BASE = OUT / "tiny-llama"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,!?'\n"
TEMPLATE = (
    "{% for message in messages %}{{ '<|start|>' + message['role'] + '\n' + message['content'] + '<|end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
)
ROWS = [
    {"prompt": "Where is my parcel?\n", "chosen": "It is on its way, thank you!", "rejected": "No idea."},
    {"prompt": "Hi", "chosen": " Hello.", "rejected": " What now? I have no time for you."},
    {"prompt": "Can I return it?\n", "chosen": "Yes, please.", "rejected": "no"},
]


def tokenizer() -> PreTrainedTokenizerFast:
    """One token per character: small, and no boundary can move."""
    special = ["<|pad|>", "<|start|>", "<|end|>", "<|unknown|>"]
    vocabulary = {token: i for i, token in enumerate(special + list(CHARACTERS))}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<|unknown|>"))
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens(special)
    result = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<|pad|>", eos_token="<|end|>", unk_token="<|unknown|>"
    )
    result.chat_template = TEMPLATE
    return result


def config(words) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        rope_theta=10000.0,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        initializer_range=0.2,
    )


def write_base(words) -> None:
    torch.manual_seed(11)
    model = LlamaForCausalLM(config(words)).float()
    with torch.no_grad():  # norms of ones would hide a forgotten norm
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(BASE, safe_serialization=True)
    words.save_pretrained(BASE)
    (BASE / "generation_config.json").unlink(missing_ok=True)
    settings = json.loads((BASE / "config.json").read_text())
    settings.setdefault("rope_theta", 10000.0)
    (BASE / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    (BASE / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "chat_template": TEMPLATE,
                "eos_token": "<|end|>",
                "pad_token": "<|pad|>",
                "unk_token": "<|unknown|>",
                "tokenizer_class": "PreTrainedTokenizerFast",
            },
            indent=2,
        )
        + "\n"
    )


def lora(task: str) -> LoraConfig:
    return LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=TARGETS, bias="none", task_type=task)


def randomise(model) -> None:
    """Weights of an adapter in mid-training, so that no gradient is trivially zero."""
    torch.manual_seed(12)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_B" in name:
                parameter.copy_(0.1 * torch.randn_like(parameter))
            if "score" in name and "modules_to_save" in name:
                parameter.copy_(0.5 * torch.randn_like(parameter))


def plain(name: str) -> str:
    """PEFT's name on disk."""
    return name.replace(".default", "").replace("modules_to_save.", "")


def save(folder: pathlib.Path, model, scores: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights, gradients = {}, {}
    for name, parameter in model.named_parameters():
        if "lora_" in name or (scores and "modules_to_save" in name and "score" in name):
            weights[plain(name)] = parameter.detach().float().contiguous()
            gradients[plain(name)] = parameter.grad.detach().float().contiguous()
    save_file(weights, str(folder / "weights.safetensors"), metadata={"format": "pt"})
    save_file(gradients, str(folder / "gradients.safetensors"), metadata={"format": "pt"})


def dpo(words) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        trainer = DPOTrainer(
            model=LlamaForCausalLM.from_pretrained(BASE, dtype=torch.float32),
            peft_config=lora("CAUSAL_LM"),  # a new adapter: the reference is the adapter switched off
            args=DPOConfig(
                output_dir=scratch,
                per_device_train_batch_size=len(ROWS),
                beta=0.1,
                report_to=[],
                bf16=False,
                use_cpu=True,
                gradient_checkpointing=False,
                max_length=None,
            ),
            train_dataset=Dataset.from_list(ROWS),
            processing_class=words,
        )
        model = trainer.model
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(ROWS))])
        randomise(model)
        model.train()
        model.zero_grad()
        loss = trainer._compute_loss(model, batch, False)
        loss.backward()
        n = len(ROWS)
        rows = []
        for i in range(n):
            row = {}
            for j, side in ((i, "chosen"), (n + i, "rejected")):
                real = batch["attention_mask"][j].bool()
                ids = batch["input_ids"][j][real].tolist()
                length = int(batch["completion_mask"][j][real].sum())
                row["prompt"] = ids[: len(ids) - length]
                row[side] = ids[len(ids) - length :]
            rows.append(row)
        metrics = {k: v[-1] for k, v in trainer._metrics["train"].items() if k.startswith(("rewards/", "logps/"))}
        save(OUT / "dpo", model, scores=False)
        (OUT / "dpo" / "expected.json").write_text(
            json.dumps({"beta": 0.1, "loss": loss.item(), "metrics": metrics, "rows": rows}, indent=1) + "\n"
        )


def reward(words) -> None:
    torch.manual_seed(13)
    base = LlamaForSequenceClassification.from_pretrained(BASE, num_labels=1, dtype=torch.float32)
    settings = lora("SEQ_CLS")
    settings.modules_to_save = ["score"]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = RewardTrainer(
            model=base,
            peft_config=settings,
            args=RewardConfig(
                output_dir=scratch,
                per_device_train_batch_size=len(ROWS),
                center_rewards_coefficient=0.01,
                report_to=[],
                bf16=False,
                use_cpu=True,
                gradient_checkpointing=False,
                disable_dropout=True,
            ),
            train_dataset=Dataset.from_list(
                [{"chosen": r["prompt"] + r["chosen"], "rejected": r["prompt"] + r["rejected"]} for r in ROWS]
            ),
            processing_class=words,
        )
        model = trainer.model
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(ROWS))])
        randomise(model)
        model.train()
        model.zero_grad()
        inputs = {k: v for k, v in batch.items()}
        loss, outputs = trainer.compute_loss(model, inputs, return_outputs=True)
        loss.backward()
        n = len(ROWS)
        sequences = [batch["input_ids"][j][batch["attention_mask"][j].bool()].tolist() for j in range(2 * n)]
        save(OUT / "reward", model, scores=True)
        (OUT / "reward" / "expected.json").write_text(
            json.dumps(
                {
                    "centering": 0.01,
                    "loss": loss.item(),
                    "scores": outputs.logits.squeeze(-1).tolist(),
                    "chosen": sequences[:n],
                    "rejected": sequences[n:],
                },
                indent=1,
            )
            + "\n"
        )


PLAIN = dict(report_to=[], bf16=False, use_cpu=True, gradient_checkpointing=False)


def save_gradients(path: pathlib.Path, model) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    gradients = {
        plain(name): parameter.grad.detach().float().contiguous()
        for name, parameter in model.named_parameters()
        if "lora_" in name
    }
    save_file(gradients, str(path), metadata={"format": "pt"})


def write_json(path: pathlib.Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


DPO_LOSSES = (
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "bco_pair",
    "robust",
    "sppo_hard",
    "apo_zero",
    "apo_down",
    "discopop",
    "sigmoid_norm",
)


def dpo_losses(words, names=DPO_LOSSES) -> None:
    """Every loss that TRL's DPOTrainer has under the same name, on the rows and the adapter of dpo()."""
    path = OUT / "dpo" / "losses.json"
    losses = json.loads(path.read_text()) if path.exists() else {}
    for loss_type in names:
        with tempfile.TemporaryDirectory() as scratch:
            trainer = DPOTrainer(
                model=LlamaForCausalLM.from_pretrained(BASE, dtype=torch.float32),
                peft_config=lora("CAUSAL_LM"),
                args=DPOConfig(
                    output_dir=scratch,
                    per_device_train_batch_size=len(ROWS),
                    beta=0.1,
                    loss_type=loss_type,
                    label_smoothing=0.1 if loss_type in ("exo_pair", "robust") else 0.0,
                    max_length=None,
                    **PLAIN,
                ),
                train_dataset=Dataset.from_list(ROWS),
                processing_class=words,
            )
            model = trainer.model
            batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(ROWS))])
            randomise(model)
            model.train()
            model.zero_grad()
            loss = trainer._compute_loss(model, batch, False)
            loss.backward()
            losses[loss_type] = loss.item()
            save_gradients(OUT / "dpo" / f"gradients-{loss_type}.safetensors", model)
    write_json(path, losses)


def kto(words) -> None:
    """KTO on single outputs: one desirable or undesirable output per prompt."""
    rows = [
        {"prompt": row["prompt"], "completion": row["chosen" if good else "rejected"], "label": good}
        for row, good in zip(ROWS, (True, False, True))
    ]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = KTOTrainer(
            model=LlamaForCausalLM.from_pretrained(BASE, dtype=torch.float32),
            peft_config=lora("CAUSAL_LM"),
            args=KTOConfig(
                output_dir=scratch,
                per_device_train_batch_size=len(rows),
                beta=0.1,
                desirable_weight=1.0,
                undesirable_weight=1.5,
                max_length=None,
                **PLAIN,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=words,
        )
        model = trainer.model
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(rows))])
        randomise(model)
        model.train()
        model.zero_grad()
        loss = trainer._compute_loss(model, batch, False)
        loss.backward()

        def split(ids, attention, mask):
            real = attention.bool()
            tokens, length = ids[real].tolist(), int(mask[real].sum())
            return tokens[: len(tokens) - length], tokens[len(tokens) - length :]

        out = []
        for i in range(len(rows)):
            prompt, completion = split(batch["input_ids"][i], batch["attention_mask"][i], batch["completion_mask"][i])
            mismatched = split(
                batch["KL_input_ids"][i], batch["KL_attention_mask"][i], batch["KL_completion_mask"][i]
            )
            assert mismatched[0] == prompt
            out.append(
                {
                    "prompt": prompt,
                    "completion": completion,
                    "mismatched": mismatched[1],
                    "desirable": bool(batch["label"][i]),
                }
            )
        save_gradients(OUT / "kto" / "gradients.safetensors", model)
        write_json(
            OUT / "kto" / "expected.json",
            {
                "beta": 0.1,
                "undesirableWeight": 1.5,
                "loss": loss.item(),
                "kl": trainer._metrics["train"]["kl"][-1],
                "rows": out,
            },
        )


def completions(words, device_rows):
    """Prompts left-padded, completions right-padded, as TRL's online trainers have them."""
    prompts = [words(p, add_special_tokens=False)["input_ids"] for p, _ in device_rows]
    outs = [words(c, add_special_tokens=False)["input_ids"] + [words.eos_token_id] for _, c in device_rows]
    width, length = max(map(len, prompts)), max(map(len, outs))
    pad = words.pad_token_id
    return prompts, outs, {
        "prompt_ids": torch.tensor([[pad] * (width - len(p)) + p for p in prompts]),
        "prompt_mask": torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts]),
        "completion_ids": torch.tensor([o + [pad] * (length - len(o)) for o in outs]),
        "completion_mask": torch.tensor([[1] * len(o) + [0] * (length - len(o)) for o in outs]),
    }


def online(words, name: str) -> None:
    """GRPO or RLOO: the loss of four completions, two of each of two prompts, with given scores."""
    rows = [(row["prompt"], row[side]) for row in ROWS[:2] for side in ("chosen", "rejected")]
    prompts, outs, inputs = completions(words, rows)
    common = dict(
        per_device_train_batch_size=4, num_generations=2, max_completion_length=64, beta=0.04, temperature=1.0, **PLAIN
    )
    with tempfile.TemporaryDirectory() as scratch:
        if name == "grpo":
            trainer_type, args = GRPOTrainer, GRPOConfig(output_dir=scratch, loss_type="bnpo", **common)
        else:
            trainer_type, args = RLOOTrainer, RLOOConfig(output_dir=scratch, **common)
        trainer = trainer_type(
            model=LlamaForCausalLM.from_pretrained(BASE, dtype=torch.float32),
            reward_funcs=lambda **kwargs: [0.0],
            peft_config=lora("CAUSAL_LM"),
            args=args,
            train_dataset=Dataset.from_list([{"prompt": p} for p, _ in rows]),
            processing_class=words,
        )
        model = trainer.model
        randomise(model)
        model.train()
        model.zero_grad()
        trainer.current_gradient_accumulation_steps = 1
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        keep = inputs["completion_ids"].shape[1]

        def logps():
            with torch.no_grad():
                return trainer._get_per_token_logps_and_entropies(model, ids, attention, keep)[0]

        now = logps()
        with model.disable_adapter():
            reference = logps()
        torch.manual_seed(14)
        old = now + 0.15 * torch.randn_like(now)
        scores = torch.tensor([1.0, -0.5, 0.25, 0.75])
        mask = inputs["completion_mask"]
        grouped = scores.view(-1, 2)
        if name == "grpo":
            advantages = (grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)
            inputs.update(old_per_token_logps=old, ref_per_token_logps=reference)
        else:
            penalised = (scores - 0.04 * ((old - reference) * mask).sum(1)).view(-1, 2)
            advantages = penalised - penalised.flip(1)
            inputs.update(old_logps=(old * mask).sum(1))
        inputs["advantages"] = advantages.view(-1)
        loss = trainer._compute_loss(model, inputs)
        loss.backward()
        lengths = [len(o) for o in outs]
        save_gradients(OUT / name / "gradients.safetensors", model)
        write_json(
            OUT / name / "expected.json",
            {
                "klCoefficient": 0.04,
                "loss": loss.item(),
                "scores": scores.tolist(),
                "advantages": inputs["advantages"].tolist(),
                "prompts": prompts,
                "completions": outs,
                "old": [row[:n].tolist() for row, n in zip(old, lengths)],
                "reference": [row[:n].tolist() for row, n in zip(reference, lengths)],
            },
        )


def sft_trainer(words, rows, scratch, only=True, **options) -> SFTTrainer:
    return SFTTrainer(
        model=LlamaForCausalLM.from_pretrained(BASE, dtype=torch.float32),
        args=SFTConfig(
            output_dir=scratch,
            per_device_train_batch_size=len(rows),
            completion_only_loss=only,
            max_length=None,
            **PLAIN,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=words,
        **options,
    )


def sft(words) -> None:
    """Loss on the completion only, and on everything: of an adapter, and of every weight."""
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in ROWS]
    result = {}
    for name, only in (("completion", True), ("all", False)):
        for method, options in (("lora", {"peft_config": lora("CAUSAL_LM")}), ("full", {})):
            with tempfile.TemporaryDirectory() as scratch:
                trainer = sft_trainer(words, rows, scratch, only, **options)
                model = trainer.model
                batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(rows))])
                if method == "lora":
                    randomise(model)
                model.train()
                model.zero_grad()
                loss = trainer.compute_loss(model, dict(batch))
                loss.backward()
                if method == "full":
                    result[f"full-{name}"] = loss.item()
                    save_all_gradients(OUT / "sft" / f"gradients-full-{name}.safetensors", model)
                    continue
                save_gradients(OUT / "sft" / f"gradients-{name}.safetensors", model)
                result[name] = loss.item()
                result["rows"] = []
                for i, row in enumerate(rows):
                    ids = batch["input_ids"][i][batch["attention_mask"][i].bool()].tolist()
                    length = len(words(row["prompt"], add_special_tokens=False)["input_ids"])
                    result["rows"].append({"prompt": ids[:length], "completion": ids[length:]})
    result["chat"] = chat_rows(words)
    write_json(OUT / "sft" / "expected.json", result)


def chat_rows(words) -> list:
    """What TRL makes of conversations: the tokens, and which of them are learnt."""
    conversations = [
        [
            {"role": "user", "content": row["prompt"].strip()},
            {"role": "assistant", "content": row["rejected"].strip()},
            {"role": "user", "content": "What now?"},
            {"role": "assistant", "content": row["chosen"].strip()},
        ]
        for row in ROWS
    ]
    rows = [{"prompt": messages[:-1], "completion": messages[-1:]} for messages in conversations]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = sft_trainer(words, rows, scratch)
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(rows))])
    result = []
    for i, messages in enumerate(conversations):
        real = batch["attention_mask"][i].bool()
        learnt = batch["labels"][i][real] != -100
        ids = batch["input_ids"][i][real]
        result.append(
            {"messages": messages, "prompt": ids[~learnt].tolist(), "completion": ids[learnt].tolist()}
        )
    return result


def save_all_gradients(path: pathlib.Path, model) -> None:
    """Tied weights once, under the name of the embedding."""
    gradients = {
        name: parameter.grad.detach().float().contiguous() for name, parameter in model.named_parameters()
    }
    save_file(gradients, str(path), metadata={"format": "pt"})


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    write_base(words)
    dpo(words)
    reward(words)
    dpo_losses(words)
    kto(words)
    online(words, "grpo")
    online(words, "rloo")
    sft(words)
