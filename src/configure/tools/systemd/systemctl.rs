//! `systemctl`: what it does without a running manager. systemctl(1).

use super::enable::Edit;
use super::enable::PresetMode;
use super::files::base;
use super::files::is_file;
use super::files::names;
use super::files::target;
use super::unit::Name;
use super::unit::Scope;
use super::unit::lives_in_lib;
use super::unit::mangle;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::Given;
use crate::utilities::show;

const LETTERS: &str = "qfaln:o:p:t:s:M:H:P:SUGR:m:NDIBJLWYCc:K";

const LONG: &[(&str, u8)] = &[
    ("system", b'S'),
    ("user", b'U'),
    ("global", b'G'),
    ("root", b'R'),
    ("preset-mode", b'm'),
    ("now", b'N'),
    ("no-reload", b'D'),
    ("no-ask-password", b'I'),
    ("no-block", b'B'),
    ("no-pager", b'J'),
    ("no-legend", b'L'),
    ("no-warn", b'W'),
    ("no-wall", b'Y'),
    ("force", b'f'),
    ("quiet", b'q'),
    ("full", b'l'),
    ("all", b'a'),
    ("property", b'p'),
    ("signal", b's'),
    ("kill-whom", b'c'),
    ("kill-who", b'c'),
    ("job-mode", b'c'),
    ("plain", b'K'),
    ("reverse", b'K'),
    ("state", b'c'),
    ("type", b't'),
];

/// What asks or tells a running manager: there is none, and in a chroot `systemctl` lets it be.
const ONLINE: &[&[u8]] = &[
    b"cat",
    b"condrestart",
    b"condstop",
    b"daemon-reexec",
    b"daemon-reload",
    b"force-reload",
    b"import-environment",
    b"isolate",
    b"kill",
    b"list-dependencies",
    b"list-jobs",
    b"list-sockets",
    b"list-timers",
    b"list-units",
    b"reload",
    b"reload-or-restart",
    b"reload-or-try-restart",
    b"reset-failed",
    b"restart",
    b"set-environment",
    b"set-property",
    b"show",
    b"show-environment",
    b"start",
    b"status",
    b"stop",
    b"try-reload-or-restart",
    b"try-restart",
    b"unset-environment",
];

/// Exit status of `is-active` for what does not run (systemctl(1), EXIT STATUS).
const NOT_RUNNING: i32 = 3;

/// Exit status for a unit that is not known.
const UNKNOWN: i32 = 4;

pub(super) fn systemctl(call: &mut Call<'_, '_>) -> Done {
    let given = call.options(LETTERS, LONG)?;
    if given.values(b'R').any(|root| !matches!(root, b"/" | b"")) {
        return Err(Fault::gap("another root"));
    }
    let scope = match given.last_of(b"SUG") {
        Some(b'G') => Scope::User,
        Some(b'U') => return Err(Fault::gap("root's own units")),
        _ => Scope::System,
    };
    let edit = Edit { scope, force: given.has(b'f') };
    // Without a command it lists units, and offline it ignores that, too.
    let Some((verb, words)) = given.operands.split_first() else { return Ok(0) };
    if ONLINE.contains(&verb.as_slice()) {
        return Ok(0);
    }
    let units: Vec<Vec<u8>> =
        words.iter().map(|word| if word.starts_with(b"/") { word.clone() } else { mangle(word) }).collect();
    if let Some(wrong) = units.iter().find(|unit| Name::parse(base(unit)).is_none()) {
        return Err(Fault::failed(format!("Invalid unit name \"{}\".", show(wrong))));
    }
    match verb.as_slice() {
        b"enable" => {
            let units = with_init_scripts(call, edit, verb, units)?;
            edit.enable(call, &units)?;
        }
        b"reenable" => {
            edit.disable(call, &units)?;
            edit.enable(call, &units)?;
        }
        b"disable" => {
            let units = with_init_scripts(call, edit, verb, units)?;
            edit.disable(call, &units)?;
        }
        b"preset" => edit.preset(call, &units, preset_mode(&given)?, false)?,
        b"preset-all" => {
            let all = all_units(call, scope);
            edit.preset(call, &all, preset_mode(&given)?, true)?;
        }
        b"mask" => edit.mask(call, &units)?,
        b"unmask" => edit.unmask(call, &units)?,
        b"link" => {
            for unit in &units {
                edit.link(call, unit)?;
            }
        }
        b"is-enabled" => return is_enabled(call, edit, &units, given.has(b'q')),
        b"is-active" => return not_running(call, "inactive", &given, NOT_RUNNING),
        b"is-failed" => return not_running(call, "inactive", &given, 1),
        b"is-system-running" => return not_running(call, "offline", &given, 1),
        b"set-default" => return set_default(call, edit, &units),
        b"get-default" => return get_default(call, scope),
        other => return Err(Fault::gap(format!("the command `{}`", show(other)))),
    }
    Ok(0)
}

fn preset_mode(given: &Given) -> Result<PresetMode, Fault> {
    match given.value(b'm') {
        None | Some(b"full") => Ok(PresetMode::Full),
        Some(b"enable-only") => Ok(PresetMode::EnableOnly),
        Some(b"disable-only") => Ok(PresetMode::DisableOnly),
        Some(other) => Err(Fault::failed(format!("Failed to parse preset mode: {}.", show(other)))),
    }
}

/// Lets the init scripts of services be enabled or disabled too; returns the units that are not only that.
fn with_init_scripts(
    call: &mut Call<'_, '_>,
    edit: Edit,
    verb: &[u8],
    units: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, Fault> {
    let mut left = Vec::new();
    for unit in units {
        let native = edit.state(call, &unit)?.is_some();
        if let Some(name) = init_script(call, edit, &unit) {
            // As systemd-sysv-install does; the variable keeps update-rc.d from calling back.
            for action in [b"defaults", verb] {
                let words = [b"env".as_slice(), b"_SKIP_SYSTEMD_NATIVE=1", b"update-rc.d", &name, action];
                if call.run(&words.map(<[u8]>::to_vec))? != 0 {
                    return Err(Fault::failed(format!("systemd-sysv-install failed for {}.", show(&unit))));
                }
            }
            if !native {
                continue;
            }
        }
        left.push(unit);
    }
    Ok(left)
}

/// The name of a service's init script, if it has one.
fn init_script(call: &mut Call<'_, '_>, edit: Edit, unit: &[u8]) -> Option<Vec<u8>> {
    let skip = call.shell.variable(b"SYSTEMCTL_SKIP_SYSV").is_some_and(|value| value == b"1");
    let name = unit.strip_suffix(b".service").filter(|name| !name.contains(&b'/') && !skip)?;
    let there = edit.scope == Scope::System && is_file(call, &[b"/etc/init.d/", name].concat());
    there.then(|| name.to_vec())
}

/// The names of all units in the search path.
fn all_units(call: &mut Call<'_, '_>, scope: Scope) -> Vec<Vec<u8>> {
    let mut all = std::collections::BTreeSet::new();
    for directory in scope.directories(call) {
        all.extend(names(call, directory).into_iter().filter(|name| Name::parse(name).is_some()));
    }
    all.into_iter().collect()
}

fn is_enabled(call: &mut Call<'_, '_>, edit: Edit, units: &[Vec<u8>], quiet: bool) -> Done {
    let mut status = UNKNOWN;
    for unit in units {
        let mut state = edit.state(call, unit)?;
        if let (None, Some(name)) = (state, init_script(call, edit, unit)) {
            state = Some(if super::sysv::starts(call, &name) { "enabled" } else { "disabled" });
        }
        if state.is_none() && lives_in_lib(call) {
            let message = format!("Failed to get unit file state for {}: No such file or directory", show(unit));
            return Err(Fault::failed(message));
        }
        if !quiet {
            call.out(format!("{}\n", state.unwrap_or("not-found")))?;
        }
        match state {
            Some("enabled" | "static" | "indirect" | "alias") => status = 0,
            Some(_) if status == UNKNOWN => status = 1,
            _ => {}
        }
    }
    Ok(status)
}

fn not_running(call: &mut Call<'_, '_>, word: &str, given: &Given, status: i32) -> Done {
    if !given.has(b'q') {
        call.out(format!("{word}\n"))?;
    }
    Ok(status)
}

fn set_default(call: &mut Call<'_, '_>, edit: Edit, units: &[Vec<u8>]) -> Done {
    let [name] = units else { return Err(Fault::gap("set-default without one unit")) };
    // `graphical` means a target here, not a service.
    let name = match name.strip_suffix(b".service") {
        Some(stem) => [stem, b".target"].concat(),
        None => name.clone(),
    };
    let unit = super::unit::Unit::find(call, edit.scope, &name)?;
    let unit = unit.ok_or_else(|| Fault::failed(format!("Unit file {} does not exist.", show(&name))))?;
    let link = [edit.scope.config(), b"default.target"].join(&b'/');
    super::files::unlink(call, &link)?;
    super::files::make_link(call, &link, &unit.path)?;
    Ok(0)
}

fn get_default(call: &mut Call<'_, '_>, scope: Scope) -> Done {
    for directory in scope.directories(call) {
        if let Some(to) = target(call, &[directory, b"default.target"].join(&b'/')) {
            call.out([base(&to), b"\n"].concat())?;
            return Ok(0);
        }
    }
    Err(Fault::failed("Failed to get default target: No such file or directory"))
}
