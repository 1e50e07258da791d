# The accelerator's Verilog as an IP core in $ip_folder, for the block design.

stage packaging
set ip_folder [file join $work ip]
create_project -force -part $part package_ip [file join $work package_ip]
add_files -norecurse [list [file join $here rtl $top.v]]
set_property top $top [current_fileset]
update_compile_order -fileset sources_1

# Finds the bus interfaces s_axi, s_axis and m_axis by the names of their ports, as well as clocks and reset.
ipx::package_project -root_dir $ip_folder -vendor hwsnn -library user -taxonomy /UserIP -import_files -force
set core [ipx::current_core]
set_property name $top $core
set_property version 1.0 $core
set_property display_name "hwsnn accelerator" $core
set_property description $description $core

if {[ipx::get_bus_interfaces -quiet pipeline_clk -of_objects $core] eq ""} {
    ipx::infer_bus_interface pipeline_clk xilinx.com:signal:clock_rtl:1.0 $core
}
foreach interface {s_axi s_axis m_axis aclk aresetn pipeline_clk} {
    if {[ipx::get_bus_interfaces -quiet $interface -of_objects $core] eq ""} {
        fail "Vivado found no interface $interface in $top.v"
    }
}
foreach interface {s_axi s_axis m_axis} {
    ipx::associate_bus_interfaces -busif $interface -clock aclk -reset aresetn $core
}
# A frequency of the core's own would have to be that of the clock in the block design, to the hertz; and an interface
# that Vivado took to be of the pipeline's clock as well would have two clocks.
foreach {clock parameter} {aclk FREQ_HZ pipeline_clk FREQ_HZ pipeline_clk ASSOCIATED_BUSIF} {
    set interface [ipx::get_bus_interfaces $clock -of_objects $core]
    if {[ipx::get_bus_parameters -quiet $parameter -of_objects $interface] ne ""} {
        ipx::remove_bus_parameter $parameter $interface
    }
}

# Addresses and names of the registers, for Vivado's address map and the .hwh file.
set memory_map [ipx::get_memory_maps -quiet s_axi -of_objects $core]
if {$memory_map eq ""} {
    set memory_map [ipx::add_memory_map s_axi $core]
    set_property slave_memory_map_ref s_axi [ipx::get_bus_interfaces s_axi -of_objects $core]
}
set block [ipx::get_address_blocks -quiet -of_objects $memory_map]
if {$block eq ""} {
    set block [ipx::add_address_block reg0 $memory_map]
}
set_property range $window $block
set_property width 32 $block
set_property usage register $block
foreach {name offset bits access text} $registers {
    set register [ipx::add_register $name $block]
    set_property address_offset $offset $register
    set_property size $bits $register
    set_property access $access $register
    set_property description $text $register
}

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project
