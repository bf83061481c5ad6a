"""Experiments: some go wrong without an exception, some only look as if."""

import faulthandler
import logging
import random
import sys
import traceback
import warnings

import torch
from loop import Detector, LoopError, evaluate, readings, train

log = logging.getLogger("experiments")
torch.manual_seed(0)
random.seed(0)


def baseline(epochs):
    evaluate(train(Detector(), *readings(), epochs), *readings(seed=1), "test")


def transfer(epochs):
    """Tested on a vehicle whose sensors mean something else."""
    model = train(Detector(), *readings(strength=6), epochs)
    evaluate(model, *readings(strength=6, seed=1), "validation")
    evaluate(model, *readings(strength=6, shift=1.0, seed=2), "test_02_unknown_vehicle")


def rare(epochs):
    """Two in a hundred are attacks."""
    model = train(Detector(bias=-4), *readings(600, share=0.02, strength=0.4), epochs, lr=1e-4)
    figures, matrix = evaluate(model, *readings(600, share=0.02, strength=0.4, seed=1), "validation")
    log.info("confusion matrix %s", matrix.tolist())
    log.info("predicted class counts: {0: %d, 1: %d}", *matrix.sum(0))


def calibrated_elsewhere(epochs):
    """The threshold was tuned on other data."""
    model = train(Detector(), *readings(strength=5), epochs)
    figures, matrix = evaluate(model, *readings(strength=5, seed=1), "test threshold=0.99999", threshold=0.99999)
    log.info("confusion matrix %s", matrix.tolist())


def frozen_rate(epochs):
    """The schedule has brought the learning rate to zero before the training began."""
    train(Detector(), *readings(), epochs, lr=0.0)


def dead_units(epochs):
    model = Detector()
    torch.nn.init.constant_(model.layers[0].bias, -100.0)
    train(model, *readings(), epochs, lr=1e-3)


def guarded(epochs):
    x, y = readings()
    last = []

    def watch(epoch, model):
        with torch.no_grad():
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x), y).item()
        last.append(loss)
        if loss > 50 * last[0]:
            raise LoopError(f"loss diverged at epoch {epoch}: {loss:.1f} after {last[0]:.1f} in the first epoch")

    def grow(epoch, model):
        for parameter in model.parameters():
            parameter.data *= 6
        watch(epoch, model)

    train(Detector(), x, y, epochs, lr=0.5, each_epoch=grow)


def chatty_then(epochs):
    """Several hundred lines, then a bug in the report."""
    model = train(Detector(), *readings(), epochs, chatty=True, bar=True)
    report = {"figures": evaluate(model, *readings(seed=1), "test")[0]}
    log.info("best f1 %.3f", report["best"]["f1"])


def bar_then(epochs):
    x, y = readings()

    def check(epoch, model):
        if epoch == epochs:
            evaluate(model, x[:, :6], y, "short")

    train(Detector(), x, y, epochs, bar=True, each_epoch=check)


def logged_exception(epochs):
    """The traceback goes through the logger, and the exit status is our own."""
    try:
        train(Detector(hidden=16), *readings(), epochs)
        evaluate(Detector(), torch.randn(10, 8), torch.zeros(9), "test")
    except Exception:
        log.exception("run failed")
        sys.exit(1)


def chained(epochs):
    try:
        try:
            torch.load("runs/set_02/best_model.pt")
        except FileNotFoundError as error:
            raise LoopError("no teacher for set_02") from error
    except LoopError as error:
        raise RuntimeError("stage student_curriculum_kd cannot start") from error


# Healthy


def noisy(epochs):
    """Warnings of all kinds, names with 'error' in them, a bar."""
    warnings.warn("`Detector.errors` is deprecated and an error in version 3", DeprecationWarning, stacklevel=1)
    log.warning("CUDA is not available, training on the CPU")
    log.warning("mean_absolute_error is logged as error_rate; failed_samples=0 num_errors=0")
    evaluate(train(Detector(), *readings(), epochs, bar=True), *readings(seed=1), "test error_analysis")
    log.info("wrote error_report.html, killed_connections.csv and nan_mask.npy")


def skipping(epochs):
    """Batches with an overflow are skipped, as the gradient scaler does."""
    scale = 65536.0

    def each(epoch, model):
        nonlocal scale
        if epoch % 4 == 1:
            scale /= 2
            log.warning("Gradient overflow (inf in fp16). Skipping step, loss scaler reducing loss scale to %s", scale)

    evaluate(train(Detector(), *readings(), epochs, each_epoch=each), *readings(seed=1), "test")


def handled(epochs):
    """A broken sample is reported with its traceback and left out."""

    def each(epoch, model):
        if epoch == 2:
            try:
                evaluate(model, torch.zeros(4, 5), torch.zeros(4), "broken recording")
            except RuntimeError:
                traceback.print_exc()
                log.warning("recording 17 skipped after an error, going on")

    evaluate(train(Detector(), *readings(), epochs, each_epoch=each), *readings(seed=1), "test")


def slow_dump(epochs):
    """Stacks are dumped when an epoch takes long, which is for information."""
    faulthandler.dump_traceback_later(0.5, exit=False)
    import time

    evaluate(train(Detector(), *readings(), epochs, each_epoch=lambda *_: time.sleep(0.2)), *readings(seed=1), "test")
    faulthandler.cancel_dump_traceback_later()


def skewed_fold(epochs):
    """A fold without attacks: undefined metrics give warnings and nan, the mean leaves them out."""
    model = train(Detector(), *readings(), epochs)
    x, y = readings(seed=3)
    evaluate(model, x, torch.zeros_like(y), "fold 3 (no attacks)")
    evaluate(model, x, y, "all folds")
    log.info("training finished successfully")
