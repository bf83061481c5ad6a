"""The performance figures, as ratios taken in one run: the machines that run this are shared and noisy.

`make bench` prints them, and draws bench/growth.svg; bench/README.md says what they mean.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jinja2
from logs import MIXES, TRACEBACK, write_log, write_patterns

REPOSITORY = Path(__file__).resolve().parents[1]
SNAKEMAKE = str(Path(sys.executable).with_name("snakemake"))
MIX_MIB = 128
GROWTH_MIB = (64, 128, 256, 512)
MANY = (50, 200)
TRIES = 3  # others on the machine can only make it slower: the quickest counts
_IN_CHILD = """
import re, sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from replay import catalogue_signals
from postmortem.collect.logs.scan import read_log
start = time.perf_counter()
log = read_log(Path({path!r}), Path("/"), "stderr", signals=catalogue_signals)
took = time.perf_counter() - start
# Not ru_maxrss: that is also what the process had before it became this program.
print(took, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
_PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" font-family="sans-serif" font-size="13">
<rect width="640" height="360" fill="white"/>
<text x="60" y="24" font-size="15">Scan of a training log: seconds by its size</text>
<path d="M60 40V310H600" fill="none" stroke="#444"/>
{%- for mebibytes in sizes %}
<text x="{{ x(mebibytes) }}" y="330" text-anchor="middle">{{ mebibytes }} MiB</text>
{%- endfor %}
{%- for second in seconds %}
<text x="52" y="{{ y(second) + 4 }}" text-anchor="end">{{ "%.2f" % second }}</text>
<path d="M60 {{ y(second) }}H600" stroke="#ddd"/>
{%- endfor %}
{%- for name, colour, points in lines %}
<polyline fill="none" stroke="{{ colour }}" stroke-width="2"
 points="{% for size, took in points %}{{ x(size) }},{{ y(took) }} {% endfor %}"/>
{%- for size, took in points %}<circle cx="{{ x(size) }}" cy="{{ y(took) }}" r="3.5" fill="{{ colour }}"/>{% endfor %}
<text x="74" y="{{ 40 + 18 * loop.index }}" fill="{{ colour }}">{{ name }}</text>
{%- endfor %}
</svg>
"""


def machine() -> str:
    """What the figures were taken on, in a line."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cpu or platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def scan(path: Path) -> tuple[float, int]:
    """Seconds and peak memory in MiB of reading one log in a process of its own, the catalogue's loading included."""
    paths = [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]
    code = _IN_CHILD.format(paths=paths, path=str(path))
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(TRIES)
    ]
    return min(float(one[0]) for one in said), max(int(one[1]) for one in said)


def ripgrep(path: Path, patterns: Path) -> float:
    """Seconds that ripgrep takes for the same log and 150 expressions; 0 where it is not installed."""
    if not shutil.which("rg"):
        return 0.0
    command = ["rg", "-a", "-c", "-f", str(patterns), str(path)]
    return min(timed(command) for _ in range(TRIES))


def timed(command: list[str]) -> float:
    """Seconds that a command takes; what it prints is dropped."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def compared(ours: float, theirs: float) -> str:
    """Both, and how many times as fast as the other ours is."""
    return (
        f"{ours:.2f} s, ripgrep {theirs:.2f} s, ratio {theirs / ours:.2f}" if theirs else f"{ours:.2f} s (no ripgrep)"
    )


def bench_mixes(scratch: Path) -> None:
    """Each kind of log by itself."""
    print(f"\nscan of {MIX_MIB} MiB, by what the log holds")
    for mix in MIXES:
        write_log(scratch / "log", mix, MIX_MIB)
        took, memory = scan(scratch / "log")
        print(f"  {mix:14} {compared(took, ripgrep(scratch / 'log', scratch / 'patterns'))}, {memory} MiB")


def bench_growth(scratch: Path) -> None:
    """One kind of log by its size; also as a picture."""
    print("\nscan of a training log, by its size")
    ours, theirs = [], []
    for size in GROWTH_MIB:
        write_log(scratch / "log", "training", size)
        took, memory = scan(scratch / "log")
        ours.append((size, took))
        theirs.append((size, ripgrep(scratch / "log", scratch / "patterns")))
        print(f"  {size:4} MiB       {compared(took, theirs[-1][1])}, {memory} MiB")
    (REPOSITORY / "bench" / "growth.svg").write_text(picture({"postmortem": ours, "ripgrep": theirs}))


def picture(lines: dict[str, list[tuple[int, float]]]) -> str:
    """Seconds over sizes, as SVG."""
    sizes = sorted({size for points in lines.values() for size, _ in points})
    most = max(took for points in lines.values() for _, took in points)
    drawn: str = jinja2.Template(_PICTURE).render(
        sizes=sizes,
        seconds=[most * i / 4 for i in range(5)],
        lines=[(name, colour, lines[name]) for name, colour in zip(lines, ("#1668b8", "#c0562b"), strict=True)],
        x=lambda size: round(60 + 540 * size / sizes[-1], 1),
        y=lambda took: round(310 - 260 * took / most, 1),
    )
    return drawn + "\n"


def bench_command(scratch: Path) -> None:
    """`diagnose_all` on a run with a large log, less the same with its end alone."""
    took = {}
    for name, size in (("small", 0), ("large", 512)):
        run = scratch / name / "experimentruns" / "ds" / "run"
        run.mkdir(parents=True)
        (run / ".failed").touch()
        write_log(run / "slurm.err", "training", size)
        took[name] = min(_diagnose_all(scratch / name, anew=True) for _ in range(TRIES))
    reference = ripgrep(scratch / "large" / "experimentruns" / "ds" / "run" / "slurm.err", scratch / "patterns")
    print(
        f"\ndiagnose_all with a log of 512 MiB, less with its end: {compared(took['large'] - took['small'], reference)}"
    )


def _diagnose_all(project: Path, anew: bool = False) -> float:
    for made in project.rglob("diagnos*") if anew else ():
        made.unlink()
    if anew:
        shutil.rmtree(project / ".snakemake", ignore_errors=True)
    command = [SNAKEMAKE, "diagnose_all", "-s", str(REPOSITORY / "Snakefile"), "--directory", str(project)]
    return timed([*command, "--cores", "2", "--config", "sacct=off"])


def bench_many(scratch: Path) -> None:
    """Many failed runs, against an empty workflow of as many jobs."""
    print("\nmany failed runs")
    for runs in MANY:
        project, empty = scratch / f"many_{runs}", scratch / f"empty_{runs}"
        for i in range(runs):
            run = project / "experimentruns" / f"set_{i % 6:02d}" / f"run_{i:04d}"
            run.mkdir(parents=True)
            (run / "slurm.err").write_text(f"INFO epoch {i}\n" * 50 + TRACEBACK)
            (run / ".failed").touch()
        empty.mkdir()
        (empty / "Snakefile").write_text(
            f"rule all:\n    input: expand('out/{{i}}', i=range({runs}))\n\n"
            "rule one:\n    output: 'out/{i}'\n    shell: 'touch {output}'\n"
        )
        ours, again = _diagnose_all(project), _diagnose_all(project)
        nothing = timed([SNAKEMAKE, "--directory", str(empty), "-s", str(empty / "Snakefile"), "--cores", "2"])
        print(
            f"  {runs:4} runs: {ours:.1f} s, {1000 * ours / runs:.0f} ms a run, {ours / nothing:.2f} of an empty "
            f"workflow's {nothing:.1f} s; again with nothing to do {again:.1f} s"
        )


def bench_hostile(scratch: Path) -> None:
    """Logs that are made to be slow."""
    print("\nhostile logs")
    logs = {
        "one line of 30 MB": b"x" * 30_000_000,
        "one line of 30 MB, 'loss ' again and again": b"loss " * 6_000_000,
        "100,000 different errors": b"".join(b"ERROR: sample %d failed: bad\n" % i for i in range(100_000)),
    }
    for name, content in logs.items():
        (scratch / "log").write_bytes(content)
        took, memory = scan(scratch / "log")
        print(f"  {name}: {took:.2f} s, {memory} MiB")


MEASUREMENTS: tuple[Callable[[Path], None], ...] = (
    bench_mixes, bench_growth, bench_command, bench_many, bench_hostile,
)  # fmt: skip

if __name__ == "__main__":
    print(machine())
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write_patterns(Path(folder, "patterns"))
        for measure in MEASUREMENTS:
            measure(Path(folder))
