//! The contents of a snapshot, by the kind of their files.

use super::file_list::{ConfigFileList, FileKind, ListedFile};
use super::snapshot::{ConfigSnapshot, PathContent};
use crate::byte_text::path_text;
use crate::config::file_content::FileContent;
use crate::log_line::FileLine;
use conf_parser::RunTimeFile;
use std::path::Path;

/// Contents that are not used yet, in the order of the list.
pub struct ListedContents<'l, 'a> {
    contents: Vec<(&'l ListedFile, PathContent<'a>)>,
}

/// Contents of files, and contents of directories, each with its path.
type PlainAndDirectories<'l, 'a> =
    (Vec<(&'l Path, FileContent<'a>)>, Vec<(&'l Path, PathContent<'a>)>);

impl<'l, 'a> ListedContents<'l, 'a> {
    /// The contents of a list.
    pub fn new(list: &'l ConfigFileList, snapshot: ConfigSnapshot<'a>) -> Self {
        Self { contents: list.files().iter().zip(snapshot.paths).collect() }
    }

    /// Removes and returns those of one kind.
    pub fn take(&mut self, kind: FileKind) -> Vec<(&'l Path, PathContent<'a>)> {
        let taken = self.contents.extract_if(.., |(file, _)| file.kind == kind);
        taken.map(|(file, content)| (&*file.path, content)).collect()
    }

    /// As [`take`](Self::take), files and directories apart.
    pub fn take_apart(&mut self, kind: FileKind) -> PlainAndDirectories<'l, 'a> {
        let (mut plain, mut directories) = (Vec::new(), Vec::new());
        for (path, content) in self.take(kind) {
            match content {
                PathContent::File(content) => plain.push((path, content)),
                directory => directories.push((path, directory)),
            }
        }
        (plain, directories)
    }

    /// Removes and returns those of directories of `dhcp-host` and `dhcp-option` lines that are watched.
    pub fn take_watched_dhcp(&mut self) -> Vec<(RunTimeFile, &'l Path, PathContent<'a>)> {
        let kind_of = |file: &ListedFile| match file.kind {
            FileKind::Configured(
                kind @ (RunTimeFile::DhcpHostsDir | RunTimeFile::DhcpOptionsDir),
            ) => Some(kind),
            _ => None,
        };
        let taken = self.contents.extract_if(.., |(file, _)| kind_of(file).is_some());
        let with_kind = |(file, content): (&'l ListedFile, PathContent<'a>)| {
            Some((kind_of(file)?, &*file.path, content))
        };
        taken.filter_map(with_kind).collect()
    }
}

/// The log line for a directory that should be watched and cannot be read.
pub fn bad_directory(directory: &Path, content: &PathContent<'_>) -> Option<FileLine> {
    let path = path_text(directory);
    match content {
        PathContent::NoDirectory => {
            Some(FileLine::BadDirectory { path, reason: "not a directory".to_owned() })
        }
        PathContent::MissingDirectory(error) => {
            Some(FileLine::BadDirectory { path, reason: error.reason() })
        }
        PathContent::UnreadableDirectory(error) => {
            Some(FileLine::Unwatched { path, reason: error.reason() })
        }
        PathContent::File(_) | PathContent::Directory(_) => None,
    }
}
