"""Model files: the same bits back, nothing executed, nothing half-written."""

import hashlib
import json
import math
import os
import stat
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.pipeline import make_pipeline

import fastlogreg
from fastlogreg import LogisticRegression, Plan, Status, Step, load, save
from fastlogreg.errors import InvalidParameterTypeError, ModelFileError
from fastlogreg.persistence import load_file
from fastlogreg.runtime.files import replacing
from tests.problems import breast_cancer, correlated, several

ATTRIBUTES = (
    "classes_",
    "coef_",
    "intercept_",
    "n_features_in_",
    "n_iter_",
    "n_passes_",
    "objective_",
    "solver_",
    "backend_",
    "status_",
    "plan_",
    "history_",
)


@pytest.fixture(scope="module")
def fitted():
    X, y = breast_cancer(scaled=True)
    return LogisticRegression(C=0.3, tol=1e-9).fit(X, y)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def same(a, b):
    """Whether two attributes are the same, type, dtype and bits included."""
    if isinstance(a, np.ndarray):
        if not (isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape):
            return False
        return a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


def resigned(path, change):
    """Rewrite the file after *change* of its content, with a checksum that fits."""
    body = json.loads(path.read_text())
    body = change(body) or body
    content = {k: v for k, v in body.items() if k != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    body["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(body))


def test_everything_comes_back_to_the_bit(fitted, path):
    save(fitted, path)
    back = load(path)
    assert type(back) is LogisticRegression
    assert back.get_params() == fitted.get_params()
    for name in ATTRIBUTES:
        assert same(getattr(fitted, name), getattr(back, name)), name
    assert isinstance(back.plan_, Plan)
    assert str(back.plan_) == str(fitted.plan_)
    assert isinstance(back.status_, Status)
    assert all(isinstance(step, Step) for step in back.history_)
    assert not hasattr(back, "feature_names_in_")
    assert set(vars(back)) == set(vars(fitted))
    X, _ = breast_cancer(scaled=True)
    assert back.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()


def test_a_loaded_model_is_saved_the_same(fitted, path, tmp_path):
    save(fitted, path)
    save(load(path), tmp_path / "again.json")
    assert path.read_bytes() == (tmp_path / "again.json").read_bytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_coefficients_is_kept(dtype, path):
    X, y, _ = correlated(200, 4, dtype=dtype)
    model = LogisticRegression().fit(X, y)
    save(model, path)
    assert load(path).coef_.dtype == dtype
    assert same(load(path).coef_, model.coef_)


def test_hard_numbers_keep_their_bits(fitted, path):
    hard = [-0.0, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, np.nextafter(1.0, 2.0)]
    model = LogisticRegression(C=np.inf).fit(*correlated(300, 30)[:2])
    model.coef_ = np.array([[*hard, *np.random.default_rng(0).standard_normal(24)]])
    save(model, path)
    assert same(load(path).coef_, model.coef_)
    assert math.isinf(load(path).C)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1]),
        np.array([-(2**62) - 1, 2**62 + 1]),
        np.array([3, 250], dtype=np.uint8),
        np.array([0.0, 1.0], dtype=np.float32),
        np.array([False, True]),
        np.array(["no", "yes"]),
        np.array(["no", "yés ☃"], dtype="<U12"),
        np.array(["no", "yes"], dtype=object),
        np.array([1, 2], dtype=object),
    ],
    ids=lambda labels: f"{labels.dtype}",
)
def test_classes_of_any_kind_keep_their_dtype(labels, path):
    X, y = breast_cancer(scaled=True)
    model = LogisticRegression().fit(X, labels[y])
    save(model, path)
    back = load(path)
    assert same(back.classes_, model.classes_)
    assert [type(c) for c in back.classes_.tolist()] == [type(c) for c in labels.tolist()]
    assert (back.predict(X) == model.predict(X)).all()


def test_parameters_of_every_kind_come_back(path):
    X, y = breast_cancer(scaled=True)
    model = LogisticRegression(
        C=np.float64(0.5),
        fit_intercept=np.False_,
        class_weight={0: 1.5, np.int64(1): 1},
        max_iter=np.int32(50),
        solver="lbfgs",
        backend="numpy",
        n_threads=2,
        random_state=7,
    ).fit(X, y)
    save(model, path)
    for name, value in model.get_params().items():
        back = load(path).get_params()[name]
        assert back == value
        assert type(back) is type(value), name
    with pytest.raises(ValueError, match="C is -1"):
        load(path).set_params(C=-1.0).fit(X, y)


def test_a_model_can_be_fitted_again_after_load(fitted, path):
    save(fitted, path)
    again = load(path).fit(*breast_cancer(scaled=True))
    assert same(again.coef_, fitted.coef_)


def test_names_of_columns_come_back(path):
    X, y = breast_cancer(scaled=True)
    frame = pd.DataFrame(X, columns=[f"column {j}" for j in range(30)])
    model = LogisticRegression().fit(frame, y)
    save(model, path)
    assert same(load(path).feature_names_in_, model.feature_names_in_)
    assert (load(path).predict(frame) == model.predict(frame)).all()


def test_a_callback_is_left_out(path):
    model = LogisticRegression(callback=lambda step: None).fit(*breast_cancer(scaled=True))
    save(model, path)
    assert load(path).callback is None


def test_a_fit_that_did_not_converge_is_saved_as_such(path):
    X, y = breast_cancer(scaled=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=1).fit(X, y)
    save(model, path)
    assert load(path).status_ is Status.MAX_ITER


def test_sections_come_back_and_are_not_interpreted(fitted, path):
    section = {"columns": ["a", "ü"], "n": 3, "x": 0.1, "none": None, "$array": {"dtype": 1}}
    save(fitted, path, sections={"table": section})
    assert load_file(path).sections == {"table": section}
    save(fitted, path)
    assert load_file(path).sections == {}


def test_the_package_exports_both(fitted, path):
    fastlogreg.save(fitted, path)
    assert same(fastlogreg.load(path).coef_, fitted.coef_)


# What cannot be saved.


def test_an_unfitted_model_is_refused(path):
    with pytest.raises(NotFittedError):
        save(LogisticRegression(), path)
    assert not path.exists()


@pytest.mark.parametrize("model", [Peer(), make_pipeline(Peer()), None, "model"])
def test_another_class_is_refused(model, path):
    with pytest.raises(
        InvalidParameterTypeError, match="expected a fitted LogisticRegression"
    ) as info:
        save(model, path)
    assert type(model).__name__ in str(info.value)


def test_a_subclass_is_refused_because_it_would_come_back_as_another_class(path):
    class Mine(LogisticRegression):
        pass

    with pytest.raises(InvalidParameterTypeError, match="Mine"):
        save(Mine().fit(*breast_cancer(scaled=True)), path)


def test_a_parameter_that_json_cannot_hold_is_named(path):
    model = LogisticRegression(random_state=np.random.RandomState(0))
    model.fit(*breast_cancer(scaled=True))
    with pytest.raises(InvalidParameterTypeError, match="random_state holds RandomState"):
        save(model, path)
    assert list(path.parent.iterdir()) == []


def test_classes_that_json_cannot_hold_are_named(fitted, path):
    model = LogisticRegression().fit(*breast_cancer(scaled=True))
    model.classes_ = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[s]")
    with pytest.raises(InvalidParameterTypeError, match="classes_ is an array of datetime64"):
        save(model, path)


@pytest.mark.parametrize("bad", [{"x": {1, 2}}, {"x": float("nan")}, {"x": object()}])
def test_sections_that_json_cannot_hold_are_refused(bad, fitted, path):
    with pytest.raises(InvalidParameterTypeError, match="sections holds what JSON cannot"):
        save(fitted, path, sections=bad)
    assert not path.exists()


# Files that are not what they should be.


def refusal(path):
    with pytest.raises(ModelFileError) as info:
        load(path)
    message = str(info.value)
    assert path.name in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x04\x95pickle", b"not json", b'{"format": NaN}', b"[" * 200_000, b"\xff\xfe{"],
    ids=["empty", "pickle", "text", "nan", "nested", "utf-16"],
)
def test_what_is_no_json_is_refused(content, path):
    path.write_bytes(content)
    assert path.name in refusal(path)


@pytest.mark.parametrize("content", ["{}", "[]", "3", '{"format": "other", "version": 1}'])
def test_other_json_is_refused(content, path):
    path.write_text(content)
    assert "no fastlogreg model" in refusal(path)


def test_a_cut_file_is_refused_wherever_it_ends(fitted, path):
    save(fitted, path)
    whole = path.read_bytes()
    for end in range(0, len(whole) - 2, max(len(whole) // 50, 1)):
        path.write_bytes(whole[:end])
        refusal(path)


def test_a_changed_digit_anywhere_is_refused(fitted, path):
    save(fitted, path, sections={"table": {"n": 1}})
    whole = path.read_text()
    digits = [i for i, c in enumerate(whole) if c.isdigit()]
    for i in digits[:: max(len(digits) // 100, 1)]:
        changed = whole[:i] + str((int(whole[i]) + 1) % 10) + whole[i + 1 :]
        path.write_text(changed)
        # The 17th digit of a decimal may change without changing the float it stands for.
        if json.loads(changed) != json.loads(whole):
            refusal(path)


def test_a_number_beyond_float64_is_refused(fitted, path):
    save(fitted, path)
    path.write_text(path.read_text().replace(repr(fitted.objective_), "1e999"))
    assert "damaged" in refusal(path)


def test_a_newer_format_says_to_upgrade(fitted, path):
    save(fitted, path)
    resigned(path, lambda body: body.update(version=4))
    assert "format version 4 is newer than 3" in refusal(path)


def test_a_file_of_format_1_is_read(fitted, path):
    def without_curvature(body):
        body["version"] = 1
        body["model"]["history"] = [row[:-1] for row in body["model"]["history"]]

    save(fitted, path)
    resigned(path, without_curvature)
    back = load(path)
    assert same(back.coef_, fitted.coef_)
    assert [step.curvature for step in back.history_] == [""] * len(fitted.history_)
    assert [step[:-1] for step in back.history_] == [step[:-1] for step in fitted.history_]


@pytest.mark.parametrize("n_classes", [3, 130])
def test_several_classes_come_back_and_predict_the_same(path, n_classes):
    X, y, _ = several(400, 3, n_classes)
    model = LogisticRegression(backend="numpy", max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, np.array([f"class {k:03}" for k in range(n_classes)])[y])
    save(model, path)
    back = load(path)
    for name in ATTRIBUTES:
        assert same(getattr(model, name), getattr(back, name)), name
    assert same(back.predict_proba(X), model.predict_proba(X))
    assert same(back.predict(X), model.predict(X))


def test_rows_of_coefficients_that_are_not_those_of_the_classes_are_refused(path):
    X, y, _ = several(200, 3, 3)
    save(LogisticRegression(backend="numpy").fit(X, y), path)

    def one_class_more(body):
        classes = body["model"]["attributes"]["classes_"]["$array"]
        classes["values"].append(3)
        classes["shape"] = [4]

    resigned(path, one_class_more)
    assert "'coef_' has shape (3, 3); expected (4, 3)" in refusal(path)


def test_another_kind_is_named(fitted, path):
    save(fitted, path)
    resigned(path, lambda body: body.update(kind="Forest"))
    assert "'Forest'; expected 'LogisticRegression'" in refusal(path)


def test_unknown_parameters_are_named(fitted, path):
    save(fitted, path)
    resigned(path, lambda body: body["model"]["parameters"].update(colour="red"))
    assert "does not know: colour" in refusal(path)


def test_parameters_that_a_file_lacks_take_their_defaults(fitted, path):
    save(fitted, path)
    resigned(path, lambda body: body["model"]["parameters"].pop("verbose") and None)
    assert load(path).verbose == 0


PARTS = ["model", "sections", "model/parameters", "model/attributes", "model/status"]
PARTS += ["model/plan", "model/history"]
PARTS += [f"model/attributes/{name}" for name in ("coef_", "classes_", "n_passes_", "solver_")]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("change", ["missing", "number", "text", "list"])
def test_missing_or_senseless_parts_are_refused(part, change, fitted, path):
    save(fitted, path)

    def spoil(body):
        *outer, last = part.split("/")
        for name in outer:
            body = body[name]
        if change == "missing":
            del body[last]
        else:
            body[last] = {"number": 3, "text": "text", "list": [[3]]}[change]

    resigned(path, spoil)
    if (part, change) in [
        ("model/attributes/n_passes_", "number"),
        ("model/attributes/solver_", "text"),
    ]:
        return
    refusal(path)


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "float64", "shape": [1, 2], "values": [1.0, 2.0]},
        {"dtype": "float64", "shape": [1, 30], "values": [1.0]},
        {"dtype": "int64", "shape": [1, 30], "values": [1] * 30},
        {"dtype": "int8", "shape": [1, 30], "values": [1000] * 30},
        {"dtype": "O", "shape": [1, 30], "values": [1.0] * 30},
        {"dtype": "float64,(1000000,1000000)float64", "shape": [], "values": []},
        {"dtype": "str9999999", "shape": [1], "values": ["a"]},
        {"dtype": 3, "shape": [1, 30], "values": [1.0] * 30},
        {"shape": [1, 30], "values": [1.0] * 30},
        {"dtype": "float64", "shape": [1, 30], "values": ["x"] * 30},
        [1.0] * 30,
    ],
)
def test_arrays_that_make_no_sense_are_refused(array, fitted, path):
    save(fitted, path)
    resigned(path, lambda body: body["model"]["attributes"].update(coef_={"$array": array}))
    refusal(path)


@pytest.mark.parametrize("value", [{"$eval": "1"}, {}, {"$float": "1"}, {"$dict": [[1]]}, {"a": 1}])
def test_values_that_make_no_sense_are_refused(value, fitted, path):
    save(fitted, path)
    resigned(path, lambda body: body["model"]["parameters"].update(C=value))
    refusal(path)


def test_a_missing_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        load(path)


# Writing beside and renaming.


def test_an_old_file_survives_a_failure_at_any_point(fitted, path, monkeypatch):
    path.write_text("old")

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    for module, name in ((os, "fsync"), (type(path), "replace"), (type(path), "write_text")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fail)
            with pytest.raises(OSError, match="No space"):
                save(fitted, path)
        assert path.read_text() == "old"
        assert list(path.parent.iterdir()) == [path]


def test_an_interrupt_leaves_nothing_behind(path):
    def write_and_stop():
        with replacing(path) as beside:
            beside.write_text("half")
            assert beside.parent == path.parent
            assert beside.suffix == path.suffix
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert list(path.parent.iterdir()) == []


def test_an_error_of_the_system_names_the_file_that_was_wanted(path):
    with pytest.raises(OSError, match="No space") as caught, replacing(path):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(path)
    assert not path.exists()


def test_the_data_are_on_disk_before_the_rename(path, monkeypatch):
    events = []
    fsync, replace = os.fsync, type(path).replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd)))
    monkeypatch.setattr(
        type(path), "replace", lambda self, to: (events.append("replace"), replace(self, to))[1]
    )
    with replacing(path) as beside:
        beside.write_text("new")
    assert events[:2] == ["fsync", "replace"]
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes and links")
def test_mode_and_link_of_an_existing_file_are_kept(path, tmp_path):
    path.write_text("old")
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with replacing(link) as beside:
        beside.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="POSIX devices")
def test_a_device_is_written_to_and_not_replaced():
    with replacing("/dev/null") as beside:
        assert str(beside) == "/dev/null"
        beside.write_text("gone")
    assert not stat.S_ISREG(os.stat("/dev/null").st_mode)


def test_a_folder_or_a_missing_folder_is_an_error_that_names_the_path(fitted, tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        save(fitted, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no'?/?.*model\.json") as info:
        save(fitted, tmp_path / "no" / "model.json")
    assert info.value.filename == str(tmp_path / "no" / "model.json")
