"""Settings of the pipeline."""

from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator


class ModelSettings(BaseModel):
    latent_dim: int = 32
    hidden_dims: list[int] = [64, 32]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dataset: str = "table.csv"
    lr: float = Field(1e-3, gt=0)
    scheduler: Literal["cosine", "plateau", "none"] = "cosine"
    epochs: int = Field(10, ge=1)
    folds: int = 5
    use_kd: bool = False
    teacher_path: str = ""
    latent_dim: int = 32
    model: ModelSettings = ModelSettings()

    @model_validator(mode="after")
    def teacher_is_given(self):
        if self.use_kd and not self.teacher_path:
            raise ValueError("use_kd=True but teacher_path is empty")
        return self


def load_settings(path, overrides):
    with open(path) as file:
        raw = yaml.safe_load(file)
    for item in overrides:
        key, value = item.split("=", 1)
        raw[key] = yaml.safe_load(value)
    return Settings(**raw)
