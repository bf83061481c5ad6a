"""python train.py: entry point."""

from trainer.loop import fit

if __name__ == "__main__":
    fit()
