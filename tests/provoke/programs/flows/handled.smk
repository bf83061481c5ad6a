rule all:
    input:
        "results/A.errors.txt",


rule error_rate:
    input:
        "data/A.tsv",
    output:
        "results/A.errors.txt",
    shell:
        "grep -c ERROR missing.log || true; "
        "echo 'WARNING: 0 errors found, failed reads: 0' >&2; "
        "cp {input} {output}"
