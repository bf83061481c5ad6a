"""Where an exception was raised: packages that do not fit each other, and what the parts of libraries are about."""

from __future__ import annotations

import pytest

from postmortem.analyze.exceptions.libraries import topic_of
from postmortem.analyze.exceptions.packages import Misfit, Unfinished, interpreter_of, misfit, unfinished
from postmortem.collect.logs.traceback import is_own
from postmortem.facts import Frame, RaisedException

SITE = "/opt/envs/net/lib/python3.11/site-packages"
OWN = "/home/ada/net/train.py"
WINDOWS = "D:\\anaconda\\envs\\net\\lib\\site-packages\\"
EGG = "hub-1.8.0-py3.7.egg\\hub\\n.py"


def raised(type: str, message: str, *files: str) -> RaisedException:
    return RaisedException(type, message, [Frame(file, 1, "f", own=is_own(file)) for file in files])


def asked(module: str, *files: str) -> RaisedException:
    """Raised by the __getattr__ of the innermost file."""
    exception = raised("AttributeError", f"{module} has no attribute solve", *files)
    exception.frames[-1].function = "__getattr__"
    return exception


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (
            raised("AttributeError", "module 'solver' has no attribute 'list_all'", OWN, f"{SITE}/flow/main.py"),
            Misfit("flow", "solver"),
        ),
        (
            raised("ImportError", "cannot import name 'cached' from 'hub' (unknown location)", f"{SITE}/flow/x.py"),
            Misfit("flow", "hub"),
        ),
        (
            raised("TypeError", "f() got an unexpected keyword argument 'a'", f"{SITE}/flow/m.py", f"{SITE}/hub/n.py"),
            Misfit("flow", "hub"),
        ),
        (
            raised("TypeError", "f() got an unexpected keyword argument 'a'", WINDOWS + "flow\\m.py", WINDOWS + EGG),
            Misfit("flow", "hub"),
        ),
        # what has no such attribute may say so in its own __getattr__; torch's modules say it of anybody's class
        (asked("hub", f"{SITE}/flow/m.py", f"{SITE}/hub/n.py"), Misfit("flow", "hub")),
        (asked("hub", OWN, f"{SITE}/hub/n.py"), None),
        (asked("hub", f"{SITE}/flow/m.py", f"{SITE}/torch/nn/modules/module.py"), None),
        # the project's own call is the project's own mistake
        (raised("AttributeError", "module 'solver' has no attribute 'x'", OWN), None),
        (raised("TypeError", "f() got an unexpected keyword argument 'a'", OWN, f"{SITE}/hub/n.py"), None),
        (raised("AttributeError", "module 'flow' has no attribute 'x'", f"{SITE}/flow/main.py"), None),
        (raised("KeyError", "'x'", f"{SITE}/flow/main.py"), None),
        (raised("AttributeError", "module 'solver' has no attribute 'x'"), None),
    ],
)
def test_two_packages_that_do_not_fit(exception: RaisedException, expected: Misfit | None) -> None:
    assert misfit(exception) == expected


def test_the_interpreter_of_the_environment() -> None:
    assert interpreter_of(raised("KeyError", "'x'", OWN, f"{SITE}/flow/main.py")) == "/opt/envs/net/bin/python"
    assert interpreter_of(raised("KeyError", "'x'", OWN)) == ""


@pytest.mark.parametrize(
    ("file", "own"),
    [("/opt/envs/net/bin/torchrun", False), ("/home/ada/net/bin/train.py", True), ("/home/ada/net/train.py", True)],
)
def test_a_launcher_is_no_own_code(file: str, own: bool) -> None:
    assert is_own(file) is own


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        (f"{SITE}/torch/utils/data/_utils/collate.py", "model.shape_mismatch"),
        (f"{SITE}/torch/_inductor/codecache.py", "code.build"),
        (f"{SITE}/mlflow/store/db.py", "tracking.mlflow"),
        (f"{SITE}/unheard_of/thing.py", None),
        (OWN, None),
    ],
)
def test_what_a_part_of_a_library_is_about(file: str, cause: str | None) -> None:
    topic = topic_of(raised("RuntimeError", "words that nobody knows", OWN, file))
    assert (topic.cause if topic else None) == cause


def test_an_environment_may_be_called_as_a_library_is() -> None:
    assert topic_of(raised("OddError", "x", "/opt/envs/snakemake/lib/python3.11/site-packages/unheard_of/a.py")) is None
    assert topic_of(raised("OddError", "x", "/opt/envs/snakemake/lib/python3.11/argparse.py"))


def test_only_the_innermost_frame_is_firm() -> None:
    compiler, other = f"{SITE}/torch/_dynamo/eval_frame.py", f"{SITE}/unheard_of/thing.py"
    innermost, around = (
        topic_of(raised("OddError", "x", OWN, compiler)),
        topic_of(raised("OddError", "x", compiler, other)),
    )
    assert innermost and innermost.firm
    assert around and not around.firm


def test_an_object_that_another_release_has_made() -> None:
    exception = raised("AttributeError", "'Net' object has no attribute 'act'", OWN, f"{SITE}/flow/net.py")
    exception.frames[-1].source = "return self.act(x)"
    assert unfinished(exception) == Unfinished("flow", "Net", "act")
    exception.frames[-1].source = "return other.act(x)"
    assert unfinished(exception) is None
    own = raised("AttributeError", "'Net' object has no attribute 'act'", OWN)
    own.frames[-1].source = "return self.act(x)"
    assert unfinished(own) is None
