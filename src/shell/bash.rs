//! What bash itself does beside dash's builtins, and the variables that it provides (bash(1), Shell Variables).

use super::Interrupt;
use super::Origin;
use super::Run;
use super::Shell;
use super::names::Builtin;
use super::printf;
use super::quote::Escapes;
use super::quote::ansi;
use super::reader::is_name;

pub(super) fn let_(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let mut value = 0;
    for expression in arguments {
        value = match shell.arithmetic(expression) {
            Err(Interrupt::Discard) => return Ok(1),
            other => other?,
        };
    }
    Ok(i32::from(value == 0))
}

/// `printf [-v name] format argument…`
pub(super) fn printf_(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    let [option, name, rest @ ..] = arguments else { return printf::printf(shell, arguments, tested) };
    if option != b"-v" {
        return printf::printf(shell, arguments, tested);
    }
    let (mut output, status) = shell.captured_builtin(rest, printf::printf)?;
    // No variable holds a NUL: it ends there.
    output.truncate(memchr::memchr(0, &output).unwrap_or(output.len()));
    match memchr::memchr(b'[', name) {
        Some(open) if name.ends_with(b"]") && is_name(&name[..open]) => {
            let subscript = shell.read_subscript(&name[open + 1..name.len() - 1])?;
            shell.assign_element(&name[..open], &subscript, false, output)?;
        }
        _ if is_name(name) => shell.assign(name, output)?,
        _ => {
            shell.complain(&[b"printf: `", name.as_slice(), b"': not a valid identifier"].concat())?;
            return Ok(2);
        }
    }
    Ok(status)
}

pub(super) fn pushd(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    let [target] = arguments else {
        shell.lacks("`pushd` without a directory, or with options");
        return Ok(1);
    };
    if target.first() == Some(&b'+') || (target.first() == Some(&b'-') && target.len() > 1) {
        shell.lacks("`pushd` with a place in the list");
        return Ok(1);
    }
    let before = shell.state.directory.clone();
    let status = super::builtins::change_directory(shell, target, false, false)?;
    if status != 0 {
        return Ok(status);
    }
    shell.spend(64 + shell.state.directories.iter().map(Vec::len).sum::<usize>())?;
    std::rc::Rc::make_mut(&mut shell.state.directories).push(before);
    list_directories(shell, tested)
}

pub(super) fn popd(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    if !arguments.is_empty() {
        shell.lacks("`popd` with a place in the list, or with options");
        return Ok(1);
    }
    let Some(target) = shell.state.directories.last().cloned() else {
        shell.complain(b"popd: directory stack empty")?;
        return Ok(1);
    };
    let status = super::builtins::change_directory(shell, &target, false, false)?;
    if status == 0 {
        std::rc::Rc::make_mut(&mut shell.state.directories).pop();
        return list_directories(shell, tested);
    }
    Ok(status)
}

fn list_directories(shell: &mut Shell<'_>, _: bool) -> Run<i32> {
    let home = shell.variable(b"HOME").unwrap_or_default().to_vec();
    let shown = |path: &[u8]| match path.strip_prefix(home.as_slice()) {
        Some(rest) if !home.is_empty() && (rest.is_empty() || rest[0] == b'/') => [b"~", rest].concat(),
        _ => path.to_vec(),
    };
    let all: Vec<Vec<u8>> = std::iter::once(&shell.state.directory)
        .chain(shell.state.directories.iter().rev())
        .map(|path| shown(path))
        .collect();
    let line = [all.join(&b' ').as_slice(), b"\n"].concat();
    shell.print(&line)
}

/// bash's `echo`: `-n`, `-e`, `-E`, and no escapes without `-e`.
pub(super) fn echo(arguments: &[Vec<u8>], escapes: bool, narrow: bool) -> Vec<u8> {
    let (mut newline, mut escapes, mut rest) = (true, escapes, arguments);
    while let [first, tail @ ..] = rest
        && let [b'-', letters @ ..] = first.as_slice()
        && !letters.is_empty()
        && letters.iter().all(|letter| b"neE".contains(letter))
    {
        for letter in letters {
            match letter {
                b'n' => newline = false,
                other => escapes = *other == b'e',
            }
        }
        rest = tail;
    }
    let text = rest.join(&b' ');
    let (mut text, stopped) = if escapes { ansi(&text, Escapes::Echo, narrow) } else { (text, false) };
    if newline && !stopped {
        text.push(b'\n');
    }
    text
}

impl Shell<'_> {
    /// What a builtin writes to standard output, and its status.
    fn captured_builtin(&mut self, arguments: &[Vec<u8>], builtin: Builtin) -> Run<(Vec<u8>, i32)> {
        let output = super::stream::Stream::output().descriptor();
        let before = self.state.descriptors.insert(1, std::rc::Rc::clone(&output));
        let result = builtin(self, arguments, true);
        match before {
            Some(before) => drop(self.state.descriptors.insert(1, before)),
            None => drop(self.state.descriptors.remove(&1)),
        }
        let bytes = super::stream::take_output(&output).unwrap_or_default().into_bytes();
        Ok((bytes, result?))
    }

    /// The value of a variable that bash provides and nobody assigned.
    pub(super) fn provided(&mut self, name: &[u8]) -> Run<Option<Vec<u8>>> {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        Ok(match name {
            b"EUID" | b"UID" => {
                let uid = self.system.acting.as_ref().map_or(0, |user| user.uid);
                Some(uid.to_string().into_bytes())
            }
            b"BASH" => text("/bin/bash"),
            b"BASH_VERSION" => Some(self.version()?.to_vec()),
            b"BASH_SUBSHELL" => Some(self.state.subshells.to_string().into_bytes()),
            b"HOSTNAME" => text(&self.system.uname.node.clone()),
            b"HOSTTYPE" => text(&self.system.uname.machine.clone()),
            b"MACHTYPE" => Some(format!("{}-pc-linux-gnu", self.system.uname.machine).into_bytes()),
            b"OSTYPE" => text("linux-gnu"),
            b"SHELL" => text("/bin/bash"),
            b"SHLVL" => text("1"),
            b"_" => self.state.last.as_ref().map(|value| value.to_vec()),
            b"SECONDS" => text("0"),
            b"BASHPID" | b"RANDOM" | b"SRANDOM" | b"EPOCHSECONDS" | b"EPOCHREALTIME" | b"BASH_COMMAND"
            | b"SHELLOPTS" | b"BASHOPTS" | b"DIRSTACK" | b"GROUPS" | b"BASH_ARGV" | b"BASH_ARGC" | b"BASH_ALIASES"
            | b"BASH_CMDS" => {
                self.lacks(format!("the variable `{}`", String::from_utf8_lossy(name)));
                None
            }
            _ => self.computed(name).and_then(|elements| elements.into_iter().next()),
        })
    }

    /// The elements of an array that bash provides.
    pub(super) fn computed(&self, name: &[u8]) -> Option<Vec<Vec<u8>>> {
        let frames = || self.state.frames.iter().rev();
        // The script itself, where it is a file.
        let bottom = |text: &[u8]| (self.state.origin == Origin::File).then(|| text.to_vec());
        let inside = frames().any(|frame| frame.hidden.is_some());
        Some(match name {
            b"PIPESTATUS" => self.state.statuses.iter().map(|status| status.to_string().into_bytes()).collect(),
            b"FUNCNAME" if !inside && (!self.state.abandoned || self.state.origin != Origin::File) => return None,
            b"FUNCNAME" => frames().map(|frame| frame.function.to_vec()).chain(bottom(b"main")).collect(),
            b"BASH_SOURCE" => frames().map(|frame| frame.file.to_vec()).chain(bottom(&self.state.name)).collect(),
            b"BASH_LINENO" => frames().map(|frame| frame.line.to_string().into_bytes()).chain(bottom(b"0")).collect(),
            b"BASH_VERSINFO" => {
                let version = self.version.as_ref()?;
                let release = String::from_utf8_lossy(version).into_owned();
                let numbers: Vec<&str> = release.split(['.', '(', ')', '-']).filter(|part| !part.is_empty()).collect();
                let machine = format!("{}-pc-linux-gnu", self.system.uname.machine);
                numbers.into_iter().chain([machine.as_str()]).map(|part| part.as_bytes().to_vec()).collect()
            }
            _ => return None,
        })
    }

    /// The version of a package in the tree.
    ///
    /// # Errors
    /// What stops the whole script.
    pub(crate) fn installed(&mut self, package: &[u8]) -> Run<Option<Vec<u8>>> {
        let status = self.script(b"/var/lib/dpkg/status")?.unwrap_or_default();
        let wanted = [b"Package: ", package].concat();
        let mut lines = status.split(|&byte| byte == b'\n').skip_while(|line| *line != wanted);
        let stanza = lines.by_ref().take_while(|line| !line.is_empty());
        Ok(stanza.filter_map(|line| line.strip_prefix(b"Version: ")).next().map(<[u8]>::to_vec))
    }

    /// The numbers in the version of a package of the tree; none where it is not installed.
    pub(crate) fn installed_numbers(&mut self, package: &[u8]) -> Run<Vec<u32>> {
        let version = self.installed(package)?.unwrap_or_default();
        let numbers = version.split(|byte| b".-+~".contains(byte));
        Ok(numbers.map_while(|number| std::str::from_utf8(number).ok()?.parse().ok()).collect())
    }

    /// bash's version, as it says itself: that of the package in the tree.
    pub(super) fn version(&mut self) -> Run<std::rc::Rc<[u8]>> {
        if let Some(version) = &self.version {
            return Ok(std::rc::Rc::clone(version));
        }
        let found = self.installed(b"bash")?.map(|version| {
            let upstream = version.split(|&byte| byte == b'-').next().unwrap_or(&version);
            [upstream, b"(1)-release"].concat()
        });
        let version: std::rc::Rc<[u8]> = match found {
            Some(version) => version.into(),
            None => b"5.2.37(1)-release".as_slice().into(),
        };
        self.version = Some(std::rc::Rc::clone(&version));
        Ok(version)
    }

    /// The first two numbers of bash's version.
    pub(super) fn version_number(&mut self) -> Run<(u32, u32)> {
        let version = self.version()?;
        let text = String::from_utf8_lossy(&version).into_owned();
        let mut numbers = text.split(['.', '(']).map(|part| part.parse().unwrap_or(0));
        Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
    }
}
