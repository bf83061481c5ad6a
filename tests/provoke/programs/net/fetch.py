"""Get what a training needs from elsewhere: python fetch.py WHAT [URL]"""

import logging
import sys

import sources

logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(name)s:%(message)s")
log = logging.getLogger("fetch")


def main(what, *rest):
    log.info("fetching %s", what)
    found = getattr(sources, what.replace("-", "_"))(*rest)
    log.info("got %s", found)


if __name__ == "__main__":
    main(*sys.argv[1:])
