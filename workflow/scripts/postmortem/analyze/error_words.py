"""What the words of an error line are about, where no entry knows the program: data only.

Expressions, upper and lower case alike; of several causes the first in the list counts, so that the telling ones come
first. A phrase that programs use for different causes is left out: no guess is better than a wrong one.
"""

from __future__ import annotations

_WHAT = (
    r"(?:files?|director(?:y|ies)|folder|path|index|database|db|reference|genome|dictionary|inputs?|image|model|dataset|"
    r"table|annotation)"
)
_FORM = (
    r"(?:formats?|files?|header|records?|lines?|fast[aq]|sequences?|quality|entry|entries|rows?|columns?|fields?|bam|sam|"
    r"vcf|bed|gtf|gff\d?|json|xml|csv|msa|alignment|tree|newick|magic|stream)"
)
_RECORDS = (
    r"(?:reads?|sequences?|records?|variants?|samples?|features?|peaks?|rows?|fastqs?|cells?|genes?|snps?|contigs?|"
    r"alignments?|images?|genomes?|bins?|results?)"
)
_CANNOT = r"(?:cannot|can't|can not|could not|couldn't|unable to|failed to|fails? to|did not|didn't)"
_NOT = r"(?:is not|are not|isn't|not|was not|were not)"

THEMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "host.disk_full",
        (r"no space left", r"disk (?:is )?full", r"quota exceeded", r"not enough (?:disk )?space"),
    ),
    (
        "host.oom",
        (
            r"^(?!.*(?:cuda|gpu|hip\b)).*out of memory",
            r"(?:not enough|insufficient) (?:ram|memory)",
            r"std::bad_alloc",
            rf"{_CANNOT} allocate",
            r"allocation (?:error|failed|failure)",
            r"memory (?:exhausted|limit exceeded)",
            r"OS return value: (?:-9|12)\b",
        ),
    ),
    (
        "io.permission",
        (
            r"permission denied",
            r"not writable",
            r"not have (?:write|read) permissions?",
            r"read-only file",
            r"access (?:is )?denied",
        ),
    ),
    (
        "io.network",
        (
            r"could not resolve",
            r"cannot open URL",
            r"connection (?:refused|timed out)",
            r"network is unreachable",
            rf"{_CANNOT} (?:connect|download|fetch)",
            r"download (?:failed|error)",
            r"error downloading",
        ),
    ),
    (
        "env.activation",
        (
            rf"{_CANNOT} (?:find|locate|run|execute) (?:the )?(?:required |needed )?"
            r"(?:executable|program|binary|command|tool|software|['\"`][\w.-]+['\"`] (?:in|on) )",
            r"\b(?:in|on) (?:(?:your|the) \$?|\$)PATH\b",
            r"(?:executable|program|binary|tool|squashfs\w*)(?: file)? (?:was )?not found",
            r"command not found",
            rf"{_CANNOT} (?:find|locate) (?:the )?(?:conda|virtual) environment",
            r"licen[cs]e (?:file |key )?(?:\S+ )?(?:not found|is missing|has expired)",
        ),
    ),
    (
        "data.missing",
        (r"\bno (?:input|such|matching) (?:\w+ ){0,2}(?:files?|fastqs?|reads|images|samples)\b(?: \w+)? found",),
    ),
    (
        "data.empty",
        (
            rf"{_WHAT} (?:\S+ )?(?:is|was|are|appears to be) empty",
            rf"empty (?:input|{_WHAT}|alignment|matrix)",
            rf"\b(?:no|0|zero) (?:\w+ ){{0,2}}{_RECORDS}\b(?: (?:were|was|are|is))? "
            r"(?:found|left|remain\w*|detected|given|passed|survived|loaded|resolved)",
            rf"(?:contains|has|with) no (?:valid |usable )?{_RECORDS}\b",
            r"too few (?:\w+ ){1,2}\(0\)",
        ),
    ),
    (
        "data.malformed",
        (
            rf"(?:invalid|malformed|corrupt\w*|truncated|broken|unrecogni[sz]ed|inconsistent) (?:\S+ ){{0,2}}{_FORM}\b",
            rf"{_FORM} (?:\S+ )?(?:is|are|seems? to be|appears? to be) (?:\w+ )?(?:malformed|corrupt\w*|truncated)",
            rf"{_NOT} (?:in|a valid) (?:\S+ ){{1,2}}format",
            r"unexpected end of",
            rf"(?:{_CANNOT}|error) pars(?:e|ing)",
            rf"{_CANNOT} determine (?:types?|format)|to determine types for file",
            r"parse error|error loading msa",
            r"(?:fewer|more|wrong number of|too many) (?:tokens|fields|columns)",
            r"different (?:sequence )?lengths?|lengths? (?:differ|mismatch)",
            r"out of order|not sorted|unsorted",
            r"duplicated? (?:\w+ ){0,2}(?:names?|ids?|samples?|records?|keys?|reads?|rows?|entries)",
            r"does not contain an? ['\"]?\w+['\"]? (?:attribute|field|column|tag)",
            r"could not find \S+ in (?:the )?(?:sequence|header|reference)",
            r"illegal character|not in the alphabet|names are not unique|has the wrong type|invalid contig",
        ),
    ),
    (
        "data.missing",
        (
            rf"\b{_WHAT}\b.{{0,120}}?\b(?:not found|does(?: not|n'?t) (?:seem to )?exist|could not be found)",
            r"no such file(?! or directory: '[^']*\.(?:so|pt|ckpt)\b)",
            rf"{_CANNOT} (?:open|find|locate|read|access) (?:the )?(?:\w+ ){{0,3}}{_WHAT}\b",
            rf"{_CANNOT} (?:open|locate|find|read)\b.{{0,20}}[\w/.-]+\.\w{{2,6}}\b",
            r"not a valid (?:\w+ ){1,2}index",
            r"'[^']{1,200}\.\w{2,6}' does not exist",
        ),
    ),
    (
        "config.invalid",
        (
            r"(?:invalid|unknown|unrecogni[sz]ed|unsupported|illegal|conflicting) (?:\w+ ){0,2}"
            r"(?:options?|arguments?|parameters?|flags?|settings?|choice|command|mode|config\w*|preset)",
            r"(?:options?|arguments?|parameters?|flags?) \S+ (?:is |are )?"
            r"(?:not (?:recogni[sz]ed|supported|known|valid)|invalid|required|unknown|missing|must)",
            r"missing (?:required |mandatory )?(?:options?|arguments?|parameters?)",
            r"must be (?:specified|given|set|provided|one of|between|greater|less|positive|an? (?:integer|number))",
            r"mutually exclusive|requires? an? argument",
        ),
    ),
    (  # Python's own words, which a program prints of an exception that it caught
        "code.bug",
        (
            r"object (?:has no attribute|is not (?:iterable|callable|subscriptable))",
            r"indices must be integers",
            r"(?:list|tuple|string) index out of range",
            r"(?:not enough|too many) values to unpack",
            r"unsupported operand type\(s\)",
            r"takes \d+ positional arguments? but",
            r"missing \d+ required positional argument",
            r"name '\w+' is not defined",
            r"local variable '\w+' (?:referenced|where it is not)",
            r"got an unexpected keyword argument",
        ),
    ),
)
# What is to be done about it; the line itself says the rest.
TO_DO = {
    "host.disk_full": "Make room where this writes (`df -h` shows which disk is full), or write somewhere else:",
    "host.oom": "Ask for more memory (`--mem`, in Snakemake mem_mb), or give it fewer threads or smaller pieces:",
    "io.permission": "Write where this account may, or change the rights of what this names (`ls -ld`):",
    "io.network": "Fetch it on the login node before the job, or try again if the server was away:",
    "env.activation": "Install or load what this asks for in the environment of the job, before this step:",
    "data.empty": "Look at what the step before wrote, and at its filters, for nothing is left for this one:",
    "data.malformed": "Repair the input that this names, or make it again:",
    "data.missing": "Put the file that this names there, or correct its path:",
    "config.invalid": "Correct the option or setting that this names:",
    "code.bug": "Log the whole traceback of this (`logging.exception`), and mend the line that it names:",
}
