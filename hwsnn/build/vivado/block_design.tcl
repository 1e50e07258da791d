# The processing system, the DMA and the accelerator, and what joins them.
#
# All of AXI runs at the bus clock, which the processing system gives. Its kind is in the settings, as ps_*. The pipeline
# has a clock of its own.

stage "block design"
create_project -force -part $part $design [file join $work $design]
set board [lindex [lsort -dictionary [get_board_parts -quiet -latest_file_version $board_part:*]] end]
if {$board eq ""} {
    fail "this Vivado has no board files of $board_part: install them (in Vivado: Tools, Vivado Store, Boards)"
}
set_property board_part $board [current_project]
# A module: its preset is to know what is on the carrier card.
if {$board_connections ne ""} {
    set_property board_connections $board_connections [current_project]
}
set_property ip_repo_paths [list $ip_folder] [current_fileset]
update_ip_catalog -rebuild
create_bd_design $design

# A cell of the newest version of an IP core that this Vivado has.
proc add_cell {name core} {
    set versions [get_ipdefs -all $core:*]
    if {$versions eq ""} {
        fail "this Vivado has no IP core $core"
    }
    return [create_bd_cell -type ip -vlnv [lindex [lsort -dictionary $versions] end] $name]
}

# The pins, or interface pins, of these names; Vivado itself only warns of one that is not there.
proc found {kind names} {
    set pins {}
    foreach name $names {
        set pin [get_bd_$kind -quiet $name]
        if {$pin eq ""} {
            fail "the block design has no $name among its $kind"
        }
        lappend pins $pin
    }
    return $pins
}

proc join_pins {args} {
    connect_bd_net {*}[found pins $args]
}

proc join_interfaces {master slave} {
    connect_bd_intf_net {*}[found intf_pins [list $master $slave]]
}

# The processing system as the board wants it, then one port for registers and one for memory. Both keep the width
# that they have at power-up: whatever started the board fits them.
add_cell zynq xilinx.com:ip:$ps_core
apply_bd_automation -rule xilinx.com:bd_rule:$ps_core -config $ps_preset [get_bd_cells zynq]
set_property -dict $ps_settings [get_bd_cells zynq]

add_cell pipeline_clock xilinx.com:ip:clk_wiz
set_property -dict [list \
    CONFIG.PRIM_SOURCE No_buffer \
    CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $pipeline_mhz \
    CONFIG.USE_RESET true \
    CONFIG.RESET_TYPE ACTIVE_LOW \
    CONFIG.USE_LOCKED true \
] [get_bd_cells pipeline_clock]

# AXI stays in reset until the pipeline's clock runs.
add_cell resets xilinx.com:ip:proc_sys_reset

add_cell dma xilinx.com:ip:axi_dma
set_property -dict [list \
    CONFIG.c_include_sg 1 \
    CONFIG.c_sg_include_stscntrl_strm 0 \
    CONFIG.c_sg_length_width 26 \
    CONFIG.c_addr_width $ps_dma_bits \
    CONFIG.c_include_mm2s 1 \
    CONFIG.c_include_mm2s_dre 0 \
    CONFIG.c_m_axi_mm2s_data_width $word_bits \
    CONFIG.c_m_axis_mm2s_tdata_width $word_bits \
    CONFIG.c_include_s2mm 1 \
    CONFIG.c_include_s2mm_dre 0 \
    CONFIG.c_m_axi_s2mm_data_width $word_bits \
    CONFIG.c_s_axis_s2mm_tdata_width $word_bits \
] [get_bd_cells dma]

add_cell control xilinx.com:ip:smartconnect
set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 2} [get_bd_cells control]
add_cell memory xilinx.com:ip:smartconnect
set_property -dict {CONFIG.NUM_SI 3 CONFIG.NUM_MI 1} [get_bd_cells memory]
add_cell accelerator hwsnn:user:$top

join_pins zynq/$ps_clock pipeline_clock/clk_in1 resets/slowest_sync_clk control/aclk memory/aclk accelerator/aclk \
    zynq/$ps_registers_clock zynq/$ps_memory_clock \
    dma/s_axi_lite_aclk dma/m_axi_sg_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk
join_pins pipeline_clock/clk_out1 accelerator/pipeline_clk
join_pins zynq/$ps_reset pipeline_clock/resetn resets/ext_reset_in
join_pins pipeline_clock/locked resets/dcm_locked
join_pins resets/peripheral_aresetn control/aresetn memory/aresetn dma/axi_resetn accelerator/aresetn

join_interfaces zynq/$ps_registers control/S00_AXI
join_interfaces control/M00_AXI accelerator/s_axi
join_interfaces control/M01_AXI dma/S_AXI_LITE
join_interfaces dma/M_AXIS_MM2S accelerator/s_axis
join_interfaces accelerator/m_axis dma/S_AXIS_S2MM
join_interfaces dma/M_AXI_SG memory/S00_AXI
join_interfaces dma/M_AXI_MM2S memory/S01_AXI
join_interfaces dma/M_AXI_S2MM memory/S02_AXI
join_interfaces memory/M00_AXI zynq/$ps_memory

# The driver knows these two addresses.
foreach {cell base} [list accelerator/s_axi $registers_base dma/S_AXI_LITE $dma_base] {
    assign_bd_address -force -offset $base -range $window \
        -target_address_space [get_bd_addr_spaces zynq/Data] [get_bd_addr_segs $cell/*]
}
# The DMA reaches all of the board's memory, and nothing else.
foreach space {Data_SG Data_MM2S Data_S2MM} {
    foreach segment [get_bd_addr_segs zynq/$ps_segments/*] {
        if {[string match *_DDR_* $segment]} {
            assign_bd_address -target_address_space [get_bd_addr_spaces dma/$space] $segment
        } else {
            exclude_bd_addr_seg -target_address_space [get_bd_addr_spaces dma/$space] $segment
        }
    }
}

validate_bd_design
save_bd_design

# Synthesized as a whole, without a run of its own for each core.
set diagram [get_files $design.bd]
set_property synth_checkpoint_mode None $diagram
generate_target all $diagram
add_files -norecurse [make_wrapper -top $diagram]
set_property top ${design}_wrapper [current_fileset]
update_compile_order -fileset sources_1

# For the paths between the two clocks, which exist only when the design is complete.
add_files -norecurse -fileset constrs_1 [list [file join $here crossings.xdc]]
set crossings [get_files crossings.xdc]
set_property used_in_synthesis false $crossings
set_property processing_order LATE $crossings
