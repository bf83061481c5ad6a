"""Plain batch scripts on node01: limits, signals, refusals, arrays, dependencies, the program's own failures."""

import subprocess
from pathlib import Path

from cases import case
from lab import COLUMNS, ENDED, Project, failed, run_id

RUN = run_id("hcrl_sa", "autoencoder")
LONG = "--max-epochs 100000"
REFUSED = "sbatch-rejected"


def ended(project: Project, job: str, label: dict, *states: str) -> dict:
    """Wait for the end and insist on the state that the case is about."""
    project.wait_state(job)
    if states and (state := project.state(job)) not in states:
        raise AssertionError(f"job {job} is {state}, not {states}")
    return label


def one(cause: str, evidence: str, fix: str, *also: str, run: str = RUN) -> dict:
    return {"failed_runs": [failed(run, cause, evidence, fix, also)]}


@case("sbatch-timeout")
def timeout(project: Project) -> dict:
    """time limit of a batch script"""
    job = project.train_job("--time=1", train=LONG)
    return ended(project, job, one("slurm.timeout", "DUE TO TIME LIMIT", "More --time, or fewer epochs"), "TIMEOUT")


@case("sbatch-timeout-srun")
def timeout_srun(project: Project) -> dict:
    """time limit while the program runs in an srun step"""
    job = project.train_job("--time=1", train=LONG, prefix="srun ", to_run=False)
    return ended(project, job, one("slurm.timeout", "DUE TO TIME LIMIT", "More --time, or fewer epochs"), "TIMEOUT")


@case("sbatch-step-time-limit")
def step_time_limit(project: Project) -> dict:
    """the step has a shorter time limit (srun --time) than the job"""
    job = project.train_job("--time=30", train=LONG, prefix="srun --time=1 ", to_run=False)
    return ended(project, job, one("slurm.timeout", "DUE TO TIME LIMIT", "Drop --time of srun, or raise it"))


@case("sbatch-oom")
def oom(project: Project) -> dict:
    """memory cgroup kill of a batch script"""
    job = project.train_job("--mem=200", train=f"{LONG} --cached-graphs 6000")
    return ended(project, job, one("host.oom", "OUT_OF_MEMORY", "More --mem, or keep fewer graphs"), "OUT_OF_MEMORY")


@case("sbatch-oom-srun")
def oom_srun(project: Project) -> dict:
    """memory cgroup kill in an srun step; the batch script goes on and ends with the step's status"""
    job = project.train_job("--mem=200", train=f"{LONG} --cached-graphs 6000", prefix="srun ", to_run=False)
    return ended(project, job, one("host.oom", "OUT_OF_MEMORY", "More --mem, or keep fewer graphs"))


@case("sbatch-oom-swallowed")
def oom_swallowed(project: Project) -> dict:
    """the script ends well (|| true) though its program was killed for memory"""
    job = project.train_job("--mem=200", train=f"{LONG} --cached-graphs 6000 || echo training stopped", to_run=False)
    return ended(project, job, one("host.oom", "oom-kill event", "More --mem; do not swallow the exit status"))


@case("sbatch-scancel-owner")
def scancel_owner(project: Project) -> dict:
    """scancel by the owner"""
    job = project.train_job(train=LONG)
    project.wait_epoch()
    project.as_user(["scancel", job]).wait()
    return ended(project, job, one("slurm.cancelled", "CANCELLED AT", "Submit it again"), "CANCELLED")


@case("sbatch-scancel-root")
def scancel_root(project: Project) -> dict:
    """scancel by an administrator"""
    job = project.train_job(train=LONG, to_run=False)
    project.wait_epoch()
    subprocess.run(["scancel", job], check=True)
    return ended(project, job, one("slurm.cancelled", "CANCELLED by 0", "Ask the administrator why"), "CANCELLED")


@case("sbatch-scancel-pending")
def scancel_pending(project: Project) -> dict:
    """scancel of a job that never started"""
    job = project.train_job("--begin=now+1hour", train=LONG, to_run=False)
    project.wait_state(job, "PENDING")
    project.as_user(["scancel", job]).wait()
    return ended(project, job, one("slurm.cancelled", "CANCELLED by", "Submit it again"), "CANCELLED")


@case("sbatch-scancel-signal")
def scancel_signal(project: Project) -> dict:
    """scancel --signal=INT --full: Python gets KeyboardInterrupt, the job is FAILED"""
    job = project.train_job(train=LONG, prefix="exec ")
    project.wait_epoch()
    project.as_user(["scancel", "--signal=INT", "--full", job]).wait()
    label = one("run.interrupted", "KeyboardInterrupt", "Submit it again", "slurm.cancelled")
    return ended(project, job, label, "FAILED", "CANCELLED")


@case("sbatch-scancel-kill-step")
def scancel_kill_step(project: Project) -> dict:
    """scancel of one step: the job goes on and fails with the step's status"""
    job = project.train_job(train=LONG, prefix="srun ")
    project.wait_epoch()
    project.as_user(["scancel", f"{job}.0"]).wait()
    return ended(project, job, one("slurm.cancelled", "CANCELLED AT", "Submit it again"))


@case("sbatch-sigkill")
def sigkill(project: Project) -> dict:
    """the program gets SIGKILL from outside, with memory to spare"""
    job = project.train_job(train=LONG, to_run=False)
    project.wait_epoch()
    programs = [pid for pid in project.processes(job) if Path(f"/proc/{pid}/comm").read_text().startswith("python")]
    subprocess.run(["kill", "-KILL", *programs], check=True)
    label = one("host.killed", "Killed", "Find out who sent SIGKILL; submit it again", "run.interrupted")
    return ended(project, job, label, "FAILED")


@case("sbatch-output-missing")
def output_missing(project: Project) -> dict:
    """the folder of --output does not exist: 0:53"""
    job = project.train_job("--output=logs/%j.out", "--error=logs/%j.err")
    label = one("slurm.output_unwritable", "0:53", "mkdir -p logs before sbatch")
    return ended(project, job, label, "FAILED")


@case("sbatch-exception")
def exception(project: Project) -> dict:
    """a Python exception"""
    project.edit("train.py", '.info("dataset %s: %d graphs, 11 node features", config["dataset"]',
                 '.info("dataset %s: %d graphs, 11 node features", config["datasets"]')  # fmt: skip
    job = project.train_job()
    return ended(project, job, one("code.bug", "KeyError: 'datasets'", "config['dataset']", "config.invalid"), "FAILED")


@case("sbatch-exit-127")
def exit_127(project: Project) -> dict:
    """command not found"""
    job = project.train_job(before="conda activate gnn", prefix="./env/bin/")
    return ended(project, job, one("env.activation", "env/bin/python3: No such file", "Make the environment"), "FAILED")


@case("sbatch-record-incomplete")
def record_incomplete(project: Project) -> dict:
    """asked seconds after the end, sacct knows the job as `allocation`, with its state but without its name"""
    for _ in range(5):
        job = project.train_job(prefix="./env/bin/", to_run=False)
        project.wait(lambda: project.sacct("-n", "-X", "-j", job, "-o", "End"), 30, "a record")  # noqa: B023
        project.table = project.sacct("-j", job, "-o", COLUMNS)
        if "|allocation|" in project.table:
            return one("env.activation", "env/bin/python3: No such file", "Make the environment")
    raise AssertionError("sacct was always complete")


@case("sbatch-segfault")
def segfault(project: Project) -> dict:
    """a crash in native code"""
    project.edit("train.py", "import argparse", "import argparse\nimport ctypes")
    project.edit("train.py", "    time.sleep(0.5)\n", "    time.sleep(0.5)\n    ctypes.string_at(8)\n")
    job = project.train_job(to_run=False)
    return ended(project, job, one("host.crash", "Segmentation fault", "Find the native call that crashes"), "FAILED")


@case("sbatch-bad-argument")
def bad_argument(project: Project) -> dict:
    """the program refuses its arguments, in an srun step"""
    job = project.train_job(train="--epochs-max 10", prefix="srun ", to_run=False)
    return ended(project, job, one("config.invalid", "unrecognized arguments: --epochs-max 10", "--max-epochs"))


@case("sbatch-array")
def array(project: Project) -> dict:
    """an array of four datasets: one good, one exception, one memory kill, one time limit"""
    project.edit("train.py", "    count = 237\n", '    count = {"set_02": 0}.get(config["dataset"], 237)\n'
                 '    if not count:\n        raise ValueError(f"no graphs in {config[\'dataset\']}")\n')  # fmt: skip
    sets = ["hcrl_ch", "set_02", "set_03", "set_04"]
    (project.dir / "slurm_logs").mkdir()
    for ds in sets:
        (project.dir / "experimentruns" / ds / "teacher_autoencoder").mkdir(parents=True)
    job = project.sbatch(
        "sets=(hcrl_ch set_02 set_03 set_04)\n"
        "extra=('' '' '--cached-graphs 6000 --max-epochs 999' '--max-epochs 100000')\n"
        "ds=${sets[$SLURM_ARRAY_TASK_ID]}\nrun=experimentruns/$ds/teacher_autoencoder\n"
        "python3 train.py autoencoder --dataset $ds ${extra[$SLURM_ARRAY_TASK_ID]} >$run/slurm.out 2>$run/slurm.err",
        "--array=0-3", "--job-name=teacher_autoencoder", "--time=1", "--mem=200",
        "--output=slurm_logs/%A_%a.out", "--error=slurm_logs/%A_%a.err")  # fmt: skip
    states = lambda: project.sacct("-X", "-n", "-j", job, "-o", "State").split()  # noqa: E731
    project.wait(lambda: len(states()) == 4 and set(states()) <= set(ENDED), 200, "the array's end")
    run = [run_id(ds, "autoencoder") for ds in sets]
    return {"failed_runs": [
        failed(run[1], "data.empty", "no graphs in set_02", "Look at its preprocessing", ("code.bug", "data.missing")),
        failed(run[2], "host.oom", "OUT_OF_MEMORY", "More --mem"),
        failed(run[3], "slurm.timeout", "DUE TO TIME LIMIT", "More --time"),
    ], "ok_runs": [run[0]]}  # fmt: skip


@case("sbatch-dependency-never")
def dependency_never(project: Project) -> dict:
    """afterok on a job that failed: pending for ever"""
    project.edit("train.py", "import argparse", "import argparse\nimport torch_geometrics")
    first = project.train_job()
    second = project.train_job(f"--dependency=afterok:{first}", stage="curriculum", to_run=False)
    project.wait_state(first)
    project.wait(lambda: "DependencyNeverSatisfied" in reason(second), 60, "DependencyNeverSatisfied")
    return dependent(f"--dependency=afterok:{first}")


@case("sbatch-dependency-killed")
def dependency_killed(project: Project) -> dict:
    """the same with --kill-on-invalid-dep=yes: cancelled by SLURM"""
    project.edit("train.py", "import argparse", "import argparse\nimport torch_geometrics")
    first = project.train_job()
    options = [f"--dependency=afterok:{first}", "--kill-on-invalid-dep=yes"]
    second = project.train_job(*options, stage="curriculum", to_run=False)
    return ended(project, second, dependent("CANCELLED"), "CANCELLED")


def reason(job: str) -> str:
    return subprocess.run(["squeue", "-h", "-j", job, "-o", "%r"], capture_output=True, text=True).stdout


def dependent(evidence: str) -> dict:
    upstream = failed(RUN, "code.import", "No module named 'torch_geometrics'", "import torch_geometric")
    down = failed(run_id("hcrl_sa", "curriculum"), "slurm.dependency", evidence,
                  "Repair teacher_autoencoder, then submit both again", ("workflow.upstream_failed",))  # fmt: skip
    return {"failed_runs": [upstream, down | {"upstream": RUN}]}


def refuse(name: str, options: list[str], evidence: str, fix: str) -> None:
    """Register a case in which sbatch refuses the job; what it said was kept in slurm_logs/submit.log."""

    def provoke(project: Project) -> dict:
        if job := project.train_job(*options, log=True, to_run=False):
            raise AssertionError(f"accepted as {job}")
        return one("slurm.submit_rejected", evidence, fix)

    provoke.__doc__ = f"refused: {' '.join(options)}"
    case(f"{REFUSED}-{name}")(provoke)


refuse("account", ["--account=pas0000"], "Invalid account or account/partition combination", "--account=ml")
refuse("partition", ["--partition=gpu-long"], "invalid partition specified: gpu-long", "--partition=gpu")
refuse("memory", ["--mem=900G"], "Memory specification can not be satisfied", "less --mem: a node has 500G")
refuse("qos", ["--qos=premium"], "Invalid qos specification", "--qos=normal or debug")
refuse("policy", ["--qos=debug", "--time=120"], "Job violates accounting/QOS policy", "--time=30 at most under debug")
refuse("gres", ["--gres=gpu:a100:1"], "Requested node configuration is not available", "--gres=gpu:v100:1")
refuse("dependency", ["--dependency=afterok:"], "Job dependency problem", "give the id of the job before")


@case("sbatch-heterogeneous")
def heterogeneous(project: Project) -> dict:
    """a heterogeneous job (id+0, id+1) of which the first component's program fails"""
    (project.dir / "experimentruns" / RUN).mkdir(parents=True)
    project.edit("train.py", "time.sleep(0.5)", "time.sleep(0.5 / (2 - epoch))")
    streams = f" >experimentruns/{RUN}/slurm.out 2>experimentruns/{RUN}/slurm.err"
    (project.dir / "slurm_logs").mkdir()
    job = project.sbatch(
        "#SBATCH --job-name=hcrl_sa-teacher_autoencoder --time=10 --mem=500 --output=slurm_logs/%j-het.out "
        "--error=slurm_logs/%j-het.err\n#SBATCH hetjob\n#SBATCH --partition=spare --mem=300 --time=10\n"
        "srun --het-group=1 sleep 20 &\n"
        f"srun --het-group=0 python3 train.py autoencoder --dataset hcrl_sa{streams}")  # fmt: skip
    return ended(project, job, one("code.bug", "ZeroDivisionError", "the pause must not be divided by 0"), "FAILED")
