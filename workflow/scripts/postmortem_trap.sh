# For batch scripts that no Snakemake starts. Two lines at the top of the script:
#
#   run=experimentruns/<dataset>/<run>
#   . <postmortem>/workflow/scripts/postmortem_trap.sh "$run"
#
# When the script ends with another status than 0, the run gets its sentinel; when it ends well, an older one is removed.
# SIGTERM counts as an end (a time limit, scancel): bash runs the trap once the program in front has ended, so that must
# not outlive SLURM's KillWait. SIGKILL (memory, a program that ignores SIGTERM) lets nothing run: there sacct tells.
# It sets the traps EXIT and TERM, and needs bash. `exec program` would replace the shell, and its traps with it.

postmortem_run=$1

postmortem_ended() {
    local code=$1 reason=$2 job=${SLURM_JOB_ID:-}
    [ -d "$postmortem_run" ] || return 0
    if [ "$code" = 0 ]; then
        rm -f "$postmortem_run/.failed"
        return 0
    fi
    [ -z "${SLURM_ARRAY_TASK_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    # Another name first: whoever looks at .failed meanwhile sees the old one or the new one.
    printf '{"slurm_job_id": "%s", "attempt": %d, "exit_code": %d, "time": "%s", "source": "trap", "reason": "%s"}\n' \
        "$job" $((${SLURM_RESTART_COUNT:-0} + 1)) "$code" "$(date +%Y-%m-%dT%H:%M:%S)" "$reason" \
        >"$postmortem_run/.failed.$$" && mv -f "$postmortem_run/.failed.$$" "$postmortem_run/.failed"
}

trap 'postmortem_ended $? ""' EXIT
trap 'trap - EXIT; postmortem_ended 143 "SIGTERM: a time limit, scancel or preemption"; exit 143' TERM
