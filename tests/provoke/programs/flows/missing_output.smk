rule all:
    input:
        "results/A.model",


rule fit:
    input:
        "data/A.tsv",
    output:
        "results/A.model",
    shell:
        "sort {input} > results/a.model"
