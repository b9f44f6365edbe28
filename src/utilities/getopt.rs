//! `getopt` of util-linux: the arguments of a script, in order and quoted for `eval set --`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::programs::replace_all;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("getopt", getopt)];

/// Whether an option has an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arity {
    None,
    Required,
    Optional,
}

/// What getopt was told.
#[derive(Debug)]
struct Grammar {
    name: String,
    short: Vec<(u8, Arity)>,
    long: Vec<(Vec<u8>, Arity)>,
    /// `-a`: long options may begin with one dash.
    alternative: bool,
    /// `+`: the first argument that is no option ends them.
    stops: bool,
    /// `-`: arguments that are no options keep their place.
    keeps: bool,
    /// `-u`
    plain: bool,
}

/// What is made of the arguments.
#[derive(Debug, Default)]
struct Parsed {
    words: Vec<Vec<u8>>,
    operands: Vec<Vec<u8>>,
    errors: Vec<String>,
}

fn getopt(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("alternative", b'a'),
        ("longoptions", b'l'),
        ("long", b'l'),
        ("name", b'n'),
        ("options", b'o'),
        ("quiet", b'q'),
        ("quiet-output", b'Q'),
        ("shell", b's'),
        ("test", b'T'),
        ("unquoted", b'u'),
    ];
    // Without an option first, the first word is the short options: the way of older systems.
    let old = !call.args.first().is_some_and(|first| first.starts_with(b"-"));
    let given = if old {
        super::Given { all: Vec::new(), operands: call.args.to_vec() }
    } else {
        call.options("+al:n:o:qQs:Tu", &long)?
    };
    if given.has(b'T') {
        return Ok(4);
    }
    if given.value(b's').is_some_and(|shell| !matches!(shell, b"sh" | b"bash")) {
        return Err(Fault::gap("for a shell that is not POSIX's"));
    }
    let (short, arguments) = match (given.value(b'o'), given.operands.split_first()) {
        (Some(short), _) => (short.to_vec(), given.operands.as_slice()),
        (None, Some((short, arguments))) => (short.clone(), arguments),
        (None, None) => {
            let hint = "missing optstring argument\nTry 'getopt --help' for more information.";
            return Err(Fault::Failed(2, hint.into()));
        }
    };
    let grammar = Grammar {
        name: show(given.value(b'n').unwrap_or(b"getopt")),
        long: given.values(b'l').flat_map(read_long).collect(),
        alternative: given.has(b'a'),
        stops: short.starts_with(b"+"),
        keeps: short.starts_with(b"-"),
        plain: old || given.has(b'u'),
        short: read_short(&short),
    };
    let parsed = grammar.parse(arguments);
    if !given.has(b'q') {
        for error in &parsed.errors {
            call.shell.print_error(format!("{}: {error}\n", grammar.name).as_bytes())?;
        }
    }
    if !given.has(b'Q') {
        let mut line = parsed.words.concat();
        line.extend(b" --");
        parsed.operands.iter().for_each(|operand| line.extend(grammar.quoted(operand)));
        line.push(b'\n');
        call.out(line)?;
    }
    Ok(i32::from(!parsed.errors.is_empty()))
}

fn arity(colons: &[u8]) -> Arity {
    match colons {
        [b':', b':', ..] => Arity::Optional,
        [b':', ..] => Arity::Required,
        _ => Arity::None,
    }
}

fn read_short(text: &[u8]) -> Vec<(u8, Arity)> {
    let letters = text.iter().enumerate().filter(|(_, letter)| !b":+-".contains(letter));
    letters.map(|(index, letter)| (*letter, arity(&text[index + 1..]))).collect()
}

fn read_long(text: &[u8]) -> Vec<(Vec<u8>, Arity)> {
    let names = text.split(|byte| b", \t\n".contains(byte)).filter(|name| !name.is_empty());
    let read = |name: &[u8]| {
        let end = name.iter().rposition(|&byte| byte != b':').map_or(0, |last| last + 1);
        (name[..end].to_vec(), arity(&name[end..]))
    };
    names.map(read).collect()
}

impl Grammar {
    /// A blank and the word, as the shell reads it back.
    fn quoted(&self, word: &[u8]) -> Vec<u8> {
        match self.plain {
            true => [b" ", word].concat(),
            false => [b" '", replace_all(word, b"'", b"'\\''").as_slice(), b"'"].concat(),
        }
    }

    fn parse(&self, arguments: &[Vec<u8>]) -> Parsed {
        let mut parsed = Parsed::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            match word.as_slice() {
                b"--" => {
                    parsed.operands.extend(rest.by_ref().cloned());
                }
                [b'-', b'-', name @ ..] => self.long(name, b"--", &mut rest, &mut parsed),
                [b'-', first, ..] if self.alternative && self.is_long(&word[1..], *first) => {
                    self.long(&word[1..], b"-", &mut rest, &mut parsed);
                }
                [b'-', cluster @ ..] if !cluster.is_empty() => self.cluster(cluster, &mut rest, &mut parsed),
                _ if self.keeps => parsed.words.push(self.quoted(word)),
                _ => {
                    parsed.operands.push(word.clone());
                    if self.stops {
                        parsed.operands.extend(rest.by_ref().cloned());
                    }
                }
            }
        }
        parsed
    }

    /// Whether what has one dash is a long option: a single letter that is a short one is not.
    fn is_long(&self, word: &[u8], first: u8) -> bool {
        let known = self.short.iter().any(|(letter, _)| *letter == first);
        let name = &word[..memchr::memchr(b'=', word).unwrap_or(word.len())];
        !known || (name.len() > 1 && !self.matches(name).is_empty())
    }

    /// The long options that a name stands for: itself, or all that begin with it.
    fn matches(&self, name: &[u8]) -> Vec<&(Vec<u8>, Arity)> {
        if let Some(exact) = self.long.iter().find(|(known, _)| known == name) {
            return vec![exact];
        }
        self.long.iter().filter(|(known, _)| known.starts_with(name)).collect()
    }

    fn long(&self, word: &[u8], dashes: &[u8], rest: &mut std::slice::Iter<'_, Vec<u8>>, parsed: &mut Parsed) {
        let (name, value) = match memchr::memchr(b'=', word) {
            Some(equals) => (&word[..equals], Some(word[equals + 1..].to_vec())),
            None => (word, None),
        };
        let shown = show(&[dashes, name].concat());
        let (option, arity) = match self.matches(name).as_slice() {
            [(option, arity)] => (option, *arity),
            [] => return parsed.errors.push(format!("unrecognized option '{}'", show(&[dashes, word].concat()))),
            several => {
                let names: Vec<String> =
                    several.iter().map(|(option, _)| format!("'{}{}'", show(dashes), show(option))).collect();
                let error = format!("option '{shown}' is ambiguous; possibilities: {}", names.join(" "));
                return parsed.errors.push(error);
            }
        };
        let full = show(&[dashes, option.as_slice()].concat());
        let value = match (arity, value) {
            (Arity::None, Some(_)) => return parsed.errors.push(format!("option '{full}' doesn't allow an argument")),
            (Arity::None, None) => None,
            (Arity::Required, None) => match rest.next() {
                Some(value) => Some(value.clone()),
                None => return parsed.errors.push(format!("option '{full}' requires an argument")),
            },
            (Arity::Optional, None) => Some(Vec::new()),
            (_, value) => value,
        };
        parsed.words.push([b" --", option.as_slice()].concat());
        parsed.words.extend(value.map(|value| self.quoted(&value)));
    }

    fn cluster(&self, cluster: &[u8], rest: &mut std::slice::Iter<'_, Vec<u8>>, parsed: &mut Parsed) {
        let mut left = cluster;
        while let Some((letter, tail)) = left.split_first() {
            left = tail;
            let shown = char::from(*letter);
            let Some((_, arity)) = self.short.iter().find(|(known, _)| known == letter) else {
                parsed.errors.push(format!("invalid option -- '{shown}'"));
                continue;
            };
            let value = match arity {
                Arity::None => None,
                Arity::Optional => Some(std::mem::take(&mut left).to_vec()),
                Arity::Required if !left.is_empty() => Some(std::mem::take(&mut left).to_vec()),
                Arity::Required => match rest.next() {
                    Some(value) => Some(value.clone()),
                    None => return parsed.errors.push(format!("option requires an argument -- '{shown}'")),
                },
            };
            parsed.words.push(vec![b' ', b'-', *letter]);
            parsed.words.extend(value.map(|value| self.quoted(&value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_first_and_quoted() {
        let grammar = Grammar {
            name: "n".into(),
            short: read_short(b"ab:c::"),
            long: read_long(b"alpha,beta:,better"),
            alternative: false,
            stops: false,
            keeps: false,
            plain: false,
        };
        let parse = |words: &[&str]| {
            let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            let parsed = grammar.parse(&words);
            (show(&parsed.words.concat()), parsed.operands.len(), parsed.errors)
        };
        assert_eq!(parse(&["x", "-ab1", "--al", "-c", "--", "-a"]), (" -a -b '1' --alpha -c ''".into(), 2, vec![]));
        assert_eq!(parse(&["--beta=it's"]).0, " --beta 'it'\\''s'");
        let errors = [
            (&["-x"][..], "invalid option -- 'x'"),
            (&["-b"], "option requires an argument -- 'b'"),
            (&["--be"], "option '--be' is ambiguous; possibilities: '--beta' '--better'"),
            (&["--alpha=1"], "option '--alpha' doesn't allow an argument"),
        ];
        for (words, wanted) in errors {
            assert_eq!(parse(words).2, [wanted]);
        }
    }
}
