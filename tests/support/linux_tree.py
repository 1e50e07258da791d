"""As much of a ZCU102's Linux as ``hwsnn board doctor`` reads, made up by the kernel's documents: not recorded."""

from __future__ import annotations

from pathlib import Path

TEXTS = {
    "etc/os-release": 'PRETTY_NAME="PynqLinux, based on Ubuntu 22.04"\nID=pynqlinux\nVERSION="3.0 (Belfast)"\n',
    "home/xilinx/REVISION": "Release 2022_09_30 7eb5a1e\nBoard 2022_09_30 7eb5a1e https://token@example.org/boards.git\n",
    "proc/sys/kernel/osrelease": "5.15.19-xilinx-v2022.1\n",
    "proc/sys/kernel/version": "#1 SMP Mon Apr 11 17:52:14 UTC 2022\n",
    "proc/device-tree/model": "ZynqMP ZCU102 Rev1.0\0",
    "proc/device-tree/compatible": "xlnx,zynqmp-zcu102-rev1.0\0xlnx,zynqmp-zcu102\0xlnx,zynqmp\0",
    "proc/device-tree/chosen/pynq_board": "ZCU102\0",
    "proc/device-tree/chosen/bootargs": "root=/dev/mmcblk0p2 secret=hunter2\0",
    "proc/meminfo": (
        "MemTotal:        4019140 kB\nMemFree:         3022304 kB\nMemAvailable:    3602144 kB\n"
        "CmaTotal:         524288 kB\nCmaFree:          500124 kB\n"
    ),
    "sys/class/fpga_manager/fpga0/name": "Xilinx ZynqMP FPGA Manager\n",
    "sys/class/fpga_manager/fpga0/state": "operating\n",
    "sys/class/fpga_manager/fpga0/status": "\n",
    "sys/class/fpga_manager/fpga0/flags": "0\n",
    "sys/module/zocl/version": "2.13.0\n",
    "opt/xilinx/xrt/version.json": '{"BUILD_VERSION": "2.13.0", "BUILD_BRANCH": "2022.1"}',
    "sys/kernel/debug/clk/clk_summary": (
        "                                 enable  prepare  protect                                duty\n"
        "   clock                          count    count    count        rate   accuracy phase  cycle\n"
        "---------------------------------------------------------------------------------------------\n"
        " ps_ref_clk                           4        4        0    33333000          0     0  50000\n"
        "    iopll_to_fpd                      1        1        0   499995000          0     0  50000\n"
        "             pl0_ref_mux              1        1        0   999990000          0     0  50000\n"
        "                pl0_ref               1        1        0    99999000          0     0  50000\n"
    ),
    "dev/kmsg": (
        "6,1,0,-;Kernel command line: root=/dev/mmcblk0p2 cma=512M secret=hunter2\n"
        "6,2,100,-;cma: Reserved 512 MiB at 0x0000000057c00000\n"
        "6,3,5140900,-;NET: Registered protocol family 10\n"
        "6,4,5200000,-;xilinx-axidma a0010000.dma: probed\n"
        " SUBSYSTEM=platform\n"
        "6,5,5300000,-;axi_ethernet: MAC 00:0a:35:01:02:03\n"
        "4,6,61234567,-;fpga_manager fpga0: writing \x1b[31msmall.bin to Xilinx ZynqMP FPGA Manager\n"
    ),
}


def zcu102_linux(root: Path) -> None:
    """Write it below ``root``."""
    for place, text in TEXTS.items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
