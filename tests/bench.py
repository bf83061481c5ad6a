"""The performance figures, as ratios taken in one run: the machines that run this are shared and noisy.

`make bench` prints: the scan of a large log against ripgrep with the same patterns, the diagnosis of many failed runs
against an empty workflow of as many jobs, memory, and the hostile logs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]

LOG_MIB = 256
RUNS = 60
SNAKEMAKE = str(Path(sys.executable).with_name("snakemake"))
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/srv/train/fit.py", line 12, in fit\n    loss = model(batch)\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB\n"
)
_IN_CHILD = """
import resource, sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from replay import _signals
from postmortem.collect.logs.scan import read_log
start = time.perf_counter()
log = read_log(Path({path!r}), Path("/"), "stderr", signals=_signals)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, len(log.lines))
"""


def training_log(path: Path, mebibytes: int) -> None:
    """A log as a long training writes it, with its failure at the end."""
    step = 0
    with path.open("w") as stream:
        while stream.tell() < mebibytes << 20:
            stream.writelines(
                f"2026-11-22 21:51:{i % 60:02d},{i % 1000:03d}  trainer  INFO  epoch {step // 1000} step {step + i} "
                f"train_loss 0.{(step + i) * 7919 % 10**6:06d} lr 1e-3\n"
                for i in range(10_000)
            )
            step += 10_000
        stream.write(TRACEBACK)


def scan_in_child(path: Path) -> tuple[float, int, int]:
    """Seconds, peak memory in MiB and kept lines of reading one log in a process of its own, catalogue compiled."""
    code = _IN_CHILD.format(paths=sys.path[:2], path=str(path))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]), int(said[1]), int(said[2])


def bench_scan(scratch: Path) -> None:
    from replay import bundled_catalogue

    log = scratch / "training.log"
    training_log(log, LOG_MIB)
    patterns = scratch / "patterns"
    # ripgrep wants each group's name once and no line breaks; it needs no captures here.
    expressions = [e.replace("(?P<", "(?:(?P<") for e in bundled_catalogue().expressions()]
    expressions = [re.sub(r"\\(?=[\"'`/<>%,:;=@_])", "", e) for e in expressions]
    expressions = [re.sub(r"\(\?:\(\?P<\w+>", "(?:", e) for e in expressions]
    expressions = [e for e in expressions if "\\n" not in e.replace("[^\\n]", "") and "\\S]" not in e]
    patterns.write_text("\n".join(e.replace("[^\\n]", ".") for e in expressions) + "\n")
    subprocess.run(["cat", str(log)], stdout=subprocess.DEVNULL, check=True)  # into the page cache, for both alike
    seconds, memory, _ = scan_in_child(log)
    print(f"scan of a {LOG_MIB} MiB log, compile included: {seconds:.2f} s, peak memory {memory} MiB")
    if not shutil.which("rg"):
        print("  against ripgrep: not measured, rg is not installed")
        return
    command = ["rg", "--threads", "1", "--regex-size-limit", "1G", "--dfa-size-limit", "1G", "-c", "-f", str(patterns)]
    start = time.perf_counter()
    done = subprocess.run([*command, str(log)], capture_output=True, text=True, check=False)
    ripgrep = time.perf_counter() - start
    if done.returncode > 1:
        print(f"  against ripgrep: not measured: {done.stderr[-200:]}")
        return
    print(
        f"  ripgrep with {len(expressions)} of the patterns: {ripgrep:.2f} s; ours takes "
        f"{seconds / ripgrep:.2f} of that"
    )


def bench_hostile(scratch: Path) -> None:
    logs = {
        "one line of 30 MB": b"x" * 30_000_000,
        "30 MB of progress bar with nan": b"\r".join(
            b"Epoch 1: %d%%|## | 1/9 [00:01<00:02, loss=nan]" % (i % 100) for i in range(640_000)
        ),
        "100,000 error lines": b"".join(
            b"ERROR: sample %d failed: RuntimeError: bad\n" % i for i in range(100_000)
        ),
        "'loss ' 400,000 times": b"loss " * 400_000,
    }  # fmt: skip
    for name, content in logs.items():
        path = scratch / "hostile.log"
        path.write_bytes(content)
        seconds, memory, _ = scan_in_child(path)
        print(f"{name}: {seconds:.2f} s, peak memory {memory} MiB")


def bench_diagnoses(scratch: Path) -> None:
    project = scratch / "project"
    for i in range(RUNS):
        run = project / "experimentruns" / f"set_{i % 6:02d}" / f"run_{i:03d}"
        run.mkdir(parents=True)
        (run / "slurm.err").write_text(f"INFO epoch {i}\n" * 50 + TRACEBACK)
        (run / ".failed").touch()
    command = [SNAKEMAKE, "diagnose_all", "-s", str(REPOSITORY / "Snakefile"), "--directory", str(project)]
    command += ["--cores", "2", "--config", "sacct=off"]
    ours, again = timed(command), timed(command)
    empty = scratch / "empty"
    empty.mkdir()
    (empty / "Snakefile").write_text(
        f"rule all:\n    input: expand('out/{{i}}', i=range({RUNS}))\n\n"
        "rule one:\n    output: 'out/{i}'\n    shell: 'touch {output}'\n"
    )
    nothing = timed([SNAKEMAKE, "--directory", str(empty), "-s", str(empty / "Snakefile"), "--cores", "2"])
    print(
        f"{RUNS} failed runs diagnosed: {ours:.1f} s, {ours / RUNS:.2f} s a run; a second call with nothing to do: "
        f"{again:.1f} s"
    )
    print(f"  an empty workflow of {RUNS} jobs: {nothing:.1f} s; ours takes {ours / nothing:.2f} of that")


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        bench_scan(folder)
        bench_hostile(folder)
        bench_diagnoses(folder)
    finally:
        shutil.rmtree(folder)
