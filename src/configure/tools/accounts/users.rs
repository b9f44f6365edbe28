//! `useradd`, `userdel`, `usermod` (their manual pages; login.defs(5), shadow(5)).

use super::Ids;
use super::defaults::Defaults;
use super::files::Accounts;
use super::files::COMMENT;
use super::files::Entry;
use super::files::GID;
use super::files::HOME;
use super::files::NUMBER;
use super::files::PASSWORD;
use super::files::SHELL;
use super::files::Table;
use super::files::entry;
use super::files::list;
use super::files::number;
use super::files::parse;
use super::homes;
use super::homes::Owner;
use super::numbers::Numbers;
use super::numbers::range;
use super::passwords::age;
use super::passwords::day;
use super::subids;
use super::words::account_name;
use super::words::no_colon;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::Given;
use crate::utilities::show;

/// `--badname`: has no letter of its own.
const BADNAME: u8 = 1;

const ADD: &[(&str, u8)] = &[
    ("badname", BADNAME),
    ("badnames", BADNAME),
    ("base-dir", b'b'),
    ("comment", b'c'),
    ("home-dir", b'd'),
    ("home", b'd'),
    ("expiredate", b'e'),
    ("inactive", b'f'),
    ("add-subids-for-system", b'F'),
    ("gid", b'g'),
    ("groups", b'G'),
    ("skel", b'k'),
    ("key", b'K'),
    ("no-log-init", b'l'),
    ("create-home", b'm'),
    ("no-create-home", b'M'),
    ("no-user-group", b'N'),
    ("non-unique", b'o'),
    ("password", b'p'),
    ("system", b'r'),
    ("shell", b's'),
    ("uid", b'u'),
    ("user-group", b'U'),
];

/// `useradd [options] LOGIN`
pub(super) fn useradd(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("b:c:d:e:f:Fg:G:k:K:lmMNop:rs:u:U\x01", ADD)?;
    let [name] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: useradd LOGIN".into())) };
    let defaults = login_defaults(call, &given)?;
    let own = Defaults::assignments(call, b"/etc/default/useradd")?;
    let mut accounts = Accounts::read(call)?;
    let primary = given.value(b'g').map(|group| accounts.gid(group).ok_or_else(|| no_group(group))).transpose()?;
    let groups = groups_of(call, &accounts, &given)?;
    account_name(name, "user", given.has(BADNAME), 19)?;
    if accounts.passwd.get(name).is_some() {
        return Err(Fault::Failed(9, format!("user '{}' already exists", show(name))));
    }
    let own_group = given.has(b'U') || !(given.has(b'g') || given.has(b'N') || !defaults.is_yes("USERGROUPS_ENAB"));
    if own_group && accounts.group.get(name).is_some() {
        let message = "exists - if you want to add this user to that group, use -g.";
        return Err(Fault::Failed(9, format!("group {} {message}", show(name))));
    }
    let system = given.has(b'r');
    let uid = new_uid(call, &accounts, &defaults, &given, name)?;
    let gid = match primary {
        Some(gid) => gid,
        None if own_group => {
            let numbers = Numbers::new(&accounts.group, &call.shell.system.kept::<Ids>().groups, name);
            let gid = numbers.next(&range(&defaults, "GID", system), system, Some(uid));
            let gid = gid.ok_or_else(|| Fault::Failed(4, "no more available GIDs on the system".into()))?;
            accounts.add_group(name, gid, b"!");
            gid
        }
        None => own.number("GROUP", 100),
    };
    let text = |letter: u8, otherwise: Vec<u8>| given.value(letter).map_or(otherwise, <[u8]>::to_vec);
    let base = text(b'b', own.text("HOME").unwrap_or("/home").into());
    let home = text(b'd', [base.as_slice(), b"/", name].concat());
    let shell = text(b's', own.text("SHELL").unwrap_or("/bin/sh").into());
    let (comment, password) = (text(b'c', Vec::new()), text(b'p', b"!".to_vec()));
    [&home, &shell, &comment, &password].into_iter().try_for_each(|field| no_colon(field))?;
    let hidden: &[u8] = if accounts.shadow.exists() { b"x" } else { &password };
    let numbers = (uid.to_string(), gid.to_string());
    accounts.passwd.add(entry(&[name, hidden, numbers.0.as_bytes(), numbers.1.as_bytes(), &comment, &home, &shell]));
    if accounts.shadow.exists() {
        let line = shadow_line(call, &defaults, &own, &given, [name, &password])?;
        accounts.shadow.add(line);
    }
    for group in &groups {
        accounts.add_member(group, name);
    }
    accounts.write(call)?;
    add_subids(call, &defaults, &given, name, uid)?;
    make_home(call, &defaults, &own, &given, &home, Owner { uid, gid })?;
    Ok(0)
}

/// Makes the home with `-m`, or where login.defs(5) says so.
fn make_home(
    call: &mut Call<'_, '_>,
    defaults: &Defaults,
    own: &Defaults,
    given: &Given,
    home: &[u8],
    owner: Owner,
) -> Result<(), Fault> {
    let usual = !given.has(b'r') && !given.has(b'M') && defaults.is_yes("CREATE_HOME");
    if !(given.has(b'm') || usual) || call.look(home, true).is_some() {
        return Ok(());
    }
    let mode = defaults.number("HOME_MODE", 0o777 & !defaults.number("UMASK", 0o022));
    let place = homes::make(call, home, owner, mode)?;
    let skeleton = given.value(b'k').unwrap_or_else(|| own.text("SKEL").unwrap_or("/etc/skel").as_bytes()).to_vec();
    homes::fill(call, &skeleton, &place, owner, |_| false)
}

fn login_defaults(call: &mut Call<'_, '_>, given: &Given) -> Result<Defaults, Fault> {
    let mut defaults = Defaults::login(call)?;
    for pair in given.values(b'K') {
        let text = show(pair);
        let (key, value) = text.split_once('=').ok_or_else(|| Fault::Failed(3, "-K requires KEY=VALUE".into()))?;
        defaults.set(key, value);
    }
    Ok(defaults)
}

fn no_group(group: &[u8]) -> Fault {
    Fault::Failed(6, format!("group '{}' does not exist", show(group)))
}

/// The names of the groups of `-G`.
fn groups_of(call: &Call<'_, '_>, accounts: &Accounts, given: &Given) -> Result<Vec<Vec<u8>>, Fault> {
    let names = given.value(b'G').map(list).unwrap_or_default();
    accounts.spend(call, names.len())?;
    names.iter().map(|name| accounts.group_name(name).ok_or_else(|| no_group(name))).collect()
}

fn new_uid(
    call: &mut Call<'_, '_>,
    accounts: &Accounts,
    defaults: &Defaults,
    given: &Given,
    name: &[u8],
) -> Result<u32, Fault> {
    if let Some(text) = given.value(b'u') {
        let uid = parse(text).ok_or_else(|| Fault::Failed(3, format!("invalid user ID '{}'", show(text))))?;
        if accounts.passwd.by_number(uid).is_some() && !given.has(b'o') {
            return Err(Fault::Failed(4, format!("UID {uid} is not unique")));
        }
        return Ok(uid);
    }
    let system = given.has(b'r');
    let numbers = Numbers::new(&accounts.passwd, &call.shell.system.kept::<Ids>().users, name);
    let uid = numbers.next(&range(defaults, "UID", system), system, None);
    uid.ok_or_else(|| Fault::Failed(4, "no more available UIDs on the system".into()))
}

/// The line of shadow(5): a system account has no ages.
fn shadow_line(
    call: &Call<'_, '_>,
    defaults: &Defaults,
    own: &Defaults,
    given: &Given,
    [name, password]: [&[u8]; 2],
) -> Result<Entry, Fault> {
    let today = day(call);
    let mut line = entry(&[name, password, &today, b"", b"", b"", b"", b"", b""]);
    if !given.has(b'r') {
        for (field, key) in [(3, "PASS_MIN_DAYS"), (4, "PASS_MAX_DAYS"), (5, "PASS_WARN_AGE")] {
            line[field] = age(defaults.text(key).unwrap_or("-1").as_bytes())?;
        }
        line[6] = age(given.value(b'f').or(own.text("INACTIVE").map(str::as_bytes)).unwrap_or(b"-1"))?;
        line[7] = age(given.value(b'e').or(own.text("EXPIRE").map(str::as_bytes)).unwrap_or(b""))?;
    }
    Ok(line)
}

/// Users that are no system accounts, and have an ordinary uid, get ranges of subordinate ids.
fn add_subids(call: &mut Call<'_, '_>, defaults: &Defaults, given: &Given, name: &[u8], uid: u32) -> Result<(), Fault> {
    if (given.has(b'r') && !given.has(b'F')) || !(uid == 0 || range(defaults, "UID", false).contains(&uid)) {
        return Ok(());
    }
    for (mut table, kind) in [(Table::subuid(call)?, "UID"), (Table::subgid(call)?, "GID")] {
        if !subids::add(&mut table, defaults, kind, name) {
            return Err(Fault::failed(format!("can't find subordinate {} range", kind.to_lowercase())));
        }
        table.write(call)?;
    }
    Ok(())
}

/// `userdel [-f] [-r] LOGIN`
pub(super) fn userdel(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("fr", &[("force", b'f'), ("remove", b'r')])?;
    let [name] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: userdel LOGIN".into())) };
    let defaults = Defaults::login(call)?;
    let mut accounts = Accounts::read(call)?;
    let Some(user) = accounts.passwd.get(name).cloned() else {
        return Err(Fault::Failed(6, format!("user '{}' does not exist", show(name))));
    };
    accounts.passwd.remove(name);
    accounts.shadow.remove(name);
    let groups: Vec<Vec<u8>> = accounts.group.entries().map(|group| group[0].clone()).collect();
    groups.iter().for_each(|group| accounts.remove_member(group, name));
    if defaults.is_yes("USERGROUPS_ENAB") {
        remove_own_group(&mut accounts, &user, given.has(b'f'));
    }
    accounts.write(call)?;
    for mut table in [Table::subuid(call)?, Table::subgid(call)?] {
        table.remove(name);
        table.write(call)?;
    }
    if given.has(b'r') {
        homes::remove(call, &user[HOME]);
        let spool = [b"/var/mail/", name.as_slice()].concat();
        if let Some((place, _)) = call.tree().lookup(&spool) {
            call.tree().remove(&place)?;
        }
    }
    Ok(0)
}

/// A group of the user's name goes with the user, if nobody else is in it.
fn remove_own_group(accounts: &mut Accounts, user: &Entry, force: bool) {
    let Some(group) = accounts.group.get(&user[0]) else { return };
    let primary = group[NUMBER] == user[GID] || force;
    let others = !group[super::files::MEMBERS].is_empty();
    let shared = !force && accounts.passwd.entries().any(|other| other[GID] == group[NUMBER]);
    if primary && !others && !shared {
        accounts.remove_group(&user[0]);
    }
}

const MODIFY: &[(&str, u8)] = &[
    ("append", b'a'),
    ("badname", BADNAME),
    ("badnames", BADNAME),
    ("comment", b'c'),
    ("home", b'd'),
    ("expiredate", b'e'),
    ("inactive", b'f'),
    ("gid", b'g'),
    ("groups", b'G'),
    ("login", b'l'),
    ("lock", b'L'),
    ("move-home", b'm'),
    ("non-unique", b'o'),
    ("password", b'p'),
    ("remove", b'r'),
    ("shell", b's'),
    ("uid", b'u'),
    ("unlock", b'U'),
    ("add-subuids", b'v'),
    ("del-subuids", b'V'),
    ("add-subgids", b'w'),
    ("del-subgids", b'W'),
];

/// `usermod [options] LOGIN`
pub(super) fn usermod(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ac:d:e:f:g:G:l:Lmop:rs:u:Uv:V:w:W:\x01", MODIFY)?;
    let ranges = [subids::Change::read(&given, "UID")?, subids::Change::read(&given, "GID")?];
    let [name] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: usermod LOGIN".into())) };
    if given.all.is_empty() {
        return Err(Fault::Failed(2, "no options".into()));
    }
    let mut accounts = Accounts::read(call)?;
    let Some(old) = accounts.passwd.get(name).cloned() else {
        return Err(Fault::Failed(6, format!("user '{}' does not exist", show(name))));
    };
    for letter in [b'c', b'd', b's', b'p'] {
        given.value(letter).map_or(Ok(()), no_colon)?;
    }
    for (change, table) in ranges.iter().zip([Table::subuid(call)?, Table::subgid(call)?]) {
        change.check(&table)?;
    }
    let groups = groups_of(call, &accounts, &given)?;
    let new_name = given.value(b'l').unwrap_or(name);
    check_new_name(call, &accounts, &given, new_name)?;
    let mut new = old.clone();
    new[0] = new_name.to_vec();
    for (letter, field) in [(b'c', COMMENT), (b'd', HOME), (b's', SHELL)] {
        if let Some(value) = given.value(letter) {
            new[field] = value.to_vec();
        }
    }
    if let Some(text) = given.value(b'u') {
        let uid = parse(text).ok_or_else(|| Fault::Failed(3, format!("invalid user ID '{}'", show(text))))?;
        if accounts.passwd.by_number(uid).is_some_and(|other| other[0] != *name) && !given.has(b'o') {
            return Err(Fault::Failed(4, format!("UID '{uid}' already exists")));
        }
        new[NUMBER] = uid.to_string().into_bytes();
    }
    if let Some(group) = given.value(b'g') {
        new[GID] = accounts.gid(group).ok_or_else(|| no_group(group))?.to_string().into_bytes();
    }
    change_password(call, &mut accounts, &given, &mut new)?;
    if let Some(entry) = accounts.passwd.change(name) {
        entry.clone_from(&new);
    }
    change_groups(&mut accounts, &given, name, &groups);
    if new_name != name {
        rename_user(&mut accounts, name, new_name);
    }
    accounts.write(call)?;
    change_subids(call, &ranges, name)?;
    change_home(call, &given, &old, &new)
}

/// Refuses another name for a user that cannot be had.
fn check_new_name(call: &mut Call<'_, '_>, accounts: &Accounts, given: &Given, new_name: &[u8]) -> Result<(), Fault> {
    let name = given.operands[0].as_slice();
    if new_name == name {
        return Ok(());
    }
    account_name(new_name, "user", given.has(BADNAME), 3)?;
    if accounts.passwd.get(new_name).is_some() {
        return Err(Fault::Failed(9, format!("user '{}' already exists", show(new_name))));
    }
    if call.look(&[b"/var/mail/", name].concat(), false).is_some() {
        return Err(Fault::gap("renames a user who has mail"));
    }
    Ok(())
}

/// `-p`, `-L`, `-U`, `-e`, `-f`: in shadow where the user is there, else in passwd.
fn change_password(call: &Call<'_, '_>, accounts: &mut Accounts, given: &Given, user: &mut Entry) -> Result<(), Fault> {
    let wanted = given.value(b'p').map(<[u8]>::to_vec);
    let lock = given.last_of(b"LU");
    let changed = |old: &[u8]| match (&wanted, lock) {
        (Some(new), _) => new.clone(),
        (None, Some(b'L')) if old.first() != Some(&b'!') => [b"!", old].concat(),
        // Without the mark nothing would be left: anybody could log in.
        (None, Some(b'U')) if old.len() > 1 => old.strip_prefix(b"!").unwrap_or(old).to_vec(),
        _ => old.to_vec(),
    };
    let name = user[0].clone();
    let old_name = given.operands[0].as_slice();
    let Some(line) = (accounts.shadow.get(old_name).is_some()).then(|| accounts.shadow.change(old_name)).flatten()
    else {
        user[PASSWORD] = changed(&user[PASSWORD]);
        return Ok(());
    };
    line[0] = name;
    line[PASSWORD] = changed(&line[PASSWORD]);
    if wanted.is_some() {
        line[super::files::LAST_CHANGE] = day(call);
    }
    for (letter, field) in [(b'f', 6), (b'e', 7)] {
        if let Some(value) = given.value(letter) {
            line[field] = age(value)?;
        }
    }
    Ok(())
}

/// `-G`: these groups and no others, with `-a` these as well, with `-r` not these.
fn change_groups(accounts: &mut Accounts, given: &Given, name: &[u8], groups: &[Vec<u8>]) {
    if !given.has(b'G') {
        return;
    }
    let (append, remove) = (given.has(b'a'), given.has(b'r'));
    let all: Vec<Vec<u8>> = accounts.group.entries().map(|group| group[0].clone()).collect();
    for group in &all {
        match groups.contains(group) {
            true if remove => accounts.remove_member(group, name),
            true => accounts.add_member(group, name),
            false if !append && !remove => accounts.remove_member(group, name),
            false => {}
        }
    }
}

/// Gives a user another name as a member of groups. Ranges of subordinate ids stay with the old one.
fn rename_user(accounts: &mut Accounts, old: &[u8], new: &[u8]) {
    let all: Vec<Vec<u8>> = accounts.group.entries().map(|group| group[0].clone()).collect();
    for group in &all {
        accounts.edit_members(group, |members| {
            members.iter_mut().filter(|member| *member == old).for_each(|member| *member = new.to_vec());
        });
    }
}

/// `-v`, `-V`, `-w`, `-W`: ranges of subordinate ids.
fn change_subids(call: &mut Call<'_, '_>, ranges: &[subids::Change; 2], name: &[u8]) -> Result<(), Fault> {
    for (change, mut table) in ranges.iter().zip([Table::subuid(call)?, Table::subgid(call)?]) {
        change.apply(&mut table, name);
        table.write(call)?;
    }
    Ok(())
}

/// Moves the home with `-m`, and gives what is in it to the new numbers.
fn change_home(call: &mut Call<'_, '_>, given: &Given, old: &Entry, new: &Entry) -> Done {
    let mut home = old[HOME].clone();
    if given.has(b'm') && old[HOME] != new[HOME] {
        if call.look(&new[HOME], true).is_some() {
            return Err(Fault::Failed(12, format!("directory {} exists", show(&new[HOME]))));
        }
        if let Some((from, _)) = call.tree().lookup(&old[HOME]) {
            let to = call.resolve(&new[HOME], true)?;
            call.tree().rename(&from, &to)?;
        }
        home.clone_from(&new[HOME]);
    }
    let owner = |user: &Entry| Some(Owner { uid: number(user, NUMBER)?, gid: number(user, GID)? });
    if let (Some(from), Some(to)) = (owner(old), owner(new))
        && from != to
    {
        homes::give(call, &home, from, to)?;
    }
    Ok(0)
}
