rule all:
    input:
        "results/A.txt"


rule align:
    input:
        table="data/A.tsv"
        index="data/B.tsv"
    output:
        "results/A.txt"
    shell:
        "cp {input.table} {output}"
