rule all:
    input:
        "results/A.model",


rule fit:
    input:
        "data/A.tsv",
    output:
        "results/A.model",
    shell:
        "python scripts/fit.py {input} {output}"
