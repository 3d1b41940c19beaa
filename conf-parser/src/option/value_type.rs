//! Types of the value of a DHCP option, and of what surrounds the option.

use crate::input::Input;
use crate::option_names::Kind;

/// The option that another option is encapsulated in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encapsulation {
    /// None.
    #[default]
    Plain,
    /// Option 43 (RFC 2132, section 8.4), for clients whose vendor class contains this text.
    Vendor(Vec<u8>),
    /// The option of this number.
    Encap(u32),
    /// Option 125 (RFC 3925) of this enterprise number.
    Enterprise(u32),
}

/// The keyword of a line that names a DHCP option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionKeyword {
    /// `dhcp-option` and `dhcp-option-force`: the same for a proxyDHCP server.
    Option,
    /// `dhcp-option-pxe`.
    Pxe,
    /// `dhcp-match`.
    Match,
}

/// The value of a DHCP option.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The bytes as they are sent.
    pub bytes: Vec<u8>,
    /// The syntax of the value in the configuration. It decides how the value is matched.
    pub value_type: ValueType,
}

/// The syntax of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueType {
    /// There is no value.
    #[default]
    Absent,
    /// Hexadecimal with colons; the indexes of the bytes that are `*`, which matches any byte.
    Hex(Vec<usize>),
    /// A decimal number.
    Number,
    /// IPv4 addresses or networks.
    Addresses {
        /// Whether 0.0.0.0 is replaced by the address of the server: in an option without encapsulation, if no
        /// address has a `/`.
        relative: bool,
    },
    /// Text, a list of domains, or anything else.
    Text,
}

/// What is known of an option before its value is read.
#[derive(Clone, Copy)]
pub(crate) struct ExpectedValue {
    /// The number of the option.
    pub code: u32,
    /// The kind of value in the table of named options.
    pub kind: Option<Kind>,
    /// Whether the server itself sets the option; then a number without a suffix has no size.
    pub internal: bool,
    /// Whether it is a `DHCPv6` option.
    pub version6: bool,
}

/// What a value can be, by its characters that are not quoted.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) decimal: bool,
    pub(super) address: bool,
    pub(super) hex: bool,
    pub(super) digit: bool,
    pub(super) dot: bool,
    pub(super) colon: bool,
    pub(super) suffix: Option<u8>,
}

impl Shape {
    pub(super) fn of(text: Input<'_>, keyword: OptionKeyword) -> Self {
        let mut shape = Self { decimal: true, address: true, hex: true, ..Self::default() };
        for (index, byte) in text.structural_bytes().enumerate() {
            let last = index + 1 == text.cells().len();
            match byte {
                b'0'..=b'9' => shape.digit = true,
                b'-' => (shape.address, shape.hex) = (false, false),
                b'.' => (shape.decimal, shape.hex, shape.dot) = (false, false, true),
                b':' => (shape.decimal, shape.address, shape.colon) = (false, false, true),
                b',' | b' ' => (shape.decimal, shape.hex) = (false, false),
                b'/' => {
                    (shape.decimal, shape.hex, shape.address) =
                        (false, false, shape.address && index > 0);
                }
                b'b' | b's' | b'i' if last && shape.decimal => {
                    shape.suffix = Some(byte);
                    (shape.address, shape.hex) = (false, shape.hex && byte == b'b');
                }
                b'*' if keyword == OptionKeyword::Match => {
                    (shape.decimal, shape.address) = (false, false);
                }
                _ => {
                    shape.decimal = false;
                    shape.address = false;
                    shape.hex &= byte.is_ascii_hexdigit();
                }
            }
        }
        shape
    }
}

/// The value as text.
pub(super) fn plain_text(text: Input<'_>) -> Value {
    Value { bytes: text.bytes(), value_type: ValueType::Text }
}
