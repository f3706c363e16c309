"""Writes the cases that attend_benchmarks ran as ONNX models, for bench_onnxruntime.js.

usage: bench_onnx_models.py RESULTS.json FOLDER   (Google Benchmark's)
Sizes are fixed, weights random. Cases that have no counterpart are left out. Needs python3-onnx.
"""
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(1)


def weights(name, *shape):
    return numpy_helper.from_array((RANDOM.standard_normal(shape) * 0.05).astype(np.float32), name)


def tensor(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model(nodes, inputs, constants=()):
    """Of nodes whose last one makes Y."""
    graph = helper.make_graph(nodes, "case", inputs,
                              [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
                              list(constants))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def attention(query, key, value, heads):
    return helper.make_node("MultiHeadAttention", [query, key, value], ["Y"],
                            domain="com.microsoft", num_heads=heads)


def dot_step(d, T, U, B):
    # Keys are values.
    return model([attention("Q", "H", "H", 1)], [tensor("Q", B, U, d), tensor("H", B, T, d)])


def self_attention(heads, d, T):
    return model([attention("Q", "K", "V", heads)], [tensor(x, 1, T, heads * d) for x in "QKV"])


def additive_step(d, T, U, B):
    nodes = [helper.make_node("MatMul", ["q", "W"], ["a"]),
             helper.make_node("Add", ["K", "a"], ["x"]), helper.make_node("Tanh", ["x"], ["t"]),
             helper.make_node("MatMul", ["t", "v"], ["e"]),
             helper.make_node("Transpose", ["e"], ["energies"], perm=[0, 2, 1]),
             helper.make_node("Softmax", ["energies"], ["weights"], axis=-1),
             helper.make_node("MatMul", ["weights", "H"], ["Y"])]
    return model(nodes, [tensor("q", B, U, d), tensor("K", B, T, d), tensor("H", B, T, d)],
                 [weights("W", d, d), weights("v", d, 1)])


def recurrent(op, gates, **attributes):
    def make(d, B, T):
        node = helper.make_node(op, ["X", "W", "R", "b"], ["Y"], hidden_size=d, **attributes)
        return model([node], [tensor("X", T, B, d)],
                     [weights("W", 1, gates * d, d), weights("R", 1, gates * d, d),
                      weights("b", 1, 2 * gates * d)])
    return make


def product(m, k, n):
    # Row-major Y' = X' W' is column-major Y = W X.
    return model([helper.make_node("MatMul", ["X", "W"], ["Y"])], [tensor("X", n, k)],
                 [weights("W", k, m)])


def int8_weights(name, *shape):
    """Numbers of eight bits, with a scale for each output; returns what the graph keeps."""
    scales = RANDOM.uniform(0.0004, 0.0006, shape[-1] if len(shape) == 2 else (shape[0], shape[-1]))
    return [numpy_helper.from_array(RANDOM.integers(-127, 128, shape).astype(np.int8), name),
            numpy_helper.from_array(scales.astype(np.float32), name + "_scale"),
            numpy_helper.from_array(np.zeros(scales.shape, np.int8), name + "_zero")]


def int8_lstm(d, B, T):
    W, R = int8_weights("W", 1, d, 4 * d), int8_weights("R", 1, d, 4 * d)
    node = helper.make_node("DynamicQuantizeLSTM",
                            ["X", "W", "R", "b", "", "", "", "", "W_scale", "W_zero", "R_scale",
                             "R_zero"], ["Y"], domain="com.microsoft", hidden_size=d)
    return model([node], [tensor("X", T, B, d)], [*W, *R, weights("b", 1, 8 * d)])


def int8_product(m, k, n):
    node = helper.make_node("DynamicQuantizeMatMul", ["X", "W", "W_scale", "W_zero"], ["Y"],
                            domain="com.microsoft")
    return model([node], [tensor("X", n, k)], int8_weights("W", k, m))


FAMILIES = {
    "dot_step": dot_step, "additive_step": additive_step, "self_attention": self_attention,
    "lstm": recurrent("LSTM", 4), "gru": recurrent("GRU", 3, linear_before_reset=1),
    "gru_reset_before": recurrent("GRU", 3), "rnn": recurrent("RNN", 1), "product": product,
}
# Of these there is a case CASE/int8 too: weights of eight bits, inputs rounded to eight when they come.
INT8_FAMILIES = {"lstm": int8_lstm, "product": int8_product}


def main():
    results, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with open(results, encoding="utf-8") as file:
        names = {run["name"].rsplit("/", 1)[0] for run in json.load(file)["benchmarks"]
                 if run.get("run_type") == "iteration"}
    nothing = model([helper.make_node("Identity", ["X"], ["Y"])], [tensor("X", 1)])
    onnx.save(nothing, os.path.join(folder, "nothing.onnx"))
    for name in sorted(names):
        family, *sizes = name.split("/")
        shape = {key: int(size) for key, size in (s.split(":") for s in sizes)}
        for families, suffix in ((FAMILIES, ""), (INT8_FAMILIES, "/int8")):
            if family in families:
                file = (name + suffix).replace("/", ",") + ".onnx"
                onnx.save(families[family](**shape), os.path.join(folder, file))


if __name__ == "__main__":
    main()
