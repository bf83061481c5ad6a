"""Mean of the second column."""

import sys


def read(path):
    with open(path) as file:
        return [int(line.split(",")[1]) for line in file]


def main(source, target):
    values = read(source)
    with open(target, "w") as file:
        print(sum(values) / len(values), file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
