"""Runs the cases that attend_benchmarks ran in PyTorch, one thread, and prints their seconds.

usage: bench_torch.py RESULTS.json   (Google Benchmark's)
Prints {"about": what ran, "seconds": {case: seconds}} as JSON: medians of CPU time. Cases that have
no counterpart are left out.
"""
import json
import os
import statistics
import sys
import time

import torch
from torch import nn

REPETITIONS = 5
SECONDS = 0.02


def seconds(step):
    """The median of repetitions that take SECONDS each."""
    step()
    start = time.thread_time()
    step()
    steps = max(1, int(SECONDS / max(time.thread_time() - start, 1e-7)))
    found = []
    for _ in range(REPETITIONS):
        start = time.thread_time()
        for _ in range(steps):
            step()
        found.append((time.thread_time() - start) / steps)
    return statistics.median(found)


def dot_step(d, T, U, B):
    H, Q = torch.randn(B, T, d), torch.randn(B, U, d) * 0.1
    return lambda: torch.softmax(Q @ H.transpose(1, 2), -1) @ H


def additive_step(d, T, U, B):
    H, K, q = torch.randn(B, T, d), torch.randn(B, T, d), torch.randn(B, U, d)
    W, v = torch.randn(d, d) * 0.1, torch.randn(d, 1) * 0.1
    return lambda: torch.softmax((torch.tanh(K + q @ W) @ v).transpose(1, 2), -1) @ H


def recurrent(layer):
    def make(d, B, T):
        module, x = layer(d, d), torch.randn(T, B, d)
        return lambda: module(x)
    return make


def product(m, k, n):
    # Row-major Y' = X' W' is column-major Y = W X.
    W, X = torch.randn(k, m), torch.randn(n, k)
    return lambda: X @ W


def self_attention(heads, d, T):
    Q, K, V = (torch.randn(heads, T, d) for _ in range(3))
    return lambda: torch.softmax(Q @ K.transpose(1, 2) * d**-0.5, -1) @ V


def self_attention_backward(heads, d, T):
    Q, K, V = (torch.randn(heads, T, d, requires_grad=True) for _ in range(3))
    with torch.enable_grad():
        C = torch.softmax(Q @ K.transpose(1, 2) * d**-0.5, -1) @ V
    dC = torch.randn_like(C)
    return lambda: torch.autograd.grad(C, (Q, K, V), dC, retain_graph=True)


def cross_entropy(V, n):
    logits, targets = torch.randn(n, V, requires_grad=True), torch.randint(V, (n,))

    def step():
        with torch.enable_grad():
            loss = nn.functional.cross_entropy(logits, targets, reduction="sum")
        torch.autograd.grad(loss, logits)
    return step


class Translator(nn.Module):
    """Bidirectional GRU encoder, Bahdanau's decoder, a tanh readout; d everywhere."""

    def __init__(self, words, d):
        super().__init__()
        self.source, self.target = nn.Embedding(words, d), nn.Embedding(words, d)
        self.encoder, self.bridge = nn.GRU(d, d, bidirectional=True), nn.Linear(2 * d, d)
        self.keys, self.query = nn.Linear(2 * d, d), nn.Linear(d, d, bias=False)
        self.v, self.cell = nn.Linear(d, 1, bias=False), nn.GRUCell(3 * d, d)
        self.readout, self.output = nn.Linear(4 * d, d), nn.Linear(d, words)
        self.light, self.heavy = nn.Dropout(0.3), nn.Dropout(0.5)

    def loss(self, sources, lengths, inputs, targets):
        packed = nn.utils.rnn.pack_padded_sequence(self.light(self.source(sources)), lengths)
        H, final = self.encoder(packed)
        H = self.light(nn.utils.rnn.pad_packed_sequence(H)[0]).transpose(0, 1).contiguous()
        hidden = torch.arange(H.size(1))[None, :] >= lengths[:, None]
        K, s = self.keys(H), torch.tanh(self.bridge(torch.cat([final[0], final[1]], 1)))
        readouts = []
        for word in self.light(self.target(inputs)):
            energies = self.v(torch.tanh(K + self.query(s)[:, None])).squeeze(2)
            weights = torch.softmax(energies.masked_fill(hidden, float("-inf")), 1)
            context = (weights[:, None] @ H).squeeze(1)
            s = self.cell(torch.cat([word, context], 1), s)
            readouts.append(torch.tanh(self.readout(torch.cat([s, context, word], 1))))
        logits = self.output(self.heavy(torch.stack(readouts)))
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0,
                                           reduction="sum")


def training_step(pairs, targets):
    """Lengths of 10 to 17 tokens as there; padded up to the longest of the batch."""
    words, model = 8000, Translator(8000, 256)

    def batch():
        lengths = torch.arange(pairs) * 8 // pairs + 10
        if int(lengths.sum()) != targets:  # The same number of tokens, as near as lengths allow.
            lengths = lengths + round((targets - int(lengths.sum())) / pairs)
        lengths = lengths.flip(0)
        tokens = torch.randint(1, words, (int(lengths.max()), pairs))
        tokens[torch.arange(len(tokens))[:, None] >= lengths[None, :]] = 0
        return tokens, lengths

    (sources, lengths), (outputs, _) = batch(), batch()
    inputs = torch.cat([torch.ones(1, pairs, dtype=torch.long), outputs[:-1]])

    def step():
        with torch.enable_grad():
            loss = model.loss(sources, lengths, inputs, outputs)
            model.zero_grad()
            loss.backward()
    return step


FAMILIES = {
    "dot_step": dot_step, "additive_step": additive_step, "lstm": recurrent(nn.LSTM),
    "gru": recurrent(nn.GRU), "rnn": recurrent(nn.RNN), "product": product,
    "self_attention": self_attention, "self_attention_backward": self_attention_backward,
    "cross_entropy": cross_entropy, "training_step": training_step,
}


def blas():
    """The library that PyTorch's products come from; the reference BLAS is many times slower."""
    with open("/proc/self/maps", encoding="utf-8") as file:
        loaded = {os.path.realpath(line.split()[-1]) for line in file if "/" in line}
    for name, words in (("mkl_core", "MKL"), ("openblas", "OpenBLAS"), ("blis", "BLIS"),
                        ("/blas/libblas", "the slow reference BLAS")):
        if any(name in path for path in loaded):
            return words
    return "its own products"


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
    with open(sys.argv[1], encoding="utf-8") as file:
        names = {run["name"].rsplit("/", 1)[0] for run in json.load(file)["benchmarks"]
                 if run.get("run_type") == "iteration"}
    found = {}
    for name in sorted(names):
        family, *sizes = name.split("/")
        if family in FAMILIES:
            shape = {key: int(size) for key, size in (s.split(":") for s in sizes)}
            found[name] = seconds(FAMILIES[family](**shape))
    about = f"PyTorch {torch.__version__} with {blas()}"
    json.dump({"about": about, "seconds": found}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
