# A design with pins of its own and no processor: Verilog and constraints, as they are.

stage project
create_project -force -part $part $design [file join $work $design]
add_files -norecurse [list [file join $here rtl $design.v]]
add_files -norecurse -fileset constrs_1 [list [file join $here $design.xdc]]
set_property top $design [current_fileset]
update_compile_order -fileset sources_1
