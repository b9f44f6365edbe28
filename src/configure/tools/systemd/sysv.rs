//! Init scripts: `update-rc.d` makes their links, the others would run them. update-rc.d(8), invoke-rc.d(8).

use super::files::base;
use super::files::is_file;
use super::files::is_program;
use super::files::make_link;
use super::files::names;
use super::files::unlink;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The directories of links, by runlevel.
const LEVELS: &[u8] = b"0123456S";

/// Runlevels in which a link can be switched on and off.
const SWITCHED: &[u8] = b"2345S";

/// `update-rc.d [-f] NAME remove|defaults|defaults-disabled|enable|disable …`, as it is without insserv and OpenRC.
pub(super) fn update(call: &mut Call<'_, '_>) -> Done {
    if is_program(call, b"/usr/lib/insserv/insserv") && call.look(b"/etc/insserv.conf", true).is_some() {
        return Err(Fault::gap("with insserv"));
    }
    if is_program(call, b"/sbin/openrc") {
        return Err(Fault::gap("with OpenRC"));
    }
    let words: Vec<Vec<u8>> = call.args.iter().skip_while(|word| *word == b"-f").cloned().collect();
    match words.as_slice() {
        [option, ..] if option.starts_with(b"-") => Err(Fault::gap(format!("option `{}`", show(option)))),
        [name, action, rest @ ..] => match action.as_slice() {
            b"remove" => {
                for link in links(call, name, LEVELS) {
                    unlink(call, &link)?;
                }
                Ok(0)
            }
            // The numbers and runlevels of old are taken from the script's header instead.
            b"defaults" | b"start" | b"stop" => make_links(call, name, b'S'),
            b"defaults-disabled" => make_links(call, name, b'K'),
            b"enable" | b"disable" => {
                switch(call, name, action == b"enable", rest)?;
                switch_unit(call, name, action)?;
                Ok(0)
            }
            other => Err(Fault::gap(format!("the action `{}`", show(other)))),
        },
        _ => Err(Fault::failed("error: not enough arguments")),
    }
}

/// All links of a script in these runlevels.
fn links(call: &mut Call<'_, '_>, name: &[u8], levels: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for level in levels {
        let directory = format!("/etc/rc{}.d", char::from(*level)).into_bytes();
        for link in names(call, &directory) {
            if let [b'S' | b'K', a, b, rest @ ..] = link.as_slice()
                && a.is_ascii_digit()
                && b.is_ascii_digit()
                && rest == name
            {
                found.push([directory.as_slice(), &link].join(&b'/'));
            }
        }
    }
    found
}

/// Whether a script starts at boot.
pub(super) fn starts(call: &mut Call<'_, '_>, name: &[u8]) -> bool {
    links(call, name, b"5S").iter().any(|link| base(link).starts_with(b"S"))
}

/// Makes the links that the script's header asks for; where it has any already, they stay.
fn make_links(call: &mut Call<'_, '_>, name: &[u8], start: u8) -> Done {
    if !links(call, name, LEVELS).is_empty() {
        return Ok(0);
    }
    let (starts, stops) = header(call, &[b"/etc/init.d/", name].concat())?;
    for (letter, levels) in [(start, starts), (b'K', stops)] {
        for level in levels {
            let link = [b"/etc/rc", level.as_slice(), b".d/", &[letter], b"01", name].concat();
            if call.look(&link, false).is_none() {
                make_link(call, &link, &[b"../init.d/", name].concat())?;
            }
        }
    }
    Ok(0)
}

/// `Default-Start` and `Default-Stop` of a script's LSB header.
fn header(call: &mut Call<'_, '_>, path: &[u8]) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>), Fault> {
    let text = call.read(path).map_err(|_| Fault::failed(format!("error: unable to read {}", show(path))))?;
    Ok(parse_header(&text))
}

fn parse_header(text: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut starts, mut stops, mut inside) = (Vec::new(), Vec::new(), false);
    let levels = |value: &[u8]| -> Vec<Vec<u8>> {
        value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
    };
    for line in text.split(|&byte| byte == b'\n') {
        match line.trim_ascii_end() {
            b"### BEGIN INIT INFO" => inside = true,
            b"### END INIT INFO" => break,
            line if inside => {
                if let Some(value) = line.strip_prefix(b"# Default-Start:") {
                    starts = levels(value);
                } else if let Some(value) = line.strip_prefix(b"# Default-Stop:") {
                    stops = levels(value);
                }
            }
            _ => {}
        }
    }
    (starts, stops)
}

/// Turns the links of the given runlevels, or of the header's, into those that start or that do not.
fn switch(call: &mut Call<'_, '_>, name: &[u8], on: bool, levels: &[Vec<u8>]) -> Result<(), Fault> {
    let candidates = [b"/etc/insserv/overrides/".as_slice(), b"/etc/init.d/", b"/usr/share/insserv/overrides/"];
    let script = candidates.iter().map(|directory| [directory, name].concat()).find(|path| {
        call.look(path, true).is_some_and(|inode| inode.content().is_some_and(|content| content.size() > 0))
    });
    let script = script.ok_or_else(|| Fault::failed(format!("error: cannot find a LSB script for {}", show(name))))?;
    let levels = if levels.is_empty() { header(call, &script)?.0 } else { levels.to_vec() };
    if levels.is_empty() {
        return Err(Fault::failed(format!("error: {} Default-Start contains no runlevels, aborting.", show(name))));
    }
    let mut all = Vec::new();
    for level in levels {
        match level.as_slice() {
            [level] if SWITCHED.contains(level) => all.extend(links(call, name, &[*level])),
            other => {
                let action = if on { "enable" } else { "disable" };
                call.err(&format!("warning: {action} action will have no effect on runlevel {}", show(other)))?;
            }
        }
    }
    if all.is_empty() {
        return Err(Fault::failed("error: no runlevel symlinks to modify, aborting!"));
    }
    for link in all {
        let (from, to) = if on { (b'K', b'S') } else { (b'S', b'K') };
        if base(&link).first() != Some(&from) {
            continue;
        }
        let mut new = link.clone();
        let letter = link.len() - base(&link).len();
        new[letter] = to;
        let (old, new) = (call.resolve(&link, false)?, call.resolve(&new, false)?);
        call.tree().rename(&old, &new)?;
    }
    Ok(())
}

/// The unit of the same name is enabled or disabled with the script.
fn switch_unit(call: &mut Call<'_, '_>, name: &[u8], action: &[u8]) -> Result<(), Fault> {
    if call.shell.variable(b"_SKIP_SYSTEMD_NATIVE").is_some_and(|value| value == b"1") {
        return Ok(());
    }
    if !is_program(call, b"/usr/bin/systemctl") && !is_program(call, b"/bin/systemctl") {
        // Without systemctl the program knows only the unit's WantedBy=, which is for who adds systemd later.
        let unit = [name, b".service"].concat();
        for directory in ["/etc/systemd/system/", "/lib/systemd/system/", "/usr/lib/systemd/system/"] {
            if is_file(call, &[directory.as_bytes(), &unit].concat()) {
                return Err(Fault::gap("a unit without systemctl"));
            }
        }
        return Ok(());
    }
    // The variable keeps systemctl from calling back.
    let words = [b"env".as_slice(), b"SYSTEMCTL_SKIP_SYSV=1", b"systemctl", b"--root=/", b"--quiet", action, name];
    call.run(&words.map(<[u8]>::to_vec))?;
    Ok(())
}

/// `invoke-rc.d [options] NAME ACTION`: `policy-rc.d` denies every action. Without `--disclose-deny` that is a
/// success, except that the status is unknown.
pub(super) fn invoke(call: &mut Call<'_, '_>) -> Done {
    const DENIED: i32 = 101;
    let long = [
        ("quiet", b'q'),
        ("try-anyway", b't'),
        ("disclose-deny", b'd'),
        ("query", b'y'),
        ("no-fallback", b'n'),
        ("skip-systemd-native", b's'),
        // Denied all the same.
        ("force", b'f'),
        ("upgrade", b'u'),
    ];
    let given = call.options("qtdynsfu", &long)?;
    let [name, action, ..] = given.operands.as_slice() else {
        return Err(Fault::Failed(103, "syntax error: missing required parameter".into()));
    };
    if !given.has(b'q') {
        if !is_file(call, &[b"/etc/init.d/", name.as_slice()].concat()) {
            call.err(&format!("unknown initscript, /etc/init.d/{} not found.", show(name)))?;
        }
        call.err("could not determine current runlevel")?;
        call.err(&format!("policy-rc.d denied execution of {}.", show(action)))?;
    }
    Ok(match action.as_slice() {
        _ if given.has(b'd') || given.has(b'y') => DENIED,
        b"status" => 4,
        _ => 0,
    })
}

/// `service NAME ACTION`: nothing runs, nothing starts. Policy 9.3.3 has scripts call `invoke-rc.d`.
pub(super) fn service(call: &mut Call<'_, '_>) -> Done {
    const NOT_RUNNING: i32 = 3;
    match call.args {
        [name, action, ..] if !name.starts_with(b"-") => match action.as_slice() {
            b"status" => Ok(NOT_RUNNING),
            b"start" | b"stop" | b"restart" | b"try-restart" | b"reload" | b"force-reload" => Ok(0),
            other => Err(Fault::gap(format!("the action `{}`", show(other)))),
        },
        words => Err(Fault::gap(format!("the arguments `{}`", show(&words.join(&b' '))))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_the_runlevels() {
        let text = b"#!/bin/sh\n# Default-Start: 1\n### BEGIN INIT INFO\n# Provides: x\n# Default-Start:  2 3\t5 \n\
            # Default-Stop:\n### END INIT INFO\n# Default-Stop: 6\n";
        assert_eq!(parse_header(text), ([b"2", b"3", b"5"].map(|level| level.to_vec()).to_vec(), Vec::new()));
        assert_eq!(parse_header(b"no header\n"), (Vec::new(), Vec::new()));
    }
}
