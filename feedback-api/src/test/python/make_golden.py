"""Writes golden/quality.json: agreement by krippendorff and scipy, models of votes by scipy's optimiser.

    python3 -m venv venv && venv/bin/pip install krippendorff==0.8.1 scipy==1.17.1 numpy==2.4.6
    venv/bin/python make_golden.py ../resources/golden/quality.json
"""

import json
import math
import sys

import krippendorff
import numpy as np
from scipy import optimize, stats

random = np.random.default_rng(7)


def ranks(outputs, levels):
    """Mean ranks of values drawn from a few levels, so that some are tied."""
    return stats.rankdata(random.integers(0, levels, outputs)).tolist()


def tau():
    cases = []
    for outputs, levels in [(2, 9), (4, 9), (4, 3), (7, 4), (9, 50)]:
        x, y = ranks(outputs, levels), ranks(outputs, levels)
        value = stats.kendalltau(x, y, variant="b").statistic
        if not math.isnan(value):
            cases.append({"x": x, "y": y, "tau_b": value})
    return cases


def concordance():
    """Kendall's W is Friedman's chi square / (m (n - 1)); scipy's corrects it for ties."""
    cases = []
    for labelers, outputs, levels in [(3, 3, 20), (3, 4, 3), (5, 6, 4), (8, 9, 50)]:
        table = [ranks(outputs, levels) for _ in range(labelers)]
        chi = stats.friedmanchisquare(*np.array(table).T).statistic
        cases.append({"ranks": table, "w": chi / (labelers * (outputs - 1))})
    return cases


def alpha():
    cases = []
    for labelers, units, levels, missing in [(3, 12, 4, 0.0), (4, 30, 5, 0.3), (6, 50, 7, 0.6), (2, 40, 3, 0.0)]:
        truth = random.integers(0, levels, units)
        data = np.array([np.clip(truth + random.integers(-1, 2, units), 0, levels - 1) for _ in range(labelers)], float)
        data = 1 + data / 2  # such as mean ranks are: not all whole numbers
        data[random.random(data.shape) < missing] = np.nan
        value = krippendorff.alpha(
            reliability_data=data, level_of_measurement="ordinal", value_domain=sorted(set(data[~np.isnan(data)]))
        )
        cases.append({"units": [[v for v in unit if not math.isnan(v)] for unit in data.T], "alpha": value})
    return cases


def bradley_terry():
    cases = []
    for outputs, ties, ridge in [(3, False, 0.1), (4, True, 0.1), (6, True, 1.0), (9, True, 0.01)]:
        above = random.integers(0, 5, (outputs, outputs)).astype(float)
        np.fill_diagonal(above, 0)
        tied = np.triu(random.integers(0, 3, (outputs, outputs)), 1).astype(float) * ties
        tied = tied + tied.T

        def loss(x):
            r, log_tie = (x[:-1], x[-1]) if ties else (x, -np.inf)
            total = ridge / 2 * np.sum(x * x)
            for i in range(outputs):
                for j in range(i + 1, outputs):
                    logits = np.array([r[i], r[j], log_tie + (r[i] + r[j]) / 2])
                    logs = logits - np.logaddexp.reduce(logits)
                    total -= above[i, j] * logs[0] + above[j, i] * logs[1]
                    total -= tied[i, j] * logs[2] if ties else 0
            return total

        best = optimize.minimize(loss, np.zeros(outputs + ties), method="BFGS", options={"gtol": 1e-9})
        scores = best.x[:outputs].tolist()
        cases.append({"above": above.tolist(), "tied": tied.tolist(), "ridge": ridge, "scores": scores})
    return cases


def crowd():
    """Maximum of the marginal posterior itself, without EM. Prior as in CrowdBradleyTerry: Beta(5, 2), N(0, 1)."""
    labelers, tasks, outputs, a, b = 5, 12, 3, 5, 2
    eta = [0.97, 0.95, 0.9, 0.75, 0.5]
    votes = []
    for task in range(tasks):
        truth = random.normal(0, 1.5, outputs)
        for labeler in range(labelers):
            for i in range(outputs):
                for j in range(i + 1, outputs):
                    right = random.random() < 1 / (1 + math.exp(truth[j] - truth[i]))
                    earnest = random.random() < eta[labeler]
                    votes.append([labeler, task, i, j] if right == earnest else [labeler, task, j, i])
    v = np.array(votes)

    def loss(x):
        e, r = 1 / (1 + np.exp(-x[:labelers])), x[labelers:].reshape(tasks, outputs)
        d = r[v[:, 1], v[:, 2]] - r[v[:, 1], v[:, 3]]
        p = 1 / (1 + np.exp(-d))
        w = e[v[:, 0]]
        total = -np.sum(np.log(w * p + (1 - w) * (1 - p)))
        total -= np.sum((a - 1) * np.log(e) + (b - 1) * np.log(1 - e))
        return total + np.sum(r * r) / 2

    start = np.concatenate([np.full(labelers, math.log(4)), np.zeros(tasks * outputs)])
    for _, task, winner, loser in votes:
        start[labelers + task * outputs + winner] += 0.1
        start[labelers + task * outputs + loser] -= 0.1
    best = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-8, "maxiter": 5000})
    found = (1 / (1 + np.exp(-best.x[:labelers]))).tolist()
    return {"labelers": labelers, "tasks": tasks, "outputs": outputs, "votes": votes, "eta": found}


golden = {"tau": tau(), "w": concordance(), "alpha": alpha(), "bradley_terry": bradley_terry(), "crowd": crowd()}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
