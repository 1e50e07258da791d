"""Settings of every test run."""

from __future__ import annotations

import gc
import os
import signal

# A run in the background of a shell, or under nohup, ignores these, and its children with it: but tests interrupt
# children and expect them to notice.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL if _number != signal.SIGINT else signal.default_int_handler)

# Each core has a process of pytest's: threads of PyTorch and BLAS beside it spin while they wait for one another, and
# take three times the processor time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Amaranth makes millions of small objects, few of them in cycles: Python's usual threshold, 700, doubles its time.
gc.set_threshold(50_000, 20, 100)
