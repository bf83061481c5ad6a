rule all:
    input:
        "results/A.model",


rule fit:
    input:
        "data/A.tsv",
    output:
        "results/A.model",
    log:
        "logs/fit/A.log",
    shell:
        "python scripts/fit.py {input} {output} > {log} 2>&1"
