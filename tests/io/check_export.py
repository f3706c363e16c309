"""Loads an exported model into PyTorch, strictly, and compares what the two answer.

check_export.py MODEL ANSWERS: MODEL has the tensors of TorchAttention (make_import.py), ANSWERS
"source", "inputs" and "logits".
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch

sys.path.append(str(pathlib.Path(__file__).parents[1] / "fixtures"))
from make_import import CODES, TorchAttention  # noqa: E402


def read(path):
    types = {code: name for name, code in CODES.items()}
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: torch.from_numpy(np.frombuffer(
        data[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"]).copy())
        for name, entry in header.items()}


model = TorchAttention().double()
model.load_state_dict(read(sys.argv[1]), strict=True)
answers = read(sys.argv[2])
logits = model(answers["source"].long(), answers["inputs"].long())[0].detach()
difference = (logits - answers["logits"]).abs().max().item()
print(f"loaded strictly; the largest difference of logits is {difference:.3g}")
sys.exit(difference > 1e-13)
