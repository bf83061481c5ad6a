configfile: "config.yaml"


rule all:
    input:
        expand("results/{sample}.count", sample=config["samples"]),


rule sort:
    input:
        "data/{sample}.tsv",
    output:
        "work/{sample}.sorted",
    log:
        "logs/sort/{sample}.log",
    shell:
        "sort {input} > {output} 2> {log}"


rule count:
    input:
        "work/{sample}.sorted",
    output:
        "results/{sample}.count",
    shell:
        "wc -l < {input} > {output}"
