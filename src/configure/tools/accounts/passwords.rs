//! `passwd`, `chage`, `chsh`, `chfn`, and the programs that keep the files together: `pwck`, `grpck`, `pwconv`,
//! `grpconv`, `pwunconv`, `grpunconv` (their manual pages; shadow(5)).
//!
//! A password is never set here: an image has no secrets, and there is nobody to ask.

use super::defaults::Defaults;
use super::files::Accounts;
use super::files::COMMENT;
use super::files::Entry;
use super::files::GID;
use super::files::LAST_CHANGE;
use super::files::MEMBERS;
use super::files::NUMBER;
use super::files::PASSWORD;
use super::files::SHELL;
use super::files::Table;
use super::files::entry;
use super::words::no_colon;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::clock;
use crate::utilities::show;

/// Today as shadow(5) counts: days since 1970. The programs heed the source date epoch; so does the clock here. Day
/// 0 would mean "must be changed at once", and is left out.
pub(super) fn day(call: &Call<'_, '_>) -> Vec<u8> {
    match call.shell.system.clock.div_euclid(86_400) {
        0 => Vec::new(),
        day => day.to_string().into_bytes(),
    }
}

/// A field of days: a number, or a date; nothing for `-1`.
///
/// # Errors
/// It is neither.
pub(super) fn age(text: &[u8]) -> Result<Vec<u8>, Fault> {
    if text.is_empty() || text == b"-1" {
        return Ok(Vec::new());
    }
    if text.iter().all(u8::is_ascii_digit) {
        return Ok(text.to_vec());
    }
    Ok(clock::parse(text, 0)?.div_euclid(86_400).to_string().into_bytes())
}

fn unknown(user: &[u8]) -> Fault {
    Fault::failed(format!("user '{}' does not exist", show(user)))
}

/// `passwd -l|-u|-d|-e [-n min] [-x max] [-w warn] [-i inactive] USER`
pub(super) fn passwd(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("delete", b'd'),
        ("expire", b'e'),
        ("inactive", b'i'),
        ("lock", b'l'),
        ("mindays", b'n'),
        ("quiet", b'q'),
        ("unlock", b'u'),
        ("warndays", b'w'),
        ("maxdays", b'x'),
    ];
    let given = call.options("dei:ln:quw:x:", &long)?;
    let [user] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: passwd LOGIN".into())) };
    if given.all.iter().all(|(letter, _)| *letter == b'q') {
        return Err(Fault::gap("asks for a password"));
    }
    let mut accounts = Accounts::read(call)?;
    accounts.passwd.get(user).ok_or_else(|| unknown(user))?;
    let shadowed = accounts.shadow.get(user).is_some();
    let table = if shadowed { &mut accounts.shadow } else { &mut accounts.passwd };
    let line = table.change(user).ok_or_else(|| unknown(user))?;
    if given.has(b'd') {
        line[PASSWORD].clear();
    }
    if given.has(b'u')
        && let Some(open) = line[PASSWORD].strip_prefix(b"!").map(<[u8]>::to_vec)
    {
        if open.is_empty() {
            let message = "unlocking the password would result in a passwordless account.";
            return Err(Fault::Failed(3, message.into()));
        }
        line[PASSWORD] = open;
    }
    if given.has(b'l') && line[PASSWORD].first() != Some(&b'!') {
        line[PASSWORD].insert(0, b'!');
    }
    for (letter, field) in [(b'n', 3), (b'x', 4), (b'w', 5), (b'i', 6)] {
        if let Some(value) = given.value(letter) {
            *age_field(line, field)? = age(value)?;
        }
    }
    if given.has(b'e') {
        *age_field(line, LAST_CHANGE)? = b"0".to_vec();
    }
    accounts.write(call)?;
    Ok(0)
}

/// A field that only shadow(5) has.
fn age_field(line: &mut Entry, field: usize) -> Result<&mut Vec<u8>, Fault> {
    if line.len() < 9 {
        return Err(Fault::failed("the shadow password file is not present"));
    }
    Ok(&mut line[field])
}

/// `chage [-d day] [-m min] [-M max] [-W warn] [-I inactive] [-E expire] USER`
pub(super) fn chage(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("lastday", b'd'),
        ("expiredate", b'E'),
        ("inactive", b'I'),
        ("mindays", b'm'),
        ("maxdays", b'M'),
        ("warndays", b'W'),
    ];
    let given = call.options("d:E:I:m:M:W:", &long)?;
    let [user] = given.operands.as_slice() else { return Err(Fault::Failed(2, "usage: chage LOGIN".into())) };
    if given.all.is_empty() {
        return Err(Fault::gap("asks for the ages"));
    }
    let mut shadow = Table::shadow(call)?;
    let line = shadow.change(user).ok_or_else(|| unknown(user))?;
    for (letter, field) in [(b'd', LAST_CHANGE), (b'm', 3), (b'M', 4), (b'W', 5), (b'I', 6), (b'E', 7)] {
        if let Some(value) = given.value(letter) {
            line[field] = age(value)?;
        }
    }
    shadow.write(call)?;
    Ok(0)
}

/// `chsh -s SHELL USER`
pub(super) fn chsh(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("s:", &[("shell", b's')])?;
    let shell = given.value(b's').ok_or_else(|| Fault::gap("asks for the shell"))?;
    no_colon(shell)?;
    edit_user(call, given.operands.first(), |user| user[SHELL] = shell.to_vec())
}

/// `chfn [-f name] [-r room] [-w work] [-h home] [-o other] USER`
pub(super) fn chfn(call: &mut Call<'_, '_>) -> Done {
    let long = [("full-name", b'f'), ("home-phone", b'h'), ("other", b'o'), ("room", b'r'), ("work-phone", b'w')];
    let given = call.options("f:h:o:r:uw:", &long)?;
    if given.all.is_empty() {
        return Err(Fault::gap("asks for the name"));
    }
    for (letter, value) in &given.all {
        let forbidden: &[u8] = if *letter == b'o' { b":\n" } else { b":,=\n" };
        if value.iter().any(|byte| forbidden.contains(byte)) {
            return Err(Fault::failed(format!("invalid name: '{}'", show(value))));
        }
    }
    edit_user(call, given.operands.first(), |user| {
        let mut fields = user[COMMENT].splitn(5, |&byte| byte == b',').map(<[u8]>::to_vec).collect::<Vec<_>>();
        fields.resize(5, Vec::new());
        for (place, letter) in b"frwho".iter().enumerate() {
            if let Some(value) = given.value(*letter) {
                fields[place] = value.to_vec();
            }
        }
        let used = if fields[4].is_empty() { 4 } else { 5 };
        user[COMMENT] = fields[..used].join(&b',');
    })
}

fn edit_user(call: &mut Call<'_, '_>, user: Option<&Vec<u8>>, edit: impl Fn(&mut Entry)) -> Done {
    let user = user.map_or(&b"root"[..], Vec::as_slice);
    let mut passwd = Table::passwd(call)?;
    edit(passwd.change(user).ok_or_else(|| unknown(user))?);
    passwd.write(call)?;
    Ok(0)
}

/// `pwck -r [-q]` and `grpck -r`: malformed and doubled lines, and numbers and names that lead nowhere.
pub(super) fn check(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("qrs", &[("quiet", b'q'), ("read-only", b'r'), ("sort", b's')])?;
    if !given.has(b'r') || given.has(b's') || !given.operands.is_empty() {
        return Err(Fault::gap("does more than read /etc"));
    }
    let accounts = Accounts::read(call)?;
    let users = call.name == b"pwck";
    let table = if users { &accounts.passwd } else { &accounts.group };
    let mut wrong = table.malformed();
    let mut seen = std::collections::BTreeSet::new();
    for line in table.entries() {
        let doubled = !seen.insert(&line[0]);
        let numbered = super::files::number(line, NUMBER).is_some();
        let member = |name: &Vec<u8>| accounts.passwd.get(name).is_some();
        let related = if users {
            accounts.group.entries().any(|group| group[NUMBER] == line[GID])
        } else {
            super::files::list(&line[MEMBERS]).iter().all(member)
        };
        wrong += usize::from(doubled || !numbered || !related);
    }
    if wrong == 0 { Ok(0) } else { Err(Fault::Failed(2, format!("{wrong} entries are not as they should be"))) }
}

/// `pwconv` and `grpconv`: whoever has no line in the shadow file gets one, and passwords move there.
pub(super) fn conceal(call: &mut Call<'_, '_>) -> Done {
    call.options("", &[])?;
    let defaults = Defaults::login(call)?;
    let today = day(call);
    let mut accounts = Accounts::read(call)?;
    let users = call.name == b"pwconv";
    let (open, secret) =
        if users { (&mut accounts.passwd, &mut accounts.shadow) } else { (&mut accounts.group, &mut accounts.gshadow) };
    secret.retain(|line| open.get(&line[0]).is_some());
    for line in open.changeable() {
        let known = secret.get(&line[0]).is_some();
        if known && line[PASSWORD] == b"x" {
            continue;
        }
        if !known && users {
            let ages = ["PASS_MIN_DAYS", "PASS_MAX_DAYS", "PASS_WARN_AGE"]
                .map(|key| age(defaults.text(key).unwrap_or("-1").as_bytes()));
            let [least, most, warn] = ages;
            secret.add(entry(&[&line[0], b"", &today, &least?, &most?, &warn?, b"", b"", b""]));
        } else if !known {
            secret.add(entry(&[&line[0], b"", b"", b""]));
        }
        if let Some(shadow) = secret.change(&line[0]) {
            shadow[PASSWORD].clone_from(&line[PASSWORD]);
            if users {
                shadow[LAST_CHANGE].clone_from(&today);
            } else {
                shadow[MEMBERS].clone_from(&line[MEMBERS]);
            }
        }
        line[PASSWORD] = b"x".to_vec();
    }
    accounts.write(call)?;
    Ok(0)
}

/// `pwunconv` and `grpunconv`: passwords move back, and the shadow file goes.
pub(super) fn reveal(call: &mut Call<'_, '_>) -> Done {
    call.options("", &[])?;
    let mut accounts = Accounts::read(call)?;
    let (open, secret, path) = if call.name == b"pwunconv" {
        (&mut accounts.passwd, &accounts.shadow, "/etc/shadow")
    } else {
        (&mut accounts.group, &accounts.gshadow, "/etc/gshadow")
    };
    for line in open.changeable() {
        if let Some(shadow) = secret.get(&line[0]) {
            line[PASSWORD].clone_from(&shadow[PASSWORD]);
        }
    }
    open.write(call)?;
    if let Some((place, _)) = call.tree().lookup(path) {
        call.tree().remove(&place)?;
    }
    Ok(0)
}
