"""Holds a model folder's logits next to those of transformers, run with torch and transformers installed:

python compare_logits.py FOLDER FILE, where FILE was written by dev.podium.llm.base.LogitsOf.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, file = sys.argv[1:]
ours = json.load(open(file))
words = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
text = words.apply_chat_template(
    [{"role": "user", "content": ours["question"]}], tokenize=False, add_generation_prompt=True
)
ids = words(text, add_special_tokens=False)["input_ids"]
assert ids == ours["ids"], (ids, ours["ids"])
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0]
found = torch.tensor(ours["logits"]).reshape(logits.shape)
difference = ((found - logits).abs().max() / logits.abs().max()).item()
same = (found.argmax(-1) == logits.argmax(-1)).all().item()
print(
    f"{type(model).__name__} in {model.dtype}, {len(ids)} tokens: largest difference {difference:.1e} of the largest"
    f" logit, most likely tokens {'equal' if same else 'DIFFERENT'}"
)
sys.exit(0 if difference < 1e-5 and same else 1)
