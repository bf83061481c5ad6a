"""What an evaluation's numbers say: a threshold that is off, one class always, good here and at chance there."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...facts import Checkpoint, Metric, RunFacts
from ..findings import FATAL, Evidence, Finding, Fix
from ..remedies.run_again import made_before
from .quoting import number, quote_checkpoint, quote_config, quote_metric
from .usual_values import set_back

# Fewer samples than these make a score of 0 or an AUC of 0.5 by accident: 20 samples give an AUC ± 0.13.
FEWEST_SAMPLES = 20
FEWEST_TEST_SAMPLES = 50
# A recall or specificity this near to 0 or 1 on both sides means that one class is always said.
ONE_CLASS = 0.02
# Scores rank well from here on; 0.5 is chance.
RANKS_WELL, RANKS_BY_CHANCE = 0.75, 0.6
# Balanced accuracy of a model that has learned nothing is 0.5.
CHANCE_ACCURACY = 0.6
# "Good in validation" from here on.
GOOD_F1, GOOD_AUC = 0.8, 0.85
# Share of the test samples that must agree before tests are called at chance.
TEST_SHARE = 0.5
# A bias in a last layer that exceeds every other weight so many times was not learned by small steps.
SHIFTED_BIAS_FACTOR, SHIFTED_BIAS = 5.0, 10.0


@dataclass
class Block:
    """The scores of one model on one set of data: "gat" on validation, or on test scenario "test_02"."""

    path: str
    scores: dict[str, Metric] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        return number(self.scores[name].value) if name in self.scores else None

    @property
    def is_test(self) -> bool:
        return any(part.startswith("test") for part in self.path.split("."))

    @property
    def samples(self) -> float:
        return self.value("n_samples") or 0.0

    @property
    def balanced(self) -> float | None:
        recall, specificity = self.value("recall"), self.value("specificity")
        known = self.value("balanced_accuracy")
        return (
            known
            if known is not None
            else None
            if recall is None or specificity is None
            else (recall + specificity) / 2
        )


def blocks(facts: RunFacts) -> list[Block]:
    """The groups of numbers in metrics.json that hold scores of a classifier, in the order of the file."""
    found: dict[str, Block] = {}
    for metric in facts.metrics.values if facts.metrics else []:
        path, _, name = metric.name.rpartition(".")
        path = path.removesuffix(".core").removesuffix(".metrics")
        if name.lower() in (
            "f1",
            "auc",
            "recall",
            "specificity",
            "precision",
            "accuracy",
            "balanced_accuracy",
            "n_samples",
            "roc_auc",
        ):
            found.setdefault(path, Block(path)).scores["auc" if name == "roc_auc" else name.lower()] = metric
    return [block for block in found.values() if "f1" in block.scores or "recall" in block.scores]


def one_class(block: Block) -> bool:
    """Every sample is given the same class."""
    recall, specificity, f1 = block.value("recall"), block.value("specificity"), block.value("f1")
    if recall is not None and specificity is not None:
        return (recall <= ONE_CLASS and specificity >= 1 - ONE_CLASS) or (
            specificity <= ONE_CLASS and recall >= 1 - ONE_CLASS
        )
    return f1 is not None and f1 <= ONE_CLASS


def judge(block: Block, tests: list[Block]) -> str:
    """ "threshold", "collapse" or "" for a model's validation scores; tests that agree add to the samples."""
    if not one_class(block) or 0 < block.samples + sum(t.samples for t in tests if one_class(t)) < FEWEST_SAMPLES:
        return ""
    auc = block.value("auc")
    if auc is not None and auc == auc and auc >= RANKS_WELL:
        return "threshold"
    return "collapse" if auc is None or auc != auc or abs(auc - 0.5) <= RANKS_BY_CHANCE - 0.5 else ""


def tests_of(block: Block, every: list[Block]) -> list[Block]:
    """The test scenarios of the model whose validation scores these are, however the file nests them."""
    model = block.path.rpartition(".")[2]
    return [t for t in every if t.is_test and (model in t.path.split(".") or not block.path)]


def judge_tests(tests: list[Block]) -> str:
    """ "threshold", "generalisation" or "" for one model's test scenarios, weighted by their samples."""
    total = sum(b.samples or 1 for b in tests)
    if not tests or 0 < sum(b.samples for b in tests) < FEWEST_TEST_SAMPLES:
        return ""
    poor = [b for b in tests if (balanced := b.balanced) is not None and balanced <= CHANCE_ACCURACY]
    ranked = sum(b.samples or 1 for b in poor if (b.value("auc") or 0.0) >= RANKS_WELL)
    chance = sum(b.samples or 1 for b in poor if (b.value("auc") or 0.5) <= RANKS_BY_CHANCE + 0.05)
    if ranked + chance < TEST_SHARE * total:
        return ""
    return "threshold" if ranked > chance else "generalisation"


def shifted_bias(checkpoint: Checkpoint) -> str:
    """A bias that exceeds all other weights by far, in words; empty if there is none."""
    sized = [
        (t.largest, t) for t in checkpoint.tensors if t.largest is not None and t.name.endswith(("weight", "bias"))
    ]
    if len(sized) < 3:
        return ""
    sized.sort(key=lambda pair: pair[0], reverse=True)
    (largest, tensor), (second, _) = sized[0], sized[1]
    if tensor.name.endswith("bias") and largest >= SHIFTED_BIAS and largest >= SHIFTED_BIAS_FACTOR * max(second, 0.1):
        return f"{tensor.name} holds {largest:.4g}, every other weight is below {second:.3g}"
    return ""


def detect(facts: RunFacts) -> list[Finding]:
    """training.threshold, training.collapse and training.generalisation from metrics.json."""
    all_blocks = blocks(facts)
    findings: list[Finding] = []
    for block in [b for b in all_blocks if not b.is_test]:
        tests = tests_of(block, all_blocks)
        what = judge(block, tests)
        if what == "threshold":
            findings.append(_threshold(facts, block, tests))
        elif what == "collapse":
            findings.append(_collapse(facts, block, tests))
        elif (
            (block.value("f1") or 0) >= GOOD_F1
            and (block.value("auc") or 1.0) >= GOOD_AUC
            and block.samples >= FEWEST_SAMPLES
        ):
            on_tests = judge_tests(tests)
            if on_tests == "threshold":
                findings.append(_threshold(facts, block, tests, on_tests=True))
            elif on_tests:
                findings.append(_generalisation(facts, block, tests))
    # Several models with the same fault share its cause: the threshold, the data.
    first: dict[str, Finding] = {}
    for finding in findings:
        if finding.id in first:
            first[finding.id].confirmed_by.append(f"another model: {finding.root_cause.partition(':')[0]}")
        first.setdefault(finding.id, finding)
    return list(first.values())


def _quotes(facts: RunFacts, block: Block, *names: str) -> list[Evidence]:
    return [quote_metric(facts, block.scores[name]) for name in names if name in block.scores]


def _threshold(facts: RunFacts, block: Block, tests: list[Block], on_tests: bool = False) -> Finding:
    finding = Finding(
        "training.threshold", "The scores rank well, the decision threshold is off", FATAL, 0.85, "detector: evaluation"
    )
    shown = [t for t in tests if one_class(t)][:2] if on_tests else [block]
    for one in shown or tests[:1]:
        finding.evidence += _quotes(facts, one, "f1", "auc", "recall", "specificity")
        side = "negative" if (one.value("recall") or 0.0) <= ONE_CLASS else "positive"
        finding.root_cause += (
            f"{one.path}: AUC {_shown(one, 'auc')}, but F1 {_shown(one, 'f1')}, recall {_shown(one, 'recall')}, "
            "specificity "
            f"{_shown(one, 'specificity')}: nearly every sample is called {side}, though the scores separate "
            "the classes. "
        )
    if on_tests:
        finding.confidence = 0.75
        finding.root_cause += (
            f"In validation it is fine (F1 {_shown(block, 'f1')}): the threshold does not carry over to the test data. "
        )
    agreeing = [t for t in tests if one_class(t) and (t.value("auc") or 0) >= RANKS_WELL]
    if agreeing and not on_tests:
        finding.confirmed_by.append(f"{len(agreeing)} of {len(tests)} test scenarios")
    for checkpoint in facts.checkpoints:
        if how := shifted_bias(checkpoint):
            finding.evidence.append(quote_checkpoint(checkpoint, how))
            finding.root_cause += f"{checkpoint.source.path}: {how}, which shifts every score to one side. "
            finding.confirmed_by.append("the checkpoint")
            finding.fix.append(
                made_before(
                    facts,
                    checkpoint.source.path,
                    f"Train {checkpoint.run or 'the model'} again, or restore its checkpoint: something shifted "
                    "its last bias. The command removes it first.",
                    stays=False,
                )
            )
    finding.fix.append(
        set_back(
            facts,
            {},
            f"Calibrate the decision threshold of {block.path} on validation scores (the one that maximises "
            "Youden's J), then evaluate again.",
        )
    )
    finding.fix[-1].file = facts.metrics.source.path if facts.metrics else None
    finding.prevention = [
        "Choose the threshold on validation data and save it with the model.",
        "Fail an evaluation whose F1 is 0 while its AUC is high.",
    ]
    finding.would_refute = "an AUC near 0.5, or an F1 above 0"
    return finding


def _collapse(facts: RunFacts, block: Block, tests: list[Block]) -> Finding:
    finding = Finding(
        "training.collapse", f"{block.path} gives every sample the same class", FATAL, 0.8, "detector: evaluation"
    )
    finding.evidence = _quotes(facts, block, "f1", "auc", "recall", "specificity")
    finding.root_cause = (
        f"{block.path}: recall {_shown(block, 'recall')}, specificity {_shown(block, 'specificity')}, AUC "
        f"{_shown(block, 'auc')}: "
        "every sample is given the same class, and the scores do not rank them either."
    )
    if agreeing := [t for t in tests if one_class(t)]:
        finding.confirmed_by.append(f"{len(agreeing)} of {len(tests)} test scenarios")
    finding.fix = [
        Fix(
            f"Look at the training run of {block.path}: its loss, learning rate and class balance; train it again.",
            None,
            None,
            facts.metrics.source.path if facts.metrics else None,
        )
    ]
    finding.fix += [set_back(facts, {}, "Then evaluate again.")]
    finding.evidence += quote_config(facts, "model_size")
    finding.prevention = ["Fail an evaluation in which one class is never predicted."]
    finding.would_refute = "two classes among the predictions"
    return finding


def _generalisation(facts: RunFacts, block: Block, tests: list[Block]) -> Finding:
    finding = Finding(
        "training.generalisation",
        f"{block.path} is good in validation and at chance in the tests",
        FATAL,
        0.75,
        "detector: evaluation",
    )
    poor = [t for t in tests if (t.balanced or 1.0) <= CHANCE_ACCURACY]
    finding.evidence = _quotes(facts, block, "f1", "auc")
    for test in poor[:3]:
        finding.evidence += _quotes(
            facts, test, "balanced_accuracy" if "balanced_accuracy" in test.scores else "f1", "auc"
        )
    listed = ", ".join(
        f"{t.path.rpartition('.')[2]} (balanced accuracy {t.balanced:.3g}, AUC {_shown(t, 'auc')})" for t in poor[:4]
    )
    finding.root_cause = (
        f"{block.path}: F1 {_shown(block, 'f1')} and AUC {_shown(block, 'auc')} in validation, "
        f"but at chance in {listed}."
    )
    finding.confirmed_by = [f"{len(poor)} of {len(tests)} test scenarios"]
    finding.fix = [
        Fix(
            "Split validation data by vehicle or recording, so that it measures what the tests do; look for a "
            "leak between training and validation.",
            None,
            None,
            facts.metrics.source.path if facts.metrics else None,
        )
    ]
    finding.prevention = ["Select models on data from other sources than those trained on."]
    finding.would_refute = "test scores near the validation scores"
    return finding


def _shown(block: Block, name: str) -> str:
    value = block.value(name)
    return "unknown" if value is None else f"{value:.3g}"
