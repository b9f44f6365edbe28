//! debconf: questions, their answers, and the programs that scripts talk with about them.
//!
//! Nothing is asked here: it is the noninteractive frontend, and answers are defaults or the recipe's. A script
//! that reads `/usr/share/debconf/confmodule` does what it would do anywhere: that library of the package is
//! interpreted, and ends in `exec /usr/share/debconf/frontend`. [`frontend`] loads the package's templates, follows
//! its `config` script and then the script itself from its start, with a [`Stream::Peer`] as standard input and
//! output: what is written there are [`session`]'s questions, what is read its answers.
//!
//! [`database`] is kept in memory from the first use on; [`save`] puts it into the tree.

use std::rc::Rc;

use super::database::Database;
use super::database::Items;
use super::session::Session;
use crate::budget::Spent;
use crate::shell::Interpreter;
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
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// Files of the database, their modes, and which part of it they hold.
pub(super) const FILES: [(&str, u32, fn(&mut Database) -> &mut Items); 3] = [
    ("var/cache/debconf/config.dat", 0o644, |database| &mut database.config),
    ("var/cache/debconf/passwords.dat", 0o600, |database| &mut database.passwords),
    ("var/cache/debconf/templates.dat", 0o644, |database| &mut database.templates),
];

/// The long text of a template that only an answer made; debconf-set-selections(1) writes it.
pub(super) const DUMMY: &str = "This is a fake template used to pre-seed the debconf database. If you are seeing this, something \
                     is probably wrong.";

pub(super) const ESCAPE_USAGE: &str = "Usage: debconf-unescape -e|-u < input-text\n  -e, --escape      escape text\n  \
                            -u, --unescape    unescape text\n\nExactly one of -e or -u must be used.\n";

/// Where scripts and templates of packages lie.
pub(super) const INFO: &[u8] = b"/var/lib/dpkg/info/";

/// What debconf knows, and who talks with it.
#[derive(Debug, Default)]
pub struct State {
    pub(super) database: Option<Database>,
    pub(super) session: Option<Session>,
    /// Where the frontend itself writes: the standard output of who started it.
    pub(super) output: Option<Descriptor>,
    pub(super) title: Vec<u8>,
}

// --- the database in the tree ----------------------------------------------------------------------------------

/// Opens the database, which makes its files, as debconf does whenever it starts.
pub(super) fn open(system: &mut System) -> Result<(), crate::tree::Error> {
    if system.kept::<State>().database.is_some() {
        return Ok(());
    }
    let clock = system.clock;
    let mut database = Database::default();
    for (path, mode, part) in FILES {
        let tree = system.tree();
        match tree.read(path)? {
            Some(text) => *part(&mut database) = super::database::read(&text),
            None => {
                let place = tree.write(path, mode, "")?;
                set_time(tree, &place, clock);
            }
        }
    }
    system.kept::<State>().database = Some(database);
    Ok(())
}

pub(super) fn set_time(tree: &mut Tree, place: &TreePath, clock: i64) {
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
        let new = super::database::write(part(&mut database));
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
pub(super) fn refuse_second(system: &mut System) -> Result<(), Fault> {
    match system.kept::<State>().session {
        None => Ok(()),
        Some(_) => Err(Fault::failed(
            "DbDriver \"config\": /var/cache/debconf/config.dat is locked by another process: Resource temporarily \
             unavailable",
        )),
    }
}

/// Begins to talk.
pub(super) fn begin(shell: &mut Shell<'_>, owner: &[u8]) -> Result<(), Fault> {
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
pub(super) fn end(system: &mut System) -> Result<(), Fault> {
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
pub(super) const LINE_MAX: usize = 1 << 20;

/// debconf's end of the stream that a program has which talks with it.
#[derive(Debug)]
pub(super) struct Frontend;

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
    pub(super) fn listen(&mut self, system: &mut System, bytes: &[u8]) -> Result<(), StreamError> {
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
pub(super) fn read_file(system: &mut System, path: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let limit = system.bounds.bytes as u64;
    match system.tree().lookup(path).and_then(|(_, inode)| inode.content()) {
        Some(content) if content.size() > limit => Err(Fault::gap(format!("reads the large file {}", show(path)))),
        _ => Ok(system.tree().read(path)?),
    }
}

/// Runs a program that talks with debconf.
pub(super) fn talk(call: &mut Call<'_, '_>, owner: &[u8], words: &[Vec<u8>]) -> Done {
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
pub(super) fn maintainer_script(call: &mut Call<'_, '_>, path: &[u8]) -> Option<(String, Vec<u8>, Interpreter)> {
    let name = path.strip_prefix(INFO)?;
    let name = &name[memchr::memrchr(b'.', name)? + 1..];
    let text = call.tree().read(path).ok()??;
    let line = &text[..memchr::memchr(b'\n', &text).unwrap_or(text.len())];
    let set = Interpreter::of(line)?;
    Some((show(name), text, set))
}

/// `/usr/share/debconf/frontend script argument…`
pub(super) fn frontend(call: &mut Call<'_, '_>) -> Done {
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
pub(super) fn package_of(shell: &Shell<'_>, script: &[u8]) -> Vec<u8> {
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
pub(super) fn load_templates_of_program(call: &mut Call<'_, '_>, program: &[u8]) -> Result<(), Fault> {
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
pub(super) fn load_file(call: &mut Call<'_, '_>, path: &[u8], owner: &[u8]) -> Result<(), Fault> {
    let absolute = call.absolute(path);
    let Some(text) = read_file(call.shell.system, &absolute)? else { return Ok(()) };
    let owner = if owner.is_empty() { b"unknown" } else { owner };
    match &mut call.shell.system.kept::<State>().database {
        Some(database) => {
            super::template::load(database, &text, &show(path), owner).map_err(|said| Fault::Failed(255, said))
        }
        None => Ok(()),
    }
}
