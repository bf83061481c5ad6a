#!/bin/bash
# Snakemake asks for one job: running, success or failed. A job that sacct does not know yet is running.
case $(sacct -X -n -P -j "$1" -o State | tail -1) in
    COMPLETED) echo success ;;
    "" | PENDING | CONFIGURING | RUNNING | COMPLETING | SUSPENDED | REQUEUED | RESIZING) echo running ;;
    *) echo failed ;;
esac
