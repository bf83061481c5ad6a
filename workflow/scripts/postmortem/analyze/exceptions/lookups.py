"""What is missing where the project's own code looks something up: a setting, a class, a word, a file, an answer."""

from __future__ import annotations

import re

from ...facts import Frame
from ..remedies.code import substituted
from .told import Told, fix_at, place

SHOWN = 120  # characters of a call that a text repeats

_CONFIGURATION = r"(?:\w*(?:config|cfg|hparams|settings)\w*|args|opts?|options|hyp|parser|conf|yaml\w*)"
_LABELS = (
    r"(?:\w*(?:label|class|cls|cat|category|categories|tag|species|emotion|genre)e?s?_?(?:maps?|mapping|dict|2\w+|to_?\w+|"
    r"ids?|ind|index|indices|idx|lookup|encoder|dic)|\w*(?:2|_to_)(?:label|class|cls|category|tag)\w*|"
    r"cat_ids?|continuous_ids?)"
)
_WORDS = (
    r"(?:\w*(?:word|token|tok|char|vocab|symbol|phone|kmer|residue|aa)s?_?(?:2\w+|to_?\w+|map|dict|idx|ids?|index)|"
    r"stoi|w2i|vocab|tok2\w+)"
)
_READS_RECORDS = re.compile(
    r"^_?(?:load|read|parse|prepare)_\w*(?:annot|label|json|coco|voc|xml|csv|infos?|records?|samples?|metadata)", re.I
)
_FIRST_ITEM = re.compile(r"(?P<call>(?:\bglob\.?\w*|\blistdir|\brglob|\bfindall|\bscandir)\([^\n]*?)\)+ *\[-?\d+\]")
# `MODELS[args.arch]`: what a setting names is chosen from a mapping.
_CHOSEN = re.compile(
    r"(?P<names>\b\w{1,60}(?:\.\w{1,60}){0,4})\[(?P<setting>(?:self\.)?(?:args|opts?|options|cfg|conf|config|hparams|params|flags|FLAGS)"
    r"(?:\.\w+|\[['\"]\w+['\"]\])+)\]"
)
_FIELDS = re.compile(r"\b(?P<line>\w*(?:line|row|text|record|entry|ln|sent\w*|s|l))(?:\.\w+\(\))*\.split\(", re.I)
_TAG = re.compile(r"\.find\(['\"](?P<tag>[\w./]+)['\"]\)\.text\b")
_MATCH = re.compile(r"\bre\.(?:match|search|fullmatch)\(.+?\)\.groups?\(")
_ASKS = re.compile(r"\b(?:input|raw_input|getpass|stdin\.readline)\(")
_ARGUMENT = re.compile(r"\bsys\.argv\[(?P<number>\d+)\]")
_IMAGE = re.compile(
    r"\bimread\(|\b\w*(?:img|image|frame|mask|photo|pic)\w*\.(?:shape|astype|copy|size|ndim|dtype|transpose)\b", re.I
)
_NO_IMAGE = re.compile(r"'NoneType' object has no attribute '(?:shape|astype|copy|size|ndim|dtype|transpose|convert)'")
_HOLDERS = re.compile(
    r"'(?P<type>ConfigDict|EasyDict|AttrDict|DotDict|DictConfig|Munch|Box|CfgNode|CN|HParams|Hparams|Config|Dict|"
    r"AttributeDict|DotMap|Struct|Edict|OmegaConf)' object has no attribute '(?P<name>\w+)'"
)
_PARSED = re.compile(r"'Namespace' object has no attribute '(?P<name>\w+)'")


def key_missing(key: str, frame: Frame) -> Told | None:
    """What a mapping does not have: a setting, a class, or an item of a vocabulary."""
    bare = key.strip("'\"")
    source = frame.source
    if key[:1] in "'\"" and re.search(
        rf"\b{_CONFIGURATION}(?:\[[^\]]+\]|\.\w+)*\[[fr]?['\"]{re.escape(bare)}['\"]\]", source
    ):
        parents = re.findall(r"\[['\"](\w+)['\"]\]", source[: source.rfind(bare)])
        where = f" below {' / '.join(parents)}" if parents else ""
        text = (
            f"Add `{bare}`{where} to the configuration (it is read in {place(frame)}), or read it with a default "
            f'there, `.get("{bare}")`.'
        )
        return Told(
            "config.invalid",
            0.65,
            f"The configuration has no `{bare}`{where}, which {place(frame)} reads.",
            fix_at(text, frame),
        )
    if chosen := _CHOSEN.search(source):
        text = (
            f"Correct the setting `{chosen['setting']}`: {bare} is none of the names in `{chosen['names']}` "
            f"({place(frame)})."
        )
        words = f"The setting `{chosen['setting']}` is {bare}, which `{chosen['names']}` does not have."
        return Told("config.invalid", 0.65, words, fix_at(text, frame))
    if re.search(rf"\b{_LABELS}\[", source):
        text = (
            f"Add the class {bare} to the classes that the mapping in {place(frame)} is made from (the list of class "
            "names in the configuration or data set), or map or drop the samples that have it."
        )
        return Told(
            "data.label_out_of_range", 0.65,
            f"The data hold the class {bare}, which the mapping in {place(frame)} does not have.", fix_at(text, frame),
        )  # fmt: skip
    if re.search(rf"\b{_WORDS}\[", source):
        text = (
            f"Map what the vocabulary does not have, such as {bare}, to its unknown entry in {place(frame)} "
            "(`.get(item, unknown)`), or build the vocabulary from these data."
        )
        return Told(
            "data.id_out_of_range", 0.65,
            f"The vocabulary that {place(frame)} looks into does not have {bare}.", fix_at(text, frame),
        )  # fmt: skip
    if key[:1] in "'\"" and _READS_RECORDS.search(frame.function):
        text = (
            f"Give the records of the file that {place(frame)} reads their `{bare}` (print one of them and the file's "
            "name there: another format, or a file that was written by another tool), or read the key that they have."
        )
        return Told(
            "data.malformed", 0.6, f"A record of the file that {place(frame)} reads has no `{bare}`.",
            fix_at(text, frame),
        )  # fmt: skip
    return None


def attribute_missing(message: str, frame: Frame) -> Told | None:
    """What an object does not have: an image that was not read, settings without the name."""
    if _NO_IMAGE.search(message) and _IMAGE.search(frame.source):
        text = (
            f"Correct the path of the image that {place(frame)} works on (`cv2.imread` returns None, without an error, "
            "where the file is missing or unreadable): test it with `os.path.exists`, and name it in the error."
        )
        return Told(
            "data.missing", 0.7, f"The image that {place(frame)} works on could not be read.", fix_at(text, frame)
        )
    if "'NoneType' object has no attribute 'text'" in message and (found := _TAG.search(frame.source)):
        tag = found["tag"]
        text = (
            f"Correct or leave out the XML file that has no <{tag}> where {place(frame)} expects it: name the file in "
            "an error when `find` returns None, or read it with a default."
        )
        words = f"An XML file has no <{tag}> where {place(frame)} expects it."
        return Told("data.malformed", 0.65, words, fix_at(text, frame))
    if "'NoneType' object has no attribute 'group" in message and _MATCH.search(frame.source):
        text = f"In {place(frame)} the text does not look as the pattern expects it: correct the pattern or the names."
        words = f"The pattern in {place(frame)} finds nothing in what it is given."
        return Told("data.malformed", 0.6, words, fix_at(text, frame))
    if found := _HOLDERS.search(message):
        name = found["name"]
        text = f"Add `{name}` to the configuration, or read it with a default in {place(frame)}."
        return Told(
            "config.invalid",
            0.65,
            f"The configuration has no `{name}`, which {place(frame)} reads.",
            fix_at(text, frame),
        )
    if found := _PARSED.search(message):
        name = found["name"]
        fix = fix_at(
            f'Define the option where the arguments are parsed, `parser.add_argument("--{name}")`, or read it with a '
            f'default, `getattr(args, "{name}", None)`, in {place(frame)}.',
            frame,
        )
        fix.diff = substituted(frame, rf"\b(\w+)\.{name}\b", rf'getattr(\1, "{name}", None)') or None
        return Told("code.bug", 0.75, f"The parsed arguments have no `{name}`, which {place(frame)} reads.", fix)
    return None


def unanswered(frame: Frame) -> Told | None:
    """A question at a terminal that is not there: started with nohup, or with a closed standard input."""
    if not _ASKS.search(frame.source):
        return None
    text = (
        f"In {place(frame)} ask only `if sys.stdin.isatty()`, or take the answer from an argument; to run it as it is, "
        "start it in tmux or with `< /dev/null`, not with a closed standard input (nohup)."
    )
    words = f"{place(frame)} asks something at the terminal, and there is none: its standard input is closed."
    return Told("code.bug", 0.75, words, fix_at(text, frame))


def fields_missing(frame: Frame) -> Told | None:
    """What a line of a file does not have: as many fields as the code takes."""
    if not _FIELDS.search(frame.source):
        return None
    text = (
        f"Correct the file that {place(frame)} reads: one of its lines has another number of fields (an empty last "
        "line, another separator, a separator within a field); leave empty lines out, and print the line that fails."
    )
    words = f"A line of the file that {place(frame)} reads has another number of fields than the code takes."
    return Told("data.malformed", 0.65, words, fix_at(text, frame))


def item_missing(frame: Frame) -> Told | None:
    """What a list does not have: a file that was sought, a match, a field of a line, an argument of the program."""
    if fields := fields_missing(frame):
        return fields
    if found := _FIRST_ITEM.search(frame.source):
        call = f"{found['call']})"[:SHOWN]
        if "findall" in call:
            text = (
                f"In {place(frame)} the names do not look as `{call}` expects them: correct the pattern or the names."
            )
            return Told(
                "data.malformed", 0.6, f"`{call}` found nothing in a name ({place(frame)}).", fix_at(text, frame)
            )
        text = f"Put the files there that `{call}` looks for, or correct the path or pattern in {place(frame)}."
        return Told("data.missing", 0.65, f"`{call}` in {place(frame)} found no file.", fix_at(text, frame))
    if found := _ARGUMENT.search(frame.source):
        text = (
            f"Give the program its argument number {found['number']} on the command line; it is read in {place(frame)}."
        )
        return Told(
            "config.invalid",
            0.65,
            f"The program was started without its argument {found['number']}.",
            fix_at(text, frame),
        )
    return None
