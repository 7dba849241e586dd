"""Model files: damaged ones are refused or harmless, and no failure leaves half of one."""

import copy
import json
import os
import pickle
import random
import shutil
import tempfile
import tracemalloc
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from fastlogreg import LogisticRegression, load, save
from fastlogreg.errors import InvalidParameterTypeError, ModelFileError
from fastlogreg.runtime.files import replacing
from tests.processes import run_in_fresh_process
from tests.test_persistence import resigned

POSIX = pytest.mark.skipif(os.name != "posix", reason="links, modes and limits are POSIX's")
KINDS = ["binary", "softmax", "categories"]
MULTIPLE = 64  # of its file's size, which a load may take, and
LABELS = 1 << 24  # bytes, which labels may: how wide they are in memory is no matter of size
EVERY = 5  # how many of all places the quick part tries


def fitted(kind):
    """Return a small model, and a table for it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    model = LogisticRegression(backend="numpy", tol=1e-2, handle_unknown="ignore")
    if kind == "binary":
        return model.fit(X, X[:, 0] > rng.standard_normal(60)), X
    if kind == "softmax":
        return model.fit(X, rng.choice(["é", "b", 'c"\\'], 60)), X
    letters = pd.Categorical(rng.choice(["u", "v", "w"], 60))
    frame = pd.DataFrame({"number": X[:, 0], "letter": letters})
    return model.set_params(min_frequency=20).fit(frame, rng.integers(0, 2, 60)), frame


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    """Return the bytes of a model's file, its probabilities and its table."""
    model, X = fitted(request.param)
    path = tmp_path_factory.mktemp("model") / "model.json"
    save(model, path)
    return path.read_bytes(), model.predict_proba(X), X


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def check(damaged, saved, path):
    """Load a damaged file; fail unless it is refused or the model is the same."""
    whole, probabilities, X = saved
    path.write_bytes(damaged)
    try:
        model = load(path)
    except ModelFileError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert str(path) in message
        assert "\n" not in message
        return
    again = path.with_name("again.json")
    save(model, again)
    assert again.read_bytes() == whole
    assert model.predict_proba(X).tobytes() == probabilities.tobytes()


def others(byte):
    """Return what a byte is replaced by: any bit flipped, and bytes that mean something."""
    flipped = {byte ^ (1 << bit) for bit in range(8)}
    return sorted((flipped | set(b'\x00\xff07"e-\\ ]}')) - {byte})


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.whole)])
def test_a_changed_byte_is_refused_or_changes_nothing(saved, path, tally, whole):
    content = saved[0]
    chosen = random.Random(0)
    tried = 0
    for place in range(0, len(content), 1 if whole else EVERY):
        values = others(content[place])
        for value in values if whole else [chosen.choice(values)]:
            changed = bytearray(content)
            changed[place] = value
            check(changed, saved, path)
            tried += 1
    assert tried > (20_000 if whole else 300)
    tally("model files with a changed byte", tried)


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.whole)])
def test_a_cut_file_is_refused_or_lacks_its_last_line_end_only(saved, path, tally, whole):
    content = saved[0]
    ends = sorted({*range(0, len(content), 1 if whole else EVERY), *range(-8, 0)})
    for end in ends:
        check(content[:end], saved, path)
    tally("cut model files", len(ends))


# Files that claim more than they hold.


def nested(body):
    for _ in range(300):
        body["sections"] = {"in": body["sections"]}


def claims_features(body):
    body["model"]["attributes"]["n_features_in_"] = 10**12


def claims_negative_features(body):
    body["model"]["attributes"]["n_features_in_"] = -1


def claims_a_shape(body):
    body["model"]["attributes"]["coef_"]["$array"]["shape"] = [10**9, 10**9]


def claims_wide_labels(body):
    labels = {"dtype": "str9999", "shape": [50_000], "values": ["a"] * 50_000}
    body["model"]["attributes"]["classes_"] = {"$array": labels}


def claims_many_wide_arrays(body):
    labels = {"dtype": "str9999", "shape": [1], "values": ["a"]}
    body["model"]["parameters"]["class_weight"] = [{"$array": labels}] * 5_000


def claims_labels_without_a_width(body):
    values = ["a" * 9_999] + ["a"] * 50_000
    labels = {"dtype": "str0", "shape": [50_001], "values": values}
    body["model"]["attributes"]["classes_"] = {"$array": labels}


def has_many_levels_of_a_long_name(body):
    levels = {"values": list(range(20_000)), "infrequent": [], "has_missing": False}
    levels["has_reference"] = False
    feature = {"name": "n" * 100_000, "levels": levels}
    body["model"]["encoding"] = [feature, feature]


def holds_many_small_objects(body):
    body["model"]["parameters"]["class_weight"] = [{"$tuple": []}, {"$dict": []}, []] * 20_000


@pytest.mark.parametrize(
    "change",
    [
        nested,
        claims_features,
        claims_negative_features,
        claims_a_shape,
        claims_wide_labels,
        claims_many_wide_arrays,
        claims_labels_without_a_width,
        has_many_levels_of_a_long_name,
        holds_many_small_objects,
    ],
)
def test_a_load_takes_no_more_memory_than_a_small_multiple_of_the_file(path, change):
    save(fitted("binary")[0], path)
    resigned(path, change)
    tracemalloc.start()
    try:
        load(path)
    except ModelFileError:
        assert change not in (nested, holds_many_small_objects)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MULTIPLE * path.stat().st_size + LABELS


def test_labels_that_would_not_be_loaded_are_not_saved(path):
    labels = np.array([f"{k}" for k in range(3_000)], dtype="U9999")
    model = fitted("binary")[0]
    model.class_weight = {"labels": labels}
    with pytest.raises(InvalidParameterTypeError, match=r"not saved.*astype\(object\)"):
        save(model, path)
    assert list(path.parent.iterdir()) == []


def test_wide_labels_of_few_classes_come_back(path):
    X = np.random.default_rng(0).standard_normal((60, 2))
    labels = np.array(["no", "yes"], dtype="U2000")[(X[:, 0] > 0).astype(int)]
    save(LogisticRegression(backend="numpy").fit(X, labels), path)
    assert load(path).classes_.dtype == np.dtype("U2000")


@pytest.mark.parametrize("kind", [["a"], {"a": 1}, None])
def test_a_kind_that_is_no_name_is_refused(path, kind):
    save(fitted("binary")[0], path)
    resigned(path, lambda body: body.update(kind=kind))
    with pytest.raises(ModelFileError, match="kind"):
        load(path)


EXECUTES_NOTHING = """
import sys
from fastlogreg import load
from fastlogreg.errors import ModelFileError
whole, *hostile = sys.argv_paths
load(whole)
events = []
sys.addaudithook(lambda event, arguments: events.append((event, str(arguments)[:80])))
refused = 0
for path in hostile:
    try:
        load(path)
    except ModelFileError:
        refused += 1
# The last is the look at the constructor's signature.
harmless = ("open", "builtins.id", "object.__getattr__")
print(refused, sorted({event for event in events if event[0] not in harmless}))
"""


def test_a_load_executes_nothing(path, tmp_path):
    """Each text of a file in turn asks for code; the interpreter reports what it then does."""
    save(fitted("categories")[0], path)
    hostile = []
    for number, code in enumerate(
        ["__import__('os').system('true')", "cos\nsystem\n(S'true'\ntR."]
    ):
        for place in range(len(texts(json.loads(path.read_text())["model"]))):
            changed = tmp_path / f"{number}-{place}.json"
            shutil.copy(path, changed)
            resigned(changed, lambda body, p=place, c=code: texts(body["model"], p, c) and None)
            hostile.append(str(changed))
    script = EXECUTES_NOTHING.replace("sys.argv_paths", repr([str(path), *hostile]))
    refused, events = run_in_fresh_process(script).split(" ", 1)
    assert events == "[]"
    assert len(hostile) > int(refused) > 5


def texts(value, place=None, text=None, found=None):
    """Return the places of all texts in JSON data; put another one in the place of one."""
    found = [] if found is None else found
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in list(members):
        if isinstance(member, str):
            if len(found) == place:
                value[key] = text
            found.append(key)
        elif isinstance(member, dict | list):
            texts(member, place, text, found)
    return found


# Writing.

KILLS = """
import os, random, signal, time
from pathlib import Path
import numpy as np
from fastlogreg import LogisticRegression, load, save
folder, kills = Path({folder!r}), {kills}
X = np.random.default_rng(0).standard_normal((200, 150))
models = [LogisticRegression(C=C, backend="numpy").fit(X, X[:, 0] > 0) for C in (0.1, 1.0)]
path = folder / "model.json"
save(models[0], path)
chosen = random.Random(0)
in_the_middle = 0
for _ in range(kills):
    child = os.fork()
    if child == 0:
        while True:
            save(models[1], path)
            save(models[0], path)
    time.sleep(chosen.uniform(0.001, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    back = load(path)
    assert any(back.coef_.tobytes() == model.coef_.tobytes() for model in models)
    for other in set(folder.iterdir()) - {{path}}:
        in_the_middle += 1
        other.unlink()
print(in_the_middle)
"""


@POSIX
@pytest.mark.parametrize("kills", [15, pytest.param(1_500, marks=pytest.mark.whole)])
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path, tally, kills):
    in_the_middle = run_in_fresh_process(KILLS.format(folder=str(tmp_path), kills=kills))
    tally("saves killed", kills)
    tally("saves killed while they wrote", int(in_the_middle))
    if kills > 1_000:
        assert int(in_the_middle) > 100


@POSIX
def test_a_disk_that_is_full_in_the_middle_is_an_error_that_names_the_file(path):
    import resource

    model, _ = fitted("binary")
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as info:
            save(model, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert info.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_a_full_device_is_an_error_that_names_it():
    with pytest.raises(OSError, match="No space left") as info:
        save(fitted("binary")[0], "/dev/full")
    assert info.value.filename == "/dev/full"


@pytest.fixture
def read_only_folder():
    """Return a folder that this process, were it root, may not write now."""
    folder = Path(tempfile.mkdtemp())
    (folder / "model.json").write_text("old")
    folder.chmod(0o555)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65_534)
        yield folder
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@POSIX
@pytest.mark.parametrize("name", ["model.json", "new.json"])
def test_a_folder_that_may_not_be_written_is_an_error_that_names_the_file(read_only_folder, name):
    with pytest.raises(PermissionError) as info:
        save(fitted("binary")[0], read_only_folder / name)
    assert info.value.filename == str(read_only_folder / name)
    assert (read_only_folder / "model.json").read_text() == "old"
    assert len(list(read_only_folder.iterdir())) == 1


@POSIX
def test_a_link_to_nothing_yet_stays_a_link(path, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(path)
    save(fitted("binary")[0], link)
    assert link.is_symlink()
    assert load(path).classes_.size == 2
    assert sorted(path.parent.iterdir()) == sorted([link, path])


@pytest.mark.parametrize("name", ["m" * 250 + ".json", "é" * 125 + ".json", ".json", "a\nb 'c'"])
def test_any_name_that_a_file_may_have_will_do(tmp_path, name):
    with replacing(tmp_path / name) as beside:
        assert (tmp_path / name).suffix in ("", beside.suffix)
        beside.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_errors_that_are_not_of_the_file_keep_their_names(path, tmp_path):
    with pytest.raises(FileNotFoundError) as info, replacing(path):
        (tmp_path / "other").read_text()
    assert info.value.filename == str(tmp_path / "other")
    assert list(tmp_path.iterdir()) == []


# Other ways to keep a model.


def by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_joblib_mapped(model, folder):
    joblib.dump(model, folder / "model.joblib")
    back = joblib.load(folder / "model.joblib", mmap_mode="r")
    assert isinstance(back.coef_, np.memmap)
    return back


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "keep",
    [
        lambda model, _: pickle.loads(pickle.dumps(model)),
        lambda model, _: pickle.loads(pickle.dumps(model, protocol=2)),
        lambda model, _: copy.deepcopy(model),
        lambda model, _: copy.copy(model),
        by_joblib,
        by_joblib_mapped,
    ],
    ids=["pickle", "pickle 2", "deepcopy", "copy", "joblib", "joblib, mapped"],
)
def test_copies_and_pickles_predict_the_same(kind, keep, tmp_path):
    model, X = fitted(kind)
    back = keep(model, tmp_path)
    assert back.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert (back.predict(X) == model.predict(X)).all()
    assert set(vars(back)) == set(vars(model))
    save(model, tmp_path / "a.json")
    save(back, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_clone_is_fitted_to_the_same(kind, path):
    model, X = fitted(kind)
    y = model.predict(X)
    model.fit(X, y)
    save(model, path)
    for again in (clone(model), clone(load(path))):
        assert not hasattr(again, "coef_")
        assert again.fit(X, y).predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
