rule all:
    input:
        "results/A.summary",


rule summarise:
    input:
        "data/A.tsv",
    output:
        "results/A.summary",
    params:
        column=1,
    script:
        "scripts/summarise.py"
