"""Processes with memory and time limits that read files which may be huge or hostile.

Their death is a fact about the file, not our failure. One process serves many files; it is started when first needed.
There are two kinds: the structural readers, which need numpy at most, and torch for what they cannot read.
Requests and answers are lines of JSON: {"task": …, "path": …} → the task's dict, or {"error": …}.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...installation import PACKAGE

Task = Callable[..., dict[str, Any]]

MEMORY_LIMIT = 900 * 2**20  # bytes of address space: numpy's libraries take some 350 MB of it, most never touched
TIME_LIMIT = 20.0  # seconds a file
STRUCTURE, TORCH = "structure", "torch"
TORCH_MEMORY_LIMIT = 4 * 2**30  # bytes on top of what the import of torch takes: a mapped file counts as a whole
TORCH_TIME_LIMIT = 60.0  # seconds; from a cold network file system the import alone takes some 20


class HelperDied(Exception):
    """The process ended or was stopped while it worked on a file: why, in words."""


class Helper:
    """The process and the line to it. Use `ask`; it starts the process, and again after a death.

    kind: STRUCTURE or TORCH. memory_limit: bytes of address space, of TORCH beside what its import takes.
    """

    def __init__(self, memory_limit: int = MEMORY_LIMIT, time_limit: float = TIME_LIMIT, kind: str = STRUCTURE) -> None:
        self._memory_limit, self._time_limit, self._kind = memory_limit, time_limit, kind
        self.deaths = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def ask(self, task: str, **request: Any) -> dict[str, Any]:
        """Answer of a task. Raises HelperDied, and OSError if the file cannot be opened."""
        process = self._running()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps({"task": task, **request}).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError as error:
            self._died()
            raise HelperDied("the helper process ended") from error
        answer: dict[str, Any] = json.loads(self._line(process))
        if "os_error" in answer:
            raise OSError(answer["os_error"], os.strerror(answer["os_error"] or 5))
        if "error" in answer:
            raise HelperDied(answer["error"])
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            environment = os.environ | {
                "PYTHONPATH": str(PACKAGE.parent),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "CUDA_VISIBLE_DEVICES": "",
                "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",  # importing torch imports no other package's device
                "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
            }
            environment.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)  # torch refuses both
            self._buffer = b""
            # -P: the working directory is the diagnosed project, whose json.py or numpy.py must not be imported.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, self._kind, str(self._memory_limit)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            )  # fmt: skip
            atexit.register(self.close)
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout
        end = time.monotonic() + self._time_limit
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self._died()
                raise HelperDied(f"reading took more than {self._time_limit:g} s")
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                code = process.wait()
                self._died()
                raise HelperDied(
                    f"the helper process ended with {code} (memory is limited to {self._memory_limit // 2**20} MB)"
                )
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _died(self) -> None:
        self.deaths += 1
        self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                try:
                    stream.close()  # type: ignore[union-attr]
                except OSError:
                    pass
            process.wait()


@functools.cache
def shared_helper(kind: str = STRUCTURE) -> Helper:
    """The one helper of its kind in this process."""
    return Helper(TORCH_MEMORY_LIMIT, TORCH_TIME_LIMIT, TORCH) if kind == TORCH else Helper()


def _tasks(kind: str, memory_limit: int) -> dict[str, Task]:
    """Import what the kind works with, then limit the memory."""
    tasks: dict[str, Task]
    taken = 0
    if kind == TORCH:
        from .torch_values import measure_values, why_unusable

        problem = why_unusable()
        tasks = {"values": (lambda **_: {"problem": problem}) if problem else measure_values}
        # Builds for CUDA map some GB of libraries: what torch itself takes is not the file's doing.
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory_limit, taken + memory_limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if kind == STRUCTURE:
        from .checkpoint_file import describe_checkpoint
        from .graph_file import describe_graphs, describe_mapping

        tasks = {"checkpoint": describe_checkpoint, "graphs": describe_graphs, "mapping": describe_mapping}
    return tasks


def _serve(kind: str, memory_limit: int) -> None:
    tasks = _tasks(kind, memory_limit)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            answer = tasks[request.pop("task")](**request)
        except MemoryError:
            answer = {"error": f"it needs more than the {memory_limit // 2**20} MB that the reader may use"}
        except OSError as error:
            answer = {"os_error": error.errno}
        except Exception as error:  # whatever a hostile file provokes is a fact about the file
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
