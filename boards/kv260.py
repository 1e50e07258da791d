"""AMD Kria KV260 (Zynq UltraScale+ XCK26 on a K26 module): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard
from hwsnn.interface.power import Rail, Supply

# One INA260, on the carrier card: zynqmp-sck-kv-g-revB.dtso of Linux, and AMD's UG1089 as public programs cite it.
INPUT = Rail("VCC_SOM, 5 V", ("ina260_u14", "ina260"))

BOARD = AxiBoard(
    name="kv260",
    title="AMD Kria KV260",
    device="xck26",
    part="xck26-sfvc784-2LV-c",
    board_part="xilinx.com:kv260_som:part0",
    board_connections=(("som240_1_connector", "xilinx.com:kv260_carrier:som240_1_connector:1.3"),),
    clock_hz=150_000_000,
    supplies=(Supply("the whole K26 module with its memory", (INPUT,)),),
)
