"""Properties that are kept, for processes that fork while threads compute them."""

import json
from dataclasses import dataclass

import pytest

from fastlogreg.runtime.cached import cached_property


@dataclass(frozen=True)
class Thing:
    calls: list

    @cached_property
    def value(self):
        """What it is."""
        self.calls.append(1)
        return object()


def test_a_value_is_computed_once_for_each_object():
    first, second = Thing([]), Thing([])
    assert first.value is first.value
    assert first.value is not second.value
    assert first.calls == second.calls == [1]
    assert Thing.value.__doc__ == "What it is."


FORKED = """
import json, os, signal, threading, warnings
import numpy as np
from fastlogreg.design import protocol
from fastlogreg.design.protocol import Targets

warnings.simplefilter("ignore")  # of forking with threads
counted, inside, go_on = protocol.class_totals, threading.Event(), threading.Event()

def slowly(*arguments):
    inside.set()
    go_on.wait(60)
    return counted(*arguments)

def counts():
    return Targets(np.array([0, 1, 1], np.int8), np.ones(2)).class_counts.tolist()

protocol.class_totals = slowly
thread = threading.Thread(target=counts)
thread.start()
inside.wait(60)
reader, writer = os.pipe()
if os.fork() == 0:
    signal.alarm(30)  # ends a child that waits for the parent's thread
    protocol.class_totals = counted
    os.write(writer, json.dumps(counts()).encode())
    os._exit(0)
os.close(writer)
print(os.read(reader, 100).decode() or '"no end"')
go_on.set()
thread.join()
"""


@pytest.mark.skipif("not hasattr(__import__('os'), 'fork')")
def test_a_fork_while_a_thread_counts_classes_leaves_a_child_that_can_count(run_python):
    assert json.loads(run_python(FORKED)) == [1, 2]
