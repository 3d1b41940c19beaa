//! Generates shell completions from the option table. Usage: `completions DIRECTORY`.

use conf_parser::{Argument, OPTIONS, OptionSpec, Repeat};
use pxemasq::command_line::{EXTENSION_OPTIONS, OFFERED_VALUES};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("usage: completions DIRECTORY")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    fs::write(directory.join("pxemasq.bash"), bash()?)?;
    fs::write(directory.join("_pxemasq"), zsh()?)?;
    fs::write(directory.join("pxemasq.fish"), fish()?)?;
    Ok(())
}

/// The value is, or starts with, a file or directory name.
fn is_path(row: &OptionSpec) -> bool {
    ["<path>", "<file>", "<directory>"].iter().any(|kind| row.metavar.contains(kind))
}

/// The short option, if this is the first keyword for it.
fn short(row: &OptionSpec) -> Option<char> {
    row.short.filter(|_| row.canonical_name() == row.keyword).map(char::from)
}

/// The values that are offered for an option.
fn values(name: &str) -> Option<&'static [&'static str]> {
    OFFERED_VALUES.iter().find(|(option, _)| *option == name).map(|(_, values)| *values)
}

/// The values that are words for clients, without those that need a value.
fn architectures() -> String {
    let words = values("explain").unwrap_or_default().iter();
    words.filter(|word| !word.ends_with(['=', ':'])).copied().collect::<Vec<_>>().join(" ")
}

fn bash() -> Result<String, std::fmt::Error> {
    let mut words = String::new();
    let mut paths = Vec::new();
    for row in OPTIONS {
        let keyword = row.keyword;
        if row.argument != Argument::Required {
            write!(words, "--{keyword} ")?;
        }
        if row.argument != Argument::None {
            write!(words, "--{keyword}= ")?;
        }
        if let Some(letter) = short(row) {
            write!(words, "-{letter} ")?;
        }
        if is_path(row) {
            paths.push(format!("--{keyword}"));
            paths.extend(short(row).map(|letter| format!("-{letter}")));
        }
    }
    for (name, ..) in EXTENSION_OPTIONS {
        write!(words, "--{name} ")?;
    }
    let mut offered = String::new();
    for (name, values) in OFFERED_VALUES {
        write!(words, "--{name}= ")?;
        writeln!(offered, "    --{name}) [ -z \"$value\" ] || words=\"{}\" ;;", values.join(" "))?;
    }
    let architectures = architectures();
    let (words, paths) = (words.trim_end(), paths.join("|"));
    Ok(format!(
        r#"# Completion of pxemasq, and of dnsmasq if it is pxemasq, for bash. Generated from the option table.
_pxemasq() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    # Bash splits "--name=value" into three words.
    local value=
    if [ "$word" = "=" ]; then
        word= value=yes
    elif [ "$before" = "=" ]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}} value=yes
    fi
    local words= files=
    case $before in
    {paths})
        files=yes
        ;;
{offered}    arch | *,arch)
        words="{architectures}"
        ;;
    pcap | log)
        files=yes
        ;;
    esac
    # The log of --story is a word of its own.
    if [ -z "$value" ] && [[ " ${{COMP_WORDS[*]}} " = *" --story"[\ =]* ]] && [ "${{word:0:1}}" != "-" ]; then
        files=yes
    fi
    if [ "$files" ]; then
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi
    if [ -z "$words" ]; then
        [ -z "$value" ] || return 0
        words="{words}"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [ "${{#COMPREPLY[@]}}" = 1 ] && [[ ${{COMPREPLY[0]}} = *[=:] ]]; then
        compopt -o nospace 2> /dev/null
    fi
}}
complete -F _pxemasq pxemasq dnsmasq
"#
    ))
}

fn zsh() -> Result<String, std::fmt::Error> {
    let mut text = "#compdef pxemasq dnsmasq\n\
        # Completion of pxemasq, and of dnsmasq if it is pxemasq, for zsh. Generated from the option table.\n\
        _arguments -s \\\n"
        .to_owned();
    for row in OPTIONS {
        let help = escaped(row.help.trim_end_matches('.'), "[]:");
        let value = escaped(row.metavar.trim_start_matches("[=").trim_end_matches(']'), "[]:");
        let offered = values(row.keyword);
        let action = match offered {
            Some(words) => format!("_values -s , value {}", words.join(" ")),
            None if is_path(row) => "_files".to_owned(),
            None => " ".to_owned(),
        };
        let repeat = if row.repeat == Repeat::Stacks { "*" } else { "" };
        let (equals, value) = match row.argument {
            Argument::None if offered.is_some() => ("=-", format!("::value:{action}")),
            Argument::None => ("", String::new()),
            Argument::Required => ("=", format!(":{value}:{action}")),
            Argument::Optional => ("=-", format!("::{value}:{action}")),
        };
        writeln!(text, "  '{repeat}--{}{equals}[{help}]{value}' \\", row.keyword)?;
        if let Some(letter) = short(row) {
            let value = if row.short_takes_value() {
                format!("+[{help}]:value:{action}")
            } else {
                format!("[{help}]")
            };
            writeln!(text, "  '{repeat}-{letter}{value}' \\")?;
        }
    }
    for (name, .., help) in EXTENSION_OPTIONS {
        let help = escaped(help.trim_end_matches('.'), "[]:");
        match values(name) {
            Some(words) => {
                let words = escaped(&words.join(" "), ":");
                writeln!(text, "  '*--{name}=-[{help}]::value:({words})' \\")?;
            }
            None => writeln!(text, "  '*--{name}[{help}]' \\")?,
        }
    }
    // The log of --story.
    text.push_str("  '*:file:_files' \\\n");
    text.push_str("  && return 0\n");
    Ok(text)
}

fn fish() -> Result<String, std::fmt::Error> {
    let mut text = "# Completion of pxemasq, and of dnsmasq if it is pxemasq, for fish. Generated from the option table.\n\
        complete -c dnsmasq -w pxemasq\ncomplete -c pxemasq -f\n"
        .to_owned();
    for row in OPTIONS {
        write!(text, "complete -c pxemasq -l {}", row.keyword)?;
        if let Some(letter) = short(row) {
            write!(text, " -s {letter}")?;
        }
        match row.argument {
            _ if values(row.keyword).is_some() => offer(&mut text, row.keyword)?,
            Argument::None => {}
            _ if is_path(row) => text.push_str(" -r -F"),
            Argument::Required => text.push_str(" -x"),
            Argument::Optional => {}
        }
        writeln!(text, " -d '{}'", escaped(row.help.trim_end_matches('.'), ""))?;
    }
    for (name, .., help) in EXTENSION_OPTIONS {
        write!(text, "complete -c pxemasq -l {name}")?;
        offer(&mut text, name)?;
        writeln!(text, " -d '{}'", escaped(help.trim_end_matches('.'), ""))?;
    }
    text.push_str("complete -c pxemasq -n '__fish_contains_opt story' -F\n");
    Ok(text)
}

/// The values of an option for fish. They may be left out, and are written behind `=`.
fn offer(text: &mut String, name: &str) -> std::fmt::Result {
    match values(name) {
        Some(values) => write!(text, " -a '{}'", values.join(" ")),
        None => Ok(()),
    }
}

/// Escapes text for a single-quoted shell string, and puts a backslash before the special characters.
fn escaped(text: &str, special: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\'' => out.push('’'),
            _ if special.contains(letter) => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}
