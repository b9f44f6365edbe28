//! debconf: questions, their answers, and the programs that scripts talk with about them.
//!
//! Nothing is asked here: it is the noninteractive frontend, and answers are defaults or the recipe's. A script
//! that reads `/usr/share/debconf/confmodule` does what it would do anywhere: that library of the package is
//! interpreted, and ends in `exec /usr/share/debconf/frontend`. [`frontend`] loads the package's templates, follows
//! its `config` script and then the script itself from its start, with a [`Stream::Peer`] as standard input and
//! output: what is written there are [`session`]'s questions, what is read its answers.
//!
//! [`database`] is kept in memory from the first use on; [`save`] puts it into the tree.

mod database;
mod session;
mod template;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::budget::Spent;
use crate::deb::kept;
use crate::recipe::Treatment;
use crate::recipe::nearest;
use crate::shell::Interpreter;
use crate::shell::Interrupt;
use crate::shell::Shell;
use crate::shell::stream;
use crate::shell::stream::Descriptor;
use crate::shell::stream::Peer;
use crate::shell::stream::Stream;
use crate::shell::stream::StreamError;
use crate::shell::system::System;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;
use database::Database;
use database::Items;
use database::is_space;
use session::Session;

/// Files of the database, their modes, and which part of it they hold.
const FILES: [(&str, u32, fn(&mut Database) -> &mut Items); 3] = [
    ("var/cache/debconf/config.dat", 0o644, |database| &mut database.config),
    ("var/cache/debconf/passwords.dat", 0o600, |database| &mut database.passwords),
    ("var/cache/debconf/templates.dat", 0o644, |database| &mut database.templates),
];

/// The long text of a template that only an answer made; debconf-set-selections(1) writes it.
const DUMMY: &str = "This is a fake template used to pre-seed the debconf database. If you are seeing this, something \
                     is probably wrong.";

const ESCAPE_USAGE: &str = "Usage: debconf-unescape -e|-u < input-text\n  -e, --escape      escape text\n  \
                            -u, --unescape    unescape text\n\nExactly one of -e or -u must be used.\n";

/// Where scripts and templates of packages lie.
const INFO: &[u8] = b"/var/lib/dpkg/info/";

/// What debconf knows, and who talks with it.
#[derive(Debug, Default)]
pub struct State {
    database: Option<Database>,
    session: Option<Session>,
    /// Where the frontend itself writes: the standard output of who started it.
    output: Option<Descriptor>,
    title: Vec<u8>,
}

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("debconf", debconf),
    ("debconf-communicate", communicate),
    ("debconf-escape", escape_text),
    ("debconf-loadtemplate", load_template),
    ("debconf-set-selections", set_selections),
    ("debconf-show", show_questions),
    // Questions are asked when their package is configured, and never again.
    ("dpkg-preconfigure", |_| Ok(0)),
    ("frontend", frontend),
];

// --- the database in the tree ----------------------------------------------------------------------------------

/// Opens the database, which makes its files, as debconf does whenever it starts.
fn open(system: &mut System) -> Result<(), crate::tree::Error> {
    if system.kept::<State>().database.is_some() {
        return Ok(());
    }
    let clock = system.clock;
    let mut database = Database::default();
    for (path, mode, part) in FILES {
        let tree = system.tree();
        match tree.read(path)? {
            Some(text) => *part(&mut database) = database::read(&text),
            None => {
                let place = tree.write(path, mode, "")?;
                set_time(tree, &place, clock);
            }
        }
    }
    system.kept::<State>().database = Some(database);
    Ok(())
}

fn set_time(tree: &mut Tree, place: &TreePath, clock: i64) {
    if let Some(inode) = tree.get_mut(place) {
        inode.stat.mtime = clock;
    }
}

/// Writes what changed into the tree.
///
/// # Errors
/// The tree refuses.
pub fn save(system: &mut System) -> Result<(), crate::tree::Error> {
    let Some(mut database) = system.kept::<State>().database.take() else { return Ok(()) };
    let clock = system.clock;
    let tree = system.tree();
    for (path, mode, part) in FILES {
        let new = database::write(part(&mut database));
        if tree.read(path)?.as_deref() != Some(&new) {
            let place = tree.put(path, Inode::file(mode, new))?;
            set_time(tree, &place, clock);
        }
    }
    Ok(())
}

/// What a program answered itself when it was run: pam-auth-update's profiles.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn record(
    system: &mut System,
    question: &str,
    value: &str,
    variables: &[(&str, &str)],
) -> Result<(), crate::tree::Error> {
    open(system)?;
    let Some(database) = &mut system.kept::<State>().database else { return Ok(()) };
    database.set_value(question.as_bytes(), value.as_bytes());
    if let Some(item) = database.question_mut(question.as_bytes()) {
        let owned = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        item.variables.extend(variables.iter().map(owned));
    }
    Ok(())
}

// --- who talks -------------------------------------------------------------------------------------------------

/// Two cannot talk at the same time: the first has the files locked.
fn refuse_second(system: &mut System) -> Result<(), Fault> {
    match system.kept::<State>().session {
        None => Ok(()),
        Some(_) => Err(Fault::failed(
            "DbDriver \"config\": /var/cache/debconf/config.dat is locked by another process: Resource temporarily \
             unavailable",
        )),
    }
}

/// Begins to talk.
fn begin(shell: &mut Shell<'_>, owner: &[u8]) -> Result<(), Fault> {
    refuse_second(shell.system)?;
    match shell.variable(b"DEBIAN_FRONTEND") {
        Some(b"noninteractive" | b"Noninteractive") => {}
        other => {
            let name = show(other.unwrap_or(b"dialog"));
            return Err(Fault::gap(format!("the frontend `{name}`")));
        }
    }
    open(shell.system)?;
    let marks_seen = shell.variable(b"DEBCONF_NONINTERACTIVE_SEEN") == Some(b"true");
    let mut session = Session::new(owner, shell.variable(b"DEBIAN_PRIORITY"), marks_seen);
    session.title = std::mem::take(&mut shell.system.kept::<State>().title);
    shell.system.kept::<State>().output = shell.state.descriptors.get(&1).cloned();
    shell.system.kept::<State>().session = Some(session);
    Ok(())
}

/// Ends talking.
fn end(system: &mut System) -> Result<(), Fault> {
    let Some(mut session) = system.kept::<State>().session.take() else { return Ok(()) };
    if let Some(database) = &mut system.kept::<State>().database {
        session.finish(database);
        database.settle();
    }
    system.kept::<State>().title = session.title;
    system.kept::<State>().output = None;
    session.gap.map_or(Ok(()), |gap| Err(Fault::Gap(gap)))
}

/// The longest line of the protocol. A line with all locales in it has 20 KiB.
const LINE_MAX: usize = 1 << 20;

/// debconf's end of the stream that a program has which talks with it.
#[derive(Debug)]
struct Frontend;

impl Peer for Frontend {
    /// Takes what a program writes to debconf; every whole line is answered.
    fn listen(&self, system: &mut System, bytes: &[u8]) -> Result<(), StreamError> {
        let mut state = std::mem::take(system.kept::<State>());
        let result = state.listen(system, bytes);
        *system.kept::<State>() = state;
        result
    }

    fn speak(&self, system: &mut System, whole: bool) -> Vec<u8> {
        let Some(session) = &mut system.kept::<State>().session else { return Vec::new() };
        let replies = &mut session.replies;
        let end = match whole {
            true => replies.len(),
            false => replies.iter().position(|&byte| byte == b'\n').map_or(replies.len(), |end| end + 1),
        };
        replies.drain(..end).collect()
    }
}

impl State {
    fn listen(&mut self, system: &mut System, bytes: &[u8]) -> Result<(), StreamError> {
        let Self { database: Some(database), session: Some(session), output, .. } = self else { return Ok(()) };
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if session.stopped {
                break;
            }
            session.line.extend(part);
            if session.line.len() > LINE_MAX {
                return Err(Spent::Output.into());
            }
            let Some(line) = session.line.strip_suffix(b"\n").map(<[u8]>::to_vec) else { continue };
            session.line.clear();
            let reply = session.answer(database, &line, &mut |path| read_file(system, path).ok().flatten());
            if session.replies.len() + reply.len() > system.bounds.bytes {
                return Err(Spent::Output.into());
            }
            session.replies.extend(reply);
            session.replies.push_back(b'\n');
            let shown = std::mem::take(&mut session.shown);
            if let Some(output) = output {
                // Only what people would read; who has no output has no readers.
                stream::write(system, output, &shown).or_else(|error| match error {
                    StreamError::Direction => Ok(()),
                    other => Err(other),
                })?;
            }
        }
        Ok(())
    }
}

/// The bytes of a file of the tree, `None` when there is none.
fn read_file(system: &mut System, path: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let limit = system.bounds.bytes as u64;
    match system.tree().lookup(path).and_then(|(_, inode)| inode.content()) {
        Some(content) if content.size() > limit => Err(Fault::gap(format!("reads the large file {}", show(path)))),
        _ => Ok(system.tree().read(path)?),
    }
}

/// Runs a program that talks with debconf.
fn talk(call: &mut Call<'_, '_>, owner: &[u8], words: &[Vec<u8>]) -> Done {
    begin(call.shell, owner)?;
    let before = (call.shell.state.variables.clone(), call.shell.state.descriptors.clone());
    call.shell.export(b"DEBIAN_HAS_FRONTEND", b"1")?;
    let state = &mut call.shell.state;
    let stream = Stream::Peer(&Frontend).descriptor();
    state.descriptors.insert(0, Rc::clone(&stream));
    state.descriptors.insert(1, stream);
    let result = match maintainer_script(call, &words[0]) {
        Some((name, text, set)) => {
            call.shell.run_maintainer(&name, &text, &words[0], &words[1..], &set).map_err(Fault::from)
        }
        None => call.run(words),
    };
    (call.shell.state.variables, call.shell.state.descriptors) = before;
    end(call.shell.system)?;
    result
}

/// A script of a package, with the name it has in reports, and what follows it.
fn maintainer_script(call: &mut Call<'_, '_>, path: &[u8]) -> Option<(String, Vec<u8>, Interpreter)> {
    let name = path.strip_prefix(INFO)?;
    let name = &name[memchr::memrchr(b'.', name)? + 1..];
    let text = call.tree().read(path).ok()??;
    let line = &text[..memchr::memchr(b'\n', &text).unwrap_or(text.len())];
    let set = Interpreter::of(line)?;
    Some((show(name), text, set))
}

/// `/usr/share/debconf/frontend script argument…`
fn frontend(call: &mut Call<'_, '_>) -> Done {
    let words = call.args.strip_prefix(&[b"--".to_vec()]).unwrap_or(call.args);
    let Some(script) = words.first() else { return Err(Fault::failed("without a program")) };
    let base = [&b"preinst"[..], b"postinst", b"prerm", b"postrm"]
        .into_iter()
        .find_map(|name| script.strip_suffix(name))
        .filter(|base| matches!(base.last(), Some(b'.' | b'/')));
    let package = package_of(call.shell, script);
    open(call.shell.system)?;
    let triggered = words.get(1).is_some_and(|word| word == b"triggered");
    let title =
        if package.is_empty() || triggered { Vec::new() } else { [b"Configuring ", package.as_slice()].concat() };
    call.shell.system.kept::<State>().title = title;
    if package.is_empty() {
        load_templates_of_program(call, script)?;
    }
    if let Some(base) = base {
        load_file(call, &[base, b"templates"].concat(), &package)?;
        let config = [base, b"config"].concat();
        if !script.ends_with(b"rm") && call.look(&config, true).is_some() {
            let version = words.get(2).cloned().unwrap_or_default();
            let status = talk(call, &package, &[config, b"configure".to_vec(), version])?;
            if status != 0 {
                return Ok(status);
            }
        }
    }
    talk(call, &package, words)
}

/// Whose questions a script asks: dpkg runs it under a name that says so, a preinst beside its control file.
fn package_of(shell: &Shell<'_>, script: &[u8]) -> Vec<u8> {
    if let Some(package) = shell.variable(b"DEBCONF_PACKAGE").filter(|package| !package.is_empty()) {
        return package.to_vec();
    }
    let name = script.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let of_script = [&b".postinst"[..], b".postrm", b".prerm"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
    match of_script {
        Some(package) if script.contains(&b'/') => package.to_vec(),
        _ if script.starts_with(INFO) => shell.variable(b"DPKG_MAINTSCRIPT_PACKAGE").unwrap_or_default().to_vec(),
        _ => Vec::new(),
    }
}

/// A program that is no package's script may have templates beside it.
fn load_templates_of_program(call: &mut Call<'_, '_>, program: &[u8]) -> Result<(), Fault> {
    let name = program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let beside = program.strip_suffix(b"config").map(|base| [base, b"templates"].concat());
    let shared = [b"/usr/share/debconf/templates/", name, b".templates"].concat();
    for path in [Some([program, b".templates"].concat()), beside, Some(shared)].into_iter().flatten() {
        if call.look(&path, true).is_some() {
            return load_file(call, &path, b"");
        }
    }
    Ok(())
}

/// Loads a templates file, if it is there.
fn load_file(call: &mut Call<'_, '_>, path: &[u8], owner: &[u8]) -> Result<(), Fault> {
    let absolute = call.absolute(path);
    let Some(text) = read_file(call.shell.system, &absolute)? else { return Ok(()) };
    let owner = if owner.is_empty() { b"unknown" } else { owner };
    match &mut call.shell.system.kept::<State>().database {
        Some(database) => template::load(database, &text, &show(path), owner).map_err(|said| Fault::Failed(255, said)),
        None => Ok(()),
    }
}

// --- commands --------------------------------------------------------------------------------------------------

/// `debconf [-o owner] program argument…`
fn debconf(call: &mut Call<'_, '_>) -> Done {
    let long = [("owner", b'o'), ("frontend", b'f'), ("priority", b'p'), ("terse", b't')];
    let given = call.options("+o:f:p:", &long)?;
    if given.has(b'f') || given.has(b'p') {
        return Err(Fault::gap("another frontend or priority"));
    }
    if given.operands.is_empty() {
        return Err(Fault::failed("no command specified"));
    }
    let owner = given.value(b'o').unwrap_or(b"unknown").to_vec();
    talk(call, &owner, &given.operands)
}

/// `debconf-communicate [owner]`: lines of the protocol from standard input.
fn communicate(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[])?;
    let owner = given.operands.first().map_or(&b"unknown"[..], Vec::as_slice).to_vec();
    let input = call.input()?;
    begin(call.shell, &owner)?;
    let (mut status, mut output) = (127, Vec::new());
    for line in input.split_inclusive(|&byte| byte == b'\n') {
        let line = [line.strip_suffix(b"\n").unwrap_or(line), b"\n"].concat();
        Frontend.listen(call.shell.system, &line).map_err(|_| Interrupt::Limit(Spent::Output))?;
        let reply = Frontend.speak(call.shell.system, true);
        let code = reply.iter().take_while(|byte| byte.is_ascii_digit());
        status = code.fold(0, |status, digit| status * 10 + i32::from(digit - b'0'));
        output.extend(reply);
    }
    end(call.shell.system)?;
    call.out(output)?;
    Ok(status)
}

/// `\` and newlines written out.
fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            other => out.push(other),
        }
    }
    out
}

fn escape_text(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("eu", &[("escape", b'e'), ("unescape", b'u')])?;
    if given.has(b'e') == given.has(b'u') {
        call.shell.print_error(ESCAPE_USAGE.as_bytes())?;
        return Ok(1);
    }
    let input = call.read_all(&given.operands)?;
    if given.has(b'e') {
        return call.out(escape(&input)).map(|()| 0);
    }
    let mut out = Vec::new();
    let mut rest = input.iter().copied();
    while let Some(byte) = rest.next() {
        match (byte, rest.clone().next()) {
            (b'\\', Some(escaped)) if escaped != b'\n' => {
                out.push(if escaped == b'n' { b'\n' } else { escaped });
                rest.next();
            }
            _ => out.push(byte),
        }
    }
    call.out(out).map(|()| 0)
}

/// `debconf-loadtemplate owner file…`
fn load_template(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[])?;
    let [owner, files @ ..] = given.operands.as_slice() else { return Err(Fault::failed("without an owner")) };
    open(call.shell.system)?;
    for file in files {
        if call.look(file, true).is_none() {
            return Err(Fault::Failed(2, format!("{}: No such file or directory", show(file))));
        }
        load_file(call, file, owner)?;
    }
    Ok(0)
}

/// `debconf-show package…`, sorted.
fn show_questions(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[("listowners", b'l')])?;
    open(call.shell.system)?;
    let Some(database) = &call.shell.system.kept::<State>().database else { return Ok(1) };
    let mut text = Vec::new();
    if given.has(b'l') {
        let questions = database.questions();
        let owners = questions.iter().filter_map(|name| database.question(name)).flat_map(|item| item.owners.iter());
        let owners: BTreeSet<&Vec<u8>> = owners.collect();
        owners.into_iter().for_each(|owner| text.extend([owner.as_slice(), b"\n"].concat()));
    } else if given.operands.is_empty() {
        return Err(Fault::failed("without a package"));
    }
    for name in database.questions() {
        for _ in given
            .operands
            .iter()
            .filter(|package| database.question(&name).is_some_and(|item| item.owners.contains(*package)))
        {
            let value = match database.text(&name, b"type", true).as_slice() {
                b"password" => b"(password omitted)".to_vec(),
                _ => database.value(&name),
            };
            let mark: &[u8] = if database.flag(&name, b"seen") == b"true" { b"* " } else { b"  " };
            let blank: &[u8] = if value.is_empty() { b"" } else { b" " };
            text.extend([mark, &name, b":", blank, &value, b"\n"].concat());
        }
    }
    call.out(text).map(|()| 0)
}

/// `debconf-set-selections [-cuv] [file…]`
fn set_selections(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("cuv", &[("checkonly", b'c'), ("unseen", b'u'), ("verbose", b'v')])?;
    let text = call.read_all(&given.operands)?;
    refuse_second(call.shell.system)?;
    open(call.shell.system)?;
    let Some(database) = &mut call.shell.system.kept::<State>().database else { return Ok(1) };
    let mut trial = Database::default();
    let database = if given.has(b'c') { &mut trial } else { database };
    let said = answer(database, &text, !given.has(b'u'));
    database.settle();
    let failed = said.iter().any(|line| line.starts_with("error"));
    for line in said {
        call.shell.print_error(format!("{line}\n").as_bytes())?;
    }
    Ok(i32::from(failed))
}

/// Sets answers from lines `owner question type answer`; returns what debconf-set-selections(1) says to them.
fn answer(database: &mut Database, text: &[u8], seen: bool) -> Vec<String> {
    const TYPES: [&[u8]; 8] =
        [b"boolean", b"multiselect", b"note", b"password", b"select", b"string", b"text", b"title"];
    let mut said = Vec::new();
    for (number, line) in joined_lines(text) {
        let mut rest = line.as_slice();
        let mut word = || {
            let start = rest.iter().position(|&byte| !is_space(byte))?;
            let end = rest[start..].iter().position(|&byte| is_space(byte)).map_or(rest.len(), |end| start + end);
            let word = &rest[start..end];
            rest = &rest[end..];
            Some(word)
        };
        let first = word();
        if first.is_none_or(|word| word.starts_with(b"#")) {
            continue;
        }
        let (Some(owner), Some(question), Some(kind)) = (first, word(), word()) else {
            said.push(format!("error: parse error on line {number}: '{}'", show(&line)));
            continue;
        };
        let value = rest.get(1..).unwrap_or_default();
        if kind == b"seen" {
            match database.question(question) {
                Some(_) => database.set_flag(question, b"seen", value),
                None => said.push(format!("error: Cannot find a question for {}", show(question))),
            }
        } else if !TYPES.contains(&kind) {
            said.push(format!("warning: Unknown type {}, skipping line {number}", show(kind)));
        } else {
            set_answer(database, [owner, question, kind, value], seen, &mut said);
        }
    }
    said
}

fn set_answer(database: &mut Database, words: [&[u8]; 4], seen: bool, said: &mut Vec<String>) {
    let [owner, question, kind, value] = words;
    let known = database.templates.contains_key(question);
    if !known {
        database.new_template(question, owner, kind);
    }
    if let Some(item) = database.templates.get_mut(question) {
        if !known {
            item.fields.insert(b"description".to_vec(), b"Dummy template".to_vec());
            item.fields.insert(b"extended_description".to_vec(), DUMMY.into());
        }
        item.fields.insert(b"type".to_vec(), kind.to_vec());
    }
    if database.question(question).is_none() {
        said.push(format!("error: Cannot find a question for {}", show(question)));
        return;
    }
    database.add_owner(question, owner, kind);
    database.set_value(question, value);
    if seen {
        database.set_flag(question, b"seen", b"true");
    }
}

/// Lines with the number of their last part; a backslash at the end joins the next.
fn joined_lines(text: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut lines = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let mut whole = open.take().unwrap_or_default();
        whole.extend(line.strip_suffix(b"\r").unwrap_or(line));
        match whole.strip_suffix(b"\\") {
            Some(part) => open = Some(part.to_vec()),
            None => lines.push((index + 1, whole)),
        }
    }
    lines.extend(open.map(|mut last| {
        // At the end of the file it is only a backslash.
        last.push(b'\\');
        (0, last)
    }));
    lines
}

// --- the recipe's answers --------------------------------------------------------------------------------------

/// `debconf-set-selections` lines: owner, question, type, answer. Who has a template for a question owns it.
pub(crate) fn selections(chosen: &[&Installed], answers: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (question, answer) in answers {
        let template = chosen.iter().find_map(|package| Some((package, template_type(package, question)?)));
        let (owner, kind) = template.map_or(("debconf", "string".to_owned()), |(package, kind)| (&package.name, kind));
        text.push_str(&format!("{owner} {question} {kind} {}\n", answer.replace('\n', "\\n")));
    }
    text
}

fn template_type(package: &Installed, question: &str) -> Option<String> {
    kept(package.member("templates")?)
        .filter_map(Result::ok)
        .find(|stanza| stanza.get("Template") == Some(question))
        .and_then(|stanza| stanza.get("Type").map(str::to_owned))
}

/// Gives debconf the recipe's answers, if there is one.
///
/// # Errors
/// The database cannot be read or made.
pub(crate) fn preseed(system: &mut System, selections: &str) -> Result<(), crate::tree::Error> {
    if selections.is_empty() || system.tree().lookup("usr/share/debconf/frontend").is_none() {
        return Ok(());
    }
    open(system)?;
    if let Some(database) = &mut system.kept::<State>().database {
        // A type that debconf does not know is passed over here as there; that nobody asks is found at the end.
        answer(database, selections.as_bytes(), true);
        database.settle();
    }
    Ok(())
}

/// An answer that no package asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The question.
    pub question: String,
    /// One that is asked, and spelt much like it.
    pub nearest: Option<String>,
}

/// The answers that no package has asked for; what is asked on the first boot is not known yet.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn unasked(
    tree: &Tree,
    packages: &[Installed],
    treatments: &BTreeMap<String, Treatment>,
    answers: &BTreeMap<String, String>,
) -> Result<Vec<Unasked>, crate::tree::Error> {
    if answers.is_empty() {
        return Ok(Vec::new());
    }
    let mut database = Database::default();
    for (path, _, part) in FILES {
        *part(&mut database) = database::read(&tree.read(path)?.unwrap_or_default());
    }
    let real = |name: &[u8]| {
        database.question(name).is_some() && database.text(name, b"extended_description", false) != DUMMY.as_bytes()
    };
    let known: Vec<String> = database.questions().iter().filter(|name| real(name)).map(|name| show(name)).collect();
    let later = |package: &&Installed| treatments.get(&package.name) == Some(&Treatment::FirstBoot);
    let later: Vec<&Installed> = packages.iter().filter(later).collect();
    let idle = answers.keys().filter(|question| {
        !real(question.as_bytes()) && !later.iter().any(|package| template_type(package, question).is_some())
    });
    let report = |question: &String| Unasked {
        question: question.clone(),
        nearest: nearest(question, known.iter().map(String::as_str)).map(str::to_owned),
    };
    Ok(idle.map(report).collect())
}

#[cfg(test)]
mod tests;
