# A rule per training stage; the training environment is not the one of Snakemake.
PYTHON = config.get("python", "/srv/envs/train/bin/python")


rule all:
    input:
        "runs/set_01/student/best_model.pt",


rule teacher:
    output:
        "runs/set_01/teacher/best_model.pt",
    shell:
        "{PYTHON} scripts/train_model.py {output} --hidden 32"


rule student:
    input:
        teacher=rules.teacher.output,
    output:
        "runs/set_01/student/best_model.pt",
    params:
        extra=config.get("extra", ""),
    shell:
        "{PYTHON} scripts/train_model.py {output} --hidden 16 --teacher {input.teacher} {params.extra}"
