# Runs a script with stand-ins for Vivado's commands, each of which asks the recorder (recorder.py) what it does:
#
#     tclsh recorder.tcl script|constraints FILE COMMANDS ALLOWED
#
# A question is a line of words on stdout, an answer a line on stdin: "=" and the result, or "!" and an error.
# COMMANDS: what the recorder knows. A script may use all of Tcl besides; constraints may use of it ALLOWED alone.

lassign $argv kind file commands allowed
rename puts written

proc ask {args} {
    set line {}
    foreach word $args {
        lappend line [string map {\\ \\\\ \n \\n \t \\t} $word]
    }
    written [join $line \t]
    flush stdout
    set answer [subst -nocommands -novariables [gets stdin]]
    if {[string index $answer 0] eq "!"} {
        error [string range $answer 1 end]
    }
    return [string range $answer 1 end]
}

proc puts {args} {
    if {[llength $args] == 1} {
        ask puts [lindex $args 0]
    } else {
        written {*}$args
    }
}

if {$kind eq "script"} {
    namespace eval ipx {}
    foreach command $commands {
        interp alias {} $command {} ask $command
    }
    set run [list source $file]
} else {
    set channel [open $file]
    set text [read $channel]
    close $channel
    interp create constraints
    foreach command [constraints eval {info commands}] {
        if {$command ni $allowed} {
            constraints hide $command
        }
    }
    foreach command $commands {
        constraints alias $command ask $command
    }
    set run [list constraints eval $text]
}
if {[catch $run message options]} {
    ask failed $message [dict get $options -errorinfo]
} else {
    ask finished
}
