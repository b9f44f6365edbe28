//! Python, as far as shell scripts call it.

use super::package::Action::Remove;
use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("py3clean", |_| Ok(0)), ("py3compile", |_| Ok(0)), ("py3versions", versions), ("python3", python)],
    leaves: &[(Remove, &["**/__pycache__"], "byte code holds its source's time, and differs from run to run")],
    ..Package::of("python3-defaults")
};

/// `python3` for the program of any of its minor versions, as `python3.13`.
pub(in crate::configure) fn unversioned(name: &str) -> &str {
    let minor = name.strip_prefix("python3.").unwrap_or_default();
    let versioned = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    if versioned { "python3" } else { name }
}

/// Byte code is not in an image: it differs from run to run.
fn python(call: &mut Call<'_, '_>) -> Done {
    if matches!(call.args, [option, text] if option == b"-c" && text == super::twisted::LIST) {
        return Ok(0);
    }
    let program = call.args.iter().find(|word| !word.starts_with(b"-"));
    match program {
        Some(program) if [b"/py_compile.py".as_slice(), b"/compileall.py"].iter().any(|end| program.ends_with(end)) => {
            Ok(0)
        }
        _ => Err(Fault::gap("a program in Python")),
    }
}

/// `py3versions [-v] -d | -s | -i`: the versions that are the default, supported (that one last), or there as well.
fn versions(call: &mut Call<'_, '_>) -> Done {
    let long = [("default", b'd'), ("supported", b's'), ("installed", b'i'), ("version", b'v')];
    let given = call.options("dsiv", &long)?;
    let text = show(&call.read(b"/usr/share/python3/debian_defaults")?);
    let list = |key: &str| -> Option<Vec<String>> {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))?;
        Some(value.split(',').map(|version| version.trim().to_owned()).collect())
    };
    let gap = || Fault::gap("settings of a form that is not known");
    let default = list("default-version").and_then(|versions| versions.into_iter().next()).ok_or_else(gap)?;
    let link = call.look(b"/usr/bin/python3", false).and_then(|inode| match inode.kind {
        crate::tree::Kind::Symlink(target) => Some(show(&target)),
        _ => None,
    });
    if link.as_deref().map(|link| link.trim_start_matches("/usr/bin/")) != Some(default.as_str()) {
        return Err(Fault::gap("a /usr/bin/python3 that is not the default"));
    }
    let mut chosen = list("supported-versions").ok_or_else(gap)?;
    chosen.sort();
    match given.all.iter().map(|(letter, _)| *letter).filter(|letter| *letter != b'v').collect::<Vec<_>>()[..] {
        [b'd'] => chosen = vec![default],
        [b's'] => {
            chosen.retain(|version| *version != default);
            chosen.push(default);
        }
        [b'i'] => chosen.retain(|version| call.look(format!("/usr/bin/{version}").as_bytes(), true).is_some()),
        _ => return Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
    let from = if given.has(b'v') { "python".len() } else { 0 };
    let shown: Vec<&str> = chosen.iter().filter_map(|version| version.get(from..)).collect();
    call.out(shown.join(" ") + "\n").map(|()| 0)
}
