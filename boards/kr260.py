"""AMD Kria KR260 (Zynq UltraScale+ XCK26 on a K26 module): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard
from hwsnn.interface.power import Rail, Supply

# One INA260, on the carrier card: zynqmp-sck-kr-g-revA.dtso and -revB.dtso of Linux, which name it in two ways.
INPUT = Rail("VCC_SOM, 5 V", ("ina260_u14", "ina260_u3", "ina260"))

BOARD = AxiBoard(
    name="kr260",
    title="AMD Kria KR260",
    device="xck26",
    part="xck26-sfvc784-2LV-c",
    board_part="xilinx.com:kr260_som:part0",
    board_connections=(
        ("som240_1_connector", "xilinx.com:kr260_carrier:som240_1_connector:1.0"),
        ("som240_2_connector", "xilinx.com:kr260_carrier:som240_2_connector:1.0"),
    ),
    clock_hz=150_000_000,
    supplies=(Supply("the whole K26 module with its memory", (INPUT,)),),
)
