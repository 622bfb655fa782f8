"""What a trial gets of a cluster, and whether the cluster has it."""

import pytest

from sweeps.launch.placement import Placement, PlacementError, room_for, slots_for


def test_gpus_a_trial_are_a_part_of_one_or_whole_ones() -> None:
    of = lambda gpus: Placement.of_trial(cpus=2, gpus=gpus, max_concurrent=None, storage="s")  # noqa: E731
    assert (of(0.5).gpus, of(0.5).processes) == (0.5, 1)
    assert (of(4.0).gpus, of(4.0).processes, of(4.0).cpus) == (1.0, 4, 2)
    assert (of(None).gpus, of(None).processes) == (None, 1)
    with pytest.raises(PlacementError, match=r"1.5 GPUs per trial are neither a part of one nor several whole ones"):
        of(1.5)


def test_room_is_counted_node_by_node() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 1.0, "GPU": 4.0}, {"CPU": 16.0}]
    assert room_for(nodes, cpus=1, gpus=1, processes=1) == 3, "the second node has CPUs for one process alone"
    assert room_for(nodes, cpus=1, gpus=0.5, processes=1) == 5
    assert room_for(nodes, cpus=4, gpus=0, processes=2) == 3
    with pytest.raises(PlacementError, match=r"4 processes with 1 CPU and 1 GPU each and the cluster does not"):
        room_for(nodes, cpus=1, gpus=1, processes=4)


def test_without_a_word_a_trial_takes_a_gpu_where_there_is_one() -> None:
    asked = Placement(cpus=1, gpus=None, max_concurrent=None, storage="s")
    assert slots_for([{"CPU": 4.0}], asked).gpus == 0
    assert slots_for([{"CPU": 4.0}, {"CPU": 8.0, "GPU": 2.0}], asked).gpus == 1
    assert slots_for([{"CPU": 4.0}, {"CPU": 8.0, "GPU": 2.0}], asked).room == 2


def test_what_no_node_has_now_may_come_on_a_cluster_that_grows() -> None:
    asked = Placement(cpus=8, gpus=1, max_concurrent=None, storage="s")
    with pytest.raises(PlacementError):
        slots_for([{"CPU": 4.0}], asked)
    assert slots_for([{"CPU": 4.0}], asked, grows=True).gpus == 1
