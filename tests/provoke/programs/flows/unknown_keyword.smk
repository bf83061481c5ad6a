rule all:
    input:
        "results/A.txt",


rule sort:
    input:
        "data/A.tsv",
    outputs:
        "results/A.txt",
    shell:
        "cp {input} {output}"
