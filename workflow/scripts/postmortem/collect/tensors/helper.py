"""A process with memory and time limits that reads files which may be huge or hostile.

Its death is a fact about the file, not our failure. One process serves many files; it is started when first needed.
Requests and answers are lines of JSON: {"task": …, "path": …} → the task's dict, or {"error": …}.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import select
import subprocess
import sys
import time
from typing import Any

from ...installation import PACKAGE

MEMORY_LIMIT = 900 * 2**20  # bytes of address space: numpy's libraries take some 350 MB of it, most never touched
TIME_LIMIT = 20.0  # seconds a file


class HelperDied(Exception):
    """The process ended or was stopped while it worked on a file: why, in words."""


class Helper:
    """The process and the line to it. Use `ask`; it starts the process, and again after a death."""

    def __init__(self, memory_limit: int = MEMORY_LIMIT, time_limit: float = TIME_LIMIT) -> None:
        self._memory_limit, self._time_limit = memory_limit, time_limit
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
            self.close()
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
            }
            self._buffer = b""
            # -P: the working directory is the diagnosed project, whose json.py or numpy.py must not be imported.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "postmortem.collect.tensors.helper", str(self._memory_limit)],
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
                self.close()
                raise HelperDied(f"reading took more than {self._time_limit:g} s")
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                code = process.wait()
                self.close()
                raise HelperDied(
                    f"the helper process ended with {code} (memory is limited to {self._memory_limit // 2**20} MB)"
                )
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

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


_shared: Helper | None = None


def shared_helper() -> Helper:
    """The one helper of this process."""
    global _shared
    if _shared is None:
        _shared = Helper()
    return _shared


def _serve(memory_limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from .checkpoint_file import describe_checkpoint
    from .graph_file import describe_graphs, describe_mapping

    tasks: dict[str, Any] = {"checkpoint": describe_checkpoint, "graphs": describe_graphs, "mapping": describe_mapping}
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
    _serve(int(sys.argv[1]))
