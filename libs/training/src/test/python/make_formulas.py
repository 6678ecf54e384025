"""Makes src/test/resources/golden/formulas: what the methods that TRL does not have must compute, and what Podium adds to
those that it has. Values and gradients are autograd's in float64, through Hugging Face's model and PEFT, from the formulas as
the papers have them; orderings are summed one by one. simpo and orpo are held to TRL's own code on the way.

Run after make_golden.py, with the same packages:  python make_formulas.py
"""

import itertools
import json
import types

import torch
import torch.nn.functional as F
from peft import get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

import make_golden as golden

OUT = golden.OUT / "formulas"
PAIRS = json.loads((golden.OUT / "dpo" / "expected.json").read_text())["rows"]
BETA, SMOOTHING = 0.1, 0.1
MARGINS, WEIGHTS = [1.0, 0.5, 0.25], [0.5, 0.3, 0.2]
# One ranking of four outputs with a tie, and one of three without; 1 is best.
RANKS = [[2, 1, 2, 3], [1, 3, 2]]
TIES = [(0, 2)]  # of the first task


def model(weights):
    """The tiny Llama in float64 with the golden adapter, trainable."""
    base = LlamaForCausalLM.from_pretrained(golden.BASE, dtype=torch.float32)
    adapted = get_peft_model(base, golden.lora("CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(weights[golden.plain(name)])
    return adapted.double().eval()


def token_logps(adapted, prompt, completion):
    logits = adapted(input_ids=torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(completion).unsqueeze(1)).squeeze(1)


def log_ratio_sums(adapted, prompt, completions):
    """log pi - log pi_ref of each completion; the reference is the adapter switched off."""
    policy = torch.stack([token_logps(adapted, prompt, c).sum() for c in completions])
    with torch.no_grad(), adapted.disable_adapter():
        reference = torch.stack([token_logps(adapted, prompt, c).sum() for c in completions])
    return policy, reference


def plackett_luce(scores, ranks):
    """-log of the summed probabilities of all orders that the ranking allows."""
    total = []
    for order in itertools.permutations(range(len(ranks))):
        if all(ranks[a] <= ranks[b] for a, b in zip(order, order[1:])):
            picks = [scores[i] - torch.logsumexp(torch.stack([scores[j] for j in order[k:]]), 0) for k, i in enumerate(order)]
            total.append(torch.stack(picks).sum())
    return -torch.logsumexp(torch.stack(total), 0)


def save(name, adapted, loss, extra=None):
    loss.backward()
    gradients = {
        golden.plain(n): p.grad.float().contiguous() for n, p in adapted.named_parameters() if "lora_" in n and p.grad is not None
    }
    gradients.update(extra or {})
    save_file(gradients, str(OUT / f"{name}.safetensors"), metadata={"format": "pt"})
    adapted.zero_grad()
    return loss.item()


def dpo(result):
    adapted = model(load_file(golden.OUT / "dpo" / "weights.safetensors"))

    def pairs():
        c, r, lc, lr, nc, nr = [], [], [], [], [], []
        for row in PAIRS:
            policy, reference = log_ratio_sums(adapted, row["prompt"], [row["chosen"], row["rejected"]])
            c.append(policy[0] - reference[0])
            r.append(policy[1] - reference[1])
            lc.append(policy[0])
            lr.append(policy[1])
            nc.append(len(row["chosen"]))
            nr.append(len(row["rejected"]))
        return map(torch.stack, (c, r, lc, lr)), torch.tensor(nc).double(), torch.tensor(nr).double()

    def of(name, loss):
        (c, r, lc, lr), nc, nr = pairs()
        result[name] = save(name, adapted, loss(c, r, lc, lr, nc, nr))

    ls = F.logsigmoid
    of("cdpo", lambda c, r, *_: (-(1 - SMOOTHING) * ls(BETA * (c - r)) - SMOOTHING * ls(-BETA * (c - r))).mean())

    def simpo(c, r, lc, lr, nc, nr):
        loss = -ls(BETA * (lc / nc - lr / nr) - 0.5)
        trl = types.SimpleNamespace(
            loss_type="simpo", simpo_gamma=0.5, beta=BETA, label_smoothing=0.0, alpha=0.0,
            accelerator=types.SimpleNamespace(device="cpu"),
        )
        assert torch.allclose(loss, CPOTrainer.cpo_loss(trl, lc / nc, lr / nr)[0])
        return loss.mean()

    of("simpo", simpo)

    def orpo(c, r, lc, lr, nc, nr):
        mc, mr = lc / nc, lr / nr
        ratio = ls((mc - mr) - (torch.log1p(-mc.exp()) - torch.log1p(-mr.exp())))
        trl = types.SimpleNamespace(beta=BETA, accelerator=types.SimpleNamespace(device="cpu"))
        assert torch.allclose((BETA * ratio).float(), ORPOTrainer.odds_ratio_loss(trl, mc, mr)[0], atol=1e-6)
        return (-mc - BETA * ratio).mean()

    of("orpo", orpo)
    margins, weights = torch.tensor(MARGINS).double(), torch.tensor(WEIGHTS).double()
    of("margin", lambda c, r, *_: -ls(BETA * (c - r) - 0.4 * margins).mean())
    of("sft_mix", lambda c, r, lc, lr, nc, nr: (-ls(BETA * (c - r)) - 0.3 * lc / nc).mean())
    of("weights", lambda c, r, *_: -(weights * ls(BETA * (c - r))).sum() / weights.sum())
    listwise = torch.stack(
        [
            plackett_luce(BETA * (policy - reference), ranks)
            for (prompt, completions), ranks in zip(tasks(), RANKS)
            for policy, reference in [log_ratio_sums(adapted, prompt, completions)]
        ]
    )
    result["plackett_luce"] = save("plackett_luce", adapted, listwise.mean())


def tasks():
    """Two prompts with four and three completions, made of those of the pairs."""
    outs = [row[side] for row in PAIRS for side in ("chosen", "rejected")]
    return [(PAIRS[0]["prompt"], outs[:4]), (PAIRS[2]["prompt"], outs[3:6])]


def reward(result):
    weights = load_file(golden.OUT / "reward" / "weights.safetensors")
    adapted = model(weights)
    head = weights["base_model.model.score.weight"].double().requires_grad_(True)

    def rewards(prompt, completions):
        states = [
            adapted(input_ids=torch.tensor([prompt + c]), output_hidden_states=True).hidden_states[-1][0, -1] for c in completions
        ]
        return torch.stack(states) @ head[0]

    def of(name, loss):
        value = save_with_head(name, loss([rewards(p, c) for p, c in tasks()]))
        result["reward_" + name] = value

    def save_with_head(name, loss):
        head.grad = None
        loss.backward(retain_graph=False)
        extra = {"base_model.model.score.weight": head.grad.float().contiguous()}
        gradients = {
            golden.plain(n): p.grad.float().contiguous() for n, p in adapted.named_parameters() if "lora_" in n and p.grad is not None
        }
        save_file({**gradients, **extra}, str(OUT / f"reward_{name}.safetensors"), metadata={"format": "pt"})
        adapted.zero_grad()
        return loss.item()

    ls = F.logsigmoid

    def decided(ranks):
        return [(i, j) for i in range(len(ranks)) for j in range(len(ranks)) if ranks[i] < ranks[j]]

    def margin(ranks, i, j):
        return (ranks[j] - ranks[i]) / (len(ranks) - 1)

    def centred(all_rewards, k):
        return torch.stack([4 * k * r.square().mean() for r in all_rewards]).mean()

    def bradley_terry(all_rewards):
        """Margin, smoothing, centring; each pair weighs 1 / pairs of its task."""
        total = 0
        for r, ranks in zip(all_rewards, RANKS):
            pairs = decided(ranks)
            for i, j in pairs:
                d = r[i] - r[j] - 0.3 * margin(ranks, i, j)
                loss = -(1 - SMOOTHING) * ls(d) - SMOOTHING * ls(-d) + 0.02 * (r[i] + r[j]) ** 2
                total = total + loss / len(pairs)
        return total / len(RANKS)

    of("bradley_terry", bradley_terry)
    compared = sum(len(decided(ranks)) for ranks in RANKS)
    share = len(TIES) / (len(TIES) + compared)
    v = 2 * share / (1 - share)

    def davidson(all_rewards):
        total = 0
        for t, (r, ranks) in enumerate(zip(all_rewards, RANKS)):
            ties = TIES if t == 0 else []
            n = len(decided(ranks)) + len(ties)
            a = r.exp()
            for i, j in decided(ranks):
                total = total - torch.log(a[i] / (a[i] + a[j] + v * (a[i] * a[j]).sqrt())) / n
            for i, j in ties:
                tie = v * (a[i] * a[j]).sqrt()
                total = total - torch.log(tie / (a[i] + a[j] + tie)) / n
        return total / len(RANKS) + centred(all_rewards, 0.02)

    of("davidson", davidson)
    of(
        "plackett_luce",
        lambda all_rewards: torch.stack([plackett_luce(r, ranks) for r, ranks in zip(all_rewards, RANKS)]).mean()
        + centred(all_rewards, 0.02),
    )


def ppo(result):
    """Four rollouts: generalised advantages, whitened; clipped policy loss, and a clipped value loss of a linear head."""
    torch.manual_seed(21)
    adapted = model(load_file(golden.OUT / "dpo" / "weights.safetensors"))
    rollouts = [(row["prompt"], row[side]) for row in PAIRS[:2] for side in ("chosen", "rejected")]
    policy = [token_logps(adapted, p, c) for p, c in rollouts]
    with torch.no_grad(), adapted.disable_adapter():
        reference = [token_logps(adapted, p, c) for p, c in rollouts]
    old = [(lp + 0.2 * torch.randn_like(lp)).detach() for lp in policy]
    states = [torch.randn(len(c), 16).double() for _, c in rollouts]
    head = (0.3 * torch.randn(1, 16)).double().requires_grad_(True)
    old_values = [(s @ head[0] + 0.3 * torch.randn(len(s))).detach() for s in states]
    scores, kl_weight, gamma, lam, clip = [1.0, -0.5, 0.25, 0.75], 0.05, 0.98, 0.9, 0.2
    advantages, returns = [], []
    for lp, ref, values, score in zip(old, reference, old_values, scores):
        rewards = -kl_weight * (lp - ref)
        rewards[-1] += score
        a, row = 0.0, [0.0] * len(values)
        for t in reversed(range(len(values))):
            following = values[t + 1] if t + 1 < len(values) else 0.0
            a = rewards[t] + gamma * following - values[t] + gamma * lam * a
            row[t] = a
        advantages.append(torch.stack(row))
        returns.append(advantages[-1] + values)
    flat = torch.cat(advantages)
    whitened = [(a - flat.mean()) / (flat.var() + 1e-8).sqrt() for a in advantages]
    n = len(flat)
    ratio = torch.cat([(lp - o).exp() for lp, o in zip(policy, old)])
    negative = -torch.cat(whitened)
    policy_loss = torch.maximum(negative * ratio, negative * ratio.clamp(1 - clip, 1 + clip)).sum() / n
    values = torch.cat([s @ head[0] for s in states])
    before, target = torch.cat(old_values), torch.cat(returns)
    clipped = torch.minimum(torch.maximum(values, before - clip), before + clip)
    value_loss = 0.5 * torch.maximum((values - target) ** 2, (clipped - target) ** 2).sum() / n
    value_loss.backward()
    extra = {"value": head.grad.float().contiguous()}
    result["ppo"] = {
        "policyLoss": save("ppo", adapted, policy_loss, extra),
        "valueLoss": value_loss.item(),
        "klCoefficient": kl_weight,
        "gamma": gamma,
        "lambda": lam,
        "clip": clip,
        "scores": scores,
        "prompts": [p for p, _ in rollouts],
        "completions": [c for _, c in rollouts],
        "old": [o.tolist() for o in old],
        "reference": [r.tolist() for r in reference],
        "values": [v.tolist() for v in old_values],
        "states": [s.flatten().tolist() for s in states],
        "head": head.detach().flatten().tolist(),
        "whitened": [w.tolist() for w in whitened],
        "returns": [r.tolist() for r in returns],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    result = {"beta": BETA, "smoothing": SMOOTHING, "margins": MARGINS, "pairWeights": WEIGHTS, "ranks": RANKS}
    result["tasks"] = [{"prompt": p, "completions": c} for p, c in tasks()]
    dpo(result)
    reward(result)
    ppo(result)
    golden.write_json(OUT / "expected.json", result)
