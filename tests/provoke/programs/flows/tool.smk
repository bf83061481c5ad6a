rule all:
    input:
        "results/A.bam",


rule align:
    input:
        "data/A.tsv",
    output:
        "results/A.bam",
    threads: 4
    shell:
        "bwa-mem2 mem -t {threads} {input} > {output}"
