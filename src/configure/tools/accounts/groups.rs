//! `groupadd`, `groupdel`, `groupmod`, `gpasswd` (their manual pages; group(5), gshadow(5)).

use super::Ids;
use super::defaults::Defaults;
use super::files::ADMINISTRATORS;
use super::files::Accounts;
use super::files::GID;
use super::files::NUMBER;
use super::files::PASSWORD;
use super::files::list;
use super::files::number;
use super::files::parse;
use super::numbers::Numbers;
use super::numbers::range;
use super::words::account_name;
use super::words::no_colon;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

const ADD: &[(&str, u8)] = &[
    ("force", b'f'),
    ("gid", b'g'),
    ("key", b'K'),
    ("non-unique", b'o'),
    ("password", b'p'),
    ("system", b'r'),
    ("users", b'U'),
];

fn exists(name: &[u8]) -> Fault {
    Fault::Failed(9, format!("group '{}' already exists", show(name)))
}

fn missing(name: &[u8]) -> Fault {
    Fault::Failed(6, format!("group '{}' does not exist", show(name)))
}

/// `groupadd [options] GROUP`
pub(super) fn groupadd(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("fg:K:op:rU:", ADD)?;
    let [name] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: groupadd GROUP".into())) };
    let mut defaults = Defaults::login(call)?;
    for pair in given.values(b'K') {
        let text = show(pair);
        let (key, value) = text.split_once('=').ok_or_else(|| Fault::Failed(3, "-K requires KEY=VALUE".into()))?;
        defaults.set(key, value);
    }
    let mut accounts = Accounts::read(call)?;
    account_name(name, "group", false, 3)?;
    if accounts.group.get(name).is_some() {
        return if given.has(b'f') { Ok(0) } else { Err(exists(name)) };
    }
    let mut asked = given.value(b'g').map(gid).transpose()?;
    let taken = asked.filter(|gid| accounts.group.by_number(*gid).is_some() && !given.has(b'o'));
    match taken {
        Some(_) if given.has(b'f') => asked = None,
        Some(gid) => return Err(Fault::Failed(4, format!("GID '{gid}' already exists"))),
        None => {}
    }
    let system = given.has(b'r');
    let numbers = Numbers::new(&accounts.group, &call.shell.system.kept::<Ids>().groups, name);
    let gid = asked.or_else(|| numbers.next(&range(&defaults, "GID", system), system, None));
    let gid = gid.ok_or_else(|| Fault::Failed(4, "no more available GIDs on the system".into()))?;
    let password = given.value(b'p').unwrap_or(b"!");
    no_colon(password)?;
    accounts.add_group(name, gid, password);
    let users = given.value(b'U').map(list).unwrap_or_default();
    accounts.spend(call, users.len())?;
    for user in users {
        accounts
            .passwd
            .get(&user)
            .ok_or_else(|| Fault::Failed(3, format!("Invalid member username {}", show(&user))))?;
        accounts.add_member(name, &user);
    }
    accounts.write(call)?;
    Ok(0)
}

fn gid(text: &[u8]) -> Result<u32, Fault> {
    parse(text).ok_or_else(|| Fault::Failed(3, format!("invalid group ID '{}'", show(text))))
}

/// `groupdel GROUP`
pub(super) fn groupdel(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("f", &[("force", b'f')])?;
    let [name] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: groupdel GROUP".into())) };
    let mut accounts = Accounts::read(call)?;
    let Some(group) = accounts.group.get(name) else { return Err(missing(name)) };
    if !given.has(b'f')
        && let Some(user) = accounts.passwd.entries().find(|user| user[GID] == group[NUMBER])
    {
        return Err(Fault::Failed(8, format!("cannot remove the primary group of user '{}'", show(&user[0]))));
    }
    accounts.remove_group(name);
    accounts.write(call)?;
    Ok(0)
}

const MODIFY: &[(&str, u8)] =
    &[("append", b'a'), ("gid", b'g'), ("new-name", b'n'), ("non-unique", b'o'), ("password", b'p'), ("users", b'U')];

/// `groupmod [options] GROUP`
pub(super) fn groupmod(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ag:n:op:U:", MODIFY)?;
    let [name] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: groupmod GROUP".into())) };
    let mut accounts = Accounts::read(call)?;
    let Some(old) = accounts.group.get(name).and_then(|group| number(group, NUMBER)) else { return Err(missing(name)) };
    let new_name = given.value(b'n').unwrap_or(name);
    if new_name != name.as_slice() {
        account_name(new_name, "group", false, 3)?;
        if accounts.group.get(new_name).is_some() {
            return Err(exists(new_name));
        }
    }
    let new = given.value(b'g').map_or(Ok(old), gid)?;
    if new != old && accounts.group.by_number(new).is_some() && !given.has(b'o') {
        return Err(Fault::Failed(4, format!("GID '{new}' already exists")));
    }
    if let Some(users) = given.value(b'U').map(list) {
        accounts.spend(call, users.len())?;
        if !given.has(b'a') {
            accounts.edit_members(name, Vec::clear);
        }
        for user in users {
            let unknown = || Fault::Failed(3, format!("Invalid member username {}", show(&user)));
            accounts.passwd.get(&user).ok_or_else(unknown)?;
            accounts.add_member(name, &user);
        }
    }
    if let Some(password) = given.value(b'p') {
        no_colon(password)?;
        set_password(&mut accounts, name, password);
    }
    if let Some(group) = accounts.group.change(name) {
        (group[0], group[NUMBER]) = (new_name.to_vec(), new.to_string().into_bytes());
    }
    if new_name != name.as_slice()
        && let Some(group) = accounts.gshadow.change(name)
    {
        group[0] = new_name.to_vec();
    }
    if new != old {
        let users = accounts.passwd.changeable().filter(|user| number(user, GID) == Some(old));
        users.for_each(|user| user[GID] = new.to_string().into_bytes());
    }
    accounts.write(call)?;
    Ok(0)
}

fn set_password(accounts: &mut Accounts, group: &[u8], password: &[u8]) {
    let table = if accounts.gshadow.get(group).is_some() { &mut accounts.gshadow } else { &mut accounts.group };
    if let Some(entry) = table.change(group) {
        entry[PASSWORD] = password.to_vec();
    }
}

/// `gpasswd -a|-d USER GROUP`, `gpasswd -M|-A USER,… GROUP`, `gpasswd -r|-R GROUP`
pub(super) fn gpasswd(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("add", b'a'),
        ("administrators", b'A'),
        ("delete", b'd'),
        ("members", b'M'),
        ("remove-password", b'r'),
        ("restrict", b'R'),
    ];
    let given = call.options("a:A:d:M:rR", &long)?;
    let [group] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: gpasswd GROUP".into())) };
    let mut accounts = Accounts::read(call)?;
    if accounts.group.get(group).is_none() {
        return Err(Fault::Failed(3, format!("group '{}' does not exist in /etc/group", show(group))));
    }
    if given.all.is_empty() {
        return Err(Fault::gap("asks for a password"));
    }
    let named = [b'a', b'A', b'M'].into_iter().filter_map(|letter| given.value(letter));
    let users: Vec<Vec<u8>> = named.flat_map(list).collect();
    accounts.spend(call, users.len())?;
    for user in users {
        accounts.passwd.get(&user).ok_or_else(|| Fault::Failed(3, format!("user '{}' does not exist", show(&user))))?;
    }
    if let Some(members) = given.value(b'M').map(list) {
        accounts.edit_members(group, |old| old.clone_from(&members));
    }
    if let Some(names) = given.value(b'A')
        && let Some(entry) = accounts.gshadow.change(group)
    {
        entry[ADMINISTRATORS] = names.to_vec();
    }
    if let Some(user) = given.value(b'a') {
        accounts.add_member(group, user);
    }
    if let Some(user) = given.value(b'd') {
        let member = |entry: &super::files::Entry| list(&entry[super::files::MEMBERS]).iter().any(|name| name == user);
        if !accounts.group.get(group).is_some_and(member) {
            let message = format!("user '{}' is not a member of '{}'", show(user), show(group));
            return Err(Fault::Failed(3, message));
        }
        accounts.remove_member(group, user);
    }
    match given.last_of(b"rR") {
        Some(b'r') => set_password(&mut accounts, group, b""),
        Some(_) => set_password(&mut accounts, group, b"!"),
        None => {}
    }
    accounts.write(call)?;
    Ok(0)
}
