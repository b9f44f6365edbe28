//! All programs that scripts are followed into: the [`utilities`], Debian's [`tools`], those of single [`packages`],
//! and the shell scripts of the tree.

use super::packages;
use super::tools;
use crate::shell::Interpreter;
use crate::shell::Origin;
use crate::shell::Run;
use crate::shell::Shell;
use crate::shell::path::in_directory;
use crate::shell::system::System;
use crate::shell::userland::Userland;
use crate::tree::Tree;
use crate::utilities;
use crate::utilities::Command;
use crate::utilities::Family;
use crate::utilities::Fault;
use crate::utilities::finish;
use crate::utilities::regex;

/// All commands but those of single packages, by family. The first with a name has it.
const FAMILIES: [&[Family]; 2] = [utilities::FAMILIES, tools::FAMILIES];

/// Where programs lie: a command called by its path is known by its name there.
const DIRECTORIES: [&[u8]; 8] = [
    b"/bin",
    b"/sbin",
    b"/usr/bin",
    b"/usr/sbin",
    b"/lib/systemd",
    b"/usr/lib/systemd",
    b"/usr/share/debconf",
    b"/usr/lib/dpkg",
];

/// Those that `PATH` names, where nobody but packages puts programs.
const SYSTEM: [&[u8]; 4] = [b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin"];

/// A system as maintainer scripts find it: a tree, Debian's name of its architecture, and the only time there is in
/// seconds since 1970.
#[must_use]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "reachable with the feature `testing`"))]
pub fn machine(tree: Tree, architecture: &str, clock: i64) -> System {
    let mut system = System::new(tree, architecture, clock);
    system.install(&Debian);
    system
}

/// What is installed on Debian.
#[derive(Debug)]
struct Debian;

impl Userland for Debian {
    fn run(&self, shell: &mut Shell<'_>, words: &[Vec<u8>]) -> Run<i32> {
        let Some((path, args)) = words.split_first() else { return Ok(0) };
        match known(path).filter(|_| !is_hidden(shell, path)) {
            Some(command) => finish(shell, command, base_name(path), args),
            None => program(shell, path, args),
        }
    }

    fn knows(&self, path: &[u8]) -> bool {
        known(path).is_some()
    }

    fn matches(
        &self,
        shell: &mut Shell<'_>,
        expression: &[u8],
        text: &[u8],
        ignore_case: bool,
    ) -> Run<Result<Option<Vec<Vec<u8>>>, String>> {
        let found = regex::Regex::new(expression, regex::Syntax::Extended, ignore_case, &shell.system.budget)
            .and_then(|expression| expression.find(text, 0));
        match found {
            Ok(groups) => {
                let bytes =
                    |group: &Option<(usize, usize)>| group.map_or_else(Vec::new, |(from, to)| text[from..to].to_vec());
                Ok(Ok(groups.map(|groups| groups.iter().map(bytes).collect())))
            }
            Err(Fault::Interrupt(interrupt)) => Err(interrupt),
            Err(Fault::Failed(_, message)) => Ok(Err(message)),
            Err(Fault::Gap(what)) => {
                shell.gap(b"=~", what);
                Ok(Ok(None))
            }
        }
    }
}

/// The command that has this name.
fn find(name: &[u8]) -> Option<Command> {
    let name = std::str::from_utf8(name).ok()?;
    let mut all = FAMILIES.iter().copied().flatten().copied().flatten();
    all.find(|(known, _)| *known == name).map(|(_, command)| *command).or_else(|| packages::command(name))
}

/// The command that a name, or a path where programs lie, stands for.
fn known(path: &[u8]) -> Option<Command> {
    let directory = path.iter().rposition(|&byte| byte == b'/').map(|slash| &path[..slash]);
    if directory.is_some_and(|directory| !holds_programs(directory)) { None } else { find(base_name(path)) }
}

/// Whether `PATH` finds another program of this name, in a directory that is none of the system's.
fn is_hidden(shell: &mut Shell<'_>, name: &[u8]) -> bool {
    if name.contains(&b'/') {
        return false;
    }
    let search = shell.search_path();
    let own = search.split(|&byte| byte == b':').take_while(|directory| !SYSTEM.contains(directory));
    own.into_iter().any(|directory| {
        let path = shell.absolute(&in_directory(directory, name));
        !holds_programs(directory) && shell.is_program(&path)
    })
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// Whether a program called by a path below this directory is the one of that name that is known here.
fn holds_programs(directory: &[u8]) -> bool {
    DIRECTORIES.contains(&directory) || packages::holds_programs(directory)
}

/// A program of the tree that is no command of ours: a shell script is interpreted, anything else is a gap.
fn program(shell: &mut Shell<'_>, path: &[u8], args: &[Vec<u8>]) -> Run<i32> {
    let Some(found) = shell.find_program(path) else {
        shell.gap(path, "unknown command");
        let line = [&*shell.state.name, b": ", path, b": not found\n"].concat();
        shell.write(2, &line)?;
        return Ok(127);
    };
    let absolute = shell.absolute(&found);
    let content = shell.system.tree().lookup(&absolute).and_then(|(_, inode)| inode.content().cloned());
    let head = content.as_ref().map(first_line).unwrap_or_default();
    let rewritten = || packages::rewritten(&content.as_ref().filter(|_| head.starts_with(b"#!"))?.to_vec().ok()?);
    match (Interpreter::of(&head), rewritten()) {
        (Some(interpreter), _) => shell.run_file(&found, args, &interpreter),
        (None, Some(text)) => shell.run_process(text, &found, args, &Interpreter::default(), Origin::File),
        // What the kernel takes for no program, a shell reads as a script.
        (None, None) if content.is_some() && !head.starts_with(b"#!") && !head.contains(&0) && !head.is_empty() => {
            shell.run_file(&found, args, &Interpreter::default())
        }
        (None, None) => {
            shell.gap(path, "unknown command: a program of the package that is no shell script");
            Ok(126)
        }
    }
}

fn first_line(content: &crate::tree::Content) -> Vec<u8> {
    use std::io::Read as _;
    let mut head = Vec::new();
    // An unreadable file has no interpreter; what reads it for its own sake reports why.
    if content.reader().take(256).read_to_end(&mut head).is_err() {
        head.clear();
    }
    head.truncate(memchr::memchr(b'\n', &head).unwrap_or(head.len()));
    head
}
