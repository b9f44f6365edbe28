//! Debian's `adduser` and `addgroup` (adduser(8), adduser.conf(5)), as in bookworm (3.134) and in trixie (3.152).
//!
//! The two differ in what they leave: the older has the comment written by `chfn` (`Chrony daemon,,,`), and ends
//! with 1 whatever is wrong. Which one it is shows in the modules that it brings. Words about the progress are not
//! printed, as with `--quiet`.

use std::collections::BTreeSet;

use super::Ids;
use super::files::Accounts;
use super::files::NUMBER;
use super::files::number;
use super::homes;
use super::homes::Owner;
use super::numbers::Numbers;
use super::request::Kind;
use super::request::Request;
use super::request::local_hook;
use super::request::run;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The group of system users that are given none: its number where it is missing.
const NOGROUP: u32 = 65_534;

/// `adduser` and `addgroup`.
pub(super) fn add(call: &mut Call<'_, '_>) -> Done {
    let request = Request::read(call, false)?;
    let group = call.name == b"addgroup" || request.group;
    match request.names.as_slice() {
        [name] if !name.is_empty() => {
            request.check(name, call.name == b"addgroup")?;
            match (request.system, group && (call.name == b"addgroup" || !request.system)) {
                (system, true) => add_group(call, &request, name, system),
                (true, false) => add_system_user(call, &request, name),
                (false, false) => add_user(call, &request, name),
            }
        }
        [user, group_name] if !group && !request.system => add_to_group(call, &request, user, group_name),
        [_, _] => Err(request.refuse(51, "Specify only one name in this mode.")),
        _ => Err(request.refuse(51, "Only one or two names allowed.")),
    }
}

fn add_group(call: &mut Call<'_, '_>, request: &Request, name: &[u8], system: bool) -> Done {
    let mut accounts = Accounts::read(call)?;
    if let Some(group) = accounts.group.get(name) {
        let gid = number(group, NUMBER).unwrap_or(0);
        let other = request.gid.is_some_and(|wanted| wanted != gid);
        let fits = system && request.configured(Kind::Group, true).contains(&gid) && !(other && request.newer);
        let message = format!("The group `{}' already exists.", show(name));
        return if fits { Ok(0) } else { Err(request.refuse(if system { 13 } else { 11 }, message)) };
    }
    let gid = match request.gid {
        Some(gid) if accounts.group.by_number(gid).is_some() => {
            let status = if system { 13 } else { 21 };
            return Err(request.refuse(status, format!("The GID `{gid}' is already in use.")));
        }
        Some(gid) => gid,
        None => {
            let numbers = Numbers::new(&accounts.group, &call.shell.system.kept::<Ids>().groups, name);
            numbers.lowest(request.range(Kind::Group, system)).ok_or_else(|| no_number(request))?
        }
    };
    accounts.add_group(name, gid, b"!");
    accounts.write(call)?;
    Ok(0)
}

fn no_number(request: &Request) -> Fault {
    request.refuse(22, "No ID is available in the range.")
}

fn add_to_group(call: &mut Call<'_, '_>, request: &Request, user: &[u8], group: &[u8]) -> Done {
    let mut accounts = Accounts::read(call)?;
    let missing = |what: &str, name: &[u8]| request.refuse(12, format!("The {what} `{}' does not exist.", show(name)));
    accounts.passwd.get(user).ok_or_else(|| missing("user", user))?;
    accounts.group.get(group).ok_or_else(|| missing("group", group))?;
    accounts.add_member(group, user);
    accounts.write(call)?;
    Ok(0)
}

/// `adduser --system`: uid and gid are the lowest free ones, each for itself.
fn add_system_user(call: &mut Call<'_, '_>, request: &Request, name: &[u8]) -> Done {
    let mut accounts = Accounts::read(call)?;
    if let Some(user) = accounts.passwd.get(name) {
        let uid = number(user, NUMBER).unwrap_or(0);
        let system = request.configured(Kind::User, true).contains(&uid);
        if system && request.uid.is_none_or(|wanted| wanted == uid) {
            return Ok(0);
        }
        let message = format!("The user `{}' already exists, but is not the system user asked for.", show(name));
        return Err(request.refuse(13, message));
    }
    if let Some(uid) = request.uid.filter(|uid| accounts.passwd.by_number(*uid).is_some()) {
        return Err(request.refuse(13, format!("The UID {uid} is already in use.")));
    }
    let common = if request.group { None } else { Some(common_group(&accounts, request)?) };
    let ids = call.shell.system.kept::<Ids>();
    let uid = match request.uid {
        Some(uid) => uid,
        None => Numbers::new(&accounts.passwd, &ids.users, name)
            .lowest(request.range(Kind::User, true))
            .ok_or_else(|| no_number(request))?,
    };
    let (gid, home_gid) = match common {
        Some(gid) => (gid, gid),
        None => own_group(call, &mut accounts, request, name)?,
    };
    let home = request.home.clone().unwrap_or_else(|| b"/nonexistent".to_vec());
    let shell = request.shell.clone().unwrap_or_else(|| b"/usr/sbin/nologin".to_vec());
    accounts.write(call)?;
    run_useradd(call, request, &["-r"], [name, &home, &shell], Owner { uid, gid })?;
    comment(call, request, name)?;
    make_home(call, request, &home, Owner { uid, gid: home_gid }, false)?;
    Ok(0)
}

/// The gid of a system user without a group of its own: what was asked for, or nogroup.
fn common_group(accounts: &Accounts, request: &Request) -> Result<u32, Fault> {
    let missing = |group: String| request.refuse(12, format!("The group `{group}' does not exist."));
    if let Some(group) = &request.ingroup {
        return accounts.gid(group).ok_or_else(|| missing(show(group)));
    }
    let nogroup = || accounts.group.get(b"nogroup").and_then(|group| number(group, NUMBER));
    let gid = request.gid.or_else(nogroup).unwrap_or(NOGROUP);
    accounts.group.by_number(gid).map(|_| gid).ok_or_else(|| missing(gid.to_string()))
}

/// The group of a system user's name, made if it is missing; and the gid that the home gets, which is the one chosen
/// for the group even when the group was there with another.
fn own_group(
    call: &mut Call<'_, '_>,
    accounts: &mut Accounts,
    request: &Request,
    name: &[u8],
) -> Result<(u32, u32), Fault> {
    let chosen = match request.uid {
        Some(uid) => uid,
        None => Numbers::new(&accounts.group, &call.shell.system.kept::<Ids>().groups, name)
            .lowest(request.range(Kind::Group, true))
            .ok_or_else(|| no_number(request))?,
    };
    if let Some(gid) = accounts.group.get(name).and_then(|group| number(group, NUMBER)) {
        return Ok((gid, chosen));
    }
    if accounts.group.by_number(chosen).is_some() {
        return Err(request.refuse(82, format!("The GID {chosen} is already in use.")));
    }
    accounts.add_group(name, chosen, b"!");
    Ok((chosen, chosen))
}

/// `adduser` without `--system`: a user for a person.
fn add_user(call: &mut Call<'_, '_>, request: &Request, name: &[u8]) -> Done {
    if !request.no_password {
        return Err(Fault::gap("asks for a password: `--disabled-password` is not given"));
    }
    if request.comment.is_none() {
        return Err(Fault::gap("asks for the name: neither `--comment` nor `--gecos` is given"));
    }
    let mut accounts = Accounts::read(call)?;
    if accounts.passwd.get(name).is_some() {
        return Err(request.refuse(11, format!("The user `{}' already exists.", show(name))));
    }
    let (primary, mut others) = groups_of(&accounts, request)?;
    if primary.is_none() && accounts.group.get(name).is_some() {
        return Err(request.refuse(11, format!("The group `{}' already exists.", show(name))));
    }
    let uid = match request.uid {
        Some(uid) if accounts.passwd.by_number(uid).is_some() => {
            return Err(request.refuse(21, format!("The UID {uid} is already in use.")));
        }
        Some(uid) => uid,
        None => free_pair(call, &accounts, request, name)?,
    };
    let gid = match primary {
        Some(gid) => gid,
        None if accounts.group.by_number(uid).is_some() => {
            return Err(request.refuse(21, format!("The GID {uid} is already in use.")));
        }
        None => {
            accounts.add_group(name, uid, b"!");
            uid
        }
    };
    let group = accounts.group.by_number(gid).map(|group| group[0].clone()).unwrap_or_default();
    let home = request.home.clone().unwrap_or_else(|| usual_home(request, name, &group));
    let login = if request.no_login { "/usr/sbin/nologin" } else { request.setting("DSHELL", "/bin/bash") };
    let shell = request.shell.clone().unwrap_or_else(|| login.into());
    accounts.write(call)?;
    let owner = Owner { uid, gid };
    run_useradd(call, request, &[], [name, &home, &shell], owner)?;
    make_home(call, request, &home, owner, true)?;
    comment(call, request, name)?;
    if request.extra_groups || !matches!(request.setting("ADD_EXTRA_GROUPS", "0"), "" | "0") {
        others.extend(request.setting("EXTRA_GROUPS", "users").split_whitespace().map(|group| group.into()));
    }
    let mut accounts = Accounts::read(call)?;
    for group in &others {
        let known: BTreeSet<Vec<u8>> = accounts.passwd.entries().map(|user| user[0].clone()).collect();
        accounts.edit_members(group, |members| {
            if !members.iter().any(|member| member == name) {
                members.retain(|member| known.contains(member));
                members.push(name.to_vec());
            }
        });
    }
    accounts.write(call)?;
    local_hook(call, "adduser.local")
}

/// The gid of the primary group (none: one of the user's own), and the names of further groups.
fn groups_of(accounts: &Accounts, request: &Request) -> Result<(Option<u32>, Vec<Vec<u8>>), Fault> {
    let missing = |group: &[u8]| request.refuse(12, format!("The group `{}' does not exist.", show(group)));
    let given = match (&request.ingroup, request.gid) {
        (Some(group), _) => Some(accounts.gid(group).ok_or_else(|| missing(group))?),
        (None, Some(gid)) => {
            let text = gid.to_string().into_bytes();
            Some(accounts.gid(&text).ok_or_else(|| missing(&text))?)
        }
        (None, None) => None,
    };
    let users_gid = request.settings.text("USERS_GID").filter(|gid| !gid.is_empty());
    let users_group = request.settings.text("USERS_GROUP").filter(|group| !group.is_empty());
    if users_gid.is_some() && users_group.is_some() {
        return Err(request.refuse(52, "USERS_GID and USERS_GROUP both given in configuration. This is an error."));
    }
    let common = match (users_gid, users_group) {
        (Some("-1"), _) => None,
        (Some(gid), _) => Some(gid.as_bytes()),
        (None, group) => Some(group.unwrap_or("users").as_bytes()),
    };
    if request.setting("USERGROUPS", "yes").to_ascii_lowercase().contains("yes") {
        return Ok((given, common.and_then(|group| accounts.group_name(group)).into_iter().collect()));
    }
    let own = given.or_else(|| common.and_then(|group| accounts.gid(group)));
    let gid = own.ok_or_else(|| request.refuse(23, "no primary GID for user set. User not created."))?;
    Ok((Some(gid), Vec::new()))
}

/// A number that is free as uid, and as gid too where no group is given.
fn free_pair(call: &mut Call<'_, '_>, accounts: &Accounts, request: &Request, name: &[u8]) -> Result<u32, Fault> {
    let ids = call.shell.system.kept::<Ids>();
    let users = Numbers::new(&accounts.passwd, &ids.users, name);
    let groups = Numbers::new(&accounts.group, &ids.groups, name);
    let mut range = request.range(Kind::User, false);
    if request.ingroup.is_some() {
        return users.lowest(range).ok_or_else(|| no_number(request));
    }
    if !request.setting("USERGROUPS", "yes").to_ascii_lowercase().contains("yes") {
        let other = request.range(Kind::Group, false);
        range = *range.start().min(other.start())..=*range.end().max(other.end());
    }
    let own = users.own(&range).filter(|number| groups.is_free(*number) || groups.own(&range) == Some(*number));
    let free = |number: &u32| users.is_free(*number) && groups.is_free(*number);
    own.or_else(|| range.into_iter().find(free)).ok_or_else(|| no_number(request))
}

fn usual_home(request: &Request, name: &[u8], group: &[u8]) -> Vec<u8> {
    let mut home = request.setting("DHOME", "/home").as_bytes().to_vec();
    if request.says_yes("GROUPHOMES") {
        home.extend([b"/", group].concat());
    }
    if request.says_yes("LETTERHOMES") {
        home.extend([b'/', name[0]]);
    }
    home.extend([b"/", name].concat());
    home
}

/// adduser leaves the account itself to useradd.
fn run_useradd(
    call: &mut Call<'_, '_>,
    request: &Request,
    options: &[&str],
    [name, home, shell]: [&[u8]; 3],
    owner: Owner,
) -> Result<(), Fault> {
    let (uid, gid) = (owner.uid.to_string(), owner.gid.to_string());
    let mut words: Vec<Vec<u8>> = vec![b"useradd".to_vec()];
    words.extend(options.iter().map(|option| option.as_bytes().to_vec()));
    for (option, value) in [("-d", home), ("-g", gid.as_bytes()), ("-s", shell), ("-u", uid.as_bytes()), ("--", name)] {
        words.extend([option.as_bytes().to_vec(), value.to_vec()]);
    }
    run(call, request, &words)
}

/// The comment, by usermod in the newer adduser and by chfn in the older.
fn comment(call: &mut Call<'_, '_>, request: &Request, name: &[u8]) -> Result<(), Fault> {
    let Some(comment) = &request.comment else { return Ok(()) };
    let word = |text: &str| text.as_bytes().to_vec();
    if request.newer {
        return run(call, request, &[word("usermod"), word("-c"), comment.clone(), name.to_vec()]);
    }
    let mut words = vec![word("chfn")];
    let mut parts: Vec<&[u8]> = comment.split(|&byte| byte == b',').collect();
    while parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    // Name and room are written even when they are empty, if there is a comma.
    let least = if comment.contains(&b',') { 2 } else { 1 };
    parts.resize(parts.len().max(least), b"");
    for (option, part) in ["-f", "-r", "-w", "-h", "-o"].iter().zip(parts) {
        words.extend([word(option), part.to_vec()]);
    }
    words.push(name.to_vec());
    run(call, request, &words)
}

/// Makes the home, unless it is there, is not wanted, or lies below `/nonexistent`.
fn make_home(call: &mut Call<'_, '_>, request: &Request, home: &[u8], owner: Owner, filled: bool) -> Result<(), Fault> {
    let first = home.split(|&byte| byte == b'/').find(|name| !name.is_empty());
    if request.no_home || first == Some(b"nonexistent") || call.look(home, true).is_some() {
        return Ok(());
    }
    let (key, default) = if request.system { ("SYS_DIR_MODE", "0755") } else { ("DIR_MODE", "0700") };
    let mut mode = u32::from_str_radix(request.setting(key, default), 8).unwrap_or(0o755) & 0o7777;
    let setgid = request.says_yes("SETGID_HOME");
    if setgid {
        mode |= 0o2000;
    }
    let place = homes::make(call, home, owner, mode)?;
    if filled {
        if setgid {
            return Err(Fault::gap("SETGID_HOME in adduser.conf"));
        }
        let skeleton = request.setting("SKEL", "/etc/skel").as_bytes().to_vec();
        homes::fill(call, &skeleton, &place, owner, is_left_over)?;
    }
    Ok(())
}

/// What dpkg and ucf leave beside a conffile (SKEL_IGNORE_REGEX).
fn is_left_over(path: &[u8]) -> bool {
    let stem = [&b"-old"[..], b"-new", b"-dist"].iter().find_map(|end| path.strip_suffix(*end));
    stem.is_some_and(|stem| stem.ends_with(b".dpkg") || stem.ends_with(b".ucf"))
}
