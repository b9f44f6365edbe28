//! Options as getopt(3) reads them; an unknown one is a gap, never ignored.

use super::Call;
use super::Fault;
use super::show;

/// What a call was given.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Letters with their values, in the order given.
    pub all: Vec<(u8, Vec<u8>)>,
    /// The other arguments.
    pub operands: Vec<Vec<u8>>,
}

impl Given {
    /// Whether an option was given.
    #[must_use]
    pub fn has(&self, letter: u8) -> bool {
        self.all.iter().any(|(given, _)| *given == letter)
    }

    /// The last value of an option.
    #[must_use]
    pub fn value(&self, letter: u8) -> Option<&[u8]> {
        self.all.iter().rev().find(|(given, _)| *given == letter).map(|(_, value)| value.as_slice())
    }

    /// All values of an option.
    pub fn values(&self, letter: u8) -> impl Iterator<Item = &[u8]> {
        self.all.iter().filter(move |(given, _)| *given == letter).map(|(_, value)| value.as_slice())
    }

    /// The last given one of several letters that exclude each other.
    #[must_use]
    pub fn last_of(&self, letters: &[u8]) -> Option<u8> {
        self.all.iter().rev().map(|(given, _)| *given).find(|letter| letters.contains(letter))
    }
}

/// One option of a command: it changes what is done, or it need not, and here is why; any other does not exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opt {
    /// Its letter, or any byte below a blank when it has none.
    letter: u8,
    /// Its long names, a blank between.
    names: &'static str,
    kind: OptKind,
}

#[derive(Debug, Clone, Copy)]
enum OptKind {
    Honoured(Takes),
    /// The reason why nothing is to be done.
    Harmless(
        Takes,
        #[cfg_attr(not(test), expect(dead_code, reason = "for who reads the table, and for the test that wants one"))]
        &'static str,
    ),
}

/// Whether an option has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// Only one that is attached.
    Attached,
}

impl Opt {
    /// One without a value.
    pub(crate) const fn flag(letter: u8, names: &'static str) -> Self {
        Self { letter, names, kind: OptKind::Honoured(Takes::Nothing) }
    }

    /// One with a value.
    pub(crate) const fn value(letter: u8, names: &'static str) -> Self {
        Self { letter, names, kind: OptKind::Honoured(Takes::Value) }
    }

    /// One with a value that must be attached, and may be missing.
    pub(crate) const fn attached(letter: u8, names: &'static str) -> Self {
        Self { letter, names, kind: OptKind::Honoured(Takes::Attached) }
    }

    /// One that changes nothing here.
    pub(crate) const fn harmless(letter: u8, names: &'static str, why: &'static str) -> Self {
        Self { letter, names, kind: OptKind::Harmless(Takes::Nothing, why) }
    }

    /// Whether it is this letter, and takes no value.
    pub(crate) fn is_flag(&self, letter: u8) -> bool {
        self.letter == letter
            && matches!(self.kind, OptKind::Honoured(Takes::Nothing) | OptKind::Harmless(Takes::Nothing, _))
    }

    /// All its names, with their dashes.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        let short = (self.letter > b' ').then(|| format!("-{}", char::from(self.letter)));
        let long = self.names.split(' ').filter(|name| !name.is_empty()).map(|name| format!("--{name}"));
        short.into_iter().chain(long).collect()
    }

    /// Why nothing is done for it, when nothing is.
    #[cfg(test)]
    pub(crate) const fn reason(&self) -> Option<&'static str> {
        match self.kind {
            OptKind::Honoured(_) => None,
            OptKind::Harmless(_, why) => Some(why),
        }
    }

    /// The same with a value.
    pub(crate) const fn harmless_value(letter: u8, names: &'static str, why: &'static str) -> Self {
        Self { letter, names, kind: OptKind::Harmless(Takes::Value, why) }
    }
}

impl Call<'_, '_> {
    /// Reads the arguments by a table. Options may follow operands, as GNU's do.
    ///
    /// # Errors
    /// [`Fault::Gap`] for an option that is not in the table, or that lacks its value.
    pub(crate) fn given(&self, table: &[Opt]) -> Result<Given, Fault> {
        given(self.args, table, false)
    }

    /// The same, and the first operand ends the options: what follows it is a command's.
    ///
    /// # Errors
    /// As [`Call::given`].
    pub(crate) fn given_first(&self, table: &[Opt]) -> Result<Given, Fault> {
        given(self.args, table, true)
    }

    /// Reads the arguments. `letters` is getopt's string: `a` a flag, `b:` with a value, `c::` with a value only
    /// when it is attached; a leading `+` stops at the first operand. `long` maps long names to letters (any
    /// byte that is not a letter of its own will do).
    ///
    /// # Errors
    /// [`Fault::Gap`] for an option that is not listed, or that lacks its value.
    pub fn options(&self, letters: &str, long: &[(&str, u8)]) -> Result<Given, Fault> {
        read(self.args, letters, long)
    }
}

/// Reads arguments by a table.
fn given(args: &[Vec<u8>], table: &[Opt], first: bool) -> Result<Given, Fault> {
    let mut letters = String::from(if first { "+" } else { "" });
    let mut long = Vec::new();
    for Opt { letter, names, kind } in table {
        letters.push(char::from(*letter));
        letters.push_str(match kind {
            OptKind::Honoured(Takes::Nothing) | OptKind::Harmless(Takes::Nothing, _) => "",
            OptKind::Honoured(Takes::Value) | OptKind::Harmless(Takes::Value, _) => ":",
            OptKind::Honoured(Takes::Attached) | OptKind::Harmless(Takes::Attached, _) => "::",
        });
        long.extend(names.split(' ').filter(|name| !name.is_empty()).map(|name| (name, *letter)));
    }
    let mut given = read(args, &letters, &long)?;
    let harmless = |letter: u8| {
        table.iter().any(|option| option.letter == letter && matches!(option.kind, OptKind::Harmless(_, _)))
    };
    given.all.retain(|(letter, _)| !harmless(*letter));
    Ok(given)
}

fn read(args: &[Vec<u8>], letters: &str, long: &[(&str, u8)]) -> Result<Given, Fault> {
    let (letters, first) = match letters.strip_prefix('+') {
        Some(letters) => (letters.as_bytes(), true),
        None => (letters.as_bytes(), false),
    };
    let mut given = Given::default();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        match word.as_slice() {
            b"--" => {
                given.operands.extend(rest.cloned());
                break;
            }
            [b'-', b'-', name @ ..] => {
                let (name, value) = match memchr::memchr(b'=', name) {
                    Some(equals) => (&name[..equals], Some(name[equals + 1..].to_vec())),
                    None => (name, None),
                };
                let letter = long_option(long, name).ok_or_else(|| unknown(word))?;
                let value = match (arity(letters, letter), value) {
                    (Arity::Required, None) => rest.next().cloned().ok_or_else(|| unknown(word))?,
                    (Arity::None, Some(_)) => return Err(unknown(word)),
                    (_, value) => value.unwrap_or_default(),
                };
                given.all.push((letter, value));
            }
            [b'-', cluster @ ..] if !cluster.is_empty() => {
                read_cluster(cluster, word, letters, &mut rest, &mut given)?;
            }
            _ => {
                given.operands.push(word.clone());
                if first {
                    given.operands.extend(rest.cloned());
                    break;
                }
            }
        }
    }
    Ok(given)
}

/// The letter of a long option: by its name, or by the beginning of one (getopt_long(3)).
fn long_option(long: &[(&str, u8)], name: &[u8]) -> Option<u8> {
    let exact = long.iter().find(|(known, _)| known.as_bytes() == name);
    let mut begun = long.iter().filter(|(known, _)| known.as_bytes().starts_with(name)).map(|(_, letter)| *letter);
    if let Some((_, letter)) = exact {
        return Some(*letter);
    }
    let first = begun.next()?;
    begun.all(|letter| letter == first).then_some(first)
}

fn read_cluster(
    cluster: &[u8],
    word: &[u8],
    letters: &[u8],
    rest: &mut std::slice::Iter<'_, Vec<u8>>,
    given: &mut Given,
) -> Result<(), Fault> {
    let mut left = cluster;
    while let [letter, tail @ ..] = left {
        left = tail;
        if *letter == b':' || *letter < b' ' || !letters.contains(letter) {
            return Err(unknown(word));
        }
        let value = match arity(letters, *letter) {
            Arity::None => Vec::new(),
            Arity::Optional => std::mem::take(&mut left).to_vec(),
            Arity::Required if !left.is_empty() => std::mem::take(&mut left).to_vec(),
            Arity::Required => rest.next().cloned().ok_or_else(|| unknown(word))?,
        };
        given.all.push((*letter, value));
    }
    Ok(())
}

enum Arity {
    None,
    Required,
    Optional,
}

fn arity(letters: &[u8], letter: u8) -> Arity {
    let place = letters.iter().position(|&known| known == letter);
    match place.map(|place| &letters[place + 1..]) {
        Some([b':', b':', ..]) => Arity::Optional,
        Some([b':', ..]) => Arity::Required,
        _ => Arity::None,
    }
}

fn unknown(word: &[u8]) -> Fault {
    Fault::gap(format!("option `{}`", show(word)))
}
