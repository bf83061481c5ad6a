"""Why training ended when it did: as configured, by a legitimate early stop, or too soon.

`progress_of` counts epochs; `detect` finds runs that ended well although hardly anything was trained.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...facts import Curve, Line, Log, RunFacts
from ..findings import FATAL, Evidence, Finding
from .numerics import not_finite
from .quoting import config_value, log_lines, number, own_checkpoints, quote_config, quote_last, quote_line, trains
from .usual_values import set_back, usual_value

# An early stop within so many epochs of a plan at least ten times as long saw nothing but the start.
HASTY_EPOCHS = 3
SHORT_SHARE = 0.1
# A patience up to this gives up before a metric that is constant at first can move.
HASTY_PATIENCE = 3
# EarlyStopping signals the Trainer as well, which is how a good run ends.
_STOPPED_FROM_OUTSIDE = re.compile(
    r"Time limit reached\b.{0,60}Signaling Trainer to stop|attempting graceful shutdown|`max_time=\S+` reached|"
    r"`Trainer\.fit` stopped: `max_(?:steps|time)="
)
_PLANNED_END = re.compile(r"`Trainer\.fit` stopped: `max_epochs=\d+` reached")
_EARLY_STOP = re.compile(r"Monitored metric \S+ did not improve|Early stopp(?:ing|ed)\b|EarlyStopping", re.I)


@dataclass
class Progress:
    """Epochs done and planned, the monitored curve, and for how many epochs it has not improved."""

    done: int
    planned: int
    monitor: Curve | None
    since_best: int


def progress_of(facts: RunFacts) -> Progress | None:
    """How far training came; None where neither a curve nor max_epochs tells."""
    planned = number(config_value(facts, "max_epochs"))
    epochs = next((c for c in facts.curves if c.metric == "epoch" and c.maximum is not None), None)
    if planned is None:
        return None
    if epochs is not None:
        done = int(epochs.maximum or 0) + 1
    else:
        by_bar = [c for c in facts.curves if c.x == "epoch" and c.points]
        if not by_bar:
            return None
        done = max(1, int(max(number(c.points[-1][0]) or 0 for c in by_bar)))
    name = str(config_value(facts, "monitor_metric") or "val_loss")
    monitor = next((c for c in facts.curves if c.metric == name and c.count), None)
    since = 0
    if monitor is not None:
        sign = -1.0 if str(config_value(facts, "monitor_mode") or "min") == "max" else 1.0
        values = [sign * v if (v := number(p[1])) is not None and v == v else float("inf") for p in monitor.points]
        best = values.index(min(values))
        # Points are thinned beyond 400: back to epochs by their share.
        since = round((len(values) - 1 - best) * monitor.count / max(1, len(values)))
    return Progress(done, int(planned), monitor, since)


def stopped_from_outside(facts: RunFacts) -> tuple[Log, Line] | None:
    """The log line that says that something but the data stopped the Trainer."""
    return next(((log, line) for log, line, _ in log_lines(facts, _STOPPED_FROM_OUTSIDE)), None)


def hasty_stop(facts: RunFacts, progress: Progress) -> bool:
    """Early stopping ended a long plan within its first epochs, with a patience that could not do otherwise."""
    patience = number(config_value(facts, "patience"))
    return (
        progress.done <= HASTY_EPOCHS
        and progress.done <= SHORT_SHARE * progress.planned
        and patience is not None
        and patience <= HASTY_PATIENCE
        and not any(log_lines(facts, _PLANNED_END))
    )


def unexplained_stop(facts: RunFacts, progress: Progress) -> bool:
    """Ended well after a small share of its epochs, and neither patience nor a message explains it."""
    patience = number(config_value(facts, "patience"))
    by_patience = patience is not None and progress.since_best >= patience - 1
    said = any(log_lines(facts, _PLANNED_END)) or any(log_lines(facts, _EARLY_STOP))
    return (
        progress.monitor is not None
        and progress.done < progress.planned
        and progress.done <= SHORT_SHARE * progress.planned
        and not by_patience
        and not said
    )


def detect(facts: RunFacts) -> list[Finding]:
    """run.interrupted by a limit in the program, training.no_learning by a hasty early stop."""
    if not trains(facts) or facts.state not in ("suspect", "complete", "unknown") or any(map(not_finite, facts.curves)):
        return []
    progress = progress_of(facts)
    # A limit that stands in the configuration is meant.
    meant = any(config_value(facts, key) not in (None, "", -1, 0) for key in ("max_steps", "max_time"))
    outside = None if meant else stopped_from_outside(facts)
    if outside and (progress is None or progress.done < progress.planned):
        return [_interrupted(facts, outside, progress)]
    if progress is None:
        return []
    if hasty_stop(facts, progress):
        return [_hasty(facts, progress)]
    if not meant and facts.state != "unknown" and own_checkpoints(facts) and unexplained_stop(facts, progress):
        return [_unexplained(facts, progress)]
    return []


def _interrupted(facts: RunFacts, outside: tuple[Log, Line], progress: Progress | None) -> Finding:
    finding = Finding("run.interrupted", "Training was stopped before its end", FATAL, 0.85, "detector: stopping")
    finding.evidence.append(quote_line(*outside))
    finding.root_cause = f'"{outside[1].text.strip()[-160:]}": '
    if progress:
        finding.root_cause += f"{progress.done} of {progress.planned} epochs were run"
        finding.evidence += quote_config(facts, "max_epochs", f"{progress.done} epochs were run")
        finding.evidence += _last_row(progress.monitor)
        finding.confirmed_by += ["the training curve", "the configuration"]
        if progress.monitor and progress.since_best == 0 and progress.monitor.count > 1:
            finding.root_cause += f", and {progress.monitor.metric} was still improving"
        finding.root_cause += ". "
    finding.root_cause += "The program ended as if it had succeeded, and its result is that of a half-trained model."
    finding.fix.append(
        set_back(
            facts,
            {"max_epochs": progress.planned if progress else None},
            "Raise or remove the limit (Trainer(max_time=…) or max_steps), then train again to the end.",
        )
    )
    finding.prevention = [
        "Let the program end with an error, or mark the run, when it stops before max_epochs without early stopping."
    ]
    finding.would_refute = "as many epochs in metrics.csv as max_epochs says"
    return finding


def _hasty(facts: RunFacts, progress: Progress) -> Finding:
    finding = Finding(
        "training.no_learning", "Early stopping ended training at once", FATAL, 0.85, "detector: stopping"
    )
    name = str(config_value(facts, "monitor_metric") or "val_loss")
    finding.evidence += quote_config(facts, "patience", f"{progress.done} of {progress.planned} epochs were run")
    finding.evidence += (
        quote_config(facts, "monitor_metric") + quote_config(facts, "monitor_mode") + quote_config(facts, "max_epochs")
    )
    finding.evidence += _last_row(progress.monitor)
    constant = (
        progress.monitor is not None
        and progress.monitor.count > 1
        and progress.monitor.minimum == progress.monitor.maximum
    )
    what = (
        f"{name} was constant ({progress.monitor.minimum:.4g})"
        if constant and progress.monitor
        else f"{name} did not improve at once"
    )
    finding.root_cause = (
        f"Training ended after {progress.done} of {progress.planned} epochs: {what}, and a patience of "
        f"{config_value(facts, 'patience')} gives up before it can move. The saved model is hardly trained."
    )
    finding.confirmed_by += ["the configuration", *(["the training curve"] if progress.monitor else [])]
    patience = number(usual_value(facts, "patience"))
    values: dict[str, object] = {"patience": int(patience) if patience and patience > HASTY_PATIENCE else 100}
    monitor = usual_value(facts, "monitor_metric")
    if monitor and monitor != name:
        values |= {"monitor_metric": monitor, "monitor_mode": "min" if "loss" in str(monitor) else "max"}
    finding.fix.append(set_back(facts, values, f"Train again with {', '.join(f'{k} {v}' for k, v in values.items())}."))
    finding.prevention = [
        "Monitor the validation loss: an accuracy on few samples stays constant over the first epochs.",
        "Refuse a patience below 5 epochs, or set min_epochs.",
    ]
    finding.would_refute = "a monitored metric that improved within the patience"
    finding.explains = ["training.collapse", "training.threshold"]
    return finding


def _unexplained(facts: RunFacts, progress: Progress) -> Finding:
    finding = Finding("run.interrupted", "Training ended long before its last epoch", FATAL, 0.55, "detector: stopping")
    finding.evidence += quote_config(facts, "max_epochs", f"{progress.done} epochs were run") + _last_row(
        progress.monitor
    )
    finding.root_cause = (
        f"Only {progress.done} of {progress.planned} epochs were run; patience "
        f"({config_value(facts, 'patience')}) does not "
        f"explain it, {progress.monitor.metric if progress.monitor else 'the monitored metric'} was best "
        f"{progress.since_best} epochs before, and no message says what stopped it."
    )
    finding.fix.append(
        set_back(
            facts,
            {"max_epochs": progress.planned},
            "Look for max_steps, max_time, limit_train_batches or trainer.should_stop in the code that builds "
            "the Trainer, then train again.",
        )
    )
    finding.prevention = ["Log why the Trainer stopped."]
    finding.would_refute = "a message about early stopping, or as many epochs as planned"
    return finding


def _last_row(curve: Curve | None) -> list[Evidence]:
    return [quote_last(curve, f"the last row: {curve.count} values of {curve.metric}")] if curve else []
