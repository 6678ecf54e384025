"""Makes the golden files of libs/llm's tests with the real libraries.

    pip install torch transformers peft gguf safetensors bitsandbytes
    python make_golden.py OUTPUT_FOLDER [FOLDER_OF_SMOLLM2_GGUF]

OUTPUT_FOLDER/tiny-llama      a random model, ids, logits, a peft adapter with its logits and gradients
OUTPUT_FOLDER/smollm2.json    token ids and logits of SmolLM2-135M-Instruct at chosen positions
OUTPUT_FOLDER/tiny-llama2, tiny-llama3, tiny-mistral, tiny-qwen2, tiny-qwen3   the same for each family: float16,
                              bfloat16 and several files; some targets, rsLoRA, biases, norms of q and k
OUTPUT_FOLDER/tiny-llama/ours.json   logits by peft with the adapter folder tiny-llama/ours, which Podium wrote
OUTPUT_FOLDER/tiny-rope-*     random models with scaled positions: ids and logits of every ninth position
OUTPUT_FOLDER/adamw.json      three clipped steps of torch's AdamW
OUTPUT_FOLDER/chat.json       chat templates and what transformers renders
OUTPUT_FOLDER/tiny.gguf, tiny-gguf.json   one tensor of each type, and the values that the gguf library reads
OUTPUT_FOLDER/tiny-k.gguf, tiny-k-gguf.json   the same for Q4_K and Q6_K
OUTPUT_FOLDER/nf4.json        a matrix that bitsandbytes packs in NF4, and the tiny llama's logits with packed weights
OUTPUT_FOLDER/nano-tokens.json   texts and podium-nano's tokens of them by the tokenizers library
"""
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, MistralConfig,
                          MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("src/test/resources/golden")
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
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj",
                                                          "up_proj", "down_proj"], task_type="CAUSAL_LM")
    with torch.no_grad():
        logits = model(ids).logits
    adapted = with_adapter(model, folder, lora, ids)
    (folder / "expected.json").write_text(json.dumps(
        {"ids": ids.tolist(), "logits": logits.flatten().tolist(), **adapted}))


def families():
    """Tiny models of each family in the forms that their folders come in, each with a peft adapter and its gradients."""
    sizes = dict(vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=True,
                 bos_token_id=0, eos_token_id=1, initializer_range=0.2)
    everything = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 8, "rope_theta": 500000.0}
    untied = dict(tie_word_embeddings=False)
    cases = {
        "tiny-llama2": (LlamaForCausalLM(LlamaConfig(**sizes | untied | dict(num_key_value_heads=4))),
                        torch.float16, "9KB", dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])),
        "tiny-llama3": (LlamaForCausalLM(LlamaConfig(**sizes, rope_parameters=llama3)),
                        torch.bfloat16, "9KB", dict(r=8, lora_alpha=12, use_rslora=True, target_modules=everything)),
        "tiny-mistral": (MistralForCausalLM(MistralConfig(**sizes | untied, head_dim=8, sliding_window=None)),
                         torch.float32, "9KB", dict(r=4, lora_alpha=4, target_modules=everything)),
        "tiny-qwen2": (Qwen2ForCausalLM(Qwen2Config(**sizes)),
                       torch.float32, "1GB", dict(r=4, lora_alpha=8, target_modules=everything)),
        "tiny-qwen3": (Qwen3ForCausalLM(Qwen3Config(**sizes, head_dim=8)),
                       torch.bfloat16, "1GB", dict(r=4, lora_alpha=8, target_modules=["o_proj", "down_proj"]))}
    for name, (model, dtype, shard, lora) in cases.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        for key, parameter in model.named_parameters():
            if key.endswith("bias") or "q_norm" in key or "k_norm" in key:
                torch.nn.init.normal_(parameter, mean=0.0 if key.endswith("bias") else 1.0, std=0.3)
        model.to(dtype).save_pretrained(folder, max_shard_size=shard)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ids = torch.randint(2, 40, (2, 9))
        with torch.no_grad():
            logits = model(ids).logits
        adapted = with_adapter(model, folder, LoraConfig(task_type="CAUSAL_LM", **lora), ids)
        (folder / "expected.json").write_text(json.dumps(
            {"ids": ids.tolist(), "logits": logits.flatten().tolist(), **adapted}))


def with_adapter(model, folder, lora, ids):
    """Writes a random adapter and the gradients of minus the log-probabilities of the last six tokens of each row."""
    peft = get_peft_model(model, lora)
    for name, parameter in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    peft.save_pretrained(folder / "adapter")
    adapted = peft(ids).logits
    logps = torch.log_softmax(adapted[:, :-1], -1).gather(2, ids[:, 1:, None])[..., 0]
    loss = -logps[:, -6:].sum()
    loss.backward()
    gradients = {n.replace(".default", ""): p.grad.clone() for n, p in peft.named_parameters() if p.grad is not None}
    save_file(gradients, folder / "gradients.safetensors")
    return {"adaptedLogits": adapted.detach().flatten().tolist(), "loss": loss.item(),
            "logProbabilities": logps.detach().tolist()}


def ours():
    """What peft computes with an adapter folder that Podium wrote (tiny-llama/ours, made by GoldenTest)."""
    from peft import PeftModel
    folder = out / "tiny-llama"
    ids = torch.tensor(json.loads((folder / "expected.json").read_text())["ids"])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = PeftModel.from_pretrained(model, folder / "ours").eval()(ids).logits
    (folder / "ours.json").write_text(json.dumps({"logits": logits.flatten().tolist()}))


def scaled():
    """Tiny models with scaled positions, over more positions than they were first trained on."""
    kinds = {"linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
             "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 32, "rope_theta": 500000.0},
             "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
                      "rope_theta": 1000000.0},
             "yarn-mscale": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16,
                             "beta_fast": 16, "beta_slow": 2, "mscale": 0.8, "mscale_all_dim": 1.1,
                             "rope_theta": 10000.0}}
    for name, rope in kinds.items():
        folder = out / f"tiny-rope-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=40, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=128, rms_norm_eps=1e-6, tie_word_embeddings=True,
            bos_token_id=0, eos_token_id=1, initializer_range=0.3, rope_parameters=rope)).float().eval()
        model.save_pretrained(folder)
        ids = torch.randint(2, 40, (1, 100))
        with torch.no_grad():
            logits = model(ids).logits[:, ::9]
        (folder / "expected.json").write_text(json.dumps(
            {"ids": ids.tolist(), "every": 9, "logits": logits.flatten().tolist()}))


def quantised():
    """A matrix as bitsandbytes packs it in NF4, and the tiny llama's logits with every linear layer so packed."""
    import bitsandbytes.functional as bnb
    from transformers import AutoModelForCausalLM

    def pack(weight):
        codes, state = bnb.quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
        return codes, state, bnb.dequantize_4bit(codes, state)

    matrix = (torch.randn(160, 128) * 0.05).to(torch.bfloat16).float()
    matrix[3, :64] = 0
    codes, state, wide = pack(matrix)
    model = AutoModelForCausalLM.from_pretrained(out / "tiny-llama", dtype=torch.float32).eval()
    ids = torch.tensor(json.loads((out / "tiny-llama/expected.json").read_text())["ids"])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "_proj" in name:
                parameter.copy_(pack(parameter.data)[2])
            elif "embed_tokens" in name or "lm_head" in name:
                parameter.copy_(parameter.to(torch.bfloat16).float())
        nf4 = model(ids).logits
        model = AutoModelForCausalLM.from_pretrained(out / "tiny-llama", dtype=torch.bfloat16).eval().float()
        bfloat16 = model(ids).logits
    (out / "nf4.json").write_text(json.dumps({
        "matrix": matrix.flatten().tolist(), "rows": 160, "codes": codes.flatten().tolist(),
        "scales": state.absmax.tolist(), "scaleBlocks": state.state2.absmax.tolist(), "offset": state.offset.item(),
        "wide": wide.flatten()[:1280].tolist(), "logits": nf4.flatten().tolist(),
        "bfloat16Logits": bfloat16.flatten().tolist()}))


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
    templates |= {
        "llama3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        "phi3": "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        "qwen2.5": "{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n    {%- for tool in tools %}\n        {{- tool | tojson }}\n    {%- endfor %}\n{%- else %}\n    {%- if messages[0]['role'] == 'system' %}\n        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n    {%- else %}\n        {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}\n    {%- endif %}\n{%- endif %}\n{%- for message in messages %}\n    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) or (message.role == \"assistant\" and not message.tool_calls) %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n    {%- elif message.role == \"assistant\" %}\n        {{- '<|im_start|>' + message.role }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n",
        "mistral": "{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content'] %}\n    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set loop_messages = messages %}\n{%- endif %}\n\n{{- bos_token }}\n{%- for message in loop_messages %}\n    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\n        {{- raise_exception('roles must alternate') }}\n    {%- endif %}\n    {%- if message['role'] == 'user' %}\n        {%- if loop.first and system_message is defined %}\n            {{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}\n        {%- else %}\n            {{- ' [INST] ' + message['content'] + ' [/INST]' }}\n        {%- endif %}\n    {%- elif message['role'] == 'assistant' %}\n        {{- ' ' + message['content'] + eos_token}}\n    {%- endif %}\n{%- endfor %}\n",
    }
    # Whitespace alone: a blank in the middle of a line stays, an indented block's goes, signs and comments.
    templates["whitespace"] = ("a  {% if true %} b {% endif %} c\n  {%- if true -%}\n  d \n{%+ endif %}\n\n"
                               "  {# note #}\n  {{- '}}' -}}\n  {{ '%}' }} {%- set x = {'k': {'n': 1}} %}\n\te{{ x.k.n }}\n"
                               "  {% for m in messages -%}\n\n {{ m.role }} {% endfor +%}\nend\n\n")
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


def tiny_gguf():
    import gguf
    import numpy
    random = numpy.random.default_rng(3)
    path = out / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_block_count(1)
    writer.add_context_length(16)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_eos_token_id(1)
    kinds = gguf.GGMLQuantizationType
    tensors = {"token_embd.weight": (kinds.F16, (8, 32)), "output_norm.weight": (kinds.F32, (32,)),
               "blk.0.attn_norm.weight": (kinds.F32, (32,)), "blk.0.ffn_norm.weight": (kinds.F32, (32,)),
               "blk.0.attn_q.weight": (kinds.F32, (32, 32)), "blk.0.attn_k.weight": (kinds.Q8_0, (16, 32)),
               "blk.0.attn_v.weight": (kinds.BF16, (16, 32)), "blk.0.attn_output.weight": (kinds.Q4_0, (32, 32)),
               "blk.0.ffn_gate.weight": (kinds.Q4_1, (64, 32)), "blk.0.ffn_up.weight": (kinds.Q4_0, (64, 32)),
               "blk.0.ffn_down.weight": (kinds.Q8_0, (32, 64))}

    def permute(rows, heads):  # as llama.cpp's convert_hf_to_gguf.py does
        return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

    expected = {}
    for name, (kind, shape) in tensors.items():
        hf = random.standard_normal(shape).astype(numpy.float32)
        heads = {"blk.0.attn_q.weight": 4, "blk.0.attn_k.weight": 2}.get(name)
        data = gguf.quants.quantize(permute(hf, heads) if heads else hf, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        # Each row is quantised alone, so what the library reads of the unpermuted rows are the right values.
        values = gguf.quants.dequantize(gguf.quants.quantize(hf, kind), kind)
        expected[name] = {"shape": list(shape), "values": [float(v) for v in values.flatten()]}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (out / "tiny-gguf.json").write_text(json.dumps(expected))


def k_quants():
    """Blocks of random bytes, which the gguf library can unpack but not pack."""
    import gguf
    import numpy
    random = numpy.random.default_rng(5)
    path = out / "tiny-k.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    expected = {}
    for name, kind, size, places in (("token_embd.weight", gguf.GGMLQuantizationType.Q4_K, 144, (0, 2)),
                                     ("blk.0.ffn_down.weight", gguf.GGMLQuantizationType.Q6_K, 210, (208,))):
        data = random.integers(0, 256, (3, 2 * size), dtype=numpy.uint8)
        for block in (0, size):
            for place in places:
                halves = (random.random(3) * 0.01).astype(numpy.float16)
                data[:, block + place:block + place + 2] = halves[:, None].view(numpy.uint8)
        writer.add_tensor(name, data, raw_dtype=kind)
        values = gguf.quants.dequantize(data, kind)
        expected[name] = {"shape": list(values.shape), "values": [float(v) for v in values.flatten()]}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (out / "tiny-k-gguf.json").write_text(json.dumps(expected))


def nano_tokens():
    from tokenizers import Tokenizer
    file = Path(__file__).resolve().parents[2] / "main/resources/podium-nano/tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    texts = ["", "My lamp does not start.", "  Two  spaces\n\nand\ttabs ", "naïve café — “quotes” 日本語 🙂 é",
             "def f(x):\n    return x ** 2  # 12345", "It's we'll don't I'M", "<|im_start|>user\nHi<|im_end|>\n",
             "<|im_start>not special<|pad|>", "a" * 600, "\u0000\u200b\ufeff"]
    (out / "nano-tokens.json").write_text(json.dumps(
        [{"text": t, "ids": e.ids, "decoded": tokenizer.decode(e.ids)}
         for t in texts for e in [tokenizer.encode(t, add_special_tokens=False)]], ensure_ascii=False))


if __name__ == "__main__":
    tiny()
    chat()
    families()
    scaled()
    adamw()
    tiny_gguf()
    k_quants()
    nano_tokens()
    quantised()
    if (out / "tiny-llama/ours").exists():
        ours()
    if len(sys.argv) > 2:
        smollm2(sys.argv[2])
    for pattern in ("README.md", "generation_config.json"):  # not read
        for file in out.rglob(pattern):
            file.unlink()
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)
