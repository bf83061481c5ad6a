"""Submit a small SLURM job that diagnoses other jobs if they fail. --help says how."""

import sys

from postmortem.dependency import main

sys.exit(main())
