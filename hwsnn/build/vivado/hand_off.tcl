# What software needs to know of the block design: the .hwh file for PYNQ, the .xsa file for Vitis and PetaLinux.
# Its name is another than the bitstream's: PYNQ reads a .xsa of the same name in place of the .hwh, and fails.

stage "hand-off"
write_hw_platform -fixed -include_bit -force [file join $work $design.xsa]
file copy -force [file join $work $design.xsa] [file join $here $result-hardware.xsa]
set described [file join $work $design $design.gen sources_1 bd $design hw_handoff $design.hwh]
file copy -force $described [file join $here $result.hwh]
