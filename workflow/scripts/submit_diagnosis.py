"""Submit a small SLURM job that diagnoses other jobs if they fail. --help says how."""

import sys

from postmortem.jobs.dependency_job import main

sys.exit(main())
