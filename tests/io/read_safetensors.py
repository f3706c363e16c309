"""Prints the notes and tensors of a safetensors file, read with nothing but json and struct."""

import json
import struct
import sys

CODES = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B"}


def main(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    for key, value in header.pop("__metadata__", {}).items():
        print(key.encode("ascii", "backslashreplace").decode().replace("\\x", "\\u00"), "=", value)
    for name, entry in sorted(header.items()):
        begin, end = entry["data_offsets"]
        code = CODES[entry["dtype"]]
        count = (end - begin) // struct.calcsize(code)
        values = struct.unpack(f"<{count}{code}", data[begin:end])
        print(name, entry["dtype"], entry["shape"], list(values))


if __name__ == "__main__":
    main(sys.argv[1])
