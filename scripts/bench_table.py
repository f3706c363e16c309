"""Turns what attend_benchmarks measured into one Markdown table.

usage: bench_table.py FOLDER COMPILER FLAGS COMMIT
FOLDER holds results.json (Google Benchmark) and perhaps torch.json, onnxruntime.json, costs.md.
Needs Python's standard library alone.
"""
import json
import os
import statistics
import sys

PEERS = ("Eigen", "oneDNN", "ONNX Runtime", "PyTorch", "loop", "bfloat16", "int8",
         "ONNX Runtime int8")
OTHER_PROGRAMS = {"torch.json": "PyTorch", "onnxruntime.json": "ONNX Runtime"}


class Measured:
    """One contender of one case: the median and the best of its repetitions."""

    def __init__(self, runs):
        self.seconds = statistics.median(run["cpu_time"] for run in runs) * 1e-9
        self.best = min(run["cpu_time"] for run in runs) * 1e-9
        self.allocations = runs[0].get("allocations", 0)
        self.rates = {k: self._amount(runs[0], k) / self.seconds
                      for k in ("FLOP/s", "bytes/s", "elements/s", "tokens/s") if k in runs[0]}
        self.phases = [tuple(map(float, phase.split(",")))
                       for phase in runs[0].get("label", "").split(";") if phase]

    @staticmethod
    def _amount(run, rate):
        return run[rate] * run["cpu_time"] * 1e-9


def read_results(folder):
    """{case: {contender: Measured}} in the order of the program, and the run's context."""
    with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
        data = json.load(file)
    runs = {}
    for run in data["benchmarks"]:
        if run.get("run_type") == "iteration":
            runs.setdefault(run["name"], []).append(run)
    cases = {}
    for name, repetitions in runs.items():
        case, contender = name.rsplit("/", 1)
        cases.setdefault(case, {})[contender] = Measured(repetitions)
    return cases, data["context"]


def peak(contenders):
    """The machine's multiply-adds, in FLOP/s, as measured beside a case."""
    return contenders["peak"].phases[0][0] / contenders["peak"].best


def bandwidths(contenders):
    """{working set: bytes/s} of reading, as measured beside a case."""
    return {int(name[5:]): int(name[5:]) / measured.best
            for name, measured in contenders.items() if name.startswith("read:")}


def part_of_limit(contenders):
    """The least time that the case's phases can take, as a part of attend's."""
    reading = bandwidths(contenders)
    least = 0.0
    for flops, size, working_set in contenders["attend"].phases:
        bytes_take = size / reading[int(working_set) // 4 * 4] if size else 0.0
        least += max(flops / peak(contenders), bytes_take)
    return least / contenders["attend"].best


def describe_limits(cases):
    """What the machine could do, medians of what was measured beside each case."""
    peaks = [peak(contenders) for contenders in cases.values()]
    reading = {}
    for contenders in cases.values():
        for size, bandwidth in bandwidths(contenders).items():
            reading.setdefault(size, []).append(bandwidth)
    sizes = (2**16, 2**20, 2**21, 2**22, 2**25, 2**26)
    shown = sorted({min(reading, key=lambda b: abs(b - s)) for s in sizes} if reading else ())
    reads = ", ".join(f"{amount(b)}B {statistics.median(reading[b]) / 1e9:.0f}" for b in shown)
    text = f"{statistics.median(peaks) / 1e9:.0f} GFLOP/s ({min(peaks) / 1e9:.0f} to " \
           f"{max(peaks) / 1e9:.0f})"
    return text + (f"; reads in GB/s by working set: {reads}" if reads else "")


def amount(x):
    """1234567 as 1.2 M."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if x >= factor:
            return f"{x / factor:.3g} {letter}"
    return f"{x:.3g} "


def duration(seconds):
    for factor, unit in ((1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def rate(measured):
    for key in ("tokens/s", "elements/s"):
        if key in measured.rates:
            return amount(measured.rates[key]) + key
    # What is bound by reading counts bytes.
    flops, size = (sum(p[i] for p in measured.phases) for i in (0, 1))
    key = "FLOP/s" if flops > 4 * size or "bytes/s" not in measured.rates else "bytes/s"
    return amount(measured.rates[key]) + key.replace("bytes", "B")


def row(case, contenders, peers):
    own = contenders["attend"]
    family, *shape = case.split("/")
    cells = [family.replace("_", " "), " ".join(s.replace(":", "=") for s in shape),
             duration(own.seconds), rate(own),
             f"{100 * part_of_limit(contenders):.0f}%", f"{own.allocations:.0f}"]
    for peer in peers:
        known = peer in contenders
        cells.append(f"{contenders[peer].seconds / own.seconds:.2f}" if known else "")
    return "| " + " | ".join(cells) + " |"


def cross_entropy_share(cases):
    """Softmax and cross-entropy of a training step's targets, as a part of the step."""
    step = next((c for c in cases if c.startswith("training_step/")), None)
    tile = next((c for c in cases if c.startswith("cross_entropy/V:8000")), None)
    if step is None or tile is None:
        return None
    targets = int(step.rsplit(":", 1)[1])
    seconds = cases[tile]["attend"].seconds * targets / int(tile.rsplit(":", 1)[1])
    return f"Softmax and cross-entropy take {100 * seconds / cases[step]['attend'].seconds:.1f}% " \
           "of the training step."


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return "an unknown processor"


def add_other_programs(folder, cases):
    """Adds what programs of their own measured to the cases; returns what they say they are."""
    about = ""
    for file_name, peer in OTHER_PROGRAMS.items():
        path = os.path.join(folder, file_name)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            ran = json.load(file)
        about += f" {ran['about']}."
        for case, seconds in ran["seconds"].items():
            case, int8, _ = case.partition("/int8")
            cases[case][peer + int8.replace("/", " ")] = type("Peer", (), {"seconds": seconds})
    return about


def turns(spread):
    if spread:
        return "all cases and limits take turns over the whole run"
    return ("a case, its peers and its limits take turns within the same seconds\n(PyTorch and ONNX "
            "Runtime run after all of them)")


def main():
    folder, compiler, flags, commit = sys.argv[1:]
    cases, context = read_results(folder)
    about = add_other_programs(folder, cases)
    peers = [p for p in PEERS if any(p in contenders for contenders in cases.values())]

    print(f"{processor()}, {context['num_cpus']} cores, one thread; {compiler}, `{flags}`; "
          f"commit {commit}.{about}\n")
    print(f"Limits measured in the same run: {describe_limits(cases)}.\n")
    print(f"CPU times, medians of repetitions; {turns(context['spread'])}. *Of the limit*: the least\n"
          "time that operations at the peak and reads at the bandwidth of their working set can take, "
          "as a part of\nattend's, the best repetition of each. The last columns: the others' times "
          "as multiples of attend's;\nabove 1 attend is faster; bfloat16 and int8 are attend itself, "
          "its weights stored so.\n")
    head = ["case", "shape", "time", "rate", "of the limit", "allocations", *peers]
    print("| " + " | ".join(head) + " |")
    print("|---|---|" + "--:|" * (len(head) - 2))
    for case, contenders in cases.items():
        print(row(case, contenders, peers))
    share = cross_entropy_share(cases)
    if share:
        print("\n" + share)
    costs = os.path.join(folder, "costs.md")
    if os.path.exists(costs):
        with open(costs, encoding="utf-8") as file:
            print("\n" + file.read(), end="")


if __name__ == "__main__":
    main()
