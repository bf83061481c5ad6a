# Needs: diagnosis.json, and the templates.
# Makes: diagnosis.md of each run; over all runs diagnoses.md, diagnoses.html and diagnoses.tsv.

for batch in PLAN.batches:

    rule:
        name:
            f"report_{batch.name}"
        input:
            diagnoses=PLAN.paths(batch.run_ids, outputs.DIAGNOSIS),
            templates=PLAN.templates,
        output:
            PLAN.paths(batch.run_ids, outputs.REPORT),
        log:
            f"{LOGS}/report_{batch.name}.log",
        group:
            f"diagnosis_{batch.name}"
        conda:
            "../envs/postmortem.yaml"
        script:
            "../scripts/report.py"


rule report_one:
    input:
        diagnoses=[f"{PLAN.root}/{{run}}/{outputs.DIAGNOSIS}"],
        templates=PLAN.templates,
    output:
        f"{PLAN.root}/{{run}}/{outputs.REPORT}",
    log:
        f"{LOGS}/report/{{run}}.log",
    wildcard_constraints:
        run=PLAN.run_not_in_a_batch,
    conda:
        "../envs/postmortem.yaml"
    script:
        "../scripts/report.py"


rule summarize:
    input:
        diagnoses=PLAN.paths(PLAN.run_ids, outputs.DIAGNOSIS),
        templates=PLAN.templates,
    output:
        **PLAN.summaries,
    log:
        f"{LOGS}/summarize.log",
    localrule: True
    conda:
        "../envs/postmortem.yaml"
    params:
        experiment_root=str(PLAN.project.experiment_root),
        undecided=PLAN.undecided,
    script:
        "../scripts/summarize.py"
