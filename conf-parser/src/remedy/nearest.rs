//! The known word that is most similar to an unknown one.

/// The shortest word, in bytes, that is compared with the start of another one.
const MIN_PREFIX_LEN: usize = 4;
/// The highest edit distance that is a typing mistake.
const MAX_DISTANCE: usize = 3;

/// Bytes. A longer word is no typing mistake of a known one: the longest keyword has 25 bytes.
const MAX_WORD_LEN: usize = 40;

/// The known word that is meant, if the word is a typing mistake, an abbreviation or the same parts in another order;
/// `None` if no known word is near.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > MAX_WORD_LEN {
        return None;
    }
    let word = normal(word);
    let known: Vec<(&str, String)> = known.map(|known| (known, normal(known))).collect();
    let by_distance = known
        .iter()
        .filter_map(|(original, normal)| Some((typing_distance(&word, normal)?, *original)));
    let near = by_distance.min_by_key(|(distance, _)| *distance);
    let (one_letter, several) = (near.filter(|(distance, _)| *distance <= 1), near);
    one_letter
        .map(|(_, known)| known)
        .or_else(|| only(&known, |known| same_parts(&word, known)))
        .or_else(|| only(&known, |known| same_start(&word, known)))
        .or_else(|| several.map(|(_, known)| known))
}

/// The word in lower case, with `-` between its parts.
fn normal(word: &str) -> String {
    word.chars()
        .map(|c| if matches!(c, '_' | ' ' | '.') { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

/// The only word for which the condition holds.
fn only<'w>(known: &[(&'w str, String)], holds: impl Fn(&str) -> bool) -> Option<&'w str> {
    let mut found = known.iter().filter(|(_, normal)| holds(normal));
    let (original, _) = found.next()?;
    found.next().is_none().then_some(*original)
}

/// The edit distance, if it is small for the length of the parts that differ: `dhcp-name` is not near to `dhcp-mac`.
fn typing_distance(word: &str, known: &str) -> Option<usize> {
    // The edit distance takes time, and is not smaller than this.
    if word.len().abs_diff(known.len()) > MAX_DISTANCE {
        return None;
    }
    let distance = strsim::osa_distance(word, known);
    let parts = |word: &str| word.split('-').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (parts(word), parts(known));
    let equal = |pairs: &mut dyn Iterator<Item = (&String, &String)>| {
        pairs.take_while(|(one, other)| one == other).map(|(one, _)| one.len() + 1).sum::<usize>()
    };
    let before = equal(&mut one.iter().zip(&other));
    let after = equal(&mut one.iter().rev().zip(other.iter().rev()));
    let longer = word.chars().count().max(known.chars().count());
    let differing = longer.saturating_sub(before + after);
    let limit = if differing < 3 { 0 } else { (differing / 3).clamp(1, MAX_DISTANCE) };
    (distance <= limit && !differs_in_a_number(word, known)).then_some(distance)
}

/// `efi32` and `efi64` are two names, not a typing mistake.
fn differs_in_a_number(word: &str, known: &str) -> bool {
    let split = |word: &str| -> (String, String) { word.chars().partition(char::is_ascii_digit) };
    let ((number, text), (known_number, known_text)) = (split(word), split(known));
    text == known_text && !number.is_empty() && !known_number.is_empty() && number != known_number
}

fn same_parts(word: &str, known: &str) -> bool {
    let sorted = |word: &str| {
        let mut parts: Vec<String> = word.split('-').map(str::to_owned).collect();
        parts.sort_unstable();
        parts
    };
    sorted(word) == sorted(known)
}

/// Whether one word starts with the other one, and is less than twice as long.
fn same_start(word: &str, known: &str) -> bool {
    let shorter = word.len().min(known.len());
    let similar = word.starts_with(known) || known.starts_with(word);
    similar && shorter >= MIN_PREFIX_LEN && word.len().max(known.len()) < 2 * shorter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::OPTIONS;

    fn keyword(word: &str) -> Option<&'static str> {
        nearest(word, OPTIONS.iter().map(|row| row.keyword))
    }

    #[test]
    fn typing_mistakes_have_a_nearest_keyword() {
        for (word, meant) in [
            ("tftp_root", "tftp-root"),
            ("tftproot", "tftp-root"),
            ("tftp-rot", "tftp-root"),
            ("TFTP-Root", "tftp-root"),
            ("pxe-servcie", "pxe-service"),
            ("pxe-services", "pxe-service"),
            ("dhcp-rnage", "dhcp-range"),
            ("dhcp-optn", "dhcp-option"),
            ("enable-tfpt", "enable-tftp"),
            ("tftp-enable", "enable-tftp"),
            ("prot", "port"),
            ("log-dchp", "log-dhcp"),
            ("dhcp-bootfile", "dhcp-boot"),
            ("listen-addr", "listen-address"),
            ("dhcp-vendor-class", "dhcp-vendorclass"),
        ] {
            assert_eq!(keyword(word), Some(meant), "{word}");
        }
    }

    #[test]
    fn other_words_have_no_nearest_keyword() {
        for word in
            ["nosuch", "x", "", "tftp", "dhcp", "root", "dhcp-nm", "next-server", "filename", "é"]
        {
            assert_eq!(keyword(word), None, "{word}");
        }
    }

    #[test]
    fn names_with_different_numbers_are_not_near() {
        assert_eq!(nearest("arch7", ["arch9"].into_iter()), None);
        assert_eq!(nearest("ach7", ["arch7"].into_iter()), Some("arch7"));
        assert_eq!(nearest("a", ["b"].into_iter()), None);
    }
}
