//! debconf's protocol (debconf-devel(7), "The debconf protocol") as the noninteractive frontend answers it: one
//! line in, one line out.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use super::database::Database;
use super::database::is_space;

const BAD_PARAMETERS: u32 = 10;
const SYNTAX: u32 = 20;
const INVISIBLE: u32 = 30;
const VERSION: u32 = 30;

/// The types that the noninteractive frontend has an element for; no type at all will do too.
const TYPES: [&[u8]; 10] =
    [b"", b"boolean", b"error", b"multiselect", b"note", b"password", b"progress", b"select", b"string", b"text"];

/// A program that talks with debconf.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// What the program has not read yet.
    pub(super) replies: VecDeque<u8>,
    /// What it has written of its next line.
    pub(super) line: Vec<u8>,
    /// It said `STOP`.
    pub(super) stopped: bool,
    /// What people would be shown: an error.
    pub(super) shown: Vec<u8>,
    /// What stands above it, once.
    pub(super) title: Vec<u8>,
    /// Why the frontend could not go on, where the model ends.
    pub(super) gap: Option<String>,
    /// Whose questions these are.
    owner: Vec<u8>,
    /// `DEBIAN_PRIORITY`, when it is set.
    priority: Option<Vec<u8>>,
    /// `DEBCONF_NONINTERACTIVE_SEEN`: a question counts as seen though nobody looked.
    marks_seen: bool,
    escape: bool,
    asked: Vec<Asked>,
    seen: BTreeSet<Vec<u8>>,
    progress: bool,
}

/// A question between `INPUT` and `GO`.
#[derive(Debug)]
struct Asked {
    question: Vec<u8>,
    mark: bool,
}

/// Status and text.
type Reply = Result<(u32, Vec<u8>), (u32, Vec<u8>)>;

fn ok(text: impl Into<Vec<u8>>) -> Reply {
    Ok((0, text.into()))
}

fn fail<T>(status: u32, text: impl Into<Vec<u8>>) -> Result<T, (u32, Vec<u8>)> {
    Err((status, text.into()))
}

fn missing<T>(question: &[u8]) -> Result<T, (u32, Vec<u8>)> {
    fail(BAD_PARAMETERS, [question, b" doesn't exist"].concat())
}

fn missing_quoted<T>(question: &[u8]) -> Result<T, (u32, Vec<u8>)> {
    fail(BAD_PARAMETERS, [b"\"", question, b"\" doesn't exist"].concat())
}

fn exact<const N: usize>(arguments: &[Vec<u8>]) -> Result<&[Vec<u8>; N], (u32, Vec<u8>)> {
    arguments.try_into().map_err(|_| (SYNTAX, b"Incorrect number of arguments".to_vec()))
}

fn at_least(arguments: &[Vec<u8>], count: usize) -> Result<(), (u32, Vec<u8>)> {
    if arguments.len() < count {
        exact::<0>(arguments).and(fail(SYNTAX, "Incorrect number of arguments"))
    } else {
        Ok(())
    }
}

impl Session {
    /// Begins to talk for `owner`; `priority` and `marks_seen` are the environment's `DEBIAN_PRIORITY` and
    /// `DEBCONF_NONINTERACTIVE_SEEN`.
    pub(super) fn new(owner: &[u8], priority: Option<&[u8]>, marks_seen: bool) -> Self {
        Self { owner: owner.to_vec(), priority: priority.map(<[u8]>::to_vec), marks_seen, ..Self::default() }
    }

    /// Answers one line. `read` gives the bytes of a file of the tree.
    pub(super) fn answer(
        &mut self,
        database: &mut Database,
        line: &[u8],
        read: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Vec<u8> {
        let words = if self.escape { unescape_split(line) } else { split(line) };
        let Some((command, arguments)) = words.split_first() else {
            return [b"20 Bad line \"", line, b"\" received from confmodule."].concat();
        };
        let command = command.to_ascii_lowercase();
        if command == b"stop" {
            self.stopped = true;
            return Vec::new();
        }
        let (Ok((status, text)) | Err((status, text))) = self.command(database, &command, arguments, line, read);
        let mut reply = status.to_string().into_bytes();
        if !text.is_empty() || matches!(command.as_slice(), b"get" | b"metaget" | b"fget" | b"fset") {
            reply.push(b' ');
        }
        reply.extend(text);
        reply.truncate(memchr::memchr(b'\n', &reply).unwrap_or(reply.len()));
        reply
    }

    /// What a program's end does: the questions that it asked have been seen.
    pub(super) fn finish(&mut self, database: &mut Database) {
        for question in std::mem::take(&mut self.seen) {
            database.set_flag(&question, b"seen", b"true");
        }
    }

    fn command(
        &mut self,
        database: &mut Database,
        command: &[u8],
        arguments: &[Vec<u8>],
        line: &[u8],
        read: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Reply {
        match command {
            b"version" => version(arguments),
            b"capb" => {
                self.escape = arguments.iter().any(|word| word == b"escape");
                // The frontend has no capability of its own, and debconf says so with an empty word.
                ok("multiselect escape ")
            }
            b"beginblock" | b"endblock" => ok(""),
            b"title" => {
                self.title = arguments.join(&b' ');
                ok("")
            }
            b"settitle" => self.settitle(database, arguments),
            b"info" => match arguments {
                [] => ok(""),
                _ => {
                    let [question] = exact(arguments)?;
                    database.question(question).map_or_else(|| missing_quoted(question), |_| ok(""))
                }
            },
            b"input" => self.input(database, arguments),
            b"clear" => {
                let [] = exact(arguments)?;
                self.asked.clear();
                ok("")
            }
            b"go" => self.go(database, arguments),
            b"progress" => self.progress(database, arguments),
            b"get" => {
                let [question] = exact(arguments)?;
                match database.question(question) {
                    Some(_) => self.text(database.value(question)),
                    None => missing(question),
                }
            }
            b"metaget" => self.metaget(database, arguments),
            b"register" => self.register(database, arguments),
            b"unregister" => self.unregister(database, arguments),
            b"purge" => {
                let [] = exact(arguments)?;
                database.questions().iter().for_each(|question| database.remove_owner(question, &self.owner));
                ok("")
            }
            // Every question could be shown, as far as a frontend that shows none can say.
            b"visible" => {
                let [_, question] = exact(arguments)?;
                database.question(question).map_or_else(|| missing(question), |_| ok("true"))
            }
            b"exist" => {
                let [question] = exact(arguments)?;
                ok(if database.question(question).is_some() { "true" } else { "false" })
            }
            b"data" => self.data(database, arguments),
            b"x_loadtemplatefile" => self.load(database, arguments, read),
            b"set" | b"reset" | b"subst" | b"fget" | b"fset" => self.change(database, command, arguments),
            _ => {
                let said = [&b"Unsupported command \""[..], command, b"\" (full line was \"", line];
                fail(SYNTAX, [said.concat().as_slice(), b"\") received from confmodule."].concat())
            }
        }
    }

    fn settitle(&mut self, database: &Database, arguments: &[Vec<u8>]) -> Reply {
        let [question] = exact(arguments)?;
        if database.question(question).is_none() {
            return missing_quoted(question);
        }
        self.title = self.expanded(database, question, b"description");
        ok("")
    }

    fn unregister(&self, database: &mut Database, arguments: &[Vec<u8>]) -> Reply {
        let [question] = exact(arguments)?;
        if database.question(question).is_none() {
            return missing(question);
        }
        if self.asked.iter().any(|asked| asked.question == *question) {
            return fail(BAD_PARAMETERS, [question, &b" is busy, cannot unregister right now"[..]].concat());
        }
        database.remove_owner(question, &self.owner);
        ok("")
    }

    /// A text that may have more than one line: escaped, or cut.
    fn text(&self, text: Vec<u8>) -> Reply {
        if self.escape { Ok((1, super::database::escape(&text))) } else { ok(text) }
    }

    /// Whether a priority is not below the one that questions are asked from.
    fn high_enough(&self, database: &Database, priority: &[u8]) -> bool {
        let own = database.question(b"debconf/priority").map(|_| database.value(b"debconf/priority"));
        let own = own.filter(|own| !own.is_empty());
        let wanted = self.priority.clone().or(own).unwrap_or_else(|| b"high".to_vec());
        rank(priority) >= rank(&wanted)
    }

    fn input(&mut self, database: &Database, arguments: &[Vec<u8>]) -> Reply {
        let [priority, question] = exact(arguments)?;
        if database.question(question).is_none() {
            return missing_quoted(question);
        }
        if rank(priority).is_none() {
            return fail(SYNTAX, [b"\"", priority.as_slice(), b"\" is not a valid priority"].concat());
        }
        let kind = database.text(question, b"type", true);
        if !TYPES.contains(&kind.as_slice()) {
            self.gap = Some(format!("asks a question of the type `{}`", crate::utilities::show(&kind)));
            return fail(100, "unable to make an input element");
        }
        let asks =
            kind == b"error" || self.high_enough(database, priority) && database.flag(question, b"seen") != b"true";
        // Nobody looks; whether it counts as seen is the environment's choice.
        let mark = asks && self.marks_seen;
        if !self.asked.iter().any(|asked| asked.question == *question) {
            self.asked.push(Asked { question: question.clone(), mark });
        }
        fail(INVISIBLE, "question skipped")
    }

    /// Every question asked gets its answer: the default, where none was given.
    fn go(&mut self, database: &mut Database, arguments: &[Vec<u8>]) -> Reply {
        let [] = exact(arguments)?;
        for Asked { question, mark } in std::mem::take(&mut self.asked) {
            let value = match database.text(&question, b"type", true).as_slice() {
                b"error" => {
                    self.show(database, &question);
                    Vec::new()
                }
                b"text" => Vec::new(),
                b"select" => {
                    let choices = database.choices(&question).unwrap_or_else(|| self.too_long());
                    let value = database.value(&question);
                    let first = || choices.first().cloned().unwrap_or_default();
                    if choices.contains(&value) { value } else { first() }
                }
                _ => database.value(&question),
            };
            database.set_value(&question, &value);
            if mark {
                self.seen.insert(question);
            }
        }
        ok("ok")
    }

    /// An error is shown whoever looks, unless it was seen.
    fn show(&mut self, database: &Database, question: &[u8]) {
        if database.flag(question, b"seen") == b"true" {
            return;
        }
        let title = std::mem::take(&mut self.title);
        if !title.is_empty() {
            let line = vec![b'-'; title.len()];
            self.shown.extend([title.as_slice(), b"\n", &line, b"\n\n"].concat());
        }
        let (short, long) = (
            self.expanded(database, question, b"description"),
            self.expanded(database, question, b"extended_description"),
        );
        let whole = [short.as_slice(), b"\n\n", &long].concat();
        for line in whole.trim_ascii_end().split(|&byte| byte == b'\n') {
            self.shown.extend(wrapped(line));
        }
        self.shown.push(b'\n');
    }

    fn progress(&mut self, database: &Database, arguments: &[Vec<u8>]) -> Reply {
        at_least(arguments, 1)?;
        let (verb, rest) = (arguments[0].to_ascii_lowercase(), &arguments[1..]);
        let question = match verb.as_slice() {
            b"start" => {
                let [minimum, maximum, question] = exact(rest)?;
                if integer(minimum) > integer(maximum) {
                    let said = [b"min (", minimum.as_slice(), b") > max (", maximum, b")"].concat();
                    return fail(SYNTAX, said);
                }
                Some(question)
            }
            b"set" | b"step" => {
                let [_] = exact(rest)?;
                None
            }
            b"info" => {
                let [question] = exact(rest)?;
                Some(question)
            }
            b"stop" => {
                let [] = exact(rest)?;
                None
            }
            _ => return fail(SYNTAX, "Unknown subcommand"),
        };
        if let Some(question) = question.filter(|question| database.question(question).is_none()) {
            return missing(question);
        }
        self.progress |= verb == b"start";
        if !self.progress {
            self.gap = Some("a progress bar that was not started".into());
        }
        self.progress &= verb != b"stop";
        ok("OK")
    }

    /// A text of a question, for people.
    fn expanded(&mut self, database: &Database, question: &[u8], field: &[u8]) -> Vec<u8> {
        let text = database.text(question, field, true);
        database.expand(question, &text).unwrap_or_else(|| self.too_long())
    }

    fn too_long<T: Default>(&mut self) -> T {
        self.gap = Some("a text that grows without end".into());
        T::default()
    }

    fn metaget(&mut self, database: &Database, arguments: &[Vec<u8>]) -> Reply {
        let [question, field] = exact(arguments)?;
        let Some(item) = database.question(question) else { return missing(question) };
        let lower = field.to_ascii_lowercase();
        let text = match lower.as_slice() {
            b"value" => database.value(question),
            b"owners" => item.owners.iter().map(Vec::as_slice).collect::<Vec<_>>().join(&b", "[..]),
            b"name" => question.clone(),
            b"template" => database.template_of(question).unwrap_or_default().to_vec(),
            b"priority" => return fail(BAD_PARAMETERS, [field.as_slice(), b" does not exist"].concat()),
            name => {
                let own = item.fields.get(name).cloned();
                let text = own.unwrap_or_else(|| database.text(question, name, true));
                let variables = [&b"description"[..], b"extended_description", b"choices"];
                let base = &name[..memchr::memchr(b'-', name).unwrap_or(name.len())];
                match variables.contains(&base) {
                    true => database.expand(question, &text).unwrap_or_else(|| self.too_long()),
                    false => text,
                }
            }
        };
        self.text(text)
    }

    fn register(&self, database: &mut Database, arguments: &[Vec<u8>]) -> Reply {
        let [template, question] = exact(arguments)?;
        if database.question(template).is_none() {
            return fail(BAD_PARAMETERS, [b"No such template, \"", template.as_slice(), b"\""].concat());
        }
        let kind = database.text(template, b"type", true);
        if database.question(question).is_none() {
            database.new_question(question, &self.owner, &kind);
        }
        database.add_owner(question, &self.owner, &kind);
        database.set_template(question, template);
        ok("")
    }

    fn change(&mut self, database: &mut Database, command: &[u8], arguments: &[Vec<u8>]) -> Reply {
        let count = match command {
            b"set" => 1,
            b"fset" => 3,
            b"subst" => 2,
            b"fget" => exact::<2>(arguments).map(|words| words.len())?,
            _ => exact::<1>(arguments).map(|words| words.len())?,
        };
        at_least(arguments, count)?;
        let question = &arguments[0];
        if database.question(question).is_none() {
            return missing(question);
        }
        match command {
            b"set" => {
                database.set_value(question, &arguments[1..].join(&b' '));
                ok("value set")
            }
            b"reset" => {
                let default = database.text(question, b"default", true);
                database.set_value(question, &default);
                database.set_flag(question, b"seen", b"false");
                ok("")
            }
            b"subst" => {
                let value = arguments[2..].join(&b' ');
                if let Some(item) = database.question_mut(question) {
                    item.variables.insert(arguments[1].clone(), value);
                }
                ok("")
            }
            b"fget" => ok(flag(database, question, &arguments[1])),
            _ => {
                let (name, value) = (&arguments[1], arguments[2..].join(&b' '));
                if name == b"seen" {
                    self.seen.remove(question);
                }
                if name == b"isdefault" {
                    let seen: &[u8] = if value == b"true" { b"false" } else { b"true" };
                    database.set_flag(question, b"seen", seen);
                } else {
                    database.set_flag(question, name, &value);
                }
                ok(flag(database, question, name))
            }
        }
    }

    /// `DATA`: makes a template; other fields than its type are lost where Perl has no iconv, as in an image.
    fn data(&self, database: &mut Database, arguments: &[Vec<u8>]) -> Reply {
        at_least(arguments, 3)?;
        let (template, item) = (&arguments[0], &arguments[1]);
        match (database.templates.contains_key(template), item.as_slice()) {
            (false, b"type") => {
                database.new_template(template, &self.owner, &arguments[2..].join(&b' '));
                ok("")
            }
            (false, item) => {
                let said = [b"Template data field '", item, b"' received before type field"].concat();
                fail(BAD_PARAMETERS, said)
            }
            (true, b"type") => fail(BAD_PARAMETERS, "Template type already set"),
            (true, _) => ok(""),
        }
    }

    fn load(
        &self,
        database: &mut Database,
        arguments: &[Vec<u8>],
        read: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Reply {
        at_least(arguments, 1)?;
        if arguments.len() > 2 {
            return fail(SYNTAX, "Incorrect number of arguments");
        }
        let file = &arguments[0];
        let Some(text) = read(file) else {
            let said = [b"failed to open ", file.as_slice(), b": No such file or directory"].concat();
            return fail(BAD_PARAMETERS, said);
        };
        let owner = arguments.get(1).unwrap_or(&self.owner);
        // debconf has only a handle of the file, so its messages do not name it.
        match super::template::load(database, &text, "FileHandle", owner) {
            Ok(()) => ok(""),
            // The newline at the end of Perl's message, written out.
            Err(said) => fail(100, said + "\\n"),
        }
    }
}

/// A line as lines of at most 75 bytes, broken at blanks where there are any.
fn wrapped(line: &[u8]) -> Vec<u8> {
    const WIDTH: usize = 75;
    let (mut out, mut rest) = (Vec::new(), line);
    while rest.len() > WIDTH {
        let blank = rest[..=WIDTH].iter().rposition(|&byte| byte == b' ').filter(|&blank| blank > 0);
        out.extend([&rest[..blank.unwrap_or(WIDTH)], b"\n"].concat());
        rest = &rest[blank.map_or(WIDTH, |blank| blank + 1)..];
    }
    out.extend([rest, b"\n"].concat());
    out
}

fn version(arguments: &[Vec<u8>]) -> Reply {
    let said = |what: &str, version: &[u8]| [b"Version too ", what.as_bytes(), b" (", version, b")"].concat();
    match arguments {
        [] => ok("2.0"),
        [version] => match integer(version) {
            ..=1 => fail(VERSION, said("low", version)),
            2 => ok("2.0"),
            _ => fail(VERSION, said("high", version)),
        },
        _ => fail(SYNTAX, "Incorrect number of arguments"),
    }
}

/// `isdefault` is the older name of the opposite of `seen`.
fn flag(database: &Database, question: &[u8], name: &[u8]) -> Vec<u8> {
    if name == b"isdefault" {
        let seen = database.flag(question, b"seen") == b"true";
        return if seen { b"false".to_vec() } else { b"true".to_vec() };
    }
    database.flag(question, name)
}

fn rank(priority: &[u8]) -> Option<usize> {
    [&b"low"[..], b"medium", b"high", b"critical"].iter().position(|known| *known == priority)
}

/// The number that a text begins with; 0 for none.
fn integer(text: &[u8]) -> i64 {
    let (sign, digits) = text.strip_prefix(b"-").map_or((1, text), |digits| (-1, digits));
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    sign * digits.fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
}

fn split(line: &[u8]) -> Vec<Vec<u8>> {
    line.split(|&byte| is_space(byte)).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Words of a line in which a backslash protects what follows, and `\n` is a newline.
fn unescape_split(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word = Vec::new();
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail.first()) {
            (b'\\', Some(&escaped)) => {
                word.push(if escaped == b'n' { b'\n' } else { escaped });
                rest = &tail[1..];
            }
            (byte, _) if is_space(byte) => {
                words.push(std::mem::take(&mut word));
                while let Some((&byte, tail)) = rest.split_first()
                    && is_space(byte)
                {
                    rest = tail;
                }
            }
            (byte, _) => word.push(byte),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
