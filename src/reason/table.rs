//! Tables of reasons: a variant, its fields, its identifier and its sentence.

/// Makes an enum of reasons from a table. The sentence is a format string that uses the fields by name.
macro_rules! reasons {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $(
                $(#[$doc:meta])*
                $variant:ident $({ $($field:ident: $type:ty),* $(,)? })? = $id:literal, $text:literal;
            )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the sentence of a variant shows what its fields are")]
        pub enum $name {
            $($(#[$doc])* $variant $({ $($field: $type),* })?,)*
        }

        impl $name {
            /// All reasons of this family: identifier and sentence, with the fields in braces.
            pub const TABLE: &[(&str, &str)] = &[$(($id, $text)),*];

            /// The identifier, which does not change when the wording does.
            pub fn id(&self) -> &'static str {
                match *self {
                    $(Self::$variant $({ $($field: _),* })? => $id,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            #[allow(unused_variables, reason = "a sentence does not have to use each field")]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant $({ $($field),* })? => write!(f, $text),)*
                }
            }
        }
    };
}

/// Makes the enum over all families, with `From` for each.
macro_rules! families {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$doc:meta])* $variant:ident($family:ident),)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant($family),)*
        }

        impl $name {
            /// The name of each family with its table.
            pub const TABLES: &[(&str, &[(&str, &str)])] =
                &[$((stringify!($variant), $family::TABLE)),*];

            /// The identifiers of all reasons.
            pub fn ids() -> impl Iterator<Item = &'static str> {
                Self::TABLES.iter().flat_map(|(_, table)| table.iter().map(|(id, _)| *id))
            }

            /// The identifier, which does not change when the wording does.
            pub fn id(&self) -> &'static str {
                match self {
                    $(Self::$variant(reason) => reason.id(),)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant(reason) => reason.fmt(f),)*
                }
            }
        }

        $(
            impl From<$family> for $name {
                fn from(reason: $family) -> Self {
                    Self::$variant(reason)
                }
            }
        )*
    };
}
