"""AMD ZCU102 (Zynq UltraScale+ XCZU9EG): its processor reaches the accelerator over AXI."""

from hwsnn.build.boards import AxiBoard
from hwsnn.interface.power import Rail, Supply

# An INA226 a rail: zynqmp-zcu102-revA.dts of Linux, and AMD's UG1182 as public programs cite it. Rails that may also
# feed other chips are left out, and those of the transceivers.
LOGIC = (
    Rail("VCCINT", ("ina226_u79",)),
    Rail("VCCBRAM", ("ina226_u81",)),
    Rail("VCCAUX", ("ina226_u80",)),
)
PROCESSORS = (
    Rail("VCCPSINTFP", ("ina226_u76",)),
    Rail("VCCPSINTLP", ("ina226_u77",)),
    Rail("VCCPSAUX", ("ina226_u78",)),
    Rail("VCCPSPLL", ("ina226_u87",)),
    Rail("VCCPSDDRPLL", ("ina226_u92",)),
)

BOARD = AxiBoard(
    name="zcu102",
    title="AMD ZCU102",
    device="xczu9eg",
    part="xczu9eg-ffvb1156-2-e",
    board_part="xilinx.com:zcu102:part0",
    clock_hz=150_000_000,
    supplies=(Supply("the programmable logic", LOGIC), Supply("logic and processors without I/O", LOGIC + PROCESSORS)),
)
