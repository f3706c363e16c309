"""Puts what several builds of attend_benchmarks measured side by side, as one Markdown table.

usage: bench_builds.py FOLDER...
Each folder is named COMPILER-MARCH and holds results.json (Google Benchmark).
"""
import os
import sys

from bench_table import describe_limits, part_of_limit, rate, read_results


def cell(contenders):
    own = contenders["attend"]
    text = f"{rate(own)}, {100 * part_of_limit(contenders):.0f}%"
    if "oneDNN" in contenders:
        text += f", {contenders['oneDNN'].seconds / own.seconds:.2f}"
    return text


def main():
    builds = []
    for folder in sys.argv[1:]:
        cases, _ = read_results(folder)
        builds.append((os.path.basename(folder.rstrip("/")), cases))
    for name, cases in builds:
        print(f"- {name}: {describe_limits(cases)}")
    print("\nOf each build the rate, its part of the limit and, where there is one, oneDNN's time as a "
          "multiple of attend's.\n")
    print("| case | " + " | ".join(name for name, _ in builds) + " |")
    print("|---|" + "--:|" * len(builds))
    for case in builds[0][1]:
        family, *shape = case.split("/")
        cells = [cell(cases[case]) if case in cases else "" for _, cases in builds]
        title = " ".join([family.replace("_", " ")] + [s.replace(":", "=") for s in shape])
        print("| " + " | ".join([title, *cells]) + " |")


if __name__ == "__main__":
    main()
