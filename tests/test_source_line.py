"""What the line that raised an exception says beyond the exception's type."""

from __future__ import annotations

import pytest
from test_exception_types import raised

from postmortem.analyze.exceptions.classify import classify
from postmortem.analyze.findings import Finding
from postmortem.facts import Frame


def found(type: str, message: str, source: str, *inner: Frame) -> Finding:
    finding = classify(raised(type, message, Frame("/p/train.py", 50, "main", source, 4, True), *inner))
    assert finding is not None
    return finding


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("assert os.path.exists(args.train_dir)", "data.missing"),
        ("assert os.path.isfile(weights_path)", "model.checkpoint_missing"),
        ("assert Path(config_file).is_file()", "config.invalid"),
        ("assert len(image_paths) > 0", "data.empty"),
        ("assert filenames", "data.empty"),
        ("assert x.shape == y.shape", "model.shape_mismatch"),
        ("assert x.size(1) == self.channels", "model.shape_mismatch"),
        ("assert not torch.isnan(loss).any()", "training.nan_loss"),
        ("assert torch.cuda.is_available()", "gpu.unavailable"),
        ("assert target.max() < num_classes", "data.label_out_of_range"),
        ("assert token_ids.max() < len(table)", "data.id_out_of_range"),
        ("assert (boxes[:, 2] >= boxes[:, 0]).all()", "data.malformed"),
        ("assert params.word_blank == 0", "config.invalid"),
        ("assert total == 0", "code.bug"),
        ("assert done", "code.bug"),
    ],
)
def test_an_assertion_without_a_message(source: str, cause: str) -> None:
    assert found("AssertionError", "", source).id == cause


@pytest.mark.parametrize(
    ("key", "source", "cause"),
    [
        ("'depth'", "if config['model']['depth'] > 3:", "config.invalid"),
        ("'lr'", "rate = train_cfg['lr']", "config.invalid"),
        ("'person'", "cls = self.class_to_ind[obj.find('name').text]", "data.label_out_of_range"),
        ("9", "label = self.label_map[label]", "data.label_out_of_range"),
        ("'B-LOC'", "ids = [label2id[tag] for tag in tags]", "data.label_out_of_range"),
        ("'zebra'", "ids = [word2idx[w] for w in words]", "data.id_out_of_range"),
        ("'kernel'", "x = params['kernel']", "code.bug"),
        ("'x'", "x = batch['x']", "code.bug"),
    ],
)
def test_a_lookup_that_fails(key: str, source: str, cause: str) -> None:
    finding = found("KeyError", key, source)
    assert finding.id == cause
    assert cause == "code.bug" or key.strip("'") in finding.fix[0].text


@pytest.mark.parametrize(
    ("type", "message", "source", "cause"),
    [
        ("AttributeError", "'EasyDict' object has no attribute 'root'", "path = cfg.root", "config.invalid"),
        ("AttributeError", "'NoneType' object has no attribute 'shape'", "h, w = img.shape[:2]", "data.missing"),
        ("AttributeError", "'NoneType' object has no attribute 'shape'", "h, w = logits.shape[:2]", "code.bug"),
        ("IndexError", "list index out of range", "first = sorted(glob.glob(pattern))[0]", "data.missing"),
        ("IndexError", "list index out of range", "n = int(re.findall('(\\d+)', name)[0])", "data.malformed"),
        ("IndexError", "list index out of range", "path = sys.argv[1]", "config.invalid"),
        ("IndexError", "list index out of range", "x = xs[3]", "code.bug"),
        ("IndexError", "list index out of range", "label = line.split(' ')[1]", "data.malformed"),
        (
            "ValueError",
            "not enough values to unpack (expected 2, got 1)",
            "a, b = line.strip().split()",
            "data.malformed",
        ),
        ("ValueError", "not enough values to unpack (expected 2, got 1)", "a, b = model(x)", "code.bug"),
        ("AttributeError", "'NoneType' object has no attribute 'text'", "n = obj.find('name').text", "data.malformed"),
        (
            "AttributeError",
            "'NoneType' object has no attribute 'group'",
            "n = re.match(p, x).group(1)",
            "data.malformed",
        ),
        ("KeyError", "'gatx'", "model = MODELS[args.arch](3)", "config.invalid"),
    ],
)
def test_what_is_missing(type: str, message: str, source: str, cause: str) -> None:
    assert found(type, message, source).id == cause


def test_an_option_that_the_parser_does_not_have_is_read_with_a_default() -> None:
    finding = found("AttributeError", "'Namespace' object has no attribute 'amp'", "if args.amp:")
    assert finding.id == "code.bug"
    assert finding.fix[0].diff and '+if getattr(args, "amp", None):' in finding.fix[0].diff


@pytest.mark.parametrize(
    ("type", "message", "source", "changed"),
    [
        (
            "ValueError",
            "too many values to unpack (expected 4)",
            "obs, reward, done, info = env.step(action)",
            "+obs, reward, terminated, truncated, info = env.step(action); done = terminated or truncated",
        ),
        (
            "ValueError",
            "not enough values to unpack (expected 3, got 2)",
            "_, contours, _ = cv2.findContours(mask, 1, 2)",
            "+contours, _ = cv2.findContours(mask, 1, 2)",
        ),
        (
            "TypeError",
            "fit_generator() got an unexpected keyword argument 'nb_epoch'",
            "model.fit_generator(rows, nb_epoch=5)",
            "+model.fit_generator(rows, epochs=5)",
        ),
        (
            "TypeError",
            "__init__() got an unexpected keyword argument 'size'",
            "model = Word2Vec(rows, size=100)",
            "+model = Word2Vec(rows, vector_size=100)",
        ),
        (
            "TypeError",
            "read_csv() got an unexpected keyword argument 'error_bad_lines'",
            "rows = pd.read_csv(path, error_bad_lines=False)",
            "+rows = pd.read_csv(path, on_bad_lines='skip')",
        ),
        (
            "TypeError",
            "KMeans.__init__() got an unexpected keyword argument 'n_jobs'",
            "km = KMeans(8, n_jobs=4)",
            "+km = KMeans(8)",
        ),
        ("AttributeError", "'DataFrame' object has no attribute 'ix'", "x = rows.ix[3]", "+x = rows.loc[3]"),
    ],
)
def test_code_for_another_release_is_shown_as_it_should_be(type: str, message: str, source: str, changed: str) -> None:
    finding = found(type, message, source)
    assert finding.fix[0].diff and finding.fix[0].diff.endswith(changed)
    assert finding.id in ("code.library_conflict", "code.bug")


def test_the_same_argument_of_the_project_s_own_function_is_its_own() -> None:
    assert found("TypeError", "build() got an unexpected keyword argument 'size'", "x = build(size=3)").id == "code.bug"
    assert found("AttributeError", "'Table' object has no attribute 'ix'", "x = table.ix[3]").id == "code.bug"


def test_an_environment_of_the_old_gym_under_a_new_one() -> None:
    library = Frame(
        "/v/site-packages/gym/wrappers/time_limit.py", 50, "step", "observation = self.env.step(a)", 6, False
    )
    finding = found(
        "ValueError", "not enough values to unpack (expected 5, got 4)", "o, r, done, i = env.step(a)", library
    )
    assert (finding.id, finding.fix[0].command) == ("code.library_conflict", "python -m pip install 'gym<0.26'")
