"""The project's database of runs."""

import logging
import sqlite3
import time

log = logging.getLogger("store")

SCHEMA = """
create table if not exists runs (run_id text primary key, dataset text, status text);
create table if not exists metrics (run_id text references runs, name text, value real);
"""


class Store:
    def __init__(self, path, create, uri=False):
        self.db = sqlite3.connect(f"file:{path}" if uri else path, timeout=0.3, uri=uri)
        self.db.execute("pragma foreign_keys = on")
        if create:
            self.db.executescript(SCHEMA)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.db.close()

    def start(self, run_id, replace=True):
        verb = "insert or replace" if replace else "insert"
        with self.db:
            self.db.execute(f"{verb} into runs (run_id, dataset, status) values (?, ?, 'running')",
                            (run_id, run_id.split("/")[0]))  # fmt: skip

    def metric(self, run_id, name, value):
        with self.db:
            self.db.execute("insert into metrics values (?, ?, ?)", (run_id, name, value))

    def summary(self):
        query = "select run_id, count(*) from runs join metrics using (run_id) group by 1"
        return self.db.execute(query).fetchall()

    def retrying(self, action, tries=5):
        for attempt in range(1, tries + 1):
            try:
                return action()
            except sqlite3.OperationalError as error:
                if attempt == tries:
                    raise
                log.warning("attempt %d of %d failed: %s; retrying", attempt, tries, error)
                time.sleep(0.4)
