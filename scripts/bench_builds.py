"""Puts what several builds of attend_benchmarks measured side by side, as one Markdown table.

usage: bench_builds.py FOLDER...
Each folder is named COMPILER-MARCH and holds results.json (Google Benchmark).
"""
import os
import sys

from bench_table import Limits, rate, read_results


def cell(contenders, limits):
    own = contenders["attend"]
    text = f"{rate(own)}, {100 * limits.seconds(own.phases) / own.best:.0f}%"
    if "oneDNN" in contenders:
        text += f", {contenders['oneDNN'].seconds / own.seconds:.2f}"
    return text


def main():
    builds = []
    for folder in sys.argv[1:]:
        cases, _ = read_results(folder)
        limits = Limits(cases)
        builds.append((os.path.basename(folder.rstrip("/")), cases, limits))
    for name, _, limits in builds:
        print(f"- {name}: {limits.describe()}")
    print("\nOf each build the rate, its part of the limit and, where there is one, oneDNN's time as a "
          "multiple of attend's.\n")
    print("| case | " + " | ".join(name for name, _, _ in builds) + " |")
    print("|---|" + "--:|" * len(builds))
    for case in builds[0][1]:
        family, *shape = case.split("/")
        cells = [cell(cases[case], limits) if case in cases else "" for _, cases, limits in builds]
        title = " ".join([family.replace("_", " ")] + [s.replace(":", "=") for s in shape])
        print("| " + " | ".join([title, *cells]) + " |")


if __name__ == "__main__":
    main()
