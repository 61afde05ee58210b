import os

import pytest

from training.evaluation.machine import processor


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("fpu avx512f avx512_bf16", "with avx512_bf16"),
        ("amx_bf16 avx512_bf16 fpu", "with amx_bf16 and avx512_bf16"),
        ("fpu avx2", "without amx_bf16 or avx512_bf16"),
    ],
)
def test_the_processor_is_named_and_whether_it_has_bfloat16(tmp_path, flags, told):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: Quick CPU @ 2 GHz\nflags\t\t: {flags}\nbogomips: 1\n")
    assert processor(path) == f"Quick CPU @ 2 GHz, {os.cpu_count()} cores, {told}"


def test_where_nothing_is_told_the_kind_of_machine_is(tmp_path):
    assert f"{os.cpu_count()} cores" in processor(tmp_path / "nowhere")
