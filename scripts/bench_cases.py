"""Runs attend_benchmarks once for every case, so that a case, its peers and the machine's limits take
turns within the same seconds; with --spread once for all cases and their limits, without peers, so
that each is measured in the whole run's best moments.

usage: bench_cases.py [--spread] OUT.json PROGRAM [FLAG...]
FLAGs go to the program; they may hold --benchmark_filter. OUT gets what Google Benchmark writes, the
runs of all cases together.
"""
import json
import os
import re
import subprocess
import sys


def main():
    spread = sys.argv[1] == "--spread"
    out, *command = sys.argv[2 if spread else 1:]
    listed = subprocess.run([*command, "--benchmark_list_tests"], capture_output=True, text=True,
                            check=True).stdout.split("\n")
    cases = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in listed if "/" in name))
    if not cases:
        sys.exit("bench_cases.py: no case has such a name; try --filter gru, dot_step or product")
    patterns = [f"^{re.escape(case)}/" for case in cases]
    if spread:
        patterns = [f"^({'|'.join(map(re.escape, cases))})/(attend|peak|read:[0-9]+)$"]
    merged = None
    part = out + ".part"
    for number, pattern in enumerate(patterns):
        print(f"{number + 1}/{len(patterns)} {pattern}", flush=True)
        subprocess.run([*command, f"--benchmark_filter={pattern}",
                        "--benchmark_enable_random_interleaving=true", "--benchmark_out_format=json",
                        f"--benchmark_out={part}"], check=True)
        with open(part, encoding="utf-8") as file:
            data = json.load(file)
        data["benchmarks"].sort(key=lambda run: run["family_index"])
        if merged is None:
            merged = data
        else:
            merged["benchmarks"] += data["benchmarks"]
    os.remove(part)
    merged["context"]["spread"] = spread
    with open(out, "w", encoding="utf-8") as file:
        json.dump(merged, file, indent=1)


if __name__ == "__main__":
    main()
