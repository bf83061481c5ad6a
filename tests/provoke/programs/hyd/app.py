"""Hydra application: python app.py [key=value ...]"""

import logging

import hydra
from hydra.utils import instantiate
from omegaconf import OmegaConf

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg):
    log.info("configuration:\n%s", OmegaConf.to_yaml(cfg))
    optimizer = instantiate(cfg.optimizer)
    log.info("optimizer %s", optimizer)
    log.info("model %s of %d layers, data %s", cfg.model.name, cfg.model.layers, cfg.data.path)
    log.info("warmup %d of %d steps", cfg.schedule.warmup, cfg.schedule.total)


if __name__ == "__main__":
    main()
