"""AMD ZCU102, its programmable logic alone, over the third serial port of its USB connector J83."""

from hwsnn.build.boards import VivadoSerialBoard, load_board

ZCU102 = load_board("zcu102")

BOARD = VivadoSerialBoard(
    name="zcu102-uart",
    title="AMD ZCU102 over its serial port",
    device=ZCU102.device,
    platform=ZCU102.platform,
    clock_hz=100_000_000,
    baud=2_000_000,  # the most that its CP2108 does
    uart=("uart", 0),
    leds=(("led", 0), ("led", 1)),
)
