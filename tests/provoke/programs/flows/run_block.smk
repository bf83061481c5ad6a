rule all:
    input:
        "results/A.json",


rule collect:
    input:
        "data/A.tsv",
    output:
        "results/A.json",
    run:
        import json

        rows = dict(line.split() for line in open(input[0]))
        with open(output[0], "w") as file:
            json.dump({name: float(value) / weights[name] for name, value in rows.items()}, file)
