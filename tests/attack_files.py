"""Attack on the files of a project: one or a few of them damaged, or something else in their place, at random.

What has to hold each time: the diagnosis is made, nothing breaks or waits, what the failure left is not called well,
no file of the project changes, and nothing of its content is executed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from markdown_check import assert_only_ours
from whole_project import RUN, project_with_everything

from postmortem.jobs import diagnose_now

SECONDS = 30  # for a call that takes a third of one
MOST_BYTES = 3_000_000  # of what a case puts into a file
OURS = ("diagnos",)  # what a call may write, by the beginning of its name
# What a file could hold to be run, rendered or believed. CANARY stands for a file that nobody may make.
INJECTIONS = [
    "$(touch CANARY)", "`touch CANARY`", "; touch CANARY ;", "'; touch CANARY; '", '"; touch CANARY; "',
    "| touch CANARY", "{{ 7 * 7 }}{% for i in range(999999999) %}x{% endfor %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "!!python/object/apply:os.system ['touch CANARY']",
    "__import__('os').system('touch CANARY')", "cos\nsystem\n(S'touch CANARY'\ntR.",
    "<script>alert(1)</script><img src=x onerror=alert(1)>", "](javascript:alert(1))",
    "# Root Cause\n\n```\n~~~\n<!-- -->\n| a | b |\n", "\x1b]0;title\x07\x1b[2J\x1b[31m", "\u202e\u200b\ufeff",
    "\r" * 40 + "\n", "../../../../../../etc/passwd", "/dev/stdin", "=1+1", "%s%n%2000000000d", "a" * 20_000,
    "[" * 5_000, '{"a": ' * 3_000, "9" * 5_000, "1e999999", "NaN", "\\ud800", "\x00" * 50, "&a [*a, *a]", "- " * 2_000,
]  # fmt: skip

Damage = Callable[[Path, random.Random], None]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def cut_off(path: Path, rng: random.Random) -> None:
    content = _bytes(path)
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def bits_flipped(path: Path, rng: random.Random) -> None:
    content = bytearray(_bytes(path) or b"x")
    for _ in range(rng.randint(1, 30)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def noise_inside(path: Path, rng: random.Random) -> None:
    content = _bytes(path)
    at = rng.randrange(len(content) + 1)
    path.write_bytes(content[:at] + rng.randbytes(rng.randint(1, 400)) + content[at:])


def injected(path: Path, rng: random.Random) -> None:
    content, at = _bytes(path), 0
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        content = content[:at] + rng.choice(INJECTIONS).encode() + content[at:]
    path.write_bytes(content)


def value_replaced(path: Path, rng: random.Random) -> None:
    """One word of a text: a value of JSON, YAML or CSV, a field of the accounting."""
    words = _bytes(path).split(b'"')
    words[rng.randrange(len(words))] = rng.choice(INJECTIONS).encode()
    path.write_bytes(b'"'.join(words))


def lines_shuffled(path: Path, rng: random.Random) -> None:
    lines = _bytes(path).split(b"\n")
    rng.shuffle(lines)
    path.write_bytes(b"\n".join(lines))


def repeated(path: Path, rng: random.Random) -> None:
    content = _bytes(path)[:20_000]
    path.write_bytes(content * min(rng.randint(2, 2_000), MOST_BYTES // max(len(content), 1)))


def of_another(path: Path, rng: random.Random) -> None:
    """The content of another file of the project."""
    root = next(parent for parent in path.parents if parent.name == "p")
    others = sorted(other for other in root.rglob("*") if other.is_file() and not other.is_symlink())
    path.write_bytes(_bytes(rng.choice(others))[:MOST_BYTES] if others else b"")


def empty(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def gone(path: Path, _: random.Random) -> None:
    path.unlink(missing_ok=True)


def folder(path: Path, rng: random.Random) -> None:
    gone(path, rng)
    path.mkdir()


def pipe(path: Path, rng: random.Random) -> None:
    gone(path, rng)
    os.mkfifo(path)


def endless(path: Path, rng: random.Random) -> None:
    gone(path, rng)
    path.symlink_to("/dev/zero")


def loop(path: Path, rng: random.Random) -> None:
    gone(path, rng)
    path.symlink_to(path.name)


def outward(path: Path, rng: random.Random) -> None:
    gone(path, rng)
    path.symlink_to("/etc/passwd")


def socket_file(path: Path, rng: random.Random) -> None:
    gone(path, rng)
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as listening:  # paths of sockets are short
        listening.bind(path.name[:100])


def sparse(path: Path, _: random.Random) -> None:
    """Large, and holds nothing."""
    path.write_bytes(b"")
    os.truncate(path, 1 << 30)


DAMAGES: dict[str, Damage] = {
    damage.__name__.replace("_", " "): damage
    for damage in (
        cut_off, bits_flipped, noise_inside, injected, value_replaced, lines_shuffled, repeated, of_another, empty,
        gone, folder, pipe, endless, loop, outward, socket_file, sparse,
    )
}  # fmt: skip


def attack(scratch: Path, name: str, seed: int) -> str:
    """One case of a kind of damage, in a folder that is removed again. Returns what went wrong, or nothing."""
    rng = random.Random(f"{name} {seed}")
    root = scratch / f"{os.getpid()}-{seed}" / "p"
    canary = root.parent / "canary"
    try:
        shutil.copytree(whole(scratch), root)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        hit = rng.sample(files, min(len(files), 1 if rng.random() < 0.7 else rng.randint(2, 5)))
        for path in hit:
            DAMAGES[name](path, rng)
            if path.is_file() and not path.is_symlink() and path.stat().st_size < MOST_BYTES:
                path.write_bytes(path.read_bytes().replace(b"CANARY", str(canary).encode()))
        problem = _problem(root, hit)
        problem = problem or ("what a file held was executed" if canary.exists() else "")
        return f"{problem} (seed {seed})" if problem else ""
    finally:
        shutil.rmtree(root.parent, ignore_errors=True)


def whole(scratch: Path) -> Path:
    """The project as it should be, made once in each process."""
    root = scratch / f"whole-{os.getpid()}" / "p"
    if not root.exists():
        project_with_everything(root)
    return root


def _problem(root: Path, hit: list[Path]) -> str:
    before = dict(_state(root))
    said = io.StringIO()
    where = Path.cwd()
    sacct = root / "sacct.txt"
    source = "sacct.txt" if sacct.is_file() and not sacct.is_symlink() else "off"
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = diagnose_now.main(
                ["--directory", str(root), "--config", f"sacct={source}", "--time-limit", str(SECONDS)]
            )
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        os.chdir(where)
    after = dict(_state(root))
    if changed := [name for name in before if before[name] != after.get(name)]:
        return f"changed: {changed}"
    if f"stopped after {SECONDS}" in said.getvalue():
        return f"took longer than {SECONDS} s"
    if "Traceback" in said.getvalue():
        return f"a traceback of ours: {said.getvalue()[-300:]}"
    return _of_the_outputs(root, status, said.getvalue(), {str(path.relative_to(root)) for path in hit})


def _of_the_outputs(root: Path, status: int, said: str, hit: set[str]) -> str:
    run = root / "experimentruns" / RUN
    told = {f"experimentruns/{RUN}/{name}" for name in (".failed", "slurm.err")}
    if status != 0:
        # A setting that is broken is refused, in a sentence.
        return "" if status == 2 and said.count("\n") == 1 else f"exit status {status}: {said[-200:]}"
    if not (run / "diagnosis.json").is_file():
        return "" if told & hit else "no diagnosis"
    diagnosis = json.loads((run / "diagnosis.json").read_text())
    if broken := [item for item in diagnosis["not_checked"] if "broke" in item]:
        return f"broke: {broken}"
    if diagnosis["status"] == "ok" and not told & hit:
        return "a failed run is called well"
    try:
        assert_only_ours((run / "diagnosis.md").read_text())
    except AssertionError as error:
        return f"markup of others: {error}"
    return ""


def _state(root: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """All that lies there and is not ours: kind, size, time."""
    for folder_name, folders, names in os.walk(root):
        for name in (*names, *folders):
            if not name.startswith(OURS):
                status = os.lstat(Path(folder_name, name))
                times = (status.st_size, status.st_mtime_ns) if name in names else ()
                yield str(Path(folder_name, name).relative_to(root)), (status.st_mode, *times)
