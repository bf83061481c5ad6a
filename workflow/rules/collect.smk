# Needs: what was found of a run, its sentinel, logs, config, curves and checkpoints, as far as they are there, and the
#        catalogue: of a large log only what a pattern finds, or what stands out, is kept.
# Makes: diagnosis.facts.json, all that can be observed about the run.

for batch in PLAN.batches:

    rule:
        name:
            f"collect_{batch.name}"
        input:
            batch.evidence,
            ancient(batch.pipeline_logs),
            ancient(PLAN.handed(batch.found)),
            catalogue=PLAN.catalogue,
        output:
            PLAN.paths(batch.run_ids, outputs.FACTS),
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
            found=batch.found,
            news=batch.news,
        script:
            "../scripts/collect.py"


rule collect_one:
    input:
        lambda wildcards: of_one(wildcards).evidence,
        lambda wildcards: [ancient(file) for file in PLAN.handed(of_one(wildcards).found)],
        catalogue=PLAN.catalogue,
    output:
        f"{PLAN.root}/{{run}}/{outputs.FACTS}",
    log:
        f"{LOGS}/collect/{{run}}.log",
    wildcard_constraints:
        run=PLAN.run_not_in_a_batch,
    conda:
        "../envs/postmortem.yaml"
    params:
        settings=PLAN.project.settings,
        runs=lambda wildcards: [wildcards.run],
        touched=lambda wildcards: of_one(wildcards).touched,
        found=lambda wildcards: of_one(wildcards).found,
        news=lambda wildcards: of_one(wildcards).news,
    script:
        "../scripts/collect.py"
