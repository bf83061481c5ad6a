"""The same under Snakemake: 7.32 with a --cluster profile, 9 with the slurm executor and with cluster-generic."""

import subprocess
import time

from cases import case
from cases_nodes import RESUBMIT, node_back, node_down_now, take_gpus
from cases_sbatch import LONG, one
from lab import Project, failed, run_id

SMK7, BUILT_IN, SMK9, GENERIC = "smk7+sbatch", "smk7 --slurm", "smk9+slurm", "smk9+cluster-generic"
HUNGRY = f"{LONG} --cached-graphs 6000"
THREE = {"datasets": "hcrl_ch,set_01,set_02,set_03", "time_min": 1, "mem_mb": 400,
         "options@set_01": LONG, "options@set_02": HUNGRY, "options@set_03": "--hidden-dim sixty"}  # fmt: skip


def finish(process: subprocess.Popen, label: dict, how: str, seconds: float = 300) -> dict:
    """Wait for the head process; it must say that something failed."""
    if process.wait(timeout=seconds) == 0:
        raise AssertionError("Snakemake ended well")
    return {"how": how, **label}


def never_notices(process: subprocess.Popen, label: dict) -> dict:
    """The slurm executor 2.8 does not take `CANCELLED by 1001` or PREEMPTED for an end: the head process waits on."""
    time.sleep(90)
    if process.poll() is not None:
        raise AssertionError("Snakemake did notice")
    return {"how": SMK9, "notes": "the head process still waits for the job", **label}


def simple(name: str, version: int, config: dict, label: dict, text: str, **options) -> None:
    """Register a case that needs nothing but a configuration."""
    how = {7: BUILT_IN if "executor" in options else SMK7, 9: GENERIC if "executor" in options else SMK9}[version]

    def provoke(project: Project) -> dict:
        return finish(project.snakemake(version, config, **options), label, how)

    provoke.__doc__ = f"{how}: {text}"
    case(name)(provoke)


for version in (7, 9):
    console = {"keep_console": version == 9}
    simple(f"smk{version}-timeout", version, {"time_min": 1, "options": LONG},
           one("slurm.timeout", "TIMEOUT", "More time_min, or fewer epochs"), "time limit", **console)  # fmt: skip
    simple(f"smk{version}-oom", version, {"mem_mb": 400, "options": HUNGRY},
           one("host.oom", "OUT_OF_MEMORY", "More mem_mb, or fewer graphs"), "memory kill", **console)  # fmt: skip
    simple(f"smk{version}-rejected-account", version, {"account": "pas0000"},
           one("slurm.submit_rejected", "pas0000", "--account=ml"), "wrong account")  # fmt: skip
    simple(f"smk{version}-rejected-partition", version, {"partition": "gpu-long"},
           one("slurm.submit_rejected", "gpu-long", "partition gpu"), "wrong partition")  # fmt: skip
    simple(f"smk{version}-rejected-memory", version, {"mem_mb": 900000},
           one("slurm.submit_rejected", "Error submitting" if version == 7 else "satisfied", "less mem_mb"),
           "more memory than any node has")  # fmt: skip
    simple(f"smk{version}-exit-127", version, {"python": "/srv/envs/gnn/bin/python"},
           one("env.activation", "/srv/envs/gnn/bin/python: No such file", "Make the environment"), "no such python",
           **console)  # fmt: skip
    simple(f"smk{version}-bad-argument", version, {"options": "--epochs-max 10"},
           one("config.invalid", "unrecognized arguments: --epochs-max 10", "--max-epochs"), "refused argument",
           **console)  # fmt: skip

simple("smk9-generic-oom", 9, {"mem_mb": 400, "options": HUNGRY},
       one("host.oom", "OUT_OF_MEMORY", "More mem_mb"), "memory kill", executor="cluster-generic")  # fmt: skip
simple("smk9-generic-rejected", 9, {"partition": "gpu-long"},
       one("slurm.submit_rejected", "gpu-long", "gpu"), "wrong partition", executor="cluster-generic")  # fmt: skip


for name, config, label in (
    ("timeout", {"time_min": 1, "options": LONG}, one("slurm.timeout", "TIMEOUT", "More time_min, or fewer epochs")),
    ("oom", {"mem_mb": 400, "options": HUNGRY}, one("host.oom", "OUT_OF_MEMORY", "More mem_mb, or fewer graphs")),
):
    # The executor of 7.32 does not know gres; slurm_extra carries such options.
    simple(f"smk7-slurm-{name}", 7, config, label, f"{name} under its own slurm executor", executor="slurm")


def cancelled(version: int, by_root: bool):
    def provoke(project: Project) -> dict:
        process = project.snakemake(version, {"options": LONG}, wait=False, keep_console=version == 9)
        project.wait_epoch()
        command = ["scancel", project.newest_job()]
        if by_root:
            subprocess.run(command, check=True)
        else:
            project.as_user(command).wait()
        label = one("slurm.cancelled", "CANCELLED", "Submit it again")
        return finish(process, label, SMK7) if version == 7 else never_notices(process, label)

    provoke.__doc__ = f"smk{version}: scancel by {'root' if by_root else 'the owner'} in mid training"
    return provoke


case("smk7-scancel-owner")(cancelled(7, False))
case("smk7-scancel-root")(cancelled(7, True))
case("smk9-scancel-owner")(cancelled(9, False))


@case("smk7-output-missing")
def output_missing(project: Project) -> dict:
    """the profile forgets to make the folder of --output: 0:53"""
    project.edit("profiles/slurm/config.yaml", "mkdir -p slurm_logs && sbatch", "sbatch")
    process = project.snakemake(7, wait=False, keep_console=False)
    return finish(process, one("slurm.output_unwritable", "0:53", "mkdir -p slurm_logs"), SMK7)


@case("smk7-no-checkpoint")
def no_checkpoint(project: Project) -> dict:
    """the program ends with 0 but its output is not there"""
    project.edit("train.py", 'run_dir / "best_model.pt")\n    print', 'run_dir / "last_model.pt")\n    print')
    process = project.snakemake(7, wait=False, keep_console=False)
    label = one("workflow.missing_output", "MissingOutputException", "Write best_model.pt, or declare last_model.pt")
    return finish(process, label, SMK7)


@case("smk7-segfault")
def segfault(project: Project) -> dict:
    """a crash in native code"""
    project.edit("train.py", "    return [random", "    import ctypes\n    ctypes.string_at(8)\n    return [random")
    process = project.snakemake(7, wait=False, keep_console=False)
    return finish(process, one("host.crash", "Segmentation fault", "Find the native call that crashes"), SMK7)


@case("smk7-three-ways")
def three_ways(project: Project) -> dict:
    """--keep-going: a time limit, a memory kill, a wrong argument, one good, and a stage that was never reached"""
    config = {**THREE, "stages": "autoencoder,curriculum"}
    process = project.snakemake(7, config, "--keep-going", wait=False, keep_console=False)
    return finish(process, three("TIMEOUT"), SMK7)


@case("smk9-three-ways")
def three_ways_9(project: Project) -> dict:
    """the same with the slurm executor"""
    process = project.snakemake(9, THREE, "--keep-going", wait=False)
    label = three("TIMEOUT")
    label["ok_runs"].pop()
    return finish(process, label, SMK9)


def three(limit: str) -> dict:
    """What fails in the three-ways cases."""
    return {"failed_runs": [
        failed(run_id("set_01", "autoencoder"), "slurm.timeout", limit, "More time_min, or fewer epochs"),
        failed(run_id("set_02", "autoencoder"), "host.oom", "OUT_OF_MEMORY", "More mem_mb"),
        failed(run_id("set_03", "autoencoder"), "config.invalid", "invalid int value: 'sixty'", "--hidden-dim 60"),
    ], "ok_runs": [run_id("hcrl_ch", "autoencoder"), run_id("hcrl_ch", "curriculum")]}  # fmt: skip


@case("smk7-retries-used-up")
def retries_used_up(project: Project) -> dict:
    """--retries 1: the first attempt is killed by scancel, the second fails by itself; only the second counts"""
    fault = "if logs.name != 'version_0':\n        raise IndexError('index out of range in self')"
    project.edit("train.py", "cache = []", f"cache = []\n    {fault}")
    process = project.snakemake(7, {"options": LONG}, "--retries", "1", wait=False, keep_console=False)
    project.wait_epoch()
    project.as_user(["scancel", project.newest_job()]).wait()
    label = one("data.id_out_of_range", "index out of range in self", "Map unseen ids to OOV", "code.bug")
    return finish(process, label, SMK7)


@case("smk9-retries")
def retries_9(project: Project) -> dict:
    """--retries 1 with the slurm executor: the same exception twice, one failure"""
    project.edit("train.py", "loss = 0.2", "loss = config['weight'] * 0.2")
    process = project.snakemake(9, {}, "--retries", "1", wait=False)
    return finish(process, one("code.bug", "KeyError: 'weight'", "'weight_decay'", "config.invalid"), SMK9)


@case("smk7-group")
def group(project: Project) -> dict:
    """two rules in one SLURM job (--groups): the first succeeds, the second fails"""
    fault = "raise TypeError(\"unsupported operand type(s) for /: 'NoneType' and 'int'\")"
    old = "    train(run_dir, config)\n"
    project.edit("train.py", old, f"{old}    if NEEDS[config['stage']]:\n        {fault}\n")
    groups = ["--groups", "autoencoder=both", "curriculum=both"]
    process = project.snakemake(7, {"stages": "curriculum"}, *groups, wait=False, keep_console=False)
    label = one("code.bug", "unsupported operand type(s)", "Do not divide None", run=run_id("hcrl_sa", "curriculum"))
    notes = "teacher_autoencoder had succeeded; Snakemake removed its checkpoint with the failed group's outputs"
    return finish(process, {"notes": notes, **label}, SMK7)


@case("smk7-head-killed")
def head_killed(project: Project) -> dict:
    """the head process gets SIGKILL; its job runs on until the time limit"""
    process = project.snakemake(7, {"options": LONG, "time_min": 1}, wait=False, keep_console=False)
    project.wait_epoch()
    process.kill()
    process.wait()
    project.wait_state(project.newest_job())
    return {"how": SMK7, **one("slurm.timeout", "DUE TO TIME LIMIT", "More time_min")}


@case("smk7-node-down", node02=True)
def node_down(project: Project) -> dict:
    """the node is set down; jobs of this profile are not requeued"""
    project.edit("profiles/slurm/config.yaml", "sbatch --parsable", "sbatch --parsable --no-requeue")
    process = project.snakemake(7, {"options": LONG, "partition": "spare"}, wait=False, keep_console=False)
    project.wait_epoch()
    node_down_now()
    label = finish(process, one("host.node_failure", "NODE_FAIL", RESUBMIT), SMK7)
    node_back()
    return label


@case("smk9-node-down", node02=True)
def node_down_9(project: Project) -> dict:
    """the node is set down under the slurm executor with --slurm-no-requeue"""
    process = project.snakemake(9, {"options": LONG, "partition": "spare"}, "--slurm-no-requeue", wait=False)
    project.wait_epoch()
    node_down_now()
    label = finish(process, one("host.node_failure", "NODE_FAIL", RESUBMIT), SMK9)
    node_back()
    return label


def preempted(version: int):
    def provoke(project: Project) -> dict:
        config = {"options": LONG, "partition": "spot", "gres": "gpu:v100:4"}
        process = project.snakemake(version, config, wait=False, keep_console=version == 9)
        project.wait_epoch()
        take_gpus(project)
        label = one("slurm.preempted", "PREEMPTED", "Submit it again, or to a partition that is not preempted")
        return finish(process, label, SMK7) if version == 7 else never_notices(process, label)

    provoke.__doc__ = f"smk{version}: preempted with PreemptMode=CANCEL"
    return provoke


case("smk7-preempted", node02=True)(preempted(7))
case("smk9-preempted", node02=True)(preempted(9))
