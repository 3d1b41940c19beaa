//! Reading the option area of a frame (RFC 2132, section 2; docs/dnsmasq/proxydhcp.md, section 3.2).

use super::dhcp_option::{END, PAD};

/// Iterates over code and value of an option area, up to the end option or to an option that is cut off.
pub fn walk(area: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = area;
    std::iter::from_fn(move || {
        loop {
            match *rest {
                [PAD, ref tail @ ..] => rest = tail,
                [END, ..] | [] | [_] => return None,
                [code, length, ref tail @ ..] => {
                    let (value, left) = tail.split_at_checked(length.into())?;
                    rest = left;
                    return Some((code, value));
                }
            }
        }
    })
}

/// The first option of that code with at least `min_len` bytes.
pub fn find(area: &[u8], code: u8, min_len: usize) -> Option<&[u8]> {
    walk(area)
        .find(|(found, value)| *found == code && value.len() >= min_len)
        .map(|(_, value)| value)
}

/// Whether `value` contains `text` at any offset. An empty text is always contained.
pub fn contains(value: &[u8], text: &[u8]) -> bool {
    text.is_empty() || value.windows(text.len()).any(|window| window == text)
}

/// The offset of the end option, if all options before it are complete.
pub fn end(area: &[u8]) -> Option<usize> {
    let mut offset = 0;
    loop {
        match *area.get(offset)? {
            PAD => offset += 1,
            END => return Some(offset),
            _ => offset += 2 + usize::from(*area.get(offset + 1)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walk_ends_at_an_option_that_is_cut_off() {
        let area = [0, 1, 1, 7, 0, 2, 0, 3, 9, 1];
        assert_eq!(walk(&area).collect::<Vec<_>>(), [(1, &[7][..]), (2, &[])]);
        assert_eq!(end(&area), None);
        assert_eq!(end(&[1, 1, 255, 255]), Some(3));
    }

    #[test]
    fn option_shorter_than_the_minimum_is_skipped() {
        assert_eq!(find(&[93, 1, 0, 93, 2, 0, 7], 93, 2), Some(&[0, 7][..]));
    }
}
