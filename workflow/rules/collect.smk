# Needs: a run's sentinel, logs, config, curves and checkpoints, as far as they are there.
# Makes: diagnosis.facts.json, all that can be observed about the run.

for batch in PLAN.batches:

    rule:
        name:
            f"collect_{batch.name}"
        input:
            PLAN.evidence(batch.run_ids),
        output:
            PLAN.paths(batch.run_ids, plan.FACTS),
        params:
            settings=PLAN.project.settings,
            runs=batch.run_ids,
            touched=PLAN.sentinel_times(batch.run_ids),
        log:
            f"{LOGS}/collect_{batch.name}.log",
        script:
            "../scripts/collect.py"


rule collect_one:
    input:
        evidence_of_one,
    output:
        f"{PLAN.root}/{{run}}/{plan.FACTS}",
    params:
        settings=PLAN.project.settings,
        runs=lambda wildcards: [wildcards.run],
        touched=lambda wildcards: PLAN.sentinel_times([wildcards.run]),
    log:
        f"{LOGS}/collect/{{run}}.log",
    wildcard_constraints:
        run="[^/]+/[^/]+",
    script:
        "../scripts/collect.py"
