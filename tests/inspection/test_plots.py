"""Pictures: the right numbers on them, and nothing else touched."""

import sys

import numpy as np
import pytest

from fastlogreg import LogisticRegression, Step
from fastlogreg.errors import InvalidDataError
from fastlogreg.inspection import (
    plot_decision_boundary,
    plot_loss,
    require_matplotlib,
    save_loss_curve,
)
from tests.problems import two_clouds


@pytest.fixture
def pyplot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.fixture
def saved(monkeypatch):
    """Return a list that collects every figure that is written."""
    from matplotlib.figure import Figure

    figures, savefig = [], Figure.savefig

    def spy(self, *args, **kwargs):
        figures.append(self)
        return savefig(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", spy)
    return figures


def linear(table):
    return table @ [2.0, -1.0] + 0.5


def contour_of(ax):
    return [c for c in ax.collections if hasattr(c, "levels")]


def scatters_of(ax):
    return [c for c in ax.collections if not hasattr(c, "levels")]


# Loss curves.


def test_plot_loss_numbers_the_values_and_writes_the_texts(pyplot):
    ax = plot_loss([3.0, 2.0, 1.5], title="t", xlabel="x", ylabel="y", first=0)
    (line,) = ax.lines
    assert line.get_xdata().tolist() == [0, 1, 2]
    assert line.get_ydata().tolist() == [3.0, 2.0, 1.5]
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("t", "x", "y")
    assert len(pyplot.get_fignums()) == 1


def test_few_losses_are_marked_and_many_are_a_line(pyplot):
    few, many = (plot_loss(np.arange(n, 0.0, -1.0)).lines[0] for n in (6, 500))
    assert (few.get_marker(), many.get_marker()) == ("o", "")
    one = plot_loss([1.0])
    one.figure.canvas.draw()
    assert one.lines[0].get_marker() == "o"
    assert pyplot.get_fignums() == [1, 2, 3]


def test_plot_loss_draws_on_the_given_axes_only(pyplot):
    given = pyplot.figure().subplots()
    assert plot_loss([1.0, 0.5], ax=given) is given
    assert pyplot.get_fignums() == [given.figure.number]


def test_no_values_are_an_error(pyplot):
    with pytest.raises(InvalidDataError, match="values is empty"):
        plot_loss([])
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("solver", ["newton-cholesky", "lbfgs"])
def test_a_saved_loss_curve_shows_objective_and_gradient_of_every_iteration(
    pyplot, saved, tmp_path, solver
):
    X, y = two_clouds(300)
    history = LogisticRegression(solver=solver).fit(X, y).history_
    save_loss_curve(history, tmp_path / "curve.png")
    left, right = saved[0].axes
    iterations = [step.iteration for step in history]
    assert left.lines[0].get_xdata().tolist() == iterations
    assert left.lines[0].get_ydata().tolist() == [step.objective for step in history]
    assert right.lines[0].get_ydata().tolist() == [step.gradient_norm for step in history]
    assert (left.get_yscale(), right.get_yscale()) == ("linear", "log")
    assert f"{iterations[-1]} iterations" in saved[0].get_suptitle()
    assert pyplot.get_fignums() == []


def test_a_saved_loss_curve_is_a_png_whatever_its_suffix(tmp_path):
    path = tmp_path / "curve.part"
    save_loss_curve([Step(0, 0.7, 0.1, 1.0, 0.1), Step(1, 0.6, 0.01, 2.0, 0.2)], str(path))
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("norms", [[0.0], [0.1, 0.0], [0.1]], ids=["zero", "ends at zero", "one"])
def test_a_gradient_of_zero_and_a_single_step_are_drawn_without_a_warning(saved, tmp_path, norms):
    history = [Step(i, 0.7, norm, 1.0 + i, 0.1) for i, norm in enumerate(norms)]
    save_loss_curve(history, tmp_path / "curve.png", title="title")
    assert saved[0].get_suptitle() == "title"


def test_an_empty_history_is_an_error_and_writes_nothing(tmp_path):
    with pytest.raises(InvalidDataError, match="history is empty"):
        save_loss_curve([], tmp_path / "curve.png")
    assert list(tmp_path.iterdir()) == []


def test_saving_changes_no_setting_and_leaves_pyplot_unloaded(run_python, tmp_path):
    code = f"""
import sys
import matplotlib
from fastlogreg import Step
from fastlogreg.inspection import save_loss_curve
before = matplotlib.rcParams.copy()
save_loss_curve([Step(0, 0.7, 0.1, 1.0, 0.1)], {str(tmp_path / "curve.png")!r})
changed = [k for k in before if k != "backend" and matplotlib.rcParams[k] != before[k]]
print("matplotlib.pyplot" in sys.modules, changed)
"""
    assert run_python(code) == "False []"


# Decision boundaries.


def test_the_boundary_is_where_the_log_odds_are_zero(pyplot):
    X, y = two_clouds(100)
    ax = plot_decision_boundary(linear, X, y, title="t", names=("a", "b"))
    (contour,) = contour_of(ax)
    vertices = np.concatenate([path.vertices for path in contour.get_paths()])
    np.testing.assert_allclose(linear(vertices), 0.0, atol=1e-12)
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("t", "a", "b")


def test_the_points_of_each_class_are_drawn_and_named(pyplot):
    X, y = two_clouds(100)
    ax = plot_decision_boundary(linear, X, y)
    for code, points in enumerate(scatters_of(ax)):
        assert np.array_equal(points.get_offsets(), X[y == code])
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["class 0", "class 1", "p = 0.5"]


def test_the_shading_is_the_probability_over_all_that_is_shown(pyplot):
    X, y = two_clouds(100)
    ax = plot_decision_boundary(linear, X, y)
    (image,) = ax.images
    shade = np.asarray(image.get_array())
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    assert (x0 < X[:, 0].min(), X[:, 0].max() < x1) == (True, True)
    assert (y0 < X[:, 1].min(), X[:, 1].max() < y1) == (True, True)
    corners = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
    expected = 1.0 / (1.0 + np.exp(-linear(corners)))
    np.testing.assert_allclose(shade[[0, 0, -1, -1], [0, -1, 0, -1]], expected, rtol=1e-9)
    left, right, bottom, top = image.get_extent()
    assert left < x0
    assert x1 < right
    assert bottom < y0
    assert y1 < top
    assert image.get_clim() == (0.0, 1.0)


def test_a_boundary_out_of_sight_one_class_and_one_point_draw_without_a_warning(pyplot):
    ax = plot_decision_boundary(lambda table: table[:, 0] + 1e6, np.zeros((1, 2)), np.ones(1))
    ax.figure.canvas.draw()
    assert contour_of(ax) == []
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["class 1"]


def test_the_steepest_model_has_a_straight_boundary(pyplot):
    X, y = two_clouds(5000)
    ax = plot_decision_boundary(lambda table: 1e12 * linear(table), X, y)
    ax.figure.canvas.draw()
    (contour,) = contour_of(ax)
    vertices = np.concatenate([path.vertices for path in contour.get_paths()])
    np.testing.assert_allclose(linear(vertices), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((5, 3)), np.zeros(5), r"X has shape \(5, 3\); expected \(n_points, 2\)"),
        (np.zeros((0, 2)), np.zeros(0), r"X has shape \(0, 2\)"),
        (np.zeros(4), np.zeros(4), r"X has shape \(4,\)"),
        (np.zeros((5, 2)), np.zeros(4), r"y has shape \(4,\); expected \(5,\)"),
    ],
)
def test_points_that_are_no_plane_are_an_error(pyplot, X, y, message):
    with pytest.raises(InvalidDataError, match=message):
        plot_decision_boundary(linear, X, y)
    assert pyplot.get_fignums() == []


# Without matplotlib.


def test_without_matplotlib_every_function_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for call in (
        require_matplotlib,
        lambda: plot_loss([1.0]),
        lambda: save_loss_curve([Step(0, 0.7, 0.1, 1.0, 0.1)], tmp_path / "curve.png"),
        lambda: plot_decision_boundary(linear, np.zeros((1, 2)), np.zeros(1)),
    ):
        with pytest.raises(ImportError, match=r'python -m pip install "fastlogreg\[plot\]"'):
            call()
    assert list(tmp_path.iterdir()) == []


def test_importing_inspection_loads_no_matplotlib(run_python):
    code = "import sys, fastlogreg.inspection; print('matplotlib' in sys.modules)"
    assert run_python(code) == "False"
