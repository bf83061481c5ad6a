"""python fit.py --run NAME: train an autoencoder or a classifier of sensor windows with Lightning."""

import argparse
import logging
import warnings

import lightning as L
import runs
from data import Windows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", required=True)
    parser.add_argument("--max-epochs", type=int, default=2)
    args = parser.parse_args()
    L.seed_everything(1, workers=True)
    warnings.filterwarnings("ignore", ".*bottleneck.*")
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(lambda line: "litlogger" not in line.msg)
    run = getattr(runs, args.run)()
    options = {"max_epochs": args.max_epochs, "accelerator": "cpu", "log_every_n_steps": 1, **run.trainer}
    trainer = L.Trainer(**options)
    trainer.fit(run.model, datamodule=run.data or Windows(), ckpt_path=run.ckpt_path)
    if run.after:
        run.after(trainer, run.model)


if __name__ == "__main__":
    main()
