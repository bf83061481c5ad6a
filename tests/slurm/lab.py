"""One little project under the real SLURM of cluster.sh: submit, interfere, store what is left as a fixture."""

import json
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "provoked_slurm"
PROJECTS = Path("/srv/lab")
SNAKEMAKE = {7: "/srv/envs/slurm7/bin/snakemake", 9: "/srv/envs/slurm9/bin/snakemake"}
USER = "alice"
COLUMNS = (
    "JobID,JobIDRaw,JobName,User,UID,Account,Partition,QOS,State,ExitCode,DerivedExitCode,Reason,Submit,Eligible,Start,"
    "End,Elapsed,ElapsedRaw,Timelimit,Suspended,ReqCPUS,ReqMem,ReqTRES,AllocTRES,MaxRSS,MaxVMSize,NNodes,NodeList,"
    "Flags,Comment,WorkDir,SubmitLine"
)
CODE = {"train.py", "state_dict.pt", "Snakefile", "profiles", "case.json", "__pycache__"}  # not part of the leftovers
NOT_STORED = {"metadata", "locks", "incomplete", "tmp", "shadow", "auxiliary", "scripts", "conda", "iocache", "storage"}
ENDED = ("COMPLETED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL")
# A fixture must not tell of the machine that made it: where this repository lies, whose home it is.
FORBIDDEN = re.compile("|".join(re.escape(f"{place}/") for place in (HERE.parents[2], Path.home())))


def run_id(ds: str, stage: str, size: str = "teacher") -> str:
    return f"{ds}/{size}_{stage}"


def failed(run: str, cause: str, evidence: str, fix: str, also: tuple[str, ...] = ()) -> dict:
    return {"run": run, "cause": cause, "also_ok": list(also), "key_evidence": evidence, "fix": fix}


class Project:
    """A directory under /srv/lab, owned by the ordinary user, with the stand-in pipeline in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dir = PROJECTS / name
        self.console: Path | None = None
        self.jobs: list[str] = []
        self.heads: list[subprocess.Popen] = []
        self.table = ""  # what sacct said, where a case wants an earlier moment than the end
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        for file in ("train.py", "state_dict.pt", "Snakefile"):
            shutil.copy(HERE / "payload" / file, self.dir / file)
        shutil.copytree(HERE / "payload" / "slurm_profile", self.dir / "profiles" / "slurm")
        self.began = time.strftime("%Y-%m-%dT%H:%M:%S")
        self._own()

    def _own(self) -> None:
        subprocess.run(["chown", "-R", f"{USER}:", str(self.dir)], check=True)

    def as_user(self, command: list[str] | str, **options) -> subprocess.Popen:
        """Start as the ordinary user with a clean environment: what jobs inherit must not be ours."""
        who = pwd.getpwnam(USER)
        environment = {"HOME": who.pw_dir, "USER": USER, "LOGNAME": USER, "SHELL": "/bin/bash", "LANG": "C.UTF-8",
                       "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
        return subprocess.Popen(
            command, shell=isinstance(command, str), cwd=self.dir, env=environment, user=who.pw_uid, group=who.pw_gid,
            extra_groups=[], text=True, stdin=subprocess.DEVNULL, start_new_session=True, **options,
        )  # fmt: skip

    def edit(self, file: str, old: str, new: str) -> None:
        """A mistake in the project's own code."""
        text = (self.dir / file).read_text()
        if old not in text:
            raise ValueError(f"{file} has no {old!r}")
        (self.dir / file).write_text(text.replace(old, new))

    # --- plain sbatch

    def sbatch(self, script: str, *options: str, log: bool = False) -> str:
        """Submit a batch script; the job id, or '' if it was refused. log: the user kept what sbatch said."""
        count = len(list((self.dir / "scripts").glob("*.sh"))) if (self.dir / "scripts").is_dir() else 0
        path = self.dir / "scripts" / f"job{count or ''}.sh"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        self._own()
        command = ["sbatch", *options, f"scripts/{path.name}"]
        done = self.as_user(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.communicate()[0]
        if log:
            (self.dir / "slurm_logs").mkdir(exist_ok=True)
            with open(self.dir / "slurm_logs" / "submit.log", "a") as file:
                file.write(f"+ {shlex.join(command)}\n{said}")
        job = re.search(r"Submitted batch job (\d+)", said)
        if job:
            self.jobs.append(job[1])
        return job[1] if job else ""

    def train_job(self, *options: str, ds: str = "hcrl_sa", stage: str = "autoencoder", train: str = "",
                  before: str = "", prefix: str = "", to_run: bool = True, log: bool = False) -> str:  # fmt: skip
        """The usual batch script. to_run: sbatch writes slurm.{out,err} itself, else slurm_logs/%j-<name>."""
        run = run_id(ds, stage)
        run_dir = self.dir / "experimentruns" / run
        run_dir.mkdir(parents=True, exist_ok=True)
        command = f"{prefix}python3 train.py {stage} --dataset {ds} {train}".rstrip()
        name = f"{ds}-teacher_{stage}"
        if to_run:
            streams = [f"--output=experimentruns/{run}/slurm.out", f"--error=experimentruns/{run}/slurm.err"]
        else:
            (self.dir / "slurm_logs").mkdir(exist_ok=True)
            streams = [f"--output=slurm_logs/%j-{name}.out", f"--error=slurm_logs/%j-{name}.err"]
            command += f" > experimentruns/{run}/slurm.out 2> experimentruns/{run}/slurm.err"
        usual = [f"--job-name={name}", "--time=60", "--mem=2000", "--cpus-per-task=4", "--gres=gpu:v100:1"]
        return self.sbatch(f"{before}\n{command}".strip(), *usual, *streams, *options, log=log)

    # --- Snakemake

    def snakemake(self, version: int, config: dict | None = None, *options: str, wait: bool = True,
                  keep_console: bool = True, executor: str = "") -> subprocess.Popen:  # fmt: skip
        (self.dir / "case.json").write_text(json.dumps(config or {}))
        self._own()
        command = [SNAKEMAKE[version], "--configfile", "case.json"]
        if version == 7 and executor == "slurm":
            command += ["--slurm", "--jobs", "10", "--printshellcmds", "--latency-wait", "3"]
        elif version == 7:
            command += ["--profile", "profiles/slurm"]
        elif not executor:
            command += ["--executor", "slurm", "--jobs", "10", "--printshellcmds", "--latency-wait", "3",
                        "--slurm-init-seconds-before-status-checks", "5", "--rerun-triggers", "mtime"]  # fmt: skip
        else:
            profile = yaml.safe_load((self.dir / "profiles/slurm/config.yaml").read_text())
            command += ["--executor", executor, "--jobs", "10", "--printshellcmds", "--latency-wait", "3",
                        "--cluster-generic-submit-cmd", profile["cluster"],
                        "--cluster-generic-status-cmd", profile["cluster-status"]]  # fmt: skip
        path = PROJECTS / f"{self.name}.console"
        with open(path, "w") as console:
            process = self.as_user([*command, *options], stdout=console, stderr=subprocess.STDOUT)
        self.heads.append(process)
        self.console = path if keep_console else None
        if wait:
            process.wait(timeout=400)
        return process

    # --- watching

    def sacct(self, *options: str) -> str:
        return subprocess.run(["sacct", "-D", "-P", *options], capture_output=True, text=True).stdout

    def find_jobs(self) -> list[str]:
        """Ids of this project's jobs: what sacct lists since the beginning, and what only squeue knows."""
        listed = self.sacct("-a", "-X", "-n", "-S", self.began, "-o", "JobID,WorkDir")
        ids = [line.split("|")[0] for line in listed.splitlines() if line.endswith(f"|{self.dir}")]
        queued = subprocess.run(["squeue", "-h", "-t", "all", "-o", "%A|%V|%Z"], capture_output=True, text=True).stdout
        rows = [line.split("|") for line in queued.splitlines() if line.endswith(f"|{self.dir}")]
        ids += [job for job, submitted, _ in rows if submitted >= self.began]
        return list(dict.fromkeys(re.split(r"[_+]", job)[0] for job in [*ids, *self.jobs]))

    def state(self, job: str) -> str:
        said = subprocess.run(["scontrol", "-o", "show", "job", job], capture_output=True, text=True).stdout
        found = re.search(r"JobState=(\S+)", said)
        return found[1] if found else ""

    def wait(self, condition, seconds: float = 180, what: str = "condition") -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name}: {what} did not come within {seconds} s")
            time.sleep(0.5)

    def wait_state(self, job: str, *states: str, seconds: float = 180) -> None:
        wanted = states or ENDED
        self.wait(lambda: self.state(job) in wanted, seconds, f"{job} in {wanted}")

    def wait_epoch(self, run: str = "hcrl_sa/teacher_autoencoder", epoch: int = 3, seconds: float = 90) -> None:
        path = self.dir / "experimentruns" / run / "slurm.out"
        self.wait(lambda: path.exists() and f"Epoch {epoch}:" in path.read_text(), seconds, f"epoch {epoch} of {run}")

    def processes(self, job: str, node: str = "node01") -> list[str]:
        said = subprocess.run(["scontrol", "listpids", job, node], capture_output=True, text=True).stdout
        return [line.split()[0] for line in said.splitlines()[1:] if line.split()[0].isdigit()]

    def newest_job(self) -> str:
        self.wait(self.find_jobs, 60, "a job")
        return max(self.find_jobs(), key=int)

    # --- storing

    def store(self, label: dict) -> None:
        """root/ (leftovers without the code), sacct.txt, snakemake.console, label.yaml; refuse unproven labels."""
        target = FIXTURES / self.name
        shutil.rmtree(target, ignore_errors=True)
        table = self.table or self.settled_table()
        shutil.copytree(self.dir, target / "root", ignore=self._ignored, symlinks=True)
        subprocess.run(["chown", "-R", "root:root", str(target)], check=True)
        subprocess.run(["chmod", "-R", "u+rwX,go+rX", str(target)], check=True)
        (target / "sacct.txt").write_text(table)
        if self.console:
            shutil.copy(self.console, target / "snakemake.console")
        (target / "label.yaml").write_text(yaml.safe_dump(label, width=120, allow_unicode=True))
        texts = {p: p.read_text(errors="replace") for p in target.rglob("*") if p.is_file() and p.name != "label.yaml"}
        for path, text in texts.items():
            if found := FORBIDDEN.search(text):
                raise ValueError(f"{path} holds {found[0]}")
        for entry in label.get("failed_runs") or []:
            said = " ".join(" ".join(texts.values()).split()).lower()
            if " ".join(entry["key_evidence"].split()).lower() not in said:
                raise ValueError(f"{self.name}: {entry['key_evidence']!r} is nowhere in the fixture")

    def settled_table(self) -> str:
        """What sacct says. For some seconds it does not know a new job, and then knows one that ended quickly only as
        `allocation`, without user, time limit and working directory."""
        ids = self.find_jobs()
        if not ids:
            return COLUMNS.replace(",", "|") + "\n"
        read = lambda: self.sacct("-j", ",".join(ids), "-o", COLUMNS)  # noqa: E731
        known = lambda table: set(re.findall(r"^\d+|(?<=\|)\d+(?=\|)", table, re.M))  # noqa: E731  JobID or JobIDRaw
        self.wait(lambda: set(ids) <= known(table := read()) and "|allocation|" not in table, 30, "a settled sacct")
        return read()

    def _ignored(self, folder: str, names: list[str]) -> set[str]:
        if Path(folder) == self.dir:
            return {name for name in names if name in CODE}
        if os.path.basename(folder) == ".snakemake":
            return {name for name in names if name in NOT_STORED or name.startswith("tmp.") or name.endswith("_cache")}
        return set()

    def clean(self) -> None:
        """No job of ours may stay in the queue, and no head process behind."""
        for head in self.heads:
            if head.poll() is None:
                os.killpg(head.pid, signal.SIGKILL)
                head.wait()
        left = [job for job in self.find_jobs() if self.state(job) in ("PENDING", "RUNNING", "COMPLETING", "SUSPENDED")]
        if left:
            subprocess.run(["scancel", *left], check=False)
