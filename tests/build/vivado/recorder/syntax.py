"""Vivado's Tcl commands as AMD documents them, and the check of a call against that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TCL = """
add_files [-fileset <arg>] [-of_objects <args>] [-norecurse] [-copy_to <arg>] [-force] [-scan_for_includes] <files>...
apply_bd_automation -rule <arg> [-config <args>] <objects>...
assign_bd_address [-target_address_space <arg>] [-boundary] [-master_boundary] [-external] [-import_from_file <arg>] \
[-export_to_file <arg>] [-export_gui_to_file <arg>] [-offset <arg>] [-range <arg>] [-base_high <arg>] [-force] \
[<objects>...]
close_project [-delete]
connect_bd_intf_net [-intf_net <arg>] [-boundary_type <arg>] <object1> <object2>
connect_bd_net [-net <arg>] [-boundary_type <arg>] <objects>...
create_bd_cell [-vlnv <arg>] [-type <arg>] [-reference <arg>] [-revision <arg>] <name>
create_bd_design [-dir <arg>] [-cell <arg>] [-bdsource <arg>] <name>
create_project [-part <arg>] [-force] [-in_memory] [-ip] [-rtl_kernel] [<name>] [<dir>]
current_fileset [-constrset] [-simset] [-srcset] [<fileset>...]
current_project [<project>]
exclude_bd_addr_seg [-target_address_space <arg>] [<segment_to_exclude>]
generate_target [-force] <name> <objects>
get_bd_addr_segs [-regexp] [-hierarchical] [-filter <arg>] [-of_objects <args>] [-excluded] [-addressed] \
[-unaddressed] [-addressing] [-addressables] [<patterns>]
get_bd_addr_spaces [-regexp] [-hierarchical] [-filter <arg>] [-of_objects <args>] [<patterns>]
get_bd_cells [-regexp] [-hierarchical] [-filter <arg>] [-of_objects <args>] [<patterns>]
get_bd_intf_pins [-regexp] [-hierarchical] [-filter <arg>] [-of_objects <args>] [<patterns>]
get_bd_pins [-regexp] [-hierarchical] [-filter <arg>] [-of_objects <args>] [<patterns>]
get_board_parts [-regexp] [-nocase] [-latest_file_version] [-latest_hw_revision] [-filter <arg>] [<patterns>...]
get_files [-regexp] [-nocase] [-filter <arg>] [-compile_order <arg>] [-used_in <arg>] [-references] [-all] \
[-of_objects <args>] [<patterns>]
get_ipdefs [-name] [-regexp] [-nocase] [-filter <arg>] [-of_objects <args>] [-all] [<patterns>...]
get_property [-min] [-max] <name> <object>
get_runs [-regexp] [-nocase] [-filter <arg>] [<patterns>]
launch_runs [-jobs <arg>] [-scripts_only] [-lsf <arg>] [-sge <arg>] [-cluster_configuration <arg>] [-dir <arg>] \
[-to_step <arg>] [-next_step] [-host <args>] [-remote_cmd <arg>] [-email_to <args>] [-email_all] \
[-pre_launch_script <arg>] [-post_launch_script <arg>] [-custom_script <arg>] [-force] <runs>...
make_wrapper [-top] [-testbench] [-inst_template] [-fileset <arg>] [-import] [-force] <files>
open_run [-name <arg>] [-pr_config <arg>] <run>
read_saif [-strip_path <arg>] [-no_strip] [-out_file <arg>] <file>
report_cdc [-from <args>] [-to <args>] [-cells <args>] [-details] [-summary] [-all_checks_per_endpoint] \
[-severity <arg>] [-no_header] [-show_waiver] [-no_waiver] [-waived] [-file <arg>] [-append] [-return_string] \
[-name <arg>]
report_power [-no_propagation] [-hier <arg>] [-hierarchical_depth <arg>] [-vid] [-advisory] [-file <arg>] \
[-name <arg>] [-format <arg>] [-xpe <arg>] [-l <arg>] [-return_string] [-append] [-rpx <arg>]
report_timing_summary [-check_timing_verbose] [-delay_type <arg>] [-no_detailed_paths] [-setup] [-hold] \
[-max_paths <arg>] [-nworst <arg>] [-unique_pins] [-path_type <arg>] [-no_reused_label] [-input_pins] [-no_header] \
[-slack_lesser_than <arg>] [-report_unconstrained] [-significant_digits <arg>] [-no_pblock] [-datasheet] [-file <arg>] \
[-append] [-name <arg>] [-return_string] [-warn_on_violation] [-cells <args>] [-rpx <arg>]
report_utilization [-file <arg>] [-append] [-pblocks <args>] [-evaluate_pblock] [-exclude_child_pblocks] \
[-exclude_non_assigned] [-cells <args>] [-return_string] [-slr] [-packthru] [-name <arg>] [-no_primitives] \
[-omit_locs] [-hierarchical] [-spreadsheet_file <arg>] [-spreadsheet_table <arg>] [-spreadsheet_depth <arg>] \
[-hierarchical_depth <arg>] [-hierarchical_percentages] [-hierarchical_min_primitive_count <arg>]
save_bd_design [<name>]
set_property [-dict <args>] <words>...
update_compile_order [-force_gui] [-fileset <arg>]
update_ip_catalog [-rebuild] [-add_ip <arg>] [-delete_ip <arg>] [-delete_mult_ip <args>] [-disable_ip <arg>] \
[-enable_ip <arg>] [-add_interface <arg>] [-create_index] [-repo_path <arg>] [-update_module_ref]
validate_bd_design [-force] [-design <arg>] [-include_pr]
wait_on_run [-timeout <arg>] <run>
wait_on_runs [-timeout <arg>] [-exit_condition <arg>] <runs>...
write_hw_platform [-fixed] [-force] [-include_bit] [-include_sim_content] [-minimal] [-hw] [-hw_emu] [-rp <arg>] \
[-rm <arg>] [-static] [<file>]
"""
"""AMD UG835, Vivado Design Suite Tcl Command Reference Guide. All take -quiet and -verbose besides."""

PACKAGER = """
ipx::add_address_block <name> <memory_map>
ipx::add_memory_map <name> <component>
ipx::add_register <name> <address_block>
ipx::associate_bus_interfaces [-busif <arg>] -clock <arg> [-reset <arg>] [-clear] [<component>]
ipx::check_integrity <component>
ipx::create_xgui_files <component>
ipx::current_core [<component>]
ipx::get_address_blocks -of_objects <args> [<patterns>]
ipx::get_bus_interfaces -of_objects <args> [<patterns>]
ipx::get_bus_parameters -of_objects <args> [<patterns>]
ipx::get_memory_maps -of_objects <args> [<patterns>]
ipx::infer_bus_interface <ports> <abstraction> <component>
ipx::package_project [-root_dir <arg>] [-vendor <arg>] [-library <arg>] [-taxonomy <args>] [-module <arg>] \
[-import_files] [-set_current <arg>] [-force]
ipx::remove_bus_parameter <name> <bus_interface>
ipx::save_core <component>
ipx::update_checksums <component>
"""
"""AMD UG1118, Creating and Packaging Custom IP, and what the commands' own -help says."""

XDC = """
create_clock [-name <arg>] -period <arg> [-waveform <args>] [-add] [<objects>]
create_generated_clock [-name <arg>] [-source <args>] [-edges <args>] [-divide_by <arg>] [-multiply_by <arg>] \
[-combinational] [-duty_cycle <arg>] [-invert] [-edge_shift <args>] [-add] [-master_clock <arg>] <objects>
get_clocks [-regexp] [-nocase] [-filter <arg>] [-of_objects <args>] [-match_style <arg>] \
[-include_generated_clocks] [<patterns>]
get_nets [-hierarchical] [-hsc <arg>] [-regexp] [-nocase] [-filter <arg>] [-of_objects <args>] [-match_style <arg>] \
[-top_net_of_hierarchical_group] [-segments] [-boundary_type <arg>] [<patterns>]
get_pins [-hierarchical] [-hsc <arg>] [-regexp] [-nocase] [-leaf] [-filter <arg>] [-of_objects <args>] \
[-match_style <arg>] [-include_replicated_objects] [<patterns>]
get_ports [-regexp] [-nocase] [-filter <arg>] [-of_objects <args>] [-match_style <arg>] [-scoped_to_current_instance] \
[-no_traverse] [-prop_thru_buffers] [<patterns>]
set_max_delay [-rise] [-fall] [-reset_path] [-from <args>] [-rise_from <args>] [-fall_from <args>] [-to <args>] \
[-rise_to <args>] [-fall_to <args>] [-through <args>] [-rise_through <args>] [-fall_through <args>] [-datapath_only] \
<delay>
set_property [-dict <args>] <words>...
"""
"""Those commands that a constraints file may hold and ours does: AMD UG903, Using Constraints, Valid Commands in an XDC
File; their options by UG835. Of Tcl's own, XDC_TCL alone may stand there."""
XDC_TCL = ("set", "expr", "list")


class TclError(Exception):
    """What Vivado would refuse."""


@dataclass(frozen=True)
class Syntax:
    """A command: its options without and with a value, those that must be there, how many words besides (from, to)."""

    name: str
    flags: frozenset[str]
    valued: frozenset[str]
    required: frozenset[str]
    words: tuple[int, int]


@dataclass(frozen=True)
class Call:
    """A command as it was called."""

    name: str
    flags: frozenset[str]
    values: dict[str, str]
    words: tuple[str, ...]


def _read(line: str) -> Syntax:
    name, _, rest = line.partition(" ")
    flags, valued, required, least, most = {"-quiet", "-verbose"}, set(), set(), 0, 0
    for part in re.findall(r"\[[^\]]*\]|-\w+ <\w+>|<\w+>(?:\.\.\.)?", rest):
        option = re.search(r"-\w+", part)
        if option is None:
            least += not part.startswith("[")
            most += 1_000_000 if "..." in part else 1
        elif "<" not in part:
            flags.add(option[0])
        else:
            valued.add(option[0])
            if not part.startswith("["):
                required.add(option[0])
    return Syntax(name, frozenset(flags), frozenset(valued), frozenset(required), (least, most))


def commands(text: str) -> dict[str, Syntax]:
    """The commands of one of the texts above, by name."""
    lines = text.strip().splitlines()
    return {syntax.name: syntax for syntax in map(_read, lines)}


def check(syntax: Syntax, words: Sequence[str]) -> Call:
    """A call of the command with these words. Raises ``TclError`` where it is not as documented."""
    flags, values, others = set(), {}, []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in syntax.flags:
            flags.add(word)
        elif word in syntax.valued:
            if not left or left[0] in syntax.flags | syntax.valued:
                raise TclError(f"{syntax.name}: missing value for option '{word}'")
            values[word] = left.pop(0)
        elif word.startswith("-"):
            raise TclError(f"{syntax.name}: unknown option '{word}'")
        else:
            others.append(word)
    if missing := syntax.required - values.keys():
        raise TclError(f"{syntax.name}: lacks {', '.join(sorted(missing))}")
    least, most = syntax.words
    if not least <= len(others) <= most:
        raise TclError(f"{syntax.name}: {len(others)} words, not {least} to {most}")
    return Call(syntax.name, frozenset(flags), values, tuple(others))


def tcl_list(text: str) -> list[str]:
    """The entries of a Tcl list of plain words, words in braces, and backslash escapes."""
    entries, index = [], 0
    while index < len(text):
        if text[index].isspace():
            index += 1
            continue
        entry = ""
        if text[index] == "{":
            depth, start = 1, index + 1
            while depth:
                index += 1
                depth += {"{": 1, "}": -1}.get(text[index], 0)
            entry, index = text[start:index], index + 1
        else:
            while index < len(text) and not text[index].isspace():
                index += text[index] == "\\"
                entry, index = entry + text[index], index + 1
        entries.append(entry)
    return entries


def as_list(entries: Sequence[str]) -> str:
    """Names as a Tcl list."""
    return " ".join(f"{{{entry}}}" if not entry or re.search(r"\s", entry) else entry for entry in entries)
