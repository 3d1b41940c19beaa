//! The manual is valid mdoc and describes every served option; shell completions contain every option; documents quote
//! existing messages and tests.

mod common;

use common::required;
use conf_parser::{Argument, OPTIONS};
use pxemasq::command_line::EXTENSION_OPTIONS;
use pxemasq::config::lint::support::{Support, support};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

crate::tests![
    manual_describes_every_served_option,
    troubleshooting_guide_has_every_code_and_quotes_the_notices,
    quoted_log_lines_are_those_of_the_program,
    tests_and_fixtures_named_by_documents_exist,
    architecture_has_the_map_of_the_library_and_existing_paths,
    manual_is_valid_mdoc,
    completions_contain_every_option,
    bash_offers_values_and_files,
    fish_offers_values_and_files,
    zsh_reads_the_completion,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

fn manual() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man/pxemasq.8")
}

fn manual_describes_every_served_option() {
    let text = fs::read_to_string(manual()).expect("the file exists");
    let words: Vec<&str> = text.split_whitespace().collect();
    let served = OPTIONS.iter().filter(|row| support(row.keyword) == Support::Served);
    let missing: Vec<&str> = served
        .map(|row| row.keyword)
        .filter(|keyword| !words.contains(&&format!("-{keyword}")[..]))
        .collect();
    assert_eq!(missing, [""; 0]);
    for (name, ..) in EXTENSION_OPTIONS {
        assert!(text.contains(&format!("Fl -{name}")), "{name}");
    }
}

/// PXE error codes that the guide must describe.
const CODES: &[&str] =
    &["E11", "E16", "E18", "E32", "E51", "E52", "E53", "E55", "E74", "E78", "E99"];

fn troubleshooting_guide_has_every_code_and_quotes_the_notices() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide =
        fs::read_to_string(folder.join("docs/troubleshooting.md")).expect("the file exists");
    for code in CODES {
        assert!(guide.contains(&format!("| `PXE-{code}")), "{code}");
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("the file exists");
    let messages = [
        "src/log_line/notice.rs",
        "src/log_line/words.rs",
        "src/reason/boot.rs",
        "src/reason/file.rs",
        "src/reason/program.rs",
        "src/reason/reply.rs",
    ]
    .map(read)
    .concat();
    for sentence in [
        "no request of it to port 4011 arrived",
        "no request for it arrived within",
        "got a reply without a boot file: no pxe-service and no dhcp-boot applies to it",
        "requested a boot file and got no reply: ",
        "times within a minute and restarted each time",
        "sends it to iPXE too",
        " times, and no acknowledgement arrived",
        "which does not exist",
        "although its mode permits it",
        " did not get a file: ",
        "another proxyDHCP server, ",
    ] {
        assert!(guide.contains(sentence.trim()) && messages.contains(sentence), "{sentence}");
    }
}

/// Texts that begin with `...`, and the table of notices. Words in capital letters are placeholders.
fn quoted_log_lines_are_those_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("the file exists");
    let guide = read("docs/troubleshooting.md");
    // Without the line breaks in string literals.
    let texts: String =
        sources(vec![folder.join("src")]).split("\\\n").map(str::trim_start).collect();
    let texts = texts + &read("src/log_line/golden.txt");
    let (_, notices) = guide.split_once("## Notices in the log").expect("a section");
    let of_notices = notices.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let anywhere = guide.split('`').skip(1).step_by(2).filter(|text| text.starts_with("... "));
    let mut checked = 0;
    for quoted in of_notices.chain(anywhere) {
        for part in parts(quoted) {
            assert!(texts.contains(&part), "{quoted}: no log line has: {part}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

/// The parts of a quoted line between placeholders and after colons, from three words on.
fn parts(quoted: &str) -> Vec<String> {
    let mut parts = vec![Vec::new()];
    for word in quoted.split(' ') {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_placeholder = !bare.chars().any(|c| c.is_ascii_lowercase())
            || ["file:line", "0x", "tftp-max=N"].contains(&bare);
        if is_placeholder {
            parts.push(Vec::new());
            continue;
        }
        parts.last_mut().expect("there is one").push(word);
        if word.ends_with(':') {
            parts.push(Vec::new());
        }
    }
    let long = parts.into_iter().filter(|part| part.len() > 2);
    long.map(|part| part.join(" ").trim_end_matches([';', ':', ',']).to_owned()).collect()
}

/// Documents name tests and fixtures as evidence.
fn tests_and_fixtures_named_by_documents_exist() {
    for (document, min_names) in [("docs/security.md", 80), ("compat-fixtures/DIVERGENCES.md", 40)]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(folder.join(document)).expect("the file exists");
        let folders = ["src", "tests", "conf-parser"].map(|name| folder.join(name));
        let sources = sources(folders.to_vec());
        let mut named = 0;
        // A digit is allowed only in names of tests: `memory_is_bounded_after_20000_clients`.
        for word in text.split('`').skip(1).step_by(2) {
            let is = |more: &str| word.chars().all(|c| c.is_ascii_lowercase() || more.contains(c));
            if is("_0123456789") && word.matches('_').count() > 2 {
                named += 1;
                // A row of `tests/links` defines a function too.
                let defines = [format!("fn {word}()"), format!("{word}: Row {{")];
                let exists = defines.iter().any(|definition| sources.contains(definition));
                assert!(exists, "{document}: {word}");
            } else if is("-/") && word.find('/').is_some_and(|at| at > 0) {
                named += 1;
                let fixture = folder.join(format!("compat-fixtures/{word}.json"));
                assert!(fixture.exists(), "{document}: {word}");
            }
        }
        assert!(named > min_names, "{document}: {named}");
    }
}

fn architecture_has_the_map_of_the_library_and_existing_paths() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("the file exists");
    let (text, library) = (read("ARCHITECTURE.md"), read("src/lib.rs"));
    let (_, map) = library.split_once("//! ```text\n").expect("a map");
    let (map, _) = map.split_once("//! ```").expect("an end");
    assert!(text.contains(&format!("```text\n{}```", map.replace("//! ", ""))), "{map}");
    // In the table of files, paths are below `src`.
    let (_, table) = text.split_once("| | file below `src/` |").expect("a table");
    let (table, _) = table.split_once("\n## ").expect("an end");
    let paths = table.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let paths: Vec<&str> = paths
        .filter(|word| {
            let is_source = Path::new(word).extension().is_some_and(|end| end == "rs");
            word.ends_with('/') || word.contains('/') && is_source
        })
        .collect();
    assert!(paths.len() > 60, "{paths:?}");
    for path in paths {
        let exists =
            [folder.join("src"), folder.to_owned()].iter().any(|base| base.join(path).exists());
        assert!(exists, "ARCHITECTURE.md: {path}");
    }
}

/// All sources below these folders, joined.
fn sources(mut folders: Vec<PathBuf>) -> String {
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text += &fs::read_to_string(path).expect("sources can be read");
            }
        }
    }
    text
}

fn manual_is_valid_mdoc() {
    let linted = Command::new("mandoc").args(["-T", "lint", "-W", "style"]).arg(manual()).output();
    let linted = linted.map_err(|_| "no mandoc (Debian: mandoc)".to_owned());
    let Some(Output { stdout, stderr, .. }) = required(linted) else { return };
    let output =
        [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    // mandoc warns if the system has no index of its manuals.
    let warnings: Vec<&str> = output.lines().filter(|line| !line.contains("mandoc.db")).collect();
    assert_eq!(warnings, [""; 0]);
}

/// A directory with the completions, and with the file `menu.log`.
fn completions() -> tempfile::TempDir {
    let program = Path::new(env!("CARGO_BIN_EXE_pxemasq")).with_file_name("examples/completions");
    let folder = tempfile::tempdir().expect("a directory");
    let done = Command::new(program)
        .arg(folder.path())
        .status()
        .expect("the example is built: cargo build --examples");
    assert!(done.success());
    fs::write(folder.path().join("menu.log"), "").expect("the file can be written");
    folder
}

/// The output of a shell in that directory; `None`: it is not installed.
fn shell(name: &str, args: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(name).args(args).current_dir(folder).output();
    let output = required(output.map_err(|_| format!("no {name} (Debian: {name})")))?;
    assert_eq!(
        (output.status.success(), String::from_utf8_lossy(&output.stderr)),
        (true, "".into())
    );
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Bash splits words at `=` and `:`.
fn bash_offers_values_and_files() {
    let folder = completions();
    for (words, offered) in [
        ("--test = st", "strict start"),
        ("--test = ", "strict start json"),
        ("--story = h", "html"),
        ("--status = ", "text json watch metrics"),
        ("--story men", "menu.log"),
        ("--explain = uefi", "uefi uefi32"),
        ("--explain = pc", "pcap="),
        ("--explain = arch = arm", "arm64"),
        ("--explain = mac = 1 : 2,arch = b", "bios"),
        ("--explain = pcap = men", "menu.log"),
        ("--conf-file = men", "menu.log"),
        ("-C men", "menu.log"),
        ("--tftp-roo", "--tftp-root="),
        ("--port = ", ""),
    ] {
        let script = format!(
            "set -- pxemasq {}; . ./pxemasq.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _pxemasq; echo \"${{COMPREPLY[*]}}\"",
            if words.ends_with(' ') { format!("{words} ''") } else { words.to_owned() }
        );
        let Some(seen) = shell("bash", &["-c", &script], folder.path()) else { return };
        assert_eq!(seen, offered, "{words}");
    }
}

fn fish_offers_values_and_files() {
    let folder = completions();
    for (words, offered) in [
        ("--test=st", "--test=start --test=strict"),
        ("--story=h", "--story=html"),
        ("--story men", "menu.log"),
        ("--explain=uefi", "--explain=uefi --explain=uefi32"),
        ("--conf-file=men", "--conf-file=menu.log"),
    ] {
        let script = format!("source pxemasq.fish; complete -C 'pxemasq {words}'");
        let args = ["--no-config", "-c", &script];
        let Some(seen) = shell("fish", &args, folder.path()) else { return };
        let seen: Vec<&str> = seen.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(seen.join(" "), offered, "{words}");
    }
}

fn zsh_reads_the_completion() {
    let folder = completions();
    if shell("zsh", &["-n", "_pxemasq"], folder.path()).is_none() {
        return;
    }
    let text = fs::read_to_string(folder.path().join("_pxemasq")).expect("it is there");
    assert!(text.contains("::value:_values -s , value strict start json'"));
}

fn completions_contain_every_option() {
    let folder = completions();
    for file in ["pxemasq.bash", "_pxemasq", "pxemasq.fish"] {
        let text = fs::read_to_string(folder.path().join(file)).expect("the file is written");
        for (name, ..) in EXTENSION_OPTIONS {
            assert!(
                text.contains(&format!("-{name}")) || text.contains(&format!("-l {name}")),
                "{file}: {name}"
            );
        }
        for row in OPTIONS {
            let with_value = if row.argument == Argument::Required { "=" } else { "" };
            let expected = match file {
                "pxemasq.bash" => format!("--{}{with_value} ", row.keyword),
                "_pxemasq" => format!("--{}{with_value}", row.keyword),
                _ => format!(" -l {} ", row.keyword),
            };
            let text = text.replace('\'', " ");
            assert!(text.contains(&expected), "{file}: {expected}");
        }
    }
}
