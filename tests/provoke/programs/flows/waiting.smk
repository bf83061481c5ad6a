rule all:
    input:
        "results/A.txt",


rule sort:
    input:
        "data/A.tsv",
    output:
        "results/A.txt",
    shell:
        "sleep 8; cp {input} {output}"
