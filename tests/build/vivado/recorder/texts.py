"""Reports as Vivado writes them, in the form of UG906 and UG907, with figures of a small design."""

from __future__ import annotations

HEADER = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
----------------------------------------------------------------------------------------------------------------
| Tool Version : Vivado v.2023.2 (lin64) Build 4029153 Fri Oct 13 20:13:54 MDT 2023
| Command      : {command}
| Design       : hwsnn_wrapper
| Device       : xczu9eg-ffvb1156-2-e
| Design State : Physopt postRoute
----------------------------------------------------------------------------------------------------------------

"""

UTILIZATION = (
    HEADER.format(command="report_utilization -file utilization.rpt")
    + """\
Utilization Design Information

Table of Contents
-----------------
1. CLB Logic
2. BLOCKRAM
3. ARITHMETIC

1. CLB Logic
------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| CLB LUTs                   | 21480 |     0 |          0 |    274080 |  7.84 |
|   LUT as Logic             | 20113 |     0 |          0 |    274080 |  7.34 |
|   LUT as Memory            |  1367 |     0 |          0 |    144000 |  0.95 |
|     LUT as Distributed RAM |   640 |     0 |            |           |       |
| CLB Registers              | 30562 |     0 |          0 |    548160 |  5.58 |
|   Register as Flip Flop    | 30562 |     0 |          0 |    548160 |  5.58 |
| CARRY8                     |  1024 |     0 |          0 |     34260 |  2.99 |
+----------------------------+-------+-------+------------+-----------+-------+
* Warning! LUT value is adjusted to account for LUT combining.


2. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | 10.5 |     0 |          0 |       912 |  1.15 |
|   RAMB36/FIFO*    |    9 |     0 |          0 |       912 |  0.99 |
|   RAMB18          |    3 |     0 |          0 |      1824 |  0.16 |
+-------------------+------+-------+------------+-----------+-------+


3. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |    4 |     0 |          0 |      2520 |  0.16 |
|   DSP48E2 only |    4 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+
"""
)

_INSTANCES = (
    ("hwsnn_wrapper", "(top)", 21480, 20113, 640, 727, 30562, 9, 3, 0, 4),
    ("  (hwsnn_wrapper)", "(top)", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ("  hwsnn_i", "hwsnn", 21480, 20113, 640, 727, 30562, 9, 3, 0, 4),
    ("    accelerator", "hwsnn_accelerator_0", 12345, 12000, 300, 45, 15000, 2, 1, 0, 4),
    ("      inst", "hwsnn_accelerator", 12345, 12000, 300, 45, 15000, 2, 1, 0, 4),
    ("    dma", "hwsnn_dma_0", 3000, 2800, 100, 100, 4500, 7, 2, 0, 0),
)
_COLUMNS = (
    "Instance",
    "Module",
    "Total LUTs",
    "Logic LUTs",
    "LUTRAMs",
    "SRLs",
    "FFs",
    "RAMB36",
    "RAMB18",
    "URAM",
    "DSP Blocks",
)


def hierarchy(depth: int) -> str:
    """``report_utilization -hierarchical``, down to a depth below the top."""
    shown = [row for row in _INSTANCES if len(row[0]) - len(row[0].lstrip()) <= 2 * depth]
    widths = [max(len(str(row[column])) for row in (*shown, _COLUMNS)) for column in range(len(_COLUMNS))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
    lines = [f"| {' | '.join(name.center(width) for name, width in zip(_COLUMNS, widths, strict=True))} |\n"]
    for row in shown:
        cells = [
            value.ljust(width) if isinstance(value, str) else str(value).rjust(width)
            for value, width in zip(row, widths, strict=True)
        ]
        lines.append(f"| {' | '.join(cells)} |\n")
    head = HEADER.format(command="report_utilization -hierarchical -hierarchical_depth 4 -file hierarchy.rpt")
    return (
        f"{head}Utilization by Hierarchy\n------------------------\n\n{rule}{lines[0]}{rule}{''.join(lines[1:])}{rule}"
    )


_TIMING = (
    HEADER.format(command="report_timing_summary -max_paths 10 -file timing.rpt")
    + """\
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  \
THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  \
-------------------     --------     --------  ----------------------  --------------------
{wns:>11}  {tns:>11}  {failing:>21}                61234        0.010        0.000                      0  \
              61234        2.500        0.000                       0                 30611


{verdict}


------------------------------------------------------------------------------------------------
| Clock Summary
| -------------
------------------------------------------------------------------------------------------------

Clock                             Waveform(ns)         Period(ns)      Frequency(MHz)
-----                             ------------         ----------      --------------
clk_pl_0                          {{0.000 5.000}}        10.000          100.000
  clk_out1_hwsnn_pipeline_clock_0 {{0.000 3.334}}        6.667           149.985


------------------------------------------------------------------------------------------------
| Intra Clock Table
| -----------------
------------------------------------------------------------------------------------------------

Clock                                 WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)  \
    THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  \
TPWS Total Endpoints
-----                                 -------      -------  ---------------------  -------------------      -------  \
    -------  ---------------------  -------------------     --------     --------  ----------------------  \
--------------------
clk_pl_0                                4.321        0.000                      0                20123        0.010  \
      0.000                      0                20123        3.500        0.000                       0  \
               10200
  clk_out1_hwsnn_pipeline_clock_0 {wns:>11}  {tns:>11}  {failing:>21}                41111        0.012  \
      0.000                      0                41111        2.500        0.000                       0  \
               20411


------------------------------------------------------------------------------------------------
| Inter Clock Table
| -----------------
------------------------------------------------------------------------------------------------
"""
)


def timing(late: bool) -> str:
    """``report_timing_summary``; ``late``: the pipeline's clock is missed by 0.333 ns."""
    if late:
        return _TIMING.format(wns="-0.333", tns="-12.500", failing=77, verdict="Timing constraints are not met.")
    return _TIMING.format(wns="0.667", tns="0.000", failing=0, verdict="All user specified timing constraints are met.")


def power(matched: bool) -> str:
    """``report_power``; ``matched``: after ``read_saif``."""
    nets = "71% (18000/25352)" if matched else "NA"
    head = HEADER.format(command="report_power -file power.rpt")
    return f"""{head}Power Report

1. Summary
----------

+--------------------------+-------------------+
| Total On-Chip Power (W)  | 4.251             |
| Design Power Budget (W)  | Unspecified*      |
| Power Budget Margin (W)  | NA                |
| Dynamic (W)              | 3.550             |
| Device Static (W)        | 0.701             |
| Effective TJA (C/W)      | 0.9               |
| Max Ambient (C)          | 95.8              |
| Junction Temperature (C) | 29.2              |
| Confidence Level         | Medium            |
| Setting File             | ---               |
| Simulation Activity File | ---               |
| Design Nets Matched      | {nets:<17} |
+--------------------------+-------------------+
* Specify Design Power Budget using, set_operating_conditions -design_power_budget <value in Watts>


1.1 On-Chip Components
----------------------

+--------------------------+-----------+----------+-----------+-----------------+
| On-Chip                  | Power (W) | Used     | Available | Utilization (%) |
+--------------------------+-----------+----------+-----------+-----------------+
| Clocks                   |     0.120 |        4 |       --- |             --- |
| CLB Logic                |     0.210 |    65000 |       --- |             --- |
|   LUT as Logic           |     0.180 |    20113 |    274080 |            7.34 |
|   Register               |     0.030 |    30562 |    548160 |            5.58 |
| Signals                  |     0.250 |    55000 |       --- |             --- |
| Block RAM                |     0.050 |     10.5 |       912 |            1.15 |
| DSPs                     |    <0.001 |        4 |      2520 |            0.16 |
| PS8                      |     2.920 |        1 |       --- |             --- |
| Static Power             |     0.701 |          |           |                 |
|   PS Static              |     0.100 |          |           |                 |
| Total                    |     4.251 |          |           |                 |
+--------------------------+-----------+----------+-----------+-----------------+


3. Detailed Reports
-------------------

3.1 By Hierarchy
----------------

+---------------------------+-----------+
| Name                      | Power (W) |
+---------------------------+-----------+
| hwsnn_wrapper             |     3.550 |
|   hwsnn_i                 |     3.550 |
|     accelerator           |     0.480 |
|       inst                |     0.480 |
|     zynq                  |     2.922 |
+---------------------------+-----------+
"""


def without_processor(text: str) -> str:
    """A report of a design without a block design: with other names, as long as those before."""
    for name, other in {"clk_out1_hwsnn_pipeline_clock_0": "system_clock", "accelerator": "shell"}.items():
        text = text.replace(name, other.ljust(len(name)))
    return text
