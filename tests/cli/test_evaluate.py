"""``fastlogreg evaluate``: the measures, by the obvious formulas."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import fastlogreg
from fastlogreg import LogisticRegression
from tests.cli.conftest import customers
from tests.cli.test_train import features


@pytest.fixture
def new(tmp_path):
    """Return another table of customers, in new.csv and new.parquet."""
    frame = customers(300, seed=1)
    frame.to_csv(tmp_path / "new.csv", index=False)
    frame.to_parquet(tmp_path / "new.parquet")
    return frame


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_measures(suffix, weighted, cli, model, new):
    arguments = ("--weight", "weight") if weighted else ()
    code, out, err = cli("evaluate", model, f"new.{suffix}", "--json", *arguments)
    assert (code, err) == (0, "")
    y = new.bought == "yes"
    weights = new.weight if weighted else None
    proba = fastlogreg.load(model).predict_proba(features(new))[:, 1]
    expected = {
        "log_loss": log_loss(y, proba, sample_weight=weights),
        "roc_auc": roc_auc_score(y, proba, sample_weight=weights),
        "accuracy": accuracy_score(y, proba > 0.5, sample_weight=weights),
    }
    found = json.loads(out)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert found["class_shares"] == pytest.approx([1.0 - y.mean(), y.mean()])
    assert (found["rows"], found["target"], found["classes"]) == (300, "bought", ["no", "yes"])


def test_the_training_data_give_the_measures_of_the_training(cli, data):
    _, trained, _ = cli("train", data, "--target", "bought", "--drop", "id", "--json")
    _, evaluated, _ = cli("evaluate", "model.json", data, "--json")
    train = json.loads(trained)["train"]
    assert {name: json.loads(evaluated)[name] for name in train} == train


def test_the_report(cli, model, new):
    code, out, err = cli("evaluate", model, "new.csv")
    assert (code, err) == (0, "")
    assert "bought: no" in out
    assert "ROC AUC" in out
    assert max(map(len, out.splitlines())) <= 80


def test_another_target_column(cli, model, new, tmp_path):
    new.rename(columns={"bought": "sold"}).to_csv(tmp_path / "other.csv", index=False)
    code, out, _ = cli("evaluate", model, "other.csv", "--target", "sold", "--json")
    assert code == 0
    assert json.loads(out)["target"] == "sold"


def test_one_class_has_no_roc_auc(cli, model, new, tmp_path):
    new[new.bought == "yes"].to_csv(tmp_path / "one.csv", index=False)
    code, out, _ = cli("evaluate", model, "one.csv", "--json")
    assert code == 0
    assert json.loads(out)["roc_auc"] is None
    assert "one class" in cli("evaluate", model, "one.csv")[1]


def test_labels_that_look_like_numbers_stay_text(cli, tmp_path):
    rows = "".join(f"{i},{('a', '1')[i % 2]}\n" for i in range(40))
    (tmp_path / "train.csv").write_text(f"x,y\n{rows}")
    (tmp_path / "new.csv").write_text("x,y\n3,1\n4,1\n")
    assert cli("train", "train.csv", "--target", "y")[0] == 0
    assert cli("evaluate", "model.json", "new.csv")[0] == 0


def test_labels_of_another_kind_that_mean_the_same(cli, frame, tmp_path):
    frame["bought"] = frame.bought == "yes"
    frame.to_csv(tmp_path / "bool.csv", index=False)
    frame.assign(bought=frame.bought.astype(float)).to_csv(tmp_path / "float.csv", index=False)
    assert cli("train", "bool.csv", "--target", "bought", "--drop", "id")[0] == 0
    _, first, _ = cli("evaluate", "model.json", "bool.csv", "--json")
    _, second, _ = cli("evaluate", "model.json", "float.csv", "--json")
    assert first == second


# Bad input.


def test_a_label_that_training_never_saw(fails, model, new, tmp_path):
    new.loc[[2, 5], "bought"] = "maybe"
    new.to_csv(tmp_path / "bad.csv", index=False)
    err = fails(3, "evaluate", model, "bad.csv")
    assert "the target 'bought' has 'maybe' in row 3 (counted from 1)" in err
    assert "expected 'no' or 'yes'" in err
    assert "2 labels are neither" in err


def test_labels_of_another_type(fails, model, new, tmp_path):
    new.assign(bought=1).to_parquet(tmp_path / "bad.parquet")
    assert "has 1 in row 1" in fails(3, "evaluate", model, "bad.parquet")


def test_missing_labels(fails, model, new, tmp_path):
    new.loc[3, "bought"] = None
    new.to_csv(tmp_path / "bad.csv", index=False)
    assert "'bought' has 1 missing value, the first in row 4" in fails(
        3, "evaluate", model, "bad.csv"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "bougth"], "--target 'bougth': the table has no such column; did you mean"),
        (["--weight", "wait"], "--weight 'wait': the table has no such column"),
    ],
)
def test_unknown_columns(arguments, message, fails, model, new):
    assert message in fails(2, "evaluate", model, "new.csv", *arguments)


def test_a_model_that_names_no_target_needs_the_option(fails, cli, new, tmp_path):
    y = (new.bought == "yes").to_numpy().astype(np.int64)
    table = pd.DataFrame({"age": new.age, "visits": new.visits.astype(float)})
    fastlogreg.save(LogisticRegression().fit(table, y), tmp_path / "m.json")
    table.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    assert "expected --target COL" in fails(2, "evaluate", "m.json", "t.csv")
    assert cli("evaluate", "m.json", "t.csv", "--target", "y")[0] == 0
