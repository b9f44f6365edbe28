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

impl Call<'_, '_> {
    /// Reads the arguments. `letters` is getopt's string: `a` a flag, `b:` with a value, `c::` with a value only
    /// when it is attached; a leading `+` stops at the first operand. `long` maps long names to letters (any
    /// byte that is not a letter of its own will do).
    ///
    /// # Errors
    /// [`Fault::Gap`] for an option that is not listed, or that lacks its value.
    pub fn options(&self, letters: &str, long: &[(&str, u8)]) -> Result<Given, Fault> {
        let (letters, first) = match letters.strip_prefix('+') {
            Some(letters) => (letters.as_bytes(), true),
            None => (letters.as_bytes(), false),
        };
        let mut given = Given::default();
        let mut rest = self.args.iter();
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
        if *letter == b':' || !letters.contains(letter) {
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
