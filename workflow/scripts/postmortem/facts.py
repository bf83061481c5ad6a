"""Everything that can be observed about one run: no opinions.

`collect` fills these dataclasses and writes them as facts.json; `analyze` reads nothing else about the run.
Every list is bounded by its reader. Paths are relative to the project's root unless they lie outside of it.
Times are ISO 8601 strings as found in the source (local time of the cluster where no zone is given).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from .files import read_bytes, write_whole
from .text import presentable

READ, PARTIAL, ABSENT, UNREADABLE = "read", "partial", "absent", "unreadable"


@dataclass
class Source:
    """One place that was looked at, and how well it could be read."""

    path: str
    state: str = READ  # READ, PARTIAL, ABSENT or UNREADABLE
    reason: str = ""  # why it is not READ, in words for the report


@dataclass
class Line:
    """A line of a text file: number counts from 1, text without its line end and terminal codes."""

    number: int
    text: str


# --- logs ----------------------------------------------------------------------------------------------------------


@dataclass
class Frame:
    """One `File "…", line N, in f` of a traceback."""

    file: str
    line: int | None
    function: str
    source: str = ""  # the source line as the traceback prints it
    log_line: int = 0  # where the frame stands in the log
    own: bool = False  # in the project's own code, not in a library

    @property
    def path(self) -> str:
        """The file as it would be written on every system, which is what expressions are written for."""
        return self.file.replace("\\", "/")


@dataclass
class RaisedException:
    """One exception as a traceback prints it."""

    type: str  # qualified as printed: "torch.OutOfMemoryError"
    message: str  # may hold several lines
    frames: list[Frame] = field(default_factory=list)  # outermost first
    line: int = 0  # the log line of "Type: message"; 0 if the log was cut off before it
    last_line: int = 0
    leads_to: str = ""  # how it led to the next of the chain: "cause", "context", "group" or "" for the last one
    source_lines: list[int] = field(default_factory=list)  # where the source lines of its frames stand in the log


@dataclass
class Traceback:
    """A chain of exceptions, the first raised first. The last one is what ended the program, if nothing caught it."""

    exceptions: list[RaisedException]
    first_line: int
    last_line: int
    rank: int | None = None
    nested: bool = False  # printed inside another exception's message: the traceback of a child process
    logged: bool = False  # printed by a logger (logging.exception), not by the dying interpreter
    cut_off: bool = False


@dataclass
class Position:
    """Where in the run's leftovers the statement stands that gave a finding; orders causes before consequences."""

    log: str = ""
    role: str = ""
    line: int = 0  # 0: not from a log
    rank: int | None = None
    depth: int = 0  # place in its exception chain, 0 is the first raised
    handled: bool = False  # the program went on after it, or was started again
    teardown: bool = False  # raised while the program was shutting down: after its end, not the cause of it
    traceback: int | None = None  # index of its traceback in the log
    program: str = ""  # the script of the project that the traceback begins in


@dataclass
class Log:
    """A log file: all of its lines if it is small, else head, tail and the surroundings of what stands out."""

    source: Source
    role: str  # "stderr", "stdout", "job" (what sbatch captured), "executor", "snakemake" or "console"
    job_id: str = ""  # SLURM job id, where the name or content tells
    size: int = 0  # bytes
    line_count: int = 0
    whole: bool = True  # every line is in `lines`
    lines: list[Line] = field(default_factory=list)
    tracebacks: list[Traceback] = field(default_factory=list)
    first_time: str = ""
    last_time: str = ""
    modified: str = ""


# --- schedulers ----------------------------------------------------------------------------------------------------


@dataclass
class SlurmStep:
    """A row of sacct below its job: `.batch`, `.extern`, `.0` …"""

    id: str
    state: str = ""
    exit_code: str = ""  # "code:signal"
    max_rss: str = ""
    elapsed: str = ""
    line: int | None = None  # in a saved table
    raw: str = ""  # the row as it stands


@dataclass
class SlurmJob:
    """One record of a job in sacct (a requeued job has several), or what scontrol or squeue said."""

    id: str
    state: str = ""  # first word as sacct says: FAILED, TIMEOUT, CANCELLED, OUT_OF_MEMORY …
    state_text: str = ""  # whole: "CANCELLED by 0"
    exit_code: str = ""
    name: str = ""
    reason: str = ""
    submit: str = ""
    start: str = ""
    end: str = ""
    elapsed_seconds: int | None = None
    time_limit: str = ""
    requested_memory: str = ""
    node: str = ""
    user: str = ""
    work_dir: str = ""
    fields: dict[str, str] = field(default_factory=dict)  # every column as it stood
    steps: list[SlurmStep] = field(default_factory=list)
    source: str = "sacct"
    line: int | None = None  # in a saved table
    raw: str = ""  # the row as it stands


@dataclass
class SnakemakeJob:
    """What a Snakemake log says of one job of one rule."""

    log: str
    rule: str = ""
    jobid: str = ""
    wildcards: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    external_jobid: str = ""
    time: str = ""  # when its block was printed: started or submitted
    ended: str = ""  # when it finished or its error was printed
    state: str = "started"  # "started", "submitted", "finished", "failed", "restarted" (failed, but tried again)
    message: str = ""
    first_line: int = 0  # of its block
    error_line: int = 0
    shell: str = ""
    exit_text: str = ""


# --- beyond the log ------------------------------------------------------------------------------------------------


@dataclass
class ConfigKey:
    """A key of config.json with the place where it stands."""

    value: Any
    line: int | None = None
    text: str = ""  # the raw line


@dataclass
class Config:
    source: Source
    values: dict[str, ConfigKey] = field(default_factory=dict)  # nested keys joined with "."


@dataclass
class Curve:
    """One metric over the run, from a metrics.csv, TensorBoard, MLflow or progress bars.

    points: up to 400 [step, value] pairs, first and last kept; NaN and infinities as strings "nan", "inf", "-inf".
    """

    source: Source
    metric: str
    count: int = 0
    points: list[list[Any]] = field(default_factory=list)
    first_nonfinite_step: float | None = None
    first_nonfinite_line: int | None = None
    first_nonfinite_text: str = ""
    last_line: int | None = None
    last_text: str = ""
    minimum: float | None = None
    maximum: float | None = None
    x: str = "step"  # "step" or "epoch"


@dataclass
class Metric:
    """One number of an evaluation (metrics.json), with the place where it stands."""

    name: str  # dotted path: "gat.core.f1"
    value: Any
    line: int | None = None
    text: str = ""


@dataclass
class Metrics:
    source: Source
    values: list[Metric] = field(default_factory=list)


@dataclass
class TensorFacts:
    name: str
    shape: list[int]
    dtype: str = ""
    nan: int = 0  # count of NaN
    infinite: int = 0
    largest: float | None = None  # largest finite magnitude
    root_mean_square: float | None = None  # of the finite values of floating-point tensors


@dataclass
class Checkpoint:
    """A checkpoint file. kind: "state_dict", "lightning", "safetensors" or "" if it could not be read."""

    source: Source
    role: str = "own"  # "own", "upstream" (of `run`), "sibling" or "teacher"
    run: str = ""
    size: int = 0
    modified: str = ""
    kind: str = ""
    problem: str = ""  # "truncated", "empty", "not_a_checkpoint", "refused_globals", "too_large", "killed" or ""
    refused_globals: list[str] = field(default_factory=list)
    tensors: list[TensorFacts] = field(default_factory=list)
    tensor_count: int = 0
    parameter_count: int = 0
    nan_tensors: int = 0
    not_checked: str = ""  # e.g. "values of 3 of 12 tensors"
    sha256: str = ""


@dataclass
class DataSplit:
    """A directory of CSV files."""

    source: Source
    files: int = 0
    empty_files: list[str] = field(default_factory=list)
    header_only: list[str] = field(default_factory=list)
    rows: int | None = None  # counted or estimated
    columns: list[str] = field(default_factory=list)
    bad_values: list[str] = field(default_factory=list)  # "file:line: column attack holds 'R'"
    sampled: str = ""  # what part was read


@dataclass
class GraphCache:
    """Cached graphs with their metadata and id mapping."""

    source: Source  # of processed_graphs.pt
    metadata: dict[str, Any] = field(default_factory=dict)
    metadata_source: Source | None = None
    id_count: int | None = None  # entries of the id mapping
    oov_index: int | None = None
    mapping_source: Source | None = None
    graphs: int | None = None
    empty_graphs: int | None = None
    node_features: list[int] = field(default_factory=list)  # widths that occur
    edge_features: list[int] = field(default_factory=list)
    largest_id: int | None = None
    labels: list[int] = field(default_factory=list)
    feature_dtypes: list[str] = field(default_factory=list)
    nan_graphs: int | None = None
    sampled: str = ""
    metadata_lines: dict[str, ConfigKey] = field(default_factory=dict)  # the metadata, with the lines where they stand


@dataclass
class TrackedAttempt:
    """An earlier attempt of a run in a tracker's database, with the parameters that it recorded."""

    status: str
    ended_at: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass
class TrackedRun:
    """What a tracker's database holds about the run."""

    source: Source
    kind: str  # "project_db" or "mlflow"
    status: str = ""
    started_at: str = ""
    ended_at: str = ""
    error: str = ""
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    schema: str = ""
    history: list[dict[str, str]] = field(default_factory=list)  # earlier attempts
    good: TrackedAttempt | None = None  # the newest of them that finished


@dataclass
class Artefact:
    """A file that a run makes or needs."""

    run: str
    path: str
    state: str  # READ means: there, not empty
    size: int = 0
    modified: str = ""
    role: str = ""  # "success", "checkpoint", "config", "best" …


@dataclass
class UpstreamRun:
    """A run that this one needs, directly or through others."""

    run: str
    state: str  # "failed", "suspect", "complete", "running", "absent" or "unknown"
    reason: str = ""
    distance: int = 1
    artefacts: list[Artefact] = field(default_factory=list)
    evidence: list[Line] = field(default_factory=list)
    evidence_source: str = ""


@dataclass
class Difference:
    """Something that differs from the last good run."""

    kind: str  # "config", "code", "package" or "weights"
    name: str
    now: str
    then: str
    source: str = ""
    line: int | None = None


@dataclass
class GoodRun:
    """The last success of this run, or its nearest sibling."""

    run: str
    relation: str  # "same run" or "sibling"
    ended_at: str = ""
    differences: list[Difference] = field(default_factory=list)
    new_lines: list[Line] = field(default_factory=list)
    new_lines_source: str = ""


@dataclass
class NamedFile:
    """A path that the run's errors, or the code that raised them, name: what is there, and what lies beside it."""

    named: str  # as it was named
    path: str  # below the project's root
    state: str  # "file", "folder" or ABSENT
    size: int = 0
    first_line: str = ""  # of a text file
    dos_lines: bool = False  # its first line ends as DOS ends lines
    near: list[str] = field(default_factory=list)  # of what is absent: names beside it that are spelt nearly so
    near_path: str = ""  # the path as it was named with a folder of it spelt as one that there is, if it is there then
    lies_at: str = ""  # of what is absent: the path below the project's root where a file with the same ending path is
    in_folder: bool = True  # whether the folder is there in which it is, or should be


@dataclass
class Script:
    """A job script, workflow or its settings that the run's errors are about, as it is now."""

    file: str
    lines: list[str]  # the first one is line 1


@dataclass
class CodeFrame:
    """A frame of the project's own code with the source around it."""

    file: str
    line: int
    function: str
    lines: list[Line] = field(default_factory=list)  # up to 5 before and after
    version: str = ""  # "as it is now" or "commit abc123, as it was when the run started"
    changed_by: str = ""  # "commit, date, author, subject" of the line's last change
    nearest_names: list[str] = field(default_factory=list)
    import_line: int = 0  # of the file's first plain import, before which another may stand; 0 if there is none


@dataclass
class Attempt:
    """One try of the run. The last one counts."""

    number: int
    job_id: str = ""
    state: str = ""
    start: str = ""
    end: str = ""
    logs: list[str] = field(default_factory=list)


# --- the run -------------------------------------------------------------------------------------------------------


@dataclass
class RunFacts:
    """All that was observed about one run. `run` is "(workflow)" for the pipeline itself."""

    run: str
    directory: str
    dataset: str = ""
    name: str = ""
    stage: str = ""
    size: str = ""
    state: str = "unknown"  # what discovery says: "failed", "suspect", "running", "complete" or "unknown"
    reasons: list[str] = field(default_factory=list)  # why discovery says so
    sentinel: dict[str, Any] = field(default_factory=dict)
    collected_at: str = ""
    profile: dict[str, Any] = field(
        default_factory=dict
    )  # the project profile, as far as detectors and remedies need it
    attempts: list[Attempt] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    slurm_jobs: list[SlurmJob] = field(default_factory=list)
    snakemake_jobs: list[SnakemakeJob] = field(default_factory=list)
    config: Config | None = None
    curves: list[Curve] = field(default_factory=list)
    metrics: Metrics | None = None
    checkpoints: list[Checkpoint] = field(default_factory=list)
    data: list[DataSplit] = field(default_factory=list)
    cache: GraphCache | None = None
    trackers: list[TrackedRun] = field(default_factory=list)
    artefacts: list[Artefact] = field(default_factory=list)
    upstream: list[UpstreamRun] = field(default_factory=list)
    siblings: dict[str, dict[str, Any]] = field(default_factory=dict)  # run -> flat config values
    needed_configs: dict[str, Config] = field(default_factory=dict)  # run that this one needs -> its configuration
    good_run: GoodRun | None = None
    code: list[CodeFrame] = field(default_factory=list)
    named_files: list[NamedFile] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    root_entries: list[str] = field(default_factory=list)  # names in the project's root, of what tells how it is kept
    environment: dict[str, str] = field(default_factory=dict)  # package -> version, as logs and metadata tell
    not_checked: list[str] = field(default_factory=list)  # evidence that was absent or unreadable, and why
    not_collected: str = ""  # why there are no facts at all; a run of which nothing is known is not well


def write(facts: RunFacts, path: Path) -> None:
    """Write facts.json whole or not at all."""
    content = msgspec.to_builtins(facts)
    lines = [log.pop("lines", None) for log in content["logs"]]  # cleaned when they were read, and nearly all there is
    content = presentable(content)
    for log, kept in zip(content["logs"], lines, strict=True):
        if kept is not None:
            log["lines"] = kept
    write_whole(path, msgspec.json.format(msgspec.json.encode(content), indent=1))


def read(path: Path) -> RunFacts:
    """Read a facts.json. Raises msgspec.DecodeError if it is not one."""
    return msgspec.json.decode(read_bytes(path), type=RunFacts)
