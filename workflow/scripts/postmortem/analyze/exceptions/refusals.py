"""What the words are about with which a library refuses something: `raise ValueError("`mode` must be one of …")`.

Data only. Libraries differ in what they do, but hardly in how they word a refusal: a package that has to be installed,
an argument out of its range, arrays that do not fit, a call that comes too early. So these expressions are of no
library, and come before what the place is about. The first that is found in a message counts.
"""

from __future__ import annotations

import re

ARGUMENT = "an argument"  # is refused, and the words do not say whose: the place does
ASKED_CHARACTERS = 400  # of a message: what it is about stands at its beginning

# Whatever the type of the exception: a TypeError or a NotImplementedError may say so as well.
_OF_ANY_TYPE: tuple[tuple[str, str, float], ...] = (
    # a package, or another release of one
    (
        r"\b(?:requires?|needs?)\b.{0,60}(?:(?:[<>]=?|==) ?v?\d+\.\d|\bversion\b)|\bdifferent \w+ versions\b|"
        r"\b(?:unsupported|not supported|incompatible)\b.{0,40}\bversions? ?(?:[<>]=?|==) ?\d|"
        r"\bdeprecated\b.{0,60}\b(?:now|been) removed\b|\brebuild \w+ with\b|"
        r"\b(?:built|compiled) without\b.{0,40}\bsupport\b|"
        r"\bupgrade (?:your|to|the|\S+ to)\b|\b(?:newer|older|later) version of\b|\bpip install (?:-U|--upgrade)\b|"
        r"\b(?:has been|was) removed in\b|\bno longer (?:supported|available)\b",
        "code.library_conflict", 0.65,
    ),
    (
        r"\b(?:pip3?|conda|mamba) install\b|\bnot installed\b|\bnot included in\b.{0,20}\binstallation\b|"
        r"\b(?:must|needs?|requires?|please|should)\b.{0,60}\binstall(?:ed)?\b|\bcould not import\b|"
        r"\bimport \S+ failed\b",
        "code.import", 0.75,
    ),
    (r"\bfailed to compile\b|\bcompilation failed\b", "code.build", 0.5),
    # a device
    (r"\bsame device\b|\bdifferent devices\b|\bdevices? (?:types? )?(?:mismatch|differ)", "gpu.device_mismatch", 0.6),
    (r"\bcompute capability\b", "gpu.arch_mismatch", 0.5),
    (
        r"\bno (?:\w+ ){0,2}(?:GPUs?|CUDA)\b|\bonly has \d+ GPUs?\b|"
        r"\b(?:CUDA|GPUs?)\b.{0,20}\b(?:not available|unavailable|not found)\b",
        "gpu.unavailable", 0.6,
    ),
    (r"\bGPU memory\b.{0,40}\b(?:not|insufficient|exhausted)\b|\bnot enough GPU memory\b", "gpu.oom", 0.5),
    (r"\b(?:cuDNN|cuBLAS|cuSPARSE|cuSOLVER|cuFFT)\b.{0,40}\b(?:failed|error|status)\b", "gpu.library", 0.55),
    # somebody else
    (
        r"\bauthenticat(?:e|ion)\b|\bcredentials?\b|\bAPI[ _-]?key\b|\baccess token\b|\bnot logged in\b|"
        r"\bunauthori[sz]ed\b",
        "tracking.auth", 0.55,
    ),
    (
        # not whatever times out: a worker of this process does so as well
        r"\b(?:requests?|connections?|servers?|hosts?|peers?|downloads?|responses?)\b.{0,60}\btimed out\b|"
        r"\btimed out\b.{0,60}\b(?:request|connection|server|host|peer|download|response)|"
        r"\b(?:could not|cannot|failed to) connect\b|\bconnection (?:refused|reset|failed|lost)\b|"
        r"\b(?:host|server|network|address|endpoint)\b.{0,30}\bunreachable\b|\bstatus code [45]\d\d\b",
        "io.network", 0.5,
    ),
    # what was read
    (r"\bcached?\b.{0,160}\b(?:older|newer|other|different|another)\b.{0,40}\bversion\b", "data.stale_cache", 0.6),
    (
        r"\b(?:weights?|loss|gradients?|logits)\b.{0,40}\b(?:NaNs?|non-?finite|infs?)\b|"
        r"\b(?:NaNs?|non-?finite|infs?)\b.{0,40}\b(?:weights?|loss|gradients?|logits)\b",
        "training.nan_loss", 0.55,
    ),
    (
        r"\bcontains?\b.{0,20}\b(?:NaNs?|nulls?|non-?finite|infinity|invalid|missing|negative)\b|\bnull values\b|"
        r"\bmissing values\b|\bonly one (?:class|label)\b|\bmore than (?:1|one) class\b|"
        r"\b(?:index(?:es)?|columns?|ids?) (?:must be|is not|are not) unique\b|\bduplicated\b|"
        r"\bduplicate (?:index|labels?|entries|keys|rows)\b|"
        r"\bcorrupt(?:ed)?\b|\btruncated\b|\bmalformed\b|\bunterminated\b|\bnot a (?:valid )?\w+ file\b|"
        r"\b(?:cannot|could not|unable to|failed to) (?:parse|decode|read|be (?:converted|parsed|decoded|read))\b|"
        r"\bincomplete (?:read|chunk|record|header|file|data|row|line)\b|\bunexpected end of\b|"
        r"\b(?:sample|record|example)s? (?:must|should) (?:have|contain)\b|"
        r"\b(?:invalid|bad) (?:header|magic|encoding)\b",
        "data.malformed", 0.5,
    ),
)  # fmt: skip
_PATH = (
    r"\b(?:files?|director(?:y|ies)|folder|path)\b.{0,160}\b(?:not found|does not exist|doesn't exist|is missing|"
    r"not an? (?:existing )?(?:file|directory))\b|\b(?:no such|could not find|cannot find|can't find|missing)\b.{0,30}"
    r"\b(?:files?|director(?:y|ies)|folder|path)\b"
)
# An argument, in words that anything may be refused with.
_GENERAL_WORDS = (
    r"\bmust\b|\bshould\b|\bha(?:s|ve) to\b|\bneeds? (?:to|at least)\b|\bexpect(?:s|ed)?\b|\brequire[sd]?\b|"
    r"\bnot (?:currently |yet )?(?:supported|valid|allowed|permitted|recogni[sz]ed|compatible|understood)\b|"
    r"\b(?:does not|doesn't|do not|don't) (?:support|accept|allow|work)\b|"
    r"\bonly (?:\w+ )?(?:supports?|accepts?|valid|allow|works?)|\binvalid\b|\bincompatible\b|"
    r"\bcould not interpret\b|\bunable to infer\b|\bcannot (?:infer|use|set|mix|interpret)\b|\bgot\b|\breceived\b|"
    r"\bplease\b|\bspecif(?:y|ied)\b|\bprovided?\b|\barguments?\b|\bparameters?\b|\bconfig\w*\b|\bkwargs\b|"
    r"\b(?:cannot|can't) (?:be|create)\b|\bconflict"
)
_OF_A_VALUE: tuple[tuple[str, str, float], ...] = (
    (
        r"(?:can't|cannot|could not|unable to) load\b.{0,60}\b(?:for|from) ['\"/]|"
        rf"(?:checkpoint|weights|\.ckpt|\.pth?\b|\.safetensors).{{0,80}}(?:{_PATH})|"
        rf"(?:{_PATH}).{{0,80}}(?:checkpoint|weights|\.ckpt|\.pth?\b|\.safetensors)",
        "model.checkpoint_missing", 0.55,
    ),
    (
        rf"\bconfig\w*\b.{{0,40}}(?:{_PATH})|(?:{_PATH}).{{0,40}}\bconfig|(?:could not|cannot) find\b.{{0,40}}\bconfig",
        "config.invalid", 0.55,
    ),
    (rf"{_PATH}|\bdata ?sets? (?:was |is )?(?:not found|missing)\b", "data.missing", 0.55),
    (
        r"(?:\bsafetensors\b|\bcheckpoint\b|\bweights\b|\.ckpt\b|\.pth?\b).{0,100}"
        r"\b(?:not (?:a )?valid|does not contain (?:the |any )?(?:valid|metadata)|incomplete)\b|"
        r"\binvalid\b.{0,40}\b(?:safetensors|checkpoint)\b",
        "model.checkpoint_corrupt", 0.5,
    ),
    (r"\bdifferent values\b|\b(?:values?|settings?) (?:differ|disagree)\b", "config.mismatch", 0.5),
    (r"\benvironment variable\b", "config.invalid", 0.5),
    (
        r"\b(?:saved (?:weights?|states?|parameters|variables)|state[_ ]dict|checkpoint)\b.{0,80}"
        r"\b(?:mismatch|do(?:es)? not match|unexpected|different)\b|"
        r"\bmismatch\b.{0,80}\b(?:saved|state[_ ]dict|checkpoint)\b",
        "model.state_dict_mismatch", 0.5,
    ),
    # a TypeError by another name, or what is said of a call
    (
        r"\b(?:must|should|ha(?:s|ve) to|expected)(?: to)? (?:all )?(?:be )?(?:an? )?(?:instances? of |list of )?"
        r"(?:list|tuple|dict|dictionary|callable|function|tensor|array|graph|module|object|str)s?\b|"
        r"\b(?:argument|parameter)s?\b.{0,30}\bto be (?:an? )?(?:callable|function)\b|<class '|\bof type\b|"
        r"\bkwarg\b|\bpositional(?:ly)?\b|\bkeyword arguments?\b|\b(?:must|should|has to|please,?) return\b|"
        r"\bfunction must not return\b",
        "code.bug", 0.5,
    ),
    (r"\bmust be (?:of )?(?:torch\.)?(?:u?int|float|bfloat)\d+\b", "training.dtype_mismatch", 0.5),
    # an argument, in words that are of nothing else
    (
        r"\bmutually exclusive\b|\b(?:exactly|only|at least|at most) one (?:of|column|argument)\b|"
        r"\bcannot (?:both|specify|pass|provide|combine|be combined)\b|"
        r"\bmust (?:be|specify|provide) (?:exactly|either|one)\b|"
        r"\bboth\b.{0,60}\b(?:specified|provided|passed|set|given|at the same time|positionally)\b|"
        r"\bbut not both\b|\b(?:should|has to|have to) be (?:one|either) \b|\bmust be in\b|"
        r"\b(?:unknown|unsupported|unrecogni[sz]ed|illegal) \w+|\bnot a (?:valid|supported|recogni[sz]ed)\b",
        ARGUMENT, 0.55,
    ),
    # arrays and data sets
    (
        r"\bnumber of (?:\w+ )?(?:features|columns|channels)\b.{0,80}\b(?:match|expect|equal|differ|does not|is not)",
        "data.feature_mismatch", 0.5,
    ),
    (
        r"\b(?:data(?:set|frame|loader)?|samples?|graphs?|batch(?:es)?|\w*cases|examples|images|edges|records)\b.{0,20}"
        r"\b(?:is|are|was|were|be) empty\b|\b(?:received an|got an) empty\b|\bempty (?:list )?(?:data|batch|graph)|"
        r"\bno (?:\w+ )?(?:samples|images|examples|rows|records|edges|nodes|objects)\b",
        "data.empty", 0.5,
    ),
    (
        r"torch\.Size|\bshapes?\b|\bdimension(?:s|al(?:ity)?)?\b|\bbroadcast|\bunbatched\b|"
        r"\b(?:\d|N)-?D (?:arrays?|tensors?|inputs?|kernels?|matri\w+|vectors?|images?)\b|\b(?:be|is) (?:an? )?\d-?D\b|"
        r"\brank (?:of )?\d|\b(?:wrong|invalid|incompatible|mismatched) (?:sizes?|lengths?|ranks?)\b|"
        r"\b(?:arrays?|samples|inputs|sequences)\b.{0,40}\bsame length\b|\bndim\b|\bsame (?:batch )?(?:size|height)\b|"
        r"\bsame number of (?:rows|elements|samples|heads)\b|\bsizes?\b.{0,60}\b(?:match|mismatch)",
        "model.shape_mismatch", 0.5,
    ),
    (
        r"\b(?:same|different|incompatible|mismatched) dtypes?\b|\bdtypes?\b.{0,30}\b(?:match|differ)",
        "training.dtype_mismatch", 0.5,
    ),
    # a call at the wrong time, or of something that is not there
    (
        r"\bbefore (?:calling|using|any|you|it)\b|\bmust (?:be called|call|be used (?:inside|within))\b|"
        r"\bneeds? to (?:call|be called)\b|\bbeforehand\b|"
        r"\bcall\b.{0,40}\bfirst\b|\bnot (?:been |yet )?(?:initiali[sz]ed|registered|fitted|started|built|tracked)\b|"
        r"\balready (?:been |a )?(?:set|registered|active|initiali[sz]ed|configured|used?|started|present|exists?|"
        r"running|in)\b|\boutside (?:of )?(?:a|an|the|scope)\b|\bis closed\b|\bdid you forget\b|"
        r"\b(?:cannot|can't|(?:can|may|should) (?:not|only)) be (?:called|invoked|accessed|built|used alone)\b|"
        r"\bnot (?:yet )?implemented\b|\bhas been (?:closed|deleted|shut down)\b",
        "code.bug", 0.5,
    ),
    (_GENERAL_WORDS, ARGUMENT, 0.5),
)  # fmt: skip
_ANY = [(re.compile(words, re.IGNORECASE | re.DOTALL), cause, confidence) for words, cause, confidence in _OF_ANY_TYPE]
_VALUE = [(re.compile(words, re.IGNORECASE | re.DOTALL), cause, confidence) for words, cause, confidence in _OF_A_VALUE]


def refused_by_any(message: str) -> tuple[str, float] | None:
    """Cause and confidence by words that say it whatever the type of the exception; None where there are none."""
    return _first(_ANY, message)


def refused_value(message: str) -> tuple[str, float] | None:
    """The same for exceptions that leave open what they are about: ValueError, RuntimeError, a library's own.

    ARGUMENT in place of a cause: an argument is refused in words that do not say where it came from.
    """
    return _first(_VALUE, message)


def _first(table: list[tuple[re.Pattern[str], str, float]], message: str) -> tuple[str, float] | None:
    asked = message[:ASKED_CHARACTERS]
    return next(((cause, confidence) for words, cause, confidence in table if words.search(asked)), None)
