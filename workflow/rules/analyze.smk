# Needs: diagnosis.facts.json, and every file of the catalogue: ours, and those in the project's postmortem/catalogue/.
# Makes: diagnosis.json, the root cause with its evidence and fixes.

for batch in PLAN.batches:

    rule:
        name:
            f"analyze_{batch.name}"
        input:
            facts=PLAN.paths(batch.run_ids, outputs.FACTS),
            catalogue=PLAN.catalogue,
        output:
            PLAN.paths(batch.run_ids, outputs.DIAGNOSIS),
        log:
            f"{LOGS}/analyze_{batch.name}.log",
        group:
            f"diagnosis_{batch.name}"
        conda:
            "../envs/postmortem.yaml"
        script:
            "../scripts/analyze.py"


rule analyze_one:
    input:
        facts=[f"{PLAN.root}/{{run}}/{outputs.FACTS}"],
        catalogue=PLAN.catalogue,
    output:
        f"{PLAN.root}/{{run}}/{outputs.DIAGNOSIS}",
    log:
        f"{LOGS}/analyze/{{run}}.log",
    wildcard_constraints:
        run=PLAN.run_not_in_a_batch,
    conda:
        "../envs/postmortem.yaml"
    script:
        "../scripts/analyze.py"
