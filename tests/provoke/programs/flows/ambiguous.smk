rule all:
    input:
        "results/A.sorted.txt",


rule sort:
    input:
        "data/{sample}.tsv",
    output:
        "results/{sample}.sorted.txt",
    shell:
        "sort {input} > {output}"


rule convert:
    input:
        "data/A.tsv",
    output:
        "results/{name}.txt",
    shell:
        "cp {input} {output}"
