//! Control data in the deb822 form: stanzas of fields (Policy 5.1, deb822(5)).

/// One stanza: its fields in order, borrowed from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza<'a> {
    fields: Vec<Field<'a>>,
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// As written; compares without case.
    pub name: &'a str,
    /// Without the space after the colon and the final newline; continuation lines are kept verbatim, with
    /// their newline and leading space.
    pub value: &'a str,
}

/// A text that is no control data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ControlError {
    /// Counted from 1 in the text given.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// The stanzas of a text, one after the other.
pub fn stanzas(text: &[u8]) -> impl Iterator<Item = Result<Stanza<'_>, ControlError>> {
    let _ = text;
    std::iter::empty()
}
