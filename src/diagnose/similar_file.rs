//! Searches for the file that was meant, when a file does not exist.

use super::file_name::{NameMistake, mistakes, visible};
use super::file_search::Search;
use super::links::broken_link;
use crate::reason::FileReason;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directory entries that are compared with a name.
const MAX_NAMES: usize = 5_000;
/// TFTP roots of Linux distributions.
const COMMON_ROOTS: &[&str] = &[
    "/srv/tftp",
    "/var/lib/tftpboot",
    "/tftpboot",
    "/srv/tftpboot",
    "/var/lib/tftp",
    "/var/tftpboot",
    "/var/tftp",
    "/var/ftpd",
];
/// Suffixes of files that are no programs.
const TEXT_SUFFIXES: &[&str] =
    &["cfg", "conf", "lst", "menu", "txt", "ipxe", "ks", "json", "yaml", "yml", "xml"];

/// Why there is no file of this path, and the file that was meant, as far as it can be found. The most probable cause
/// comes first. `root`: the TFTP root; `/` if there is none.
pub fn explain_missing(path: &Path, root: &Path) -> FileReason {
    broken_link(path)
        .or_else(|| mistake_in_name(path, root))
        .or_else(|| similar(path, path, root))
        .unwrap_or_else(|| FileReason::NotFound { path: visible(path) })
}

/// The name below the root, with the characters that the client has sent.
fn mistake_in_name(path: &Path, root: &Path) -> Option<FileReason> {
    let name = path.strip_prefix(root).ok()?.as_os_str().as_bytes();
    let own_root = root.as_os_str().as_bytes();
    let mut roots: Vec<&[u8]> = COMMON_ROOTS.iter().map(|root| root.as_bytes()).collect();
    roots.push(own_root);
    let roots: Vec<&[u8]> = roots.into_iter().map(<[u8]>::trim_slashes).collect();
    let found = mistakes(name, &roots);
    let (first, _) = found.first()?;
    let at = |name: &Vec<u8>| root.join(OsStr::from_bytes(name.trim_slashes()));
    let meant = found.iter().map(|(_, name)| at(name)).find(|path| path.is_file());
    if let Some(meant) = meant {
        return Some(describe(path, first, Some(&meant)));
    }
    let similar = found.last().and_then(|(_, name)| similar(path, &at(name), root));
    if matches!(first, NameMistake::Root(_)) {
        return similar;
    }
    Some(describe(path, first, similar.as_ref().and_then(other).map(Path::new)))
}

/// A slice of bytes without `/` at the ends.
trait TrimSlashes {
    fn trim_slashes(&self) -> &[u8];
}

impl TrimSlashes for [u8] {
    fn trim_slashes(&self) -> &[u8] {
        let start = self.iter().position(|byte| *byte != b'/').unwrap_or(self.len());
        let end = self.iter().rposition(|byte| *byte != b'/').map_or(start, |last| last + 1);
        &self[start..end]
    }
}

/// The similar file of a reason.
fn other(reason: &FileReason) -> Option<&String> {
    match reason {
        FileReason::DifferentCase { other, .. }
        | FileReason::OtherDirectory { other, .. }
        | FileReason::OtherSuffix { other, .. }
        | FileReason::OtherRoot { other, .. }
        | FileReason::Backslashes { other, .. } => Some(other),
        _ => None,
    }
}

fn describe(path: &Path, mistake: &NameMistake, meant: Option<&Path>) -> FileReason {
    let path = visible(path);
    let but = meant.map_or_else(String::new, |meant| format!(", but {} does", visible(meant)));
    match mistake {
        NameMistake::CarriageReturn => FileReason::CarriageReturn { path, but },
        NameMistake::StrayByte(byte) => {
            FileReason::StrayByte { path, but, byte: format!("0x{byte:02X}") }
        }
        NameMistake::Blanks => FileReason::Blanks { path, but },
        NameMistake::Quotes => FileReason::Quotes { path, but },
        NameMistake::Url => FileReason::NameIsUrl { path, but },
        NameMistake::PercentEscapes => FileReason::PercentEscapes { path, but },
        NameMistake::Root(root) => FileReason::RootInName {
            path,
            other: meant.map(visible).unwrap_or_default(),
            root: visible(Path::new(OsStr::from_bytes(root))),
        },
    }
}

/// An existing file that is similar to `meant`: another case, the same name elsewhere below the root, another suffix,
/// another root. `path`: the path that was requested.
fn similar(path: &Path, meant: &Path, root: &Path) -> Option<FileReason> {
    let path = visible(path);
    let text =
        |found: Option<PathBuf>| found.filter(|found| found.is_file()).map(|found| visible(&found));
    if let Some(other) = text(with_backslashes(meant, root)) {
        return Some(FileReason::Backslashes { path, other });
    }
    if let Some(other) = text(differing_in_case(meant)) {
        return Some(FileReason::DifferentCase { path, other });
    }
    if let Some(other) = text(elsewhere(meant, root)) {
        return Some(FileReason::OtherDirectory { path, other });
    }
    if let Some(other) = text(Some(toggle_layer_suffix(meant))).or_else(|| text(same_stem(meant))) {
        return Some(FileReason::OtherSuffix { path, other });
    }
    let other = text(under_common_roots(meant))?;
    Some(FileReason::OtherRoot { path, other })
}

/// A file whose name has backslashes instead of directories: an archive was extracted by a program that did not make
/// directories of them.
fn with_backslashes(path: &Path, root: &Path) -> Option<PathBuf> {
    let name = path.strip_prefix(root).ok()?.as_os_str().as_bytes();
    let changed: Vec<u8> =
        name.iter().map(|byte| if *byte == b'/' { b'\\' } else { *byte }).collect();
    (changed != name).then(|| root.join(OsStr::from_bytes(&changed)))
}

/// The path without the suffix `.0`, or with it.
fn toggle_layer_suffix(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let other = match bytes.strip_suffix(b".0") {
        Some(base) => base.to_vec(),
        None => [bytes, b".0"].concat(),
    };
    PathBuf::from(OsStr::from_bytes(&other))
}

/// An existing path that differs in case only.
fn differing_in_case(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().skip(1).find(|directory| directory.exists())?;
    let mut found = existing.to_owned();
    for name in path.strip_prefix(existing).ok()? {
        let exact = found.join(name);
        found = if exact.exists() { exact } else { entry_differing_in_case(&found, name)? };
    }
    Some(found)
}

fn entry_differing_in_case(directory: &Path, name: &OsStr) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.flatten().take(MAX_NAMES);
    let mut names = entries.map(|entry| entry.file_name());
    Some(directory.join(names.find(|other| other.eq_ignore_ascii_case(name))?))
}

/// A file of the same directory with another suffix: `undionly.kpxe` for `undionly.0`. A text is not similar to a program.
fn same_stem(path: &Path) -> Option<PathBuf> {
    let stem = [path.file_stem()?.as_bytes(), b"."].concat();
    let entries = fs::read_dir(path.parent()?).ok()?.flatten().take(MAX_NAMES);
    let alike = entries.map(|entry| entry.path()).filter(|other| {
        other.file_name().is_some_and(|name| name.as_bytes().starts_with(&stem))
            && is_text(other) == is_text(path)
    });
    alike.min()
}

fn is_text(path: &Path) -> bool {
    let suffix = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    TEXT_SUFFIXES.contains(&suffix)
}

/// The file below the root with the same name, and with the most components in common from the end: `boot/grub/grub.cfg`
/// for `grub/grub.cfg`. Without a root, all files of the machine would be searched, so none is.
fn elsewhere(path: &Path, root: &Path) -> Option<PathBuf> {
    let name = path.strip_prefix(root).ok()?;
    if root == Path::new("/") || name.file_name().is_none() {
        return None;
    }
    Search::new(name).run(root)
}

/// The last components of a path below one of the usual TFTP roots.
fn under_common_roots(path: &Path) -> Option<PathBuf> {
    let parts: Vec<_> = path.components().collect();
    let tails = (1..parts.len()).map(|from| parts[from..].iter().collect::<PathBuf>());
    tails
        .flat_map(|tail| COMMON_ROOTS.iter().map(move |root| Path::new(root).join(&tail)))
        .find(|other| other != path && other.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root with these files.
    fn root(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    /// Why a name is missing, without the path of the root.
    fn explain(folder: &tempfile::TempDir, name: &str) -> String {
        let root = folder.path();
        let prefix = format!("{}/", root.display());
        let path = [prefix.as_bytes(), name.as_bytes()].concat();
        explain_missing(Path::new(OsStr::from_bytes(&path)), root).to_string().replace(&prefix, "")
    }

    #[test]
    fn most_probable_file_is_suggested() {
        let folder = root(&[
            "EFI/Boot.efi",
            "EFI/sub/deep",
            "EFI/pxelinux",
            "top",
            "EFI/grub.0",
            "EFI/undionly.kpxe",
            "boot/grub/grub.cfg",
            "other/grub.cfg",
            "grub/grub.efi",
            "x\\y\\z.com",
        ]);
        for (missing, expected) in [
            ("efi/boot.EFI", ", but EFI/Boot.efi does (differs in case)"),
            ("EFI/pxelinux.0", ", but EFI/pxelinux does"),
            ("EFI/grub", ", but EFI/grub.0 does"),
            ("EFI/undionly.0", ", but EFI/undionly.kpxe does"),
            ("EFI/deep", ", but EFI/sub/deep does (in another directory)"),
            ("EFI/top", ", but top does (in another directory)"),
            ("grub/grub.cfg", ", but boot/grub/grub.cfg does (in another directory)"),
            ("GRUB.CFG", ", but other/grub.cfg does (in another directory)"),
            ("grub/grub.lst", ""),
            ("efi/none", ""),
            ("none/there/is", ""),
        ] {
            let expected = format!("{missing} does not exist{expected}");
            assert_eq!(explain(&folder, missing), expected, "{missing}");
        }
        let backslashes = explain(&folder, "x/y/z.com");
        assert!(
            backslashes.starts_with("x/y/z.com does not exist, but x\\y\\z.com does: a backslash")
        );
    }

    #[test]
    fn mistake_in_a_name_is_described_with_the_file_that_was_meant() {
        let folder = root(&["boot.efi", "a b", "bios/pxelinux.0"]);
        let own_root = folder.path().display().to_string();
        for (missing, expected) in [
            (
                "/tftpboot/boot.efi",
                ", but boot.efi does: the name begins with the root /tftpboot, and names",
            ),
            (
                "var/lib/tftpboot/bios/pxelinux.0",
                ", but bios/pxelinux.0 does: the name begins with the root /var/lib/tftpboot,",
            ),
            ("http://10.0.0.1/boot.efi", ", but boot.efi does: the name is a URL"),
            ("tftp://10.0.0.1/none", ": the name is a URL"),
            ("“boot.efi”", ", but boot.efi does: the quotation marks are part"),
            ("\"pxelinux\".0", ", but bios/pxelinux.0 does: the quotation marks are part"),
            ("'none'", ": the quotation marks are part"),
            ("a%20b", ", but a b does: TFTP does not decode"),
            ("boot.efi ", ", but boot.efi does: the name begins or ends with a blank"),
            ("boot.efi\r", ", but boot.efi does: the name ends with a carriage return"),
            ("Boot.efi\u{1}x", ", but boot.efi does: the byte 0x01 is part of the name"),
            ("/tftpboot/none", ""),
        ] {
            let found = explain(&folder, missing);
            let (_, found) = found.split_once(" does not exist").unwrap();
            assert!(found.starts_with(expected), "{missing}: {found}");
            assert!(!expected.is_empty() || found.is_empty(), "{missing}: {found}");
        }
        let twice = explain(&folder, &format!("{}/boot.efi", own_root.trim_start_matches('/')));
        assert!(twice.contains(", but boot.efi does: the name begins with the root"), "{twice}");
    }

    #[test]
    fn link_that_leads_nowhere_is_named() {
        let folder = root(&["there"]);
        let link = |name: &str, target: &str| {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        };
        link("boot.efi", "real/boot.efi");
        link("first", "boot.efi");
        link("dir", "/nowhere/dir");
        link("loop", "loop");
        link("good", "there");
        for (missing, expected) in [
            ("boot.efi", "boot.efi is a link to real/boot.efi, which does not exist"),
            (
                "first",
                "first cannot be found: boot.efi is a link to real/boot.efi, which does not exist",
            ),
            ("dir/x", "dir/x cannot be found: dir is a link to /nowhere/dir, which does not exist"),
            (
                "loop/x",
                "loop/x cannot be found: the link loop leads to itself, or through too many levels of symbolic links",
            ),
            ("Good", "Good does not exist, but good does (differs in case)"),
        ] {
            assert_eq!(explain(&folder, missing), expected, "{missing}");
        }
    }
}
