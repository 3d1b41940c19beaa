//! The files that a Raspberry Pi loads from the root of the TFTP server.

use super::outcome::Outcome;
use super::raspberry_pi::{Invitation, MENU_TEXT, is_early_model};
use super::received_reply::{MenuChoice, ReceivedReply};
use super::report::BootFile;
use super::simulate::{NO_SERVER, OTHER_MACHINE, Simulation};
use crate::byte_text::path_text;
use crate::config::Tftp;
use crate::reason::{ReplyReason, Verdict};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The first file of the later models.
const FIRST_FILE: &str = "start4.elf";
/// The first files of all models, in the order in which they are looked for here.
const FILES: &[&str] = &["start4.elf", "start.elf", "bootcode.bin"];
/// The first file of the models up to the Raspberry Pi 3. It is loaded from the root only.
const EARLY_FILE: &str = "bootcode.bin";
/// The first file of the Raspberry Pi 5, which has its firmware in a memory of the board.
const LATE_FILE: &str = "config.txt";
/// Directory entries that are examined.
const MAX_ENTRIES: usize = 10_000;
/// Digits of a serial number in the name of a directory.
const SERIAL_DIGITS: usize = 8;

impl Simulation<'_> {
    /// The boot of a Raspberry Pi after an offer.
    pub fn boot_raspberry_pi(&mut self, offer: &ReceivedReply, invitation: Invitation) {
        let invites = |entry: &&MenuChoice| entry.text.contains(MENU_TEXT);
        let entry = offer.menu.iter().find(invites).or(offer.menu.first());
        let line = entry.and_then(|entry| entry.line.clone());
        let early = is_early_model(&self.client.mac);
        let is_invited = match invitation {
            Invitation::Exact => true,
            Invitation::Contained => !early,
            Invitation::Missing => false,
        };
        if !is_invited {
            self.outcome = Some(Outcome::fails(ReplyReason::PiTextMissing).at(line.as_ref()));
            return;
        }
        let outcome = Outcome::unknown(ReplyReason::BootsRaspberryPi { name: FIRST_FILE.into() });
        let mut boot = BootFile::of(FIRST_FILE, NO_SERVER, None, outcome);
        let outcome = self.pi_outcome(offer, &mut boot);
        boot.verdict = match outcome.verdict {
            Verdict::Boots if invitation == Invitation::Contained => {
                let text = entry.map_or(&offer.prompt, |entry| &entry.text);
                Outcome::unknown(ReplyReason::PiTextInexact { text: text.clone() })
            }
            _ => outcome,
        }
        .at(line.as_ref());
        self.boots.push(boot);
    }

    fn pi_outcome(&self, offer: &ReceivedReply, boot: &mut BootFile) -> Outcome {
        let next = offer.next_server;
        let server = if next.is_unspecified() { offer.server_id } else { next };
        boot.server = server.to_string();
        let tftp = match self.tftp_of(FIRST_FILE, server) {
            Ok(tftp) => tftp,
            Err(outcome) => {
                if !self.is_ours(server) {
                    boot.server = format!("{server}, {OTHER_MACHINE}");
                }
                return *outcome;
            }
        };
        if let Some(outcome) = self.absent_root(FIRST_FILE, &tftp) {
            return outcome;
        }
        self.pi_files(&tftp, boot)
    }

    /// The first file that can be read.
    fn pi_files(&self, tftp: &Tftp, boot: &mut BootFile) -> Outcome {
        let check = self.check(FIRST_FILE.as_bytes(), tftp);
        let root = check.path.parent().unwrap_or(Path::new("/")).to_owned();
        let found = self.candidates(&root).into_iter().find_map(|name| {
            let check = self.check(name.as_bytes(), tftp);
            Some((name, check.path, check.file.ok()?))
        });
        let Some((name, path, size)) = found else {
            return Outcome::fails(ReplyReason::PiFilesMissing { root: path_text(&root) });
        };
        (boot.path, boot.size) = (Some(path_text(&path)), Some(size));
        boot.name.clone_from(&name);
        // An early model may have the first file on a memory card.
        let is_sufficient = if is_early_model(&self.client.mac) {
            name == EARLY_FILE
        } else {
            !name.ends_with(EARLY_FILE)
        };
        if name.ends_with(LATE_FILE) || !is_sufficient {
            return Outcome::unknown(ReplyReason::PiModel { name });
        }
        Outcome::boots(ReplyReason::BootsRaspberryPi { name })
    }

    /// The names that are tried, the one that the model loads first: in the root, and in each directory that is named after
    /// a serial number.
    fn candidates(&self, root: &Path) -> Vec<String> {
        let serials = serial_directories(root);
        let below = |file: &str| -> Vec<String> {
            let in_root = [file.to_owned()];
            serials.iter().map(|serial| format!("{serial}/{file}")).chain(in_root).collect()
        };
        let all = || FILES.iter().chain(&[LATE_FILE]).flat_map(|file| below(file));
        if is_early_model(&self.client.mac) {
            return [EARLY_FILE.to_owned()].into_iter().chain(all()).collect();
        }
        all().collect()
    }
}

/// Directories whose names are eight hexadecimal digits, sorted.
fn serial_directories(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten().take(MAX_ENTRIES);
    let names = entries.filter_map(|entry| {
        let name = entry.file_name();
        let digits = name.as_bytes();
        let is_serial = digits.len() == SERIAL_DIGITS && digits.iter().all(u8::is_ascii_hexdigit);
        (is_serial && entry.path().is_dir()).then(|| name.to_string_lossy().into_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
