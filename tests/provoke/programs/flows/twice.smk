rule sort:
    input:
        "data/A.tsv",
    output:
        "results/A.txt",
    shell:
        "sort {input} > {output}"


rule sort:
    input:
        "data/B.tsv",
    output:
        "results/B.txt",
    shell:
        "sort {input} > {output}"
