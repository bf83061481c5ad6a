rule all:
    input:
        "work/A.clean",


rule clean:
    input:
        "work/A.scored",
    output:
        "work/A.clean",
    shell:
        "cp {input} {output}"


rule score:
    input:
        "work/A.clean",
    output:
        "work/A.scored",
    shell:
        "cp {input} {output}"
