# Synthesis, placement, routing, reports and the bitstream of the project that is open.

proc run_to_end {run args} {
    launch_runs {*}$args $run
    # It fails where the run does, without saying why. wait_on_runs is the same, but only since Vivado 2021.2.
    catch {wait_on_run $run}
    if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
        # A run is a process of its own: why it failed is in its log.
        set log [file join [get_property DIRECTORY [get_runs $run]] runme.log]
        if {[file exists $log]} {
            set channel [open $log]
            foreach line [split [read $channel] \n] {
                if {[string match ERROR* $line]} {
                    puts $line
                }
            }
            close $channel
        }
        fail "$run: [get_property STATUS [get_runs $run]]"
    }
}

stage synthesis
run_to_end synth_1

stage implementation
set_property STEPS.PHYS_OPT_DESIGN.IS_ENABLED true [get_runs impl_1]
set_property STEPS.POST_ROUTE_PHYS_OPT_DESIGN.IS_ENABLED true [get_runs impl_1]
run_to_end impl_1 -to_step write_bitstream

stage reports
open_run impl_1
report_utilization -file [file join $reports utilization.rpt]
report_utilization -hierarchical -hierarchical_depth 4 -file [file join $reports hierarchy.rpt]
report_timing_summary -max_paths 10 -file [file join $reports timing.rpt]
report_cdc -details -file [file join $reports crossings.rpt]
if {$activity ne ""} {
    read_saif -strip_path $activity_path -out_file [file join $reports unmatched.txt] [file join $here $activity]
}
report_power -file [file join $reports power.rpt]

set results [get_property DIRECTORY [get_runs impl_1]]
file copy -force [file join $results [get_property top [current_fileset]].bit] [file join $here $result.bit]
