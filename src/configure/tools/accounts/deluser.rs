//! Debian's `deluser` and `delgroup` (deluser(8), deluser.conf(5)).

use super::files::Accounts;
use super::files::GID;
use super::files::HOME;
use super::files::MEMBERS;
use super::files::NUMBER;
use super::files::list;
use super::files::number;
use super::homes;
use super::request::Kind;
use super::request::Request;
use super::request::local_hook;
use super::request::run;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// `deluser` and `delgroup`.
pub(super) fn delete(call: &mut Call<'_, '_>) -> Done {
    let request = Request::read(call, true)?;
    // The newer one reads `--group`, and then goes by its own name.
    let group = call.name == b"delgroup" || (request.group && !request.newer);
    match request.names.as_slice() {
        [name] if group => delete_group(call, &request, name),
        [name] => delete_user(call, &request, name),
        [user, group] => delete_from_group(call, &request, user, group),
        _ => Err(request.refuse(51, "Only one or two names allowed.")),
    }
}

fn delete_user(call: &mut Call<'_, '_>, request: &Request, name: &[u8]) -> Done {
    let accounts = Accounts::read(call)?;
    let Some(user) = accounts.passwd.get(name) else {
        let message = format!("The user `{}' does not exist.", show(name));
        return if request.system { Ok(0) } else { Err(request.refuse_as([2, 12], message)) };
    };
    let uid = number(user, NUMBER).unwrap_or(0);
    if request.system && !request.configured(Kind::User, true).contains(&uid) {
        return Err(request.refuse(13, format!("The user `{}' is not a system user. Exiting.", show(name))));
    }
    if uid == 0 {
        return Err(request.refuse_as([9, 55], "refuses to remove root"));
    }
    let remove_home = remove_home(call, request)?;
    let crontab = [b"/var/spool/cron/crontabs/", name].concat();
    if let Some((place, _)) = call.tree().lookup(&crontab) {
        call.tree().remove(&place)?;
    }
    if remove_home {
        homes::remove(call, &user[HOME]);
        if let Some((place, _)) = call.tree().lookup([b"/var/mail/", name].concat()) {
            call.tree().remove(&place)?;
        }
    }
    run(call, request, &[b"userdel".to_vec(), name.to_vec()])?;
    local_hook(call, "deluser.local")
}

/// Whether the home is to go, which deluser cannot do without the modules of the package perl.
fn remove_home(call: &mut Call<'_, '_>, request: &Request) -> Result<bool, Fault> {
    if !request.remove_home && request.setting("REMOVE_HOME", "0") != "1" {
        return Ok(false);
    }
    let modules = call.tree().lookup("/usr/share/perl").map(|(path, _)| path);
    let versions: Vec<Vec<u8>> = modules
        .iter()
        .flat_map(|path| call.tree().children(path).map(|(path, _)| path.as_bytes().to_vec()).collect::<Vec<_>>())
        .collect();
    let find = |version: &Vec<u8>| [b"/", version.as_slice(), b"/File/Find.pm"].concat();
    if versions.iter().any(|version| call.look(&find(version), true).is_some()) {
        return Ok(true);
    }
    if request.newer && request.system {
        return Ok(false);
    }
    Err(request.refuse_as([8, 56], "--remove-home needs the package perl"))
}

fn delete_group(call: &mut Call<'_, '_>, request: &Request, name: &[u8]) -> Done {
    let accounts = Accounts::read(call)?;
    let Some(group) = accounts.group.get(name) else {
        let message = format!("The group `{}' does not exist.", show(name));
        return if request.system { Ok(0) } else { Err(request.refuse_as([3, 12], message)) };
    };
    let gid = number(group, NUMBER).unwrap_or(0);
    if request.system && !request.configured(Kind::Group, true).contains(&gid) {
        return Err(request.refuse_as([3, 13], format!("The group `{}' is not a system group.", show(name))));
    }
    let only_if_empty = request.only_if_empty || request.setting("ONLY_IF_EMPTY", "0") == "1";
    if only_if_empty && !group[MEMBERS].is_empty() {
        return Err(request.refuse_as([5, 41], format!("The group `{}' is not empty!", show(name))));
    }
    run(call, request, &[b"groupdel".to_vec(), name.to_vec()])?;
    Ok(0)
}

fn delete_from_group(call: &mut Call<'_, '_>, request: &Request, user: &[u8], group: &[u8]) -> Done {
    let mut accounts = Accounts::read(call)?;
    let missing = |older, name: &[u8]| request.refuse_as([older, 12], format!("`{}' does not exist.", show(name)));
    let entry = accounts.passwd.get(user).ok_or_else(|| missing(2, user))?;
    let line = accounts.group.get(group).ok_or_else(|| missing(3, group))?;
    if entry[GID] == line[NUMBER] {
        return Err(request.refuse_as([7, 43], "You may not remove the user from their primary group."));
    }
    if !list(&line[MEMBERS]).iter().any(|member| member == user) {
        let message = format!("The user `{}' is not a member of group `{}'.", show(user), show(group));
        return Err(request.refuse_as([6, 42], message));
    }
    accounts.remove_member(group, user);
    accounts.write(call)?;
    Ok(0)
}
