"""An analyst's program reads the whole open log from Kafka: `python -m tests.benchmarks.scale.reading BOOTSTRAP`.

It is a process of its own, so that its memory is the reader's. It prints one line of JSON; a fault ends it.
"""

from __future__ import annotations

import json
import os
import sys
import time

from streams.analyst import Log
from tests.benchmarks.products import peak_memory_mb


def main(bootstrap: str) -> None:
    began, count, last = time.perf_counter(), 0, 0
    with Log(bootstrap, follow=False) as log:
        for entry in log:
            if entry.position != last + 1:
                raise RuntimeError(f"position {entry.position} came behind {last}")
            if entry.event is None:
                raise RuntimeError(f"position {entry.position} says nothing")
            count, last = count + 1, entry.position
    seconds = time.perf_counter() - began
    memory, cpu = peak_memory_mb(os.getpid()), time.process_time()
    print(json.dumps({"events": count, "seconds": seconds, "cpu_seconds": cpu, "memory_mb": memory}))


if __name__ == "__main__":
    main(*sys.argv[1:])
