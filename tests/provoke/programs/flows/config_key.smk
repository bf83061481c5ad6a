configfile: "config.yaml"


rule all:
    input:
        expand("results/{sample}.txt", sample=config["datasets"]),


rule align:
    input:
        "data/{sample}.tsv",
    output:
        "results/{sample}.txt",
    shell:
        "cp {input} {output}"
