"""The commands on a target of several classes, and the L1 penalty."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import fastlogreg


def species(n=600, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.standard_normal((n, 3)).round(3), columns=["length", "width", "noise"])
    frame["colour"] = rng.choice(["grey", "red"], n)
    z = frame[["length", "width"]].to_numpy() @ [[1.0, -1.0, 0.0], [0.5, 0.5, -1.0]]
    z[:, 2] += (frame.colour == "red") - 0.5
    frame["species"] = np.array(["finch", "auk", "tern"])[(z + rng.gumbel(size=z.shape)).argmax(1)]
    frame["weight"] = rng.uniform(0.5, 2.0, n).round(2)
    return frame


@pytest.fixture
def data(tmp_path):
    species().to_csv(tmp_path / "birds.csv", index=False)
    return tmp_path / "birds.csv"


TARGET = ("--target", "species", "--drop", "weight")


def test_train_says_what_the_classes_are(cli, data):
    code, out, err = cli("train", data, *TARGET, "--json", "--valid", "0.25")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["classes"] == ["auk", "finch", "tern"]
    counts = species().species.value_counts()
    assert found["class_shares"] == pytest.approx([counts[c] / 600 for c in found["classes"]])
    assert found["converged"]
    held_out = sum(max(round(0.25 * count), 1) for count in counts)
    assert (found["train"]["rows"], found["valid"]["rows"]) == (600 - held_out, held_out)
    assert 0.5 < found["valid"]["roc_auc"] < 1.0


def test_the_report_names_the_classes(cli, data):
    code, out, _ = cli("train", data, *TARGET)
    assert code == 0
    assert "(3 classes)" in " ".join(out.split())
    assert "positive class" not in out


@pytest.mark.parametrize("weighted", [False, True])
def test_the_measures_are_those_of_scikit_learn(cli, data, tmp_path, weighted):
    assert cli("train", data, *TARGET)[0] == 0
    new = species(300, seed=1)
    new.to_parquet(tmp_path / "new.parquet")
    arguments = ("--weight", "weight") if weighted else ()
    code, out, err = cli("evaluate", "model.json", "new.parquet", "--json", *arguments)
    assert (code, err) == (0, "")
    model = fastlogreg.load(tmp_path / "model.json")
    proba = model.predict_proba(new[["length", "width", "noise", "colour"]])
    weights = new.weight if weighted else None
    found = json.loads(out)
    areas = [
        roc_auc_score(new.species == label, proba[:, k], sample_weight=weights)
        for k, label in enumerate(model.classes_)
    ]
    expected = {
        "log_loss": log_loss(new.species, proba, sample_weight=weights),
        "accuracy": accuracy_score(
            new.species, model.classes_[proba.argmax(axis=1)], sample_weight=weights
        ),
        "roc_auc": np.mean(areas),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_predictions_have_a_column_a_class(cli, data, tmp_path):
    assert cli("train", data, *TARGET)[0] == 0
    code, out, _ = cli("predict", "model.json", data, "--proba", "-o", "out.parquet")
    assert (code, out) == (0, "")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found) == ["prediction", "proba_auk", "proba_finch", "proba_tern"]
    proba = found.iloc[:, 1:].to_numpy()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    assert (found.prediction == np.array(["auk", "finch", "tern"])[proba.argmax(axis=1)]).all()


def test_labels_of_no_class_are_counted(cli, fails, data, tmp_path):
    assert cli("train", data, *TARGET)[0] == 0
    new = species(20)
    new.loc[3, "species"] = "owl"
    new.to_csv(tmp_path / "new.csv", index=False)
    err = fails(3, "evaluate", "model.json", "new.csv")
    assert "'owl' in row 4 (counted from 1); expected 'auk' or 'finch' or 'tern'" in err
    assert "1 labels are none of them" in err


def test_rows_of_some_classes_only_are_judged(cli, data, tmp_path):
    assert cli("train", data, *TARGET)[0] == 0
    species(200).query("species != 'auk'").to_csv(tmp_path / "two.csv", index=False)
    code, out, _ = cli("evaluate", "model.json", "two.csv", "--json")
    assert code == 0
    assert json.loads(out)["class_shares"][0] == 0.0
    assert 0.5 < json.loads(out)["roc_auc"] < 1.0
    species(200).query("species == 'auk'").to_csv(tmp_path / "one.csv", index=False)
    assert json.loads(cli("evaluate", "model.json", "one.csv", "--json")[1])["roc_auc"] is None


def test_l1_drops_columns(cli, data, tmp_path):
    code, out, _ = cli(
        "train", data, *TARGET, "--l1-ratio", "1", "-C", "0.02", "--json", "--solver", "prox-newton"
    )
    assert code == 0
    assert json.loads(out)["plan"]["solver"]["value"] == "prox-newton"
    coef = fastlogreg.load(tmp_path / "model.json").coef_
    assert not coef[:, 2].any()
    assert coef[:, 0].any()


def test_a_solver_that_cannot_be_with_l1_is_a_usage_error(fails, data):
    err = fails(2, "train", data, *TARGET, "--l1-ratio", "0.5", "--solver", "lbfgs")
    assert "solver is 'lbfgs', which cannot be with l1_ratio=0.5" in err


def test_separable_classes_are_warned_about(cli, data, tmp_path):
    frame = species()
    frame["sea"] = np.where(frame.species == "tern", "yes", "no")
    frame.to_csv(tmp_path / "birds.csv", index=False)
    code, _, err = cli("train", data, *TARGET, "-C", "inf")
    assert code == 0
    assert err.startswith("fastlogreg: warning: the classes are separable, by ")
    assert "'sea_" in err
