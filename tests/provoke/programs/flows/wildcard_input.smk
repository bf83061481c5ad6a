rule all:
    input:
        "results/A.txt",


rule align:
    input:
        "data/{sample}_{read}.tsv",
    output:
        "results/{sample}.txt",
    shell:
        "cat {input} > {output}"
