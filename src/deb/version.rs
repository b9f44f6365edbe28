//! Version numbers and their order (Policy 5.6.12, deb-version(7)).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version: `[epoch:]upstream[-revision]`. Compares as dpkg does; `1.0` and `1.0-0` are equal.
#[derive(Debug, Clone)]
pub struct Version(String);

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version: {reason}")]
pub struct VersionError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Version {
    /// The epoch, 0 when absent.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.split().0
    }

    /// The text as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version without an epoch that says nothing, as dpkg writes it into its database: `0:1.0` is `1.0`.
    /// Where a colon follows, the epoch stays, for the colon would be taken for its end.
    #[must_use]
    pub fn normalized(&self) -> Cow<'_, str> {
        match self.0.split_once(':') {
            None => Cow::Borrowed(&self.0),
            Some((_, rest)) if self.epoch() == 0 && !rest.contains(':') => Cow::Borrowed(rest),
            Some((_, rest)) => Cow::Owned(format!("{}:{rest}", self.epoch())),
        }
    }

    /// The version without its epoch, as it stands in file names.
    #[must_use]
    pub fn without_epoch(&self) -> &str {
        self.0.split_once(':').map_or(self.0.as_str(), |(_, rest)| rest)
    }

    /// Upstream version and revision (empty when absent).
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        let (_, upstream, revision) = self.split();
        (upstream, revision)
    }

    /// Epoch, upstream version, revision (empty when absent).
    fn split(&self) -> (u64, &str, &str) {
        let (epoch, rest) =
            self.0.split_once(':').map_or((0, self.0.as_str()), |(epoch, rest)| (epoch.parse().unwrap_or(0), rest));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch, upstream, revision)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = |reason| Err(VersionError { text: text.chars().take(100).collect(), reason });
        let rest = match text.split_once(':') {
            Some(("", _)) => return error("the epoch is empty"),
            Some((epoch, _)) if !epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
                return error("the epoch is no number");
            }
            Some((epoch, _)) if epoch.parse::<i32>().is_err() => return error("the epoch is too big"),
            Some((_, rest)) => rest,
            None => text,
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((_, "")) => return error("the revision is empty"),
            Some((upstream, revision)) => (upstream, revision),
            None => (rest, ""),
        };
        if upstream.is_empty() {
            return error("the upstream version is empty");
        }
        if !upstream.starts_with(|first: char| first.is_ascii_digit()) {
            return error("the upstream version does not start with a digit");
        }
        if !upstream.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+~:".contains(&byte)) {
            return error("a character that is not allowed in an upstream version");
        }
        if !revision.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+~".contains(&byte)) {
            return error("a character that is not allowed in a revision");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (epoch, upstream, revision) = self.split();
        let (other_epoch, other_upstream, other_revision) = other.split();
        epoch
            .cmp(&other_epoch)
            .then_with(|| compare_part(upstream.as_bytes(), other_upstream.as_bytes()))
            .then_with(|| compare_part(revision.as_bytes(), other_revision.as_bytes()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    /// Equal as versions: `1.0` and `1.0-0`, `0:1` and `1` are equal.
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// Compares alternating non-digit and digit parts as Policy 5.6.12 says: letters before other characters, `~`
/// before everything, even the end; numbers by value.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    };
    while !a.is_empty() || !b.is_empty() {
        loop {
            let at_digit = |part: &[u8]| part.first().is_none_or(u8::is_ascii_digit);
            if at_digit(a) && at_digit(b) {
                break;
            }
            let order = weight(a.first()).cmp(&weight(b.first()));
            if order.is_ne() {
                return order;
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let (number_a, rest_a) = digits(a);
        let (number_b, rest_b) = digits(b);
        let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// The number at the start, without leading zeros, and what follows it.
fn digits(part: &[u8]) -> (&[u8], &[u8]) {
    let end = part.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(part.len());
    let (number, rest) = part.split_at(end);
    let zeros = number.iter().position(|&byte| byte != b'0').unwrap_or(end);
    (&number[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_order_is_dpkgs() {
        let ascending = [
            "0~~",
            "0~~a",
            "0~",
            "0",
            "0-0.1",
            "0-1",
            "0a",
            "0+",
            "0.",
            "1.0~rc1",
            "1.0",
            "1.0-1~bpo1",
            "1.0-1",
            "1.0-1+b1",
            "1.0+dfsg-1",
            "1.2",
            "1.10",
            "1.18446744073709551616",
            "1:0",
            "1:0.1",
            "2:0",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(version(a).cmp(&version(b)), i.cmp(&j), "{a} {b}");
            }
        }
        for (a, b) in [("1.0", "1.0-0"), ("0:1", "1"), ("1.01", "1.1"), ("1.a", "1.a0")] {
            assert_eq!(version(a), version(b));
        }
    }

    #[test]
    fn what_is_no_version() {
        for text in [
            "",
            ":1",
            "a:1",
            "-1:1",
            "+1:1",
            "2147483648:1",
            "1:",
            "1-",
            "a1",
            "1_0",
            "1 0",
            "1-1:1",
            "1/../x",
            "1\n",
            "\u{661}",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn normalized_as_in_dpkgs_database() {
        for (text, normal) in [("1.0-0", "1.0-0"), ("0:1", "1"), ("0:1:2", "0:1:2"), ("01:2", "1:2"), ("1:2", "1:2")] {
            assert_eq!(version(text).normalized(), normal);
            assert_eq!(version(&version(text).normalized()), version(text));
        }
    }
}
