# Needs: the settings (`config`) and the project in the working directory.
# Makes: PLAN, which says what all rules work on, and the functions that rules ask.

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Found from this file, not from the caller's: the workflow may be a module of another one.
sys.path.insert(0, str(Path(str(workflow.current_basedir)).parent / "scripts"))

from postmortem import outputs
from postmortem.errors import ConfigError
from postmortem.jobs import beside_others, plan


def is_main_process():
    """Whether this is the process that the user started, not one that it started for a single job."""
    if hasattr(workflow, "is_main_process"):
        return workflow.is_main_process
    return workflow.mode == 0  # Snakemake 7: snakemake.common.Mode.default


class PostmortemError(WorkflowError):
    """One sentence for the user. Snakemake adds the lines of the Snakefile that it passed: they are no help here."""

    __traceback__ = property(lambda self: None, lambda self, frames: None)


def make_plan():
    """The plan, or the one sentence that says why there is none."""
    try:
        made = plan.make(config, is_main_process(), str(workflow.main_snakefile))
        if is_main_process():
            made.check_targets(sys.argv[1:])
        if not made.as_module:
            beside_others.let_run()
        made.batches  # looks at the project now, while what is wrong with it can be said in one sentence
        return made
    except ConfigError as error:
        raise PostmortemError(f"postmortem: {error}") from None


PLAN = make_plan()
LOGS = str(outputs.STATE_FOLDER)
ANNOUNCED = []


def everything(wildcards):
    """What diagnose_all asks for; says once for each run why it is diagnosed or not."""
    if is_main_process() and not ANNOUNCED:
        ANNOUNCED.extend(PLAN.announce())
        logger.info("\n".join(ANNOUNCED))
    return PLAN.paths(PLAN.run_ids, outputs.REPORT) + list(PLAN.summaries.values())


def of_one(wildcards):
    """The batch of a run that was asked for by its path, failed or not."""
    try:
        return PLAN.batch_of_one(wildcards.run)
    except ConfigError as error:
        raise PostmortemError(f"postmortem: {error}") from None
