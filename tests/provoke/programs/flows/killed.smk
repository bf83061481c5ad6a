rule all:
    input:
        "results/A.txt",


rule sort:
    input:
        "data/A.tsv",
    output:
        "results/A.txt",
    shell:
        "python scripts/sort.py {input} {output}; echo sorted >&2"
