//! Patterns of paths, name by name.

use super::Pattern;

/// A pattern of paths: `**` stands for any number of names, everything else for one, as in [`Pattern`]. A name that
/// begins with a dot is a name like others.
#[derive(Debug)]
pub struct Paths(Vec<Part>);

#[derive(Debug)]
enum Part {
    Names,
    Plain(Vec<u8>),
    Wild(Pattern),
}

impl Paths {
    /// Compiles names that are parted by slashes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let part = |name: &str| match name {
            "**" => Part::Names,
            name => match Pattern::plain(name.as_bytes()) {
                pattern if pattern.is_wild() || name.contains('\\') => Part::Wild(pattern),
                _ => Part::Plain(name.into()),
            },
        };
        Self(text.split('/').map(part).collect())
    }

    /// Whether it matches all names of a path.
    #[must_use]
    pub fn fit(&self, names: &[&[u8]]) -> bool {
        fit(&self.0, names)
    }
}

fn fit(parts: &[Part], names: &[&[u8]]) -> bool {
    match (parts, names) {
        ([], []) => true,
        ([Part::Names, rest @ ..], _) => (0..=names.len()).any(|skip| fit(rest, &names[skip..])),
        ([Part::Plain(plain), rest @ ..], [name, names @ ..]) => plain == name && fit(rest, names),
        ([Part::Wild(pattern), rest @ ..], [name, names @ ..]) => pattern.fits(name) && fit(rest, names),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_name_and_two_do_not() {
        let cases = [
            ("etc/ssh/ssh_host_*", "etc/ssh/ssh_host_rsa_key", true),
            ("etc/ssh/ssh_host_*", "etc/ssh/ssh_host_a/b", false),
            ("**/cache", "cache", true),
            ("**/cache", "a/b/cache", true),
            ("**/cache", "a/b/cache/c", false),
            ("a/**", "a", true),
            ("a/**/c/*.[0-9]", "a/b/c/x.7", true),
            ("a/**/c/*.[0-9]", "a/b/c/x.y", false),
            ("a/\\*", "a/*", true),
            ("a/\\*", "a/b", false),
            ("a/*", "a/.b", true),
        ];
        for (pattern, path, wanted) in cases {
            let names: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
            assert_eq!(Paths::new(pattern).fit(&names), wanted, "{pattern} on {path}");
        }
    }
}
