rule all:
    input:
        "results/A.txt",


rule sort:
    input:
        "data/A.tsv",
    output:
        "results/A.txt",
    shell:
        "cp {input} {output}; sleep 8"
