//! The values of `--test`, which dnsmasq does not have.

/// What `--test` fails on, and how it prints. Without a value it is the check of dnsmasq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestMode {
    /// `strict`: exit code 1 if there is an error or a warning.
    pub strict: bool,
    /// `start`: exit code 1 if the start would be refused here and now.
    pub start: bool,
    /// `json`: the findings are JSON on standard output.
    pub json: bool,
}

impl TestMode {
    /// The values, with their description.
    pub const VALUES: &[(&str, &str)] = &[
        ("strict", "Exit code 1 if there is an error or a warning."),
        ("start", "Exit code 1 if the start would be refused."),
        ("json", "Print the findings as JSON."),
    ];

    /// Adds values that are separated by commas; `None`: one is unknown.
    pub fn with(self, values: &str) -> Option<Self> {
        values.split(',').try_fold(self, |mode, value| match value {
            "strict" => Some(Self { strict: true, ..mode }),
            "start" => Some(Self { start: true, ..mode }),
            "json" => Some(Self { json: true, ..mode }),
            _ => None,
        })
    }

    /// Whether it is the check of dnsmasq, whose output programs may compare.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }
}

#[test]
fn each_value_sets_one_part_of_the_mode() {
    let mode = |values| TestMode::default().with(values);
    let all = TestMode { strict: true, start: true, json: true };
    for (value, _) in TestMode::VALUES {
        assert!(mode(value).is_some_and(|mode| !mode.is_plain() && mode != all), "{value}");
    }
    assert_eq!(mode("json,strict,start"), Some(all));
    for unknown in ["", "strict,", "Strict", "strict json", "all"] {
        assert_eq!(mode(unknown), None, "{unknown}");
    }
}
