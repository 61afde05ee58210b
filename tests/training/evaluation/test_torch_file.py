import pickle

import numpy as np
import pytest

from tests.training.evaluation.eyes import stored, tiny_state
from training.evaluation.torch_file import read_arrays


def test_every_tensor_comes_back_whatever_the_order_of_its_numbers():
    state = tiny_state()
    found = read_arrays(stored(state))
    assert list(found) == list(state)
    for name, array in state.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_file_that_wants_something_run_is_refused_before_it_is(tmp_path):
    victim = tmp_path / "touched"
    call = f"Vx\ncposix\nsystem\n(Vtouch {victim}\ntRs".encode()
    with pytest.raises(pickle.UnpicklingError, match=r"names posix\.system"):
        read_arrays(stored(tiny_state(), call))
    assert not victim.exists()


def test_a_torn_file_and_one_of_another_kind_are_refused():
    content = stored(tiny_state())
    with pytest.raises(EOFError, match="it ends within 1 numbers"):
        read_arrays(content[:-4])
    with pytest.raises(ValueError, match="does not begin as files of PyTorch"):
        read_arrays(pickle.dumps({"weight": 1}))


def test_a_tensor_may_not_reach_beyond_its_storage():
    content = stored({"a": np.zeros((3, 2), np.float32)})
    with pytest.raises(ValueError, match=r"of shape \(9, 2\) reaches beyond"):
        read_arrays(content.replace(b"(I3\nI2\nt", b"(I9\nI2\nt"))
