# Builds the bitstream of the project in this folder:
#
#     vivado -mode batch -source build.tcl
#
# settings.tcl says what is built. Results and reports are left beside this file; all that Vivado makes on the way goes
# to the folder work, which may be removed afterwards.

set here [file dirname [file normalize [info script]]]
source [file join $here settings.tcl]
set work [file join $here work]
set reports [file join $here reports]
file mkdir $work $reports

# hwsnn follows these lines, to show how far the build is.
proc stage {name} {
    puts "hwsnn: stage $name"
    flush stdout
}

# hwsnn looks for the first such line to say what is wrong.
proc fail {text} {
    puts "ERROR: $text"
    error $text
}

foreach script $scripts {
    source [file join $here $script]
}
stage done
