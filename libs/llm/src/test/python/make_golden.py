"""Makes the golden files of libs/llm's tests with the real libraries.

    pip install torch transformers peft gguf safetensors
    python make_golden.py OUTPUT_FOLDER [FOLDER_OF_SMOLLM2_GGUF]

OUTPUT_FOLDER/tiny-llama      a random model, ids, logits, a peft adapter with its logits and gradients
OUTPUT_FOLDER/smollm2.json    token ids and logits of SmolLM2-135M-Instruct at chosen positions
OUTPUT_FOLDER/tiny-qwen2, tiny-qwen3   random models with attention biases, with norms of q and k: ids and logits
OUTPUT_FOLDER/adamw.json      three clipped steps of torch's AdamW
OUTPUT_FOLDER/chat.json       chat templates and what transformers renders
"""
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, Qwen2Config,
                          Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

out = Path(sys.argv[1])
torch.manual_seed(7)
torch.set_num_threads(2)


def tiny():
    folder = out / "tiny-llama"
    folder.mkdir(parents=True, exist_ok=True)
    config = LlamaConfig(
        vocab_size=96, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=64, rope_theta=10000.0, rms_norm_eps=1e-5,
        tie_word_embeddings=False, bos_token_id=0, eos_token_id=1, initializer_range=0.2)
    model = LlamaForCausalLM(config).float().eval()
    model.save_pretrained(folder)
    ids = torch.randint(2, 96, (2, 11))
    logits = model(ids).logits
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj",
                                                          "up_proj", "down_proj"], task_type="CAUSAL_LM")
    peft = get_peft_model(model, lora)
    for name, parameter in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    peft.save_pretrained(folder / "adapter")
    adapted = peft(ids).logits
    # Loss: minus the sum of log-probabilities of the last six tokens of each row.
    logps = torch.log_softmax(adapted[:, :-1], -1).gather(2, ids[:, 1:, None])[..., 0]
    loss = -logps[:, -6:].sum()
    loss.backward()
    gradients = {n.replace(".default", ""): p.grad.clone() for n, p in peft.named_parameters() if p.grad is not None}
    save_file(gradients, folder / "gradients.safetensors")
    (folder / "expected.json").write_text(json.dumps({
        "ids": ids.tolist(), "logits": logits.detach().flatten().tolist(),
        "adaptedLogits": adapted.detach().flatten().tolist(), "loss": loss.item(),
        "logProbabilities": logps.detach().tolist()}))


def families():
    sizes = dict(vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=True,
                 bos_token_id=0, eos_token_id=1, initializer_range=0.2)
    models = {"tiny-qwen2": Qwen2ForCausalLM(Qwen2Config(**sizes)),
              "tiny-qwen3": Qwen3ForCausalLM(Qwen3Config(**sizes, head_dim=8))}
    for name, model in models.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        model = model.float().eval()
        for key, parameter in model.named_parameters():
            if key.endswith("bias") or "q_norm" in key or "k_norm" in key:
                torch.nn.init.normal_(parameter, mean=0.0 if key.endswith("bias") else 1.0, std=0.3)
        model.save_pretrained(folder)
        ids = torch.randint(2, 40, (2, 9))
        with torch.no_grad():
            logits = model(ids).logits
        (folder / "expected.json").write_text(json.dumps({"ids": ids.tolist(), "logits": logits.flatten().tolist()}))


def adamw():
    parameters = [torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.randn(4))]
    start = [p.detach().flatten().tolist() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    steps = []
    for scale in (0.1, 3.0, 1.0):
        gradients = [torch.randn_like(p) * scale for p in parameters]
        for p, g in zip(parameters, gradients):
            p.grad = g.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        steps.append({"gradients": [g.flatten().tolist() for g in gradients], "norm": norm.item(),
                      "parameters": [p.detach().flatten().tolist() for p in parameters]})
    (out / "adamw.json").write_text(json.dumps({"start": start, "steps": steps}))


def smollm2(folder):
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    texts = ["Hello, world!", "  leading spaces\tand tabs\n\nlines", "def f(x):\n    return x ** 2  # 12345",
             "naïve café — “quotes” 日本語 🙂 e\u0301", "<|im_start|>user\nHi<|im_end|>\n", "", "a" * 70, "1234567890 3.14"]
    tokens = [{"text": t, "ids": tokenizer(t, add_special_tokens=False)["input_ids"]} for t in texts]
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    messages = [{"role": "user", "content": "Why is the sky blue?"}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        greedy = model.generate(torch.tensor([ids]), max_new_tokens=16, do_sample=False)[0, len(ids):].tolist()
    positions = [0, len(ids) // 2, len(ids) - 1]
    columns = list(range(0, logits.shape[1], 257))
    (out / "smollm2.json").write_text(json.dumps({
        "tokens": tokens, "prompt": prompt, "ids": ids, "positions": positions, "columns": columns,
        "logits": [[round(float(logits[p, c]), 6) for c in columns] for p in positions], "greedy": greedy}))


def chat():
    templates = {
        "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        "smollm2": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        "llama2": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
        "zephyr": "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    }
    conversations = [
        [{"role": "user", "content": "Hi there"}],
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "One?\nTwo?"},
         {"role": "assistant", "content": "Two."}, {"role": "user", "content": "{{ 7 * 7 }} <b>&</b>"}],
    ]
    from transformers.utils.chat_template_utils import render_jinja_template
    cases = []
    for name, template in templates.items():
        for conversation in conversations:
            for prompt in (True, False):
                text = render_jinja_template(
                    conversations=[conversation], chat_template=template, add_generation_prompt=prompt,
                    bos_token="<s>", eos_token="</s>")[0][0]
                cases.append({"name": name, "template": template, "messages": conversation,
                              "addGenerationPrompt": prompt, "text": text})
    (out / "chat.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False))


tiny()
chat()
families()
adamw()
if len(sys.argv) > 2:
    smollm2(sys.argv[2])
