"""Where data, models and trackers are."""

import logging
import time

log = logging.getLogger("sources")


def archive(url):
    import urllib.request

    with urllib.request.urlopen(url, timeout=5) as answer:
        return len(answer.read())


def table(url):
    import requests

    answer = requests.get(url, timeout=4)
    answer.raise_for_status()
    return len(answer.content)


def description(url):
    import requests

    return requests.get(url, timeout=4).json()["splits"]


def weights(url):
    import torch

    return torch.hub.load_state_dict_from_url(url, progress=False)


def hub_file(endpoint=None):
    from huggingface_hub import hf_hub_download

    return hf_hub_download("can-bus/gat-teacher", "model.safetensors", endpoint=endpoint)


def hub_offline():
    import os

    os.environ["HF_HUB_OFFLINE"] = "1"
    return hub_file()


def hub_upload(endpoint):
    from huggingface_hub import HfApi

    api = HfApi(endpoint=endpoint, token="hf_" + "x" * 8)
    return api.create_repo("gat-teacher")


def hub_whoami(endpoint):
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint, token="hf_" + "x" * 8).whoami()


def dataset():
    from torch_geometric.datasets import TUDataset

    return len(TUDataset("data", "MUTAG"))


def planetoid():
    from torch_geometric.datasets import Planetoid

    return Planetoid("data", "Cora")[0]


def tracker(url):
    import requests

    session = requests.Session()
    for epoch in range(3):
        answer = session.post(f"{url}/api/metrics", json={"epoch": epoch}, timeout=3)
        answer.raise_for_status()


def robust(url):
    """Healthy: mirrors are tried in turn."""
    import requests

    for mirror in (url, "http://mirror.example.org/table.csv"):
        try:
            return table(mirror)
        except requests.RequestException as error:
            log.error("download from %s failed: %s", mirror, error)
            time.sleep(0.1)
    log.warning("no mirror answered, using the copy in data/")
    return "local copy"
