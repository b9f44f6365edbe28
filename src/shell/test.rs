//! `test` and `[` (POSIX, test), as bash and coreutils read them: by the number of arguments up to four, beyond that with
//! `-a`, `-o` and parentheses. What the operators say, in all shells.

use super::Run;
use super::Shell;
use super::dash_test;
use crate::tree::Inode;
use crate::tree::Kind;

/// Why an expression has no value.
pub(super) type Wrong = Vec<u8>;

/// The command: status 0, 1, or 2 with a message.
pub(super) fn test(shell: &mut Shell<'_>, name: &[u8], arguments: &[Vec<u8>]) -> Run<i32> {
    let words: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
    let in_dash = !shell.is_bash() && !shell.tests_as_program;
    match if in_dash { dash_test::evaluate(shell, &words) } else { evaluate(shell, &words) } {
        Ok(value) => Ok(i32::from(!value)),
        Err(message) => {
            shell.complain(&[name, b": ", &message].concat())?;
            Ok(2)
        }
    }
}

fn evaluate(shell: &mut Shell<'_>, words: &[&[u8]]) -> Result<bool, Wrong> {
    match words {
        [] => Ok(false),
        [word] => Ok(!word.is_empty()),
        [b"!", word] => Ok(word.is_empty()),
        [operator, word] if unary_here(shell, operator) => unary(shell, operator, word),
        [left, operator, right] if is_binary(shell, operator) && !(shell.tests_as_program && joins(operator)) => {
            binary(shell, left, operator, right)
        }
        [b"!", rest @ ..] if rest.len() < 4 => evaluate(shell, rest).map(|value| !value),
        [b"(", rest @ .., b")"] if rest.len() < 3 => evaluate(shell, rest),
        _ => {
            let mut reader = Reader { shell, words, position: 0, depth: 0 };
            let value = reader.or()?;
            match reader.words.get(reader.position) {
                None => Ok(value),
                Some(word) => Err([word, b": unexpected operator".as_slice()].concat()),
            }
        }
    }
}

pub(super) const fn is_unary(word: &[u8]) -> bool {
    matches!(
        word,
        [
            b'-',
            b'b' | b'c'
                | b'd'
                | b'e'
                | b'f'
                | b'g'
                | b'h'
                | b'k'
                | b'L'
                | b'n'
                | b'O'
                | b'G'
                | b'p'
                | b'r'
                | b's'
                | b'S'
                | b't'
                | b'u'
                | b'w'
                | b'x'
                | b'z'
        ]
    )
}

fn unary_here(shell: &Shell<'_>, word: &[u8]) -> bool {
    is_unary(word) || (shell.is_bash() && matches!(word, b"-a" | b"-v" | b"-o" | b"-N" | b"-R"))
}

/// Whether it joins two expressions. The program reads three words with one of these as it reads longer ones.
fn joins(word: &[u8]) -> bool {
    matches!(word, b"-a" | b"-o")
}

/// `==` is bash's: in dash it is no operator.
fn is_binary(shell: &Shell<'_>, word: &[u8]) -> bool {
    let all: [&[u8]; 13] =
        [b"=", b"!=", b"<", b">", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot", b"-ef"];
    let equal = word == b"==" && (shell.is_bash() || shell.tests_as_program);
    all.contains(&word) || joins(word) || equal
}

/// The recursive grammar.
struct Reader<'a, 'w> {
    shell: &'a mut Shell<'w>,
    words: &'a [&'a [u8]],
    position: usize,
    depth: u32,
}

impl<'a> Reader<'a, '_> {
    fn peek(&self, ahead: usize) -> Option<&'a [u8]> {
        self.words.get(self.position + ahead).copied()
    }

    fn skip(&mut self, word: &[u8]) -> bool {
        let found = self.peek(0) == Some(word);
        self.position += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<bool, Wrong> {
        let mut value = self.and()?;
        while self.skip(b"-o") {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, Wrong> {
        let mut value = self.not()?;
        while self.skip(b"-a") {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, Wrong> {
        let mut negated = false;
        while self.peek(1).is_some() && self.skip(b"!") {
            negated = !negated;
        }
        Ok(self.primary()? != negated)
    }

    fn primary(&mut self) -> Result<bool, Wrong> {
        let Some(word) = self.peek(0) else { return Err(b"argument expected".to_vec()) };
        let compares = self.peek(1).is_some_and(|operator| is_binary(self.shell, operator) && !joins(operator));
        if compares && let (Some(operator), Some(right)) = (self.peek(1), self.peek(2)) {
            self.position += 3;
            return binary(self.shell, word, operator, right);
        }
        if word == b"(" {
            self.depth += 1;
            if self.depth > 64 {
                return Err(b"nested too deeply".to_vec());
            }
            self.position += 1;
            let value = self.or()?;
            self.depth -= 1;
            return if self.skip(b")") { Ok(value) } else { Err(b"closing paren expected".to_vec()) };
        }
        // What looks like an operator is one to the program, even where nothing follows.
        if self.shell.tests_as_program && matches!(word, [b'-', _]) {
            if !is_unary(word) {
                return Err([word, b": unary operator expected".as_slice()].concat());
            }
            if self.peek(1).is_none() {
                return Err([b"missing argument after ", word].concat());
            }
        }
        if unary_here(self.shell, word)
            && let Some(operand) = self.peek(1)
        {
            self.position += 2;
            return unary(self.shell, word, operand);
        }
        self.position += 1;
        Ok(!word.is_empty())
    }
}

fn number(word: &[u8]) -> Result<i64, Wrong> {
    let text = std::str::from_utf8(word).unwrap_or("").trim();
    text.parse().map_err(|_| [b"Illegal number: ", word].concat())
}

pub(super) fn binary(shell: &mut Shell<'_>, left: &[u8], operator: &[u8], right: &[u8]) -> Result<bool, Wrong> {
    Ok(match operator {
        b"=" | b"==" => left == right,
        b"!=" => left != right,
        b"<" | b">" if shell.tests_as_program => {
            shell.gap(b"test", "`<` and `>`, which only some versions of the program have");
            false
        }
        b"<" => left < right,
        b">" => left > right,
        b"-a" => !left.is_empty() && !right.is_empty(),
        b"-o" => !left.is_empty() || !right.is_empty(),
        b"-eq" => number(left)? == number(right)?,
        b"-ne" => number(left)? != number(right)?,
        b"-lt" => number(left)? < number(right)?,
        b"-le" => number(left)? <= number(right)?,
        b"-gt" => number(left)? > number(right)?,
        b"-ge" => number(left)? >= number(right)?,
        b"-nt" => is_newer(shell, left, right),
        b"-ot" => is_newer(shell, right, left),
        _ => is_same(shell, left, right),
    })
}

fn is_same(shell: &mut Shell<'_>, left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (shell.absolute(left), shell.absolute(right));
    let tree = shell.system.tree();
    match (tree.lookup(left), tree.lookup(right)) {
        (Some((left, _)), Some((right, _))) => tree.id(&left) == tree.id(&right),
        _ => false,
    }
}

/// Whether a file was written after another one.
fn is_newer(shell: &mut Shell<'_>, newer: &[u8], older: &[u8]) -> bool {
    let time = |path| shell.look(path, true).map(|inode| inode.stat.mtime);
    let times = [newer, older].map(time);
    match times {
        // The clock stands still: what scripts write has one time.
        [Some(time), Some(other)] if time == other && time == shell.system.clock && !is_same(shell, newer, older) => {
            shell.gap(b"test", "which of two files that scripts wrote is newer");
            false
        }
        [Some(time), Some(other)] => time > other,
        // bash and coreutils take what is not there for older than everything.
        [Some(_), None] => shell.is_bash() || shell.tests_as_program || is_older_missing_in_dash(shell),
        [None, _] => false,
    }
}

/// So does dash, since Debian's 0.5.12-10.
fn is_older_missing_in_dash(shell: &mut Shell<'_>) -> bool {
    // A budget that is spent is told by the next charge.
    let numbers = shell.installed_numbers(b"dash").unwrap_or_default();
    if numbers.is_empty() {
        shell.gap(b"test", "a file that is not there beside one that is, where no dash is installed");
    }
    numbers >= vec![0, 5, 12, 10]
}

pub(super) fn unary(shell: &mut Shell<'_>, operator: &[u8], word: &[u8]) -> Result<bool, Wrong> {
    let letter = operator[1];
    match letter {
        b'n' => return Ok(!word.is_empty()),
        b'z' => return Ok(word.is_empty()),
        // Nothing here is a terminal.
        b't' if shell.is_bash() => return Ok(false),
        b't' => return number(word).map(|_| false),
        b'v' => return Ok(shell.is_set(word)),
        b'o' => return Ok(shell.state.options.named(word).unwrap_or(false)),
        b'N' | b'R' => {
            shell.lacks(format!("`test -{}`", char::from(letter)));
            return Ok(false);
        }
        _ => {}
    }
    let Some(inode) = shell.look(word, !matches!(letter, b'h' | b'L')) else { return Ok(false) };
    let mode = inode.stat.mode;
    Ok(match letter {
        b'b' => matches!(inode.kind, Kind::BlockDevice { .. }),
        b'c' => matches!(inode.kind, Kind::CharDevice { .. }),
        b'd' => inode.is_directory(),
        b'f' => inode.content().is_some(),
        b'g' => mode & 0o2000 != 0,
        b'h' | b'L' => matches!(inode.kind, Kind::Symlink(_)),
        b'k' => mode & 0o1000 != 0,
        b'O' => inode.stat.uid == shell.system.acting.as_ref().map_or(0, |user| user.uid),
        b'G' => inode.stat.gid == shell.system.acting.as_ref().map_or(0, |user| user.gid),
        b'r' | b'w' | b'x' if shell.system.acting.is_some() => {
            let path = shell.absolute(word);
            let place = shell.system.tree().resolve(path, true);
            let wanted = u32::from(match letter {
                b'r' => 4_u8,
                b'w' => 2,
                _ => 1,
            });
            place.is_ok_and(|place| shell.system.may(&place, wanted))
        }
        b'p' => matches!(inode.kind, Kind::Fifo),
        b's' => inode.content().is_none_or(|content| content.size() > 0),
        b'S' => false,
        b'u' => mode & 0o4000 != 0,
        b'x' => inode.is_directory() || mode & 0o111 != 0,
        // Scripts run as root: what exists can be read and written.
        _ => true,
    })
}

impl Shell<'_> {
    /// bash's `-v`: whether a variable, or an element, has a value.
    fn is_set(&mut self, word: &[u8]) -> bool {
        match memchr::memchr(b'[', word) {
            Some(open) if word.ends_with(b"]") => {
                let (name, subscript) = (&word[..open], &word[open + 1..word.len() - 1]);
                if matches!(subscript, b"@" | b"*") {
                    return self.entries(name).is_ok_and(|entries| !entries.is_empty());
                }
                let text = self.read_subscript(subscript);
                text.and_then(|text| self.element(name, &text)).is_ok_and(|element| element.is_some())
            }
            _ if word.is_empty() => false,
            _ => self.value(word).is_ok_and(|value| value.is_some()),
        }
    }

    /// The inode that a path leads to for this process. The devices that every system has are there.
    pub fn look(&mut self, path: &[u8], follow: bool) -> Option<Inode> {
        if path.is_empty() {
            return None;
        }
        let absolute = self.absolute(path);
        let tree = self.system.tree();
        let place = tree.resolve(&absolute, follow || path.ends_with(b"/")).ok()?;
        match tree.get(&place) {
            Some(inode) => Some(inode.clone()).filter(|inode| inode.is_directory() || !path.ends_with(b"/")),
            None => device(place.as_bytes()),
        }
    }
}

fn device(path: &[u8]) -> Option<Inode> {
    let minor = match path.strip_prefix(b"dev/")? {
        b"null" => 3,
        b"zero" => 5,
        b"full" => 7,
        b"random" => 8,
        b"urandom" => 9,
        _ => return None,
    };
    Some(Inode { kind: Kind::CharDevice { major: 1, minor }, stat: crate::tree::Stat::new(0o666) })
}
