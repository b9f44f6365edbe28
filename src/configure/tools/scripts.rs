//! What Debian's scripts call to run and to find other scripts and files: `run-parts`, `tempfile`, `dpkg-realpath`,
//! and `ucfq`.
//!
//! `ucf`, `ucfr`, `add-shell`, `remove-shell`, `update-shells`, `locale-gen` and the like need no command here: they
//! are shell scripts of the packages, and are interpreted as they lie in the tree, each release's own.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::shell::stream::Stream;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::Given;
use crate::utilities::regex::Regex;
use crate::utilities::regex::Syntax;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] =
    &[("dpkg-realpath", dpkg_realpath), ("run-parts", run_parts), ("tempfile", tempfile), ("ucfq", ucfq)];

/// run-parts(8): names of scripts; others are backups, or of packages that are gone.
const PARTS: &[u8] = b"^[A-Za-z0-9_-]+$";

/// The same with `--lsbsysinit`, and what they must not end in.
const LSB_PARTS: &[u8] = b"^[a-z0-9]+$|^_?([a-z0-9_.]+-)+[a-z0-9]+$|^[a-zA-Z0-9_-]+$";
const LSB_NOT: &[u8] = b"\\.dpkg-(old|dist|new|tmp)$";

/// `run-parts [options] directory`
fn run_parts(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("arg", b'a'),
        ("exit-on-error", b'x'),
        ("list", b'l'),
        ("lsbsysinit", b'L'),
        ("new-session", b'n'),
        ("regex", b'r'),
        ("report", b'R'),
        ("reverse", b'b'),
        ("stdin", b's'),
        ("test", b't'),
        ("umask", b'u'),
        ("verbose", b'v'),
    ];
    let given = call.options("a:r:u:v", &long)?;
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    if given.has(b's') {
        return Err(Fault::gap("--stdin"));
    }
    let mut parts = Vec::new();
    for path in named_parts(call, &given)? {
        let Some(inode) = call.look(&path, true).filter(|inode| matches!(inode.kind, Kind::File(_))) else { continue };
        // What is listed need not be executable; what is run or would be must.
        if given.has(b'l') || inode.stat.mode & 0o111 != 0 {
            parts.push(path);
        }
    }
    if given.has(b'b') {
        parts.reverse();
    }
    if given.has(b'l') || given.has(b't') {
        parts.iter().try_for_each(|path| call.out([path.as_slice(), b"\n"].concat()))?;
        return Ok(0);
    }
    let arguments: Vec<Vec<u8>> = given.values(b'a').map(<[u8]>::to_vec).collect();
    let umask = call.shell.state.umask;
    if let Some(text) = given.value(b'u') {
        let bits = std::str::from_utf8(text).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
        call.shell.state.umask = bits.ok_or_else(|| Fault::failed("bad umask value"))? & 0o777;
    }
    let result = run_each(call, &given, &parts, &arguments);
    call.shell.state.umask = umask;
    result
}

/// The files of all directories with names that fit, by name; of several with one name the first directory's.
fn named_parts(call: &mut Call<'_, '_>, given: &Given) -> Result<Vec<Vec<u8>>, Fault> {
    let usual = if given.has(b'L') { LSB_PARTS } else { PARTS };
    let names = Regex::new(given.value(b'r').unwrap_or(usual), Syntax::Extended, false, &call.shell.system.budget)?;
    let never = Regex::new(LSB_NOT, Syntax::Extended, false, &call.shell.system.budget)?;
    let mut parts: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for directory in &given.operands {
        // Of a directory that is not there, releases say nothing or complain; either way it has no parts.
        let Ok(place) = call.resolve(directory, true) else { continue };
        let children: Vec<Vec<u8>> = call.tree().children(&place).map(|(path, _)| path.name().to_vec()).collect();
        for name in children {
            if names.is_match(&name)? && !(given.has(b'L') && never.is_match(&name)?) {
                let path = [directory.as_slice(), &name].join(&b'/');
                parts.entry(name).or_insert(path);
            }
        }
    }
    Ok(parts.into_values().collect())
}

fn run_each(call: &mut Call<'_, '_>, given: &Given, parts: &[Vec<u8>], arguments: &[Vec<u8>]) -> Done {
    let mut status = 0;
    for part in parts {
        let words = [std::slice::from_ref(part), arguments].concat();
        if given.has(b'v') {
            call.err(&format!("executing {}", show(&words.join(&b' '))))?;
        }
        let code = if given.has(b'R') { run_reported(call, &words)? } else { call.run(&words)? };
        if code != 0 {
            call.err(&format!("{} exited with return code {code}", show(part)))?;
            status = code;
            if given.has(b'x') {
                break;
            }
        }
    }
    Ok(status)
}

/// Runs a part; when it says something, its name stands above.
fn run_reported(call: &mut Call<'_, '_>, words: &[Vec<u8>]) -> Done {
    let before = call.shell.state.descriptors.clone();
    let said = [1, 2].map(|number| {
        let stream = Stream::output().descriptor();
        call.shell.state.descriptors.insert(number, Rc::clone(&stream));
        (number, stream)
    });
    let result = call.run(words);
    call.shell.state.descriptors = before;
    let mut name = [words[0].as_slice(), b":\n"].concat();
    for (number, stream) in said {
        let Stream::Output(bytes) = &*stream.borrow() else { continue };
        if !bytes.is_empty() {
            let text = [std::mem::take(&mut name).as_slice(), bytes].concat();
            match number {
                1 => call.out(text)?,
                _ => call.shell.print_error(&text)?,
            }
        }
    }
    result
}

/// `tempfile [-d directory] [-p prefix] [-s suffix] [-m mode] [-n file]` of older releases.
fn tempfile(call: &mut Call<'_, '_>) -> Done {
    let long = [("directory", b'd'), ("mode", b'm'), ("name", b'n'), ("prefix", b'p'), ("suffix", b's')];
    let given = call.options("d:m:n:p:s:", &long)?;
    let mode = match given.value(b'm').map(|text| u32::from_str_radix(&show(text), 8)) {
        None => 0o600,
        Some(Ok(mode)) if mode <= 0o777 => mode,
        Some(_) => return Err(Fault::failed("invalid mode")),
    };
    let temporary = call.shell.variable(b"TMPDIR").filter(|path| !path.is_empty()).unwrap_or(b"/tmp").to_vec();
    let directory = given.value(b'd').map_or(temporary, <[u8]>::to_vec);
    loop {
        let number = format!("{:06}", call.shell.system.fresh_number());
        let name =
            [given.value(b'p').unwrap_or(b"file"), number.as_bytes(), given.value(b's').unwrap_or_default()].concat();
        let path = given.value(b'n').map_or_else(|| [directory.as_slice(), &name].join(&b'/'), <[u8]>::to_vec);
        let place = call.resolve(&path, false)?;
        if call.tree().get(&place).is_some() {
            if given.has(b'n') {
                return Err(Fault::failed(format!("cannot create {}: File exists", show(&path))));
            }
            continue;
        }
        call.create(&place, Inode::file(mode & !call.shell.state.umask, Vec::new()))?;
        call.out([path.as_slice(), b"\n"].concat())?;
        return Ok(0);
    }
}

/// `dpkg-realpath [--root directory] path`: where a path lies in a root, as seen from it.
fn dpkg_realpath(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("zr:", &[("zero", b'z'), ("root", b'r'), ("instdir", b'r')])?;
    let [path] = given.operands.as_slice() else { return Err(Fault::Failed(2, "need one pathname".into())) };
    let root = given.value(b'r').or_else(|| call.shell.variable(b"DPKG_ROOT")).unwrap_or_default();
    if !matches!(root, b"" | b"/") {
        return Err(Fault::gap("in another root"));
    }
    let place = call.resolve(path, true)?;
    let end = if given.has(b'z') { b"\0" } else { b"\n" };
    call.out([absolute(&place).as_slice(), end].concat())?;
    Ok(0)
}

/// `ucfq -w name…`: which package has a file registered with ucf, whether it is there, and whether it was changed.
fn ucfq(call: &mut Call<'_, '_>) -> Done {
    let given =
        call.options("wdvs:", &[("with-colons", b'w'), ("debug", b'd'), ("verbose", b'v'), ("state-dir", b's')])?;
    if !given.has(b'w') {
        return Err(Fault::gap("a table for people, without --with-colons"));
    }
    let state = given.value(b's').unwrap_or(b"/var/lib/ucf").to_vec();
    let registry = pairs(call, &[state.as_slice(), b"/registry"].concat())?;
    let hashes: BTreeMap<Vec<u8>, Vec<u8>> =
        pairs(call, &[state.as_slice(), b"/hashfile"].concat())?.into_iter().map(|(hash, file)| (file, hash)).collect();
    let mut files: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for name in &given.operands {
        if name.starts_with(b"/") {
            let owner = registry.iter().rev().find(|(_, file)| file == name).map(|(package, _)| package.clone());
            files.entry(name.clone()).or_insert_with(|| owner.unwrap_or_default());
        } else if name.contains(&b'/') {
            call.err(&format!("Need a fully qualified path name for config file \"{}\"", show(name)))?;
            return Ok(0);
        } else {
            files.extend(
                registry
                    .iter()
                    .filter(|(package, _)| package == name)
                    .map(|(package, file)| (file.clone(), package.clone())),
            );
        }
    }
    for (name, package) in files {
        let place = call.tree().lookup(&name).map(|(place, _)| place);
        let changed = match (&place, hashes.get(&name)) {
            (Some(_), Some(hash)) => {
                let bytes = call.read(&name)?;
                let own =
                    crate::digest::md5_of_reader(&mut bytes.as_slice()).map_err(|_| Fault::failed("read error"))?;
                if own.as_bytes() == hash.as_slice() { "No" } else { "Yes" }
            }
            _ => "",
        };
        let shown = place.as_ref().map_or_else(|| name.clone(), absolute);
        let there = if place.is_some() { "Yes" } else { "" };
        call.out([shown.as_slice(), b":", &package, format!(":{there}:{changed}\n").as_bytes()].concat())?;
    }
    Ok(0)
}

fn absolute(place: &TreePath) -> Vec<u8> {
    [b"/", place.as_bytes()].concat()
}

/// Lines of two words.
fn pairs(call: &mut Call<'_, '_>, path: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
    let text = call.tree().read(path)?.unwrap_or_default();
    let pair = |line: &[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        Some((words.next()?.to_vec(), words.next()?.to_vec()))
    };
    Ok(text.split(|&byte| byte == b'\n').filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn parts_and_questions() {
        let mut tree = Tree::new();
        for (path, text) in [
            ("etc/a.d/10-one", "#!/bin/sh\necho one $*\n"),
            ("etc/a.d/20.no", "#!/bin/sh\necho no\n"),
            ("etc/b.d/10-one", "#!/bin/sh\necho hidden\n"),
            ("etc/b.d/20", "#!/bin/sh\nexit 3\n"),
            ("etc/conf", "x\n"),
            ("var/lib/ucf/registry", "pkg  /etc/conf\npkg  /etc/gone\n"),
            ("var/lib/ucf/hashfile", "401b30e3b8b5d629635a5c613cdb7919  /etc/conf\n"),
        ] {
            tree.write(path, 0o755, text).expect("new");
        }
        let mut system = machine(tree, "all", 0);
        let mut shell = Shell::new(&mut system, "s", &[("PATH", "/bin")]);
        let script = "run-parts -a x /etc/a.d /etc/b.d; echo $?; ucfq -w pkg /etc/conf; dpkg-realpath /etc/../etc/conf";
        let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("no limit");
        let wanted = "one x\nrun-parts: /etc/b.d/20 exited with return code 3\n3\n/etc/conf:pkg:Yes:No\n\
                      /etc/gone:pkg::\n/etc/conf\n";
        assert_eq!(String::from_utf8(outcome.output).expect("text"), wanted);
        assert_eq!(system.gaps, []);
    }
}
