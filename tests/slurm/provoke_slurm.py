#!/usr/bin/env python3
"""Provoke SLURM's ways to end a job for real and store each as a little project in tests/provoked_slurm.

    provoke_slurm.py [--list] [--only NAME...] [--workers 4]

Needs the cluster of cluster.sh, root, and Snakemake in /srv/envs/slurm7 and /srv/envs/slurm9 (--envs makes them).
Cases that take node02 down or preempt on it run one after the other, the rest side by side; those that restart
the cluster run last.
"""

import argparse
import fcntl
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases_healthy
import cases_nodes
import cases_sbatch
import cases_snakemake
from cases import CASES, NODE02, RESTARTS
from lab import FIXTURES, Project

MODULES = (cases_sbatch, cases_nodes, cases_snakemake, cases_healthy)  # importing them fills CASES
ENVS = {
    "slurm7": ["snakemake==7.32.4", "pulp<2.8"],
    "slurm9": ["snakemake==9.27.0", "snakemake-executor-plugin-slurm", "snakemake-executor-plugin-cluster-generic"],
}


def make_envs() -> None:
    for name, packages in ENVS.items():
        env = Path("/srv/envs") / name
        if not (env / "bin" / "snakemake").exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", str(env)], check=True)
            subprocess.run([str(env / "bin" / "pip"), "-q", "install", *packages], check=True)


def provoke(name: str) -> str:
    """One case from the empty directory to the stored fixture: '' or what went wrong."""
    project = Project(name)
    try:
        with open(f"/run/lock/slurm-lab-{'node02' if name in NODE02 else name}", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # also against another driver
            label = CASES[name](project)
            project.store({"name": name, "how": "sbatch", "failed_runs": [], "ok_runs": [], **label})
        print(f"{name}: stored", flush=True)
        return ""
    except Exception:
        problem = traceback.format_exc()
        print(f"{name}: {problem}", file=sys.stderr, flush=True)
        return problem
    finally:
        project.clean()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the names of the cases")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--workers", type=int, default=4, help="cases side by side")
    parser.add_argument("--envs", action="store_true", help="make the environments first")
    args = parser.parse_args()
    if unknown := set(args.only) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    names = args.only or list(CASES)
    if args.list:
        for name in names:
            print(f"{name}: {CASES[name].__doc__}")
        return 0
    if args.envs:
        make_envs()
    FIXTURES.mkdir(exist_ok=True)
    subprocess.run([str(Path(__file__).with_name("cluster.sh")), "start"], check=True)
    last = [name for name in names if name in RESTARTS]
    with ThreadPoolExecutor(1) as alone, ThreadPoolExecutor(args.workers) as pool:
        work = {name: (alone if name in NODE02 else pool).submit(provoke, name) for name in names if name not in last}
    bad = [name for name, done in work.items() if done.result()]
    bad += [name for name in last if provoke(name)]
    print(f"{len(names) - len(bad)} of {len(names)} stored" + (f"; not: {', '.join(bad)}" if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
