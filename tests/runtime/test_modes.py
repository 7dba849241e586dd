"""The kernels as plain Python, and with a check compiled into every index: a selection.

`tests/modes.py` says how to run all of the kernels' tests in either way.
"""

import sys

import pytest

from tests.modes import compiled_only
from tests.processes import run_command

DENSE, OUTPUTS = "tests/kernels/test_dense.py", "tests/kernels/test_dense_outputs.py"
SOFTMAX = "tests/kernels/test_softmax.py"
LINK, SPARSE = "tests/kernels/test_link.py", "tests/kernels/test_sparse.py"
HUGE = f"{DENSE}::test_huge_margins_give_their_limit[numba]"
SEVERAL = f"{DENSE}::test_several_outputs_are_several_models"
INTERPRETED = [
    f"{SEVERAL}[C-numba]",
    f"{SEVERAL}[F-numba]",
    f"{DENSE}::test_integers_of_all_kinds_are_the_same_numbers_as_float64",
    f"{OUTPUTS}::test_an_output_that_is_not_finite_leaves_the_others_alone",
    f"{SOFTMAX}::test_other_types_are_read_as_the_numbers_they_are",
    f"{SOFTMAX}::test_products_at_saturated_margins_are_0_and_not_nan",
    f"{LINK}::test_losses_of_equal_rows_are_summed_to_1e_14[mixed-33-32]",
    f"{LINK}::test_losses_of_equal_rows_are_summed_to_1e_14[hugely negative-31-128]",
    f"{LINK}::test_losses_of_weighted_rows_are_summed_to_1e_14[any-33]",
    f"{LINK}::test_one_decision_that_is_nan_makes_the_loss_nan[49]",
    f"{LINK}::test_row_weights_are_class_weight_times_sample_weight",
    "tests/kernels/test_pointwise.py::test_exp_of_negative_is_within_2_ulp",
    HUGE,
    f"{SPARSE}::test_passes_are_the_oracle[(33, 3)-weighted-csr-numba]",
    f"{SPARSE}::test_passes_are_the_oracle[(33, 3)-weighted-csc-numba]",
    f"{SPARSE}::test_softmax_passes_are_the_oracle[3-csr-numba]",
    f"{SPARSE}::test_probabilities_and_squares_are_those_of_the_dense_table[csc-numba]",
]
CHECKED = [HUGE]  # all is compiled anew
MODES = {
    "plain Python": ({"NUMBA_DISABLE_JIT": "1"}, INTERPRETED),
    "checked": ({"NUMBA_BOUNDSCHECK": "1"}, CHECKED),
}


@compiled_only
@pytest.mark.parametrize("mode", MODES)
def test_a_selection_passes_in_every_mode(mode):
    environment, selection = MODES[mode]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection]
    done = run_command(command, **environment)
    assert done.returncode == 0, done.stdout[-4_000:]
    assert " passed" in done.stdout


def test_a_check_compiled_in_finds_an_index_beyond_the_end(run_python):
    code = """
import numpy as np
from fastlogreg.kernels import dense_tiles
from tests.modes import from_python
try:
    from_python(dense_tiles.decisions_tile_c)(np.ones((4, 3)), np.ones(4), 0, 8, 0, 1, np.empty(8))
except IndexError as error:
    print("found")
"""
    assert run_python(code, NUMBA_BOUNDSCHECK="1", FASTLOGREG_CACHE_DIR="") == "found"
