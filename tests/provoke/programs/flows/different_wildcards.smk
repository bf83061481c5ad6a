rule all:
    input:
        "results/A.txt",


rule split:
    input:
        "data/{sample}.tsv",
    output:
        "results/{sample}.txt",
        "results/{sample}.{part}.txt",
    shell:
        "cp {input} {output[0]}"
