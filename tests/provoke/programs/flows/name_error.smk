SAMPLES = glob_wildcards("data/{sample}.tsv").sample


rule all:
    input:
        expand("results/{sample}.txt", sample=SAMPELS),


rule align:
    input:
        "data/{sample}.tsv",
    output:
        "results/{sample}.txt",
    shell:
        "cp {input} {output}"
