# The folder to copy to the board: all else is there already.

stage "deployment folder"
foreach file $deployed {
    file copy -force [file join $here $file] [file join $here deploy $file]
}
