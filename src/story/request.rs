//! What `--story` has to print: format, filter and logs.

use super::boot::Boot;
use crate::error::StartupError;
use std::net::IpAddr;

/// The format of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// For a terminal.
    #[default]
    Text,
    /// One HTML page.
    Html,
    /// One JSON document.
    Json,
}

/// The value of `--story=` and the words after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoryRequest {
    /// The format.
    pub format: OutputFormat,
    /// The boots that are printed.
    pub filter: Filter,
    /// The logs, in their order, by [`to_text`](crate::byte_text::to_text); none: standard input.
    pub paths: Vec<String>,
}

/// Which boots are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The beginning of the hardware address, in lower case and with colons.
    mac: Option<String>,
    /// The IP address.
    ip: Option<IpAddr>,
    /// Only the boot that began last.
    last: bool,
}

impl StoryRequest {
    /// `value`: format and filter words with commas between them; `words`: format, filter words and logs.
    ///
    /// # Errors
    /// A word has an invalid value.
    pub fn parse(value: &str, words: &[String]) -> Result<Self, StartupError> {
        let mut request = Self::default();
        for word in value.split(',').filter(|word| !word.is_empty()) {
            if !request.set(word)? {
                return Err(unknown(word));
            }
        }
        for word in words {
            // `-` is standard input.
            if !request.set(word)? && word != "-" {
                request.paths.push(word.clone());
            }
        }
        Ok(request)
    }

    /// Uses a word; `false` if it is neither a format nor a filter.
    fn set(&mut self, word: &str) -> Result<bool, StartupError> {
        match word {
            "text" => self.format = OutputFormat::Text,
            "html" => self.format = OutputFormat::Html,
            "json" => self.format = OutputFormat::Json,
            "last" => self.filter.last = true,
            _ => match word.split_once('=') {
                Some(("mac", mac)) => self.filter.mac = Some(hardware_address(mac)?),
                Some(("ip", ip)) => {
                    let invalid = |_| invalid(word, "an IP address");
                    self.filter.ip = Some(ip.parse().map_err(invalid)?);
                }
                _ => return Ok(false),
            },
        }
        Ok(true)
    }
}

fn unknown(word: &str) -> StartupError {
    StartupError::config(format!(
        "bad --story: unknown word {word}, use text, html, json, last, mac=... or ip=..."
    ))
}

fn invalid(word: &str, expected: &str) -> StartupError {
    StartupError::config(format!("bad --story: {word} is not {expected}"))
}

/// A hardware address, or the beginning of one, with `:` or `-`.
fn hardware_address(text: &str) -> Result<String, StartupError> {
    let mac = text.to_ascii_lowercase().replace('-', ":");
    let is_valid = !mac.is_empty() && mac.bytes().all(|c| c.is_ascii_hexdigit() || c == b':');
    if is_valid { Ok(mac) } else { Err(invalid(text, "a hardware address")) }
}

impl Filter {
    /// The boots that pass, in order.
    pub fn apply(&self, mut boots: Vec<Boot>) -> Vec<Boot> {
        boots.retain(|boot| self.passes(boot));
        let first = if self.last { boots.len().saturating_sub(1) } else { 0 };
        boots.split_off(first)
    }

    /// Whether the client of a boot passes.
    pub fn passes(&self, boot: &Boot) -> bool {
        let is_mac = |mac: &String| {
            mac.to_ascii_lowercase().starts_with(self.mac.as_deref().unwrap_or_default())
        };
        (self.mac.is_none() || boot.mac.as_ref().is_some_and(is_mac))
            && (self.ip.is_none() || boot.ip == self.ip)
    }
}
