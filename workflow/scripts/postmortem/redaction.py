"""Secrets out of quoted lines: credentials by their shape, by the name they are given, and private keys."""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
# Shapes of credentials: the providers' documented prefixes.
_TOKEN = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|dckr_pat_[\w-]{20,}"
    r"|sk-(?=[\w-]{0,60}\d)[\w-]{20,}|gsk_[A-Za-z0-9]{20,}|nvapi-[\w-]{20,}|r8_[A-Za-z0-9]{30,}|dapi[0-9a-f]{32}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|ya29\.[\w-]{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|eyJ[\w-]{60,}={0,2}|npm_[A-Za-z0-9]{36}|wandb_v\d_\w{20,}|pypi-[\w-]{30,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|hv[sb]\.[\w-]{20,}|[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}|AGE-SECRET-KEY-1[0-9A-Z]{20,}"
    r"|glsa_\w{20,}|lsv2_[a-z]{2}_\w{20,}|do[opr]_v1_[0-9a-f]{40,}|tskey-[a-z]+-[\w-]{12,}|PMAK-[0-9a-f]{20,}-[0-9a-f]{20,}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp|idp)-[\w-]{22,}|lin_(?:api|oauth)_[A-Za-z0-9]{32,}|key-[0-9a-f]{32}"
    r"|(?:ntn|secret)_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,}|pplx-[A-Za-z0-9]{40,}|pcsk_\w{40,}|sbp_[0-9a-f]{40}"
    r"|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9]{40,}|atlasv1\.[\w-]{60,})"
    r"|(?<=hooks\.slack\.com/services/)[\w/]{20,}|(?<=api\.telegram\.org/bot)\d{6,12}:[\w-]{30,}"
    r"|(?<=/api/webhooks/)\d{15,22}/[\w-]{40,}"
)
# Names of what holds a secret. Only the word is searched and the rest of the name read from there: "any letters, one of
# these words, any letters" takes quadratic time, two seconds on a line of two thousand letters.
_SECRET_WORD = re.compile(
    r"(?i)pass(?:word|wd|phrase)|[_-]pass(?![a-z])|[_-]pwd|(?<![\w-])pwd(?==)|secret(?!ar|ion|iv|ly)|token|credentials?"
    r"|authorization|[_-]auth(?![a-z])"
    r"|(?:api|access|account|private|encryption|signing|license)[_-]?key"
    r"|x-amz-(?:signature|credential)|[?&]sig(?:nature)?(?==)"
)
NAME_CHARACTERS = 60  # before and after the word; no name of a setting is longer
_BEFORE_NAME = re.compile(r"[^\w.-]")
_REST_OF_NAME = re.compile(rf"[\w.-]{{0,{NAME_CHARACTERS}}}")
_ASSIGNED = re.compile(r"(?P<quote>\\{0,3}[\"'])?\]?(?P<sign>\s{0,8}(?:=>|:=|=|:)\s{0,8}|\s{1,8})")
_SCHEME = re.compile(r"(?i)[\"']?(?:bearer|basic|token|digest|apikey)\s{1,4}")
_VALUE = re.compile(
    r"\\{0,3}\"(?P<double>[^\"\\]{1,4000})|\\{0,3}'(?P<single>[^'\\]{1,4000})|(?P<bare>[^\s\"',;&)}\]]{1,4000})"
)
# Settings with such a word in their names that hold no secret: where it is, how many there are, a tokenizer's marks.
_HARMLESS_NAME = re.compile(
    r"(?i)(?:s|files?|paths?|dirs?|names?|ids?|types?|env|length|len|count|num|size|limit|dim|index|embed\w{0,20}|mask"
    r"|url|uri|expir\w{0,20}|(?<=token)iz\w{1,20}|weights?|bias)$"
)
_HARMLESS_TOKEN = re.compile(
    r"(?i)(?<![a-z])(?:pad|eos|bos|unk|mask|sep|cls|special|next|prev|last|first|image|audio|start|end|stop|begin|in|out|num|max"
    r"|min|n|unexpected|mark|dist|reg\w{0,9}|query|prompt|per)[_.-]?token$"
)
_HARMLESS_VALUE = re.compile(
    r"(?:\d{1,12}|\d{1,9}(?:\.\d{1,9}){1,4}(?:[a-z]{1,5}\d{0,9})?|[Nn]one|null|nil|[Tt]rue|[Ff]alse|yes|no|not|is|missing|required|invalid|expired|unset|empty"
    r"|string|str|int|bytes|getpass\S*|input\S*|os\.\S*|self\.\S*|args\.\S*|config\S*|cfg\S*|[$%<[({]\S*|x{3,}|\W+)$"
)
_CALL = re.compile(r"[A-Za-z_][\w.]{0,80}[\[(]")
_WORD = re.compile(r"[A-Za-z]{1,24}[.!?]?$")
_BEARER = re.compile(r"(?i)\b(bearer\s{1,4})((?=[A-Za-z._~+/=-]{0,60}\d)[A-Za-z0-9._~+/=-]{16,})")
_URL_PASSWORD = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@\"']{0,80}:)([^\s/\"'<>]{1,200})(?=@)")
_URL_USER = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)([^\s:/@\"']{20,200})(?=@)")
# "wandb login KEY", "… API key …: KEY"; a .netrc's "login user password X"; "curl -u user:password"
_COMMAND = re.compile(
    r"(?i)(wandb\s{1,4}login\s[^\n]{0,80}?|api[ _-]?key\b[^\n]{0,60}?)\b([0-9a-f]{40})\b"
    r"|(\blogin\s{1,4}\S{1,80}\s{1,4}password\s{1,4})(\S{1,200})"
    r"|(\b(?:curl|wget|http)\b[^\n]{0,200}?\s(?:-u|--user)[ =][^\s:]{1,60}:)(\S{1,200})"
    r"|(\b(?:docker|podman|helm|skopeo|singularity|apptainer)\b[^\n]{0,80}?\blogin\b[^\n]{0,99}?\s-p[ =])(\S{1,200})"
    r"|(\bsshpass\s{1,4}-p\s{0,4})('[^']{1,200}'|\S{1,200})"
    r"|(\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n]{0,200}?\s-p)(?=[^\s-])(\S{1,200})"
    r"|(\bredis-cli\b[^\n]{0,120}?\s(?:-a|--pass)[ =])(\S{1,200})"
    r"|(\b(?:set-)?cookie:\s{1,4}[\w.-]{1,40}=)([^\n'\"]{6,1000})"
    r"|(\bSecretStr\(\\?['\"])(?!\*)([^'\"\\]{1,400})"
    r"|(\blogin\((?:[^()\n]{0,80}?\b)?(?:key|token)=\\?['\"])([^'\"\\]{3,400})"
    r"|(<(?:\w{0,20}[_-]?)?(?:password|passwd|passphrase|secret|token|api[_-]?key)>)([^<\n]{1,400})"
)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(
    r"[\s|>]{0,8}(?:[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]{1,64}={1,2}|(?:Proc-Type|DEK-Info|Comment|Version): .*)\s*$"
)
_YAML_BLOCK = ("|", ">", "|-", ">-", "|+", ">+")
_YAML_SECRET = re.compile(
    r"(?i)(?P<indent>\s*)[\"']?[\w.-]{0,40}(?:pass(?:word|wd|phrase)?|secret|token|api_?key|private_?key|credentials?)"
    r"[\"']?\s*:\s*[|>][-+]?$"
)
KEY_LINES = 80  # of one private key; RSA of 4096 bits has 51
# Cheap tests before the expensive ones: no line without one of these words can hold a secret of the kinds above. Looked
# for one by one, which takes a fifth of the time of one expression for all of them; most lines have none.
_SHAPE_WORDS = (
    "hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "_pat_", "sk-", "sk_", "nvapi-", "r8_",
    "dapi", "xox", "xapp-", "akia", "asia", "aiza", "ya29.", "eyj", "npm_", "wandb_v", "pypi-", "sg.", "slack.com/",
    "hvs.", "hvb.", "k_live_", "k_test_", "age-secret", "glsa_", "lsv2_", "_v1_", "tskey-", "pmak-", "telegram.org/",
    "/webhooks/", "gsk_", "shpat_", "shpca_", "shppa_", "shpss_", "sq0", "lin_api_", "lin_oauth_", "ntn_", "secret_",
    "xai-", "pplx-", "pcsk_", "sbp_", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit.",
    "atlasv1.", "key-",
)  # fmt: skip
_NAME_WORDS = ("pass", "pwd", "secret", "token", "credential", "auth", "key", "x-amz-", "?sig", "&sig")
_COMMAND_WORDS = (
    "wandb", "key", "login", "curl", "wget", "http", "sshpass", "mysql", "mariadb", "redis-cli", "secretstr", "</",
    "cookie:",
)  # fmt: skip


def redact(text: str) -> str:
    """Replace what looks like a credential by `[redacted]`."""
    folded = text.casefold()
    if _has(folded, _SHAPE_WORDS):
        text = _TOKEN.sub(REDACTED, text)
    if "://" in folded:
        text = _URL_USER.sub(rf"\1{REDACTED}", _URL_PASSWORD.sub(rf"\1{REDACTED}", text))
    if "bearer" in folded:
        text = _BEARER.sub(rf"\1{REDACTED}", text)
    if _has(folded, _COMMAND_WORDS):
        text = _COMMAND.sub(lambda m: next(group for group in m.groups() if group) + REDACTED, text)
    if not _has(folded, _NAME_WORDS):
        return text
    if (begin := _KEY_BEGIN.search(text)) and text[begin.end() :].strip():
        end = _KEY_END.search(text, begin.end())
        text = text[: begin.end()] + REDACTED + (text[end.start() :] if end else "")
    return _redact_named(text)


def _has(folded: str, words: tuple[str, ...]) -> bool:
    return any(map(folded.__contains__, words))


def may_hold_blocks(text: str) -> bool:
    """Whether a line may begin or end a secret of several lines; cheap, for it is asked of every line."""
    return "PRIVATE KEY" in text or text.endswith(_YAML_BLOCK)


def redact_blocks(texts: Iterable[str]) -> list[str]:
    """The lines of a log without the lines of private keys, also of one that was cut off, and of secret YAML blocks."""
    lines = list(texts)
    for index, text in enumerate(lines):
        if text.endswith(_YAML_BLOCK) and (head := _YAML_SECRET.match(text)):
            _blank_deeper(lines, index + 1, len(head["indent"]))
        if "PRIVATE KEY" not in text:
            continue
        begins, ends = bool(_KEY_BEGIN.search(text)), bool(_KEY_END.search(text))
        if begins and not ends:
            _blank(lines, range(index + 1, min(len(lines), index + 1 + KEY_LINES)))
        elif ends and not begins:
            _blank(lines, range(index - 1, max(-1, index - 1 - KEY_LINES), -1))
    return lines


def _blank_deeper(lines: list[str], first: int, indent: int) -> None:
    for place in range(first, min(len(lines), first + KEY_LINES)):
        text = lines[place]
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            return
        lines[place] = f"{text[: len(text) - len(text.lstrip())]}{REDACTED}" if text.strip() else text


def _blank(lines: list[str], places: range) -> None:
    for place in places:
        if lines[place].strip() and not _KEY_LINE.match(lines[place]) and lines[place] != REDACTED:
            return
        lines[place] = REDACTED if lines[place].strip() else lines[place]


def _redact_named(text: str) -> str:
    """Replace the values of settings whose names say that they are secret."""
    parts, done = [], 0
    for word in _SECRET_WORD.finditer(text):
        value = _secret_value(text, word) if word.start() >= done else None
        if value and value[0] >= done:
            parts += [text[done : value[0]], REDACTED]
            done = value[1]
    return "".join([*parts, text[done:]])


def _secret_value(text: str, word: re.Match[str]) -> tuple[int, int] | None:
    """Where the value of the setting stands in whose name the word was found, if it is a secret."""
    name_start = max(0, word.start() - NAME_CHARACTERS)
    for other in _BEFORE_NAME.finditer(text, name_start, word.start()):
        name_start = other.end()
    rest = _REST_OF_NAME.match(text, word.end())
    end = rest.end() if rest else word.end()
    name = text[name_start:end]
    assigned = _ASSIGNED.match(text, end)
    if not assigned or not _names_secret(name.lower(), word[0].lower()):
        return None
    sign = assigned["sign"].strip()
    if not sign and not name.startswith("--"):  # "--password x"; everywhere else a blank is only a blank
        return None
    scheme = _SCHEME.match(text, assigned.end())
    value = _VALUE.match(text, scheme.end() if scheme else assigned.end())
    if not value:
        return None
    group = value.lastgroup or "bare"
    computed = assigned["sign"] == " = " and group == "bare" and _CALL.match(value[group])  # a source line
    quoted = assigned["quote"] is not None or group != "bare"
    whole = quoted or sign in ("=", "") or text[value.end() :].strip()[:1] in ("", *"\"'\\)]}")
    return None if computed or not _is_secret(name, value[group], whole) else value.span(group)


def _names_secret(name: str, word: str) -> bool:
    if name.endswith(("access_key_id", "accesskeyid", "password", "credentials", "secrets", "pass", "pwd")):
        return True
    if _HARMLESS_NAME.search(name):
        return False
    return word != "token" or (name.endswith("token") and not _HARMLESS_TOKEN.search(name))


def _is_secret(name: str, value: str, whole: bool) -> bool:
    """Whether a value is the secret. whole: it is all that the setting is given, not the first word of a sentence."""
    # People choose words and dates as passwords; programs choose neither as keys and tokens.
    chosen = bool(re.search(r"(?i)pass|secret|pwd", name))
    if len(value) < 3 or value.startswith(REDACTED[:-1]):
        return False
    if value == name.lstrip("-").replace("-", "_").upper():  # how a help text names the value
        return False
    if name.lower() in ("pwd", "oldpwd"):  # the shell's working directory; in a connection string the password
        return not value.startswith(("/", "~", ".", "$"))
    if _HARMLESS_VALUE.match(value):
        return chosen and value.isdigit() and len(value) >= 4
    if _WORD.match(value):
        return chosen and whole  # else prose: "invalid password: please try again"
    if name.lower() == "token":  # parsers and tokenizers speak of tokens as well
        return len(value) >= 8 and bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
    return True
