def summarise(path, column):
    with open(path) as file:
        return [line.split("\t")[column] for line in file]


def main():
    found = summarise(snakemake.input[0], snakemake.params.col)  # noqa: F821
    with open(snakemake.output[0], "w") as file:  # noqa: F821
        file.write("\n".join(found))


main()
