"""A simulated board behind a pseudo-terminal: programs talk to the RTL of a bitstream, without a board."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hwsnn.files.scratch import Scratch
from hwsnn.folding.folding import Folding
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.rtl.serial.shell import SerialShell
from hwsnn.sim.runner import POLL_SECONDS, build_simulator, run_bench
from hwsnn.spec import Network
from hwsnn.verilog.emit import verilog_text

TOP = "serial_shell"


@contextmanager
def simulated_board(network: Network, folding: Folding, divisor: int = 4) -> Iterator[str]:
    """The name of a serial port behind which ``network`` runs in simulation, for the block.

    ``divisor``: cycles per bit of the line; the port's own speed does not matter. Raises ``SimulationError`` if the
    simulation cannot start, or ended in an error.
    """
    shell = SerialShell(network, Pipeline(network, folding), divisor, model_hash(network))
    simulator = build_simulator(verilog_text(shell, TOP), TOP)
    failures: list[Exception] = []
    with Scratch("pty") as folder:
        port = folder / "port"

        def simulate() -> None:
            try:
                parameters = {"HWSNN_PORT": str(port), "HWSNN_DIVISOR": str(divisor)}
                run_bench(simulator, TOP, "rtl_tests.support.tb_serial", parameters, tests=1)
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=simulate)
        thread.start()
        try:
            while thread.is_alive() and not port.exists():
                time.sleep(POLL_SECONDS)
            if port.exists():
                yield port.read_text()
        finally:
            port.unlink(missing_ok=True)
            thread.join()
    if failures:
        raise failures[0]
