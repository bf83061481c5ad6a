# Needs: a run's sentinel, logs, config, curves and checkpoints, as far as they are there.
# Makes: diagnosis.facts.json, all that can be observed about the run.

for batch in PLAN.batches:

    rule:
        name:
            f"collect_{batch.name}"
        input:
            batch.evidence,
            ancient(batch.pipeline_logs),
        output:
            PLAN.paths(batch.run_ids, plan.FACTS),
        log:
            f"{LOGS}/collect_{batch.name}.log",
        group:
            f"diagnosis_{batch.name}"
        conda:
            "../envs/postmortem.yaml"
        params:
            settings=PLAN.project.settings,
            runs=batch.run_ids,
            touched=batch.touched,
        script:
            "../scripts/collect.py"


rule collect_one:
    input:
        evidence_of_one,
    output:
        f"{PLAN.root}/{{run}}/{plan.FACTS}",
    log:
        f"{LOGS}/collect/{{run}}.log",
    wildcard_constraints:
        run="[^/]+/[^/]+",
    conda:
        "../envs/postmortem.yaml"
    params:
        settings=PLAN.project.settings,
        runs=lambda wildcards: [wildcards.run],
        touched=lambda wildcards: PLAN.touched(wildcards.run),
    script:
        "../scripts/collect.py"
