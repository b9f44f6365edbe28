//! What a call of Debian's adduser or deluser asks for: its options and adduser.conf(5).

use std::ops::RangeInclusive;

use super::defaults::Defaults;
use super::files::parse;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// A module that adduser has since 3.135.
const NEWER: &[u8] = b"/usr/share/perl5/Debian/AdduserLogging.pm";

/// What a call asks for.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) newer: bool,
    pub(super) settings: Defaults,
    pub(super) names: Vec<Vec<u8>>,
    pub(super) system: bool,
    pub(super) group: bool,
    /// How much of the check of names is waived: 0, 1 (`--allow-bad-names`), 2 (`--allow-all-names`).
    pub(super) lenient: u8,
    pub(super) no_password: bool,
    pub(super) no_login: bool,
    pub(super) no_home: bool,
    pub(super) extra_groups: bool,
    pub(super) comment: Option<Vec<u8>>,
    pub(super) home: Option<Vec<u8>>,
    pub(super) shell: Option<Vec<u8>>,
    pub(super) ingroup: Option<Vec<u8>>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) first: [Option<u32>; 2],
    pub(super) last: [Option<u32>; 2],
    // deluser
    pub(super) only_if_empty: bool,
    pub(super) remove_home: bool,
}

/// Which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Group,
}

impl Request {
    pub(super) fn read(call: &mut Call<'_, '_>, delete: bool) -> Result<Self, Fault> {
        let mut request = Self { newer: call.look(NEWER, true).is_some(), ..Self::default() };
        let mut settings = vec![b"/etc/adduser.conf".to_vec()];
        if delete {
            settings.push(b"/etc/deluser.conf".to_vec());
        }
        let mut rest = call.args.iter();
        while let Some(word) = rest.next() {
            if word == b"--" {
                request.names.extend(rest.cloned());
                break;
            }
            let gap = || Fault::gap(format!("option `{}`", show(word)));
            let (option, value) = match (word.strip_prefix(b"--"), memchr::memchr(b'=', word)) {
                (Some(_), Some(equals)) => (&word[2..equals], Some(word[equals + 1..].to_vec())),
                (Some(option), None) => (option, None),
                (None, _) if word.first() == Some(&b'-') => (word.as_slice(), None),
                (None, _) => {
                    request.names.push(word.clone());
                    continue;
                }
            };
            if delete && request.deletion(option) || !delete && request.flag(option) || is_about_words(option) {
                if value.is_some() {
                    return Err(gap());
                }
                continue;
            }
            let value = value.or_else(|| rest.next().cloned()).ok_or_else(gap)?;
            match option {
                b"conf" | b"-c" => settings = vec![value],
                b"stdoutmsglevel" | b"stderrmsglevel" | b"logmsglevel" => {}
                _ if delete => return Err(gap()),
                _ => request.value(option, value, gap)?,
            }
        }
        for path in settings {
            request.configure(Defaults::assignments(call, &path)?)?;
        }
        Ok(request)
    }

    /// An option of adduser without a value; whether it is one.
    fn flag(&mut self, option: &[u8]) -> bool {
        match option {
            b"system" => self.system = true,
            b"group" => self.group = true,
            b"add-extra-groups" | b"add_extra_groups" => self.extra_groups = true,
            b"allow-all-names" => self.lenient = 2,
            b"allow-badname" | b"allow-bad-names" | b"force-badname" => self.lenient = self.lenient.max(1),
            b"disabled-login" => (self.no_login, self.no_password) = (true, true),
            b"disabled-password" => self.no_password = true,
            b"no-create-home" => self.no_home = true,
            _ => return false,
        }
        true
    }

    /// The same of deluser.
    fn deletion(&mut self, option: &[u8]) -> bool {
        match option {
            b"system" => self.system = true,
            b"group" => self.group = true,
            b"only-if-empty" => self.only_if_empty = true,
            b"remove-home" => self.remove_home = true,
            _ => return false,
        }
        true
    }

    fn value(&mut self, option: &[u8], value: Vec<u8>, gap: impl Fn() -> Fault) -> Result<(), Fault> {
        let number = || parse(&value).map(Some).ok_or_else(&gap);
        match option {
            b"uid" => self.uid = number()?,
            b"gid" => self.gid = number()?,
            b"firstuid" => self.first[0] = number()?,
            b"firstgid" => self.first[1] = number()?,
            b"lastuid" => self.last[0] = number()?,
            b"lastgid" => self.last[1] = number()?,
            b"comment" | b"gecos" => self.comment = Some(value),
            b"home" => self.home = Some(value),
            b"shell" => self.shell = Some(value),
            b"ingroup" => self.ingroup = Some(value),
            _ => return Err(gap()),
        }
        Ok(())
    }

    /// Takes over the settings of a file; keys count without case.
    fn configure(&mut self, file: Defaults) -> Result<(), Fault> {
        for (key, value) in file.into_pairs() {
            let key = key.to_ascii_uppercase();
            let unknown = ["UID_POOL", "GID_POOL", "QUOTAUSER", "NAME_REGEX", "SYS_NAME_REGEX", "BACKUP"];
            let unknown = unknown.contains(&key.as_str()) || key == "REMOVE_ALL_FILES";
            if unknown && !value.is_empty() && value != "0" {
                return Err(Fault::gap(format!("the setting {key} of adduser.conf")));
            }
            self.settings.set(&key, &value);
        }
        Ok(())
    }

    pub(super) fn setting<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.settings.text(key).unwrap_or(default)
    }

    pub(super) fn says_yes(&self, key: &str) -> bool {
        self.setting(key, "no").to_ascii_lowercase().contains("yes")
    }

    /// The range that the settings give for system accounts or others.
    pub(super) fn configured(&self, kind: Kind, system: bool) -> RangeInclusive<u32> {
        let name = if kind == Kind::User { "UID" } else { "GID" };
        let (middle, low, high) = if system { ("SYSTEM_", 100, 999) } else { ("", 1000, 59_999) };
        let number = |end: &str, default: u32| {
            self.settings.text(&format!("{end}_{middle}{name}")).and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        number("FIRST", low)..=number("LAST", high)
    }

    /// The range to choose from.
    pub(super) fn range(&self, kind: Kind, system: bool) -> RangeInclusive<u32> {
        let configured = self.configured(kind, system);
        let place = usize::from(kind == Kind::Group);
        let low = self.first[place].filter(|number| *number != 0).unwrap_or(*configured.start());
        low..=self.last[place].filter(|number| *number != 0).unwrap_or(*configured.end())
    }

    /// Ends with this status, the older adduser with 1.
    pub(super) fn refuse(&self, status: i32, message: impl Into<String>) -> Fault {
        self.refuse_as([1, status], message)
    }

    /// Ends with the older one's status or the newer one's.
    pub(super) fn refuse_as(&self, [older, newer]: [i32; 2], message: impl Into<String>) -> Fault {
        Fault::Failed(if self.newer { newer } else { older }, message.into())
    }

    /// Refuses what no account may be made of.
    pub(super) fn check(&self, name: &[u8], addgroup: bool) -> Result<(), Fault> {
        self.check_name(name)?;
        let ways = [self.group, self.ingroup.is_some(), self.gid.is_some()];
        if (!addgroup || self.system) && ways.iter().filter(|way| **way).count() > 1 {
            return Err(self.refuse(53, "The --group, --ingroup, and --gid options are mutually exclusive."));
        }
        if self.home.as_ref().is_some_and(|home| !home.starts_with(b"/")) {
            return Err(self.refuse(32, "The home dir must be an absolute path."));
        }
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_$./".contains(byte);
        if self.newer && self.home.iter().chain(&self.shell).any(|path| !path.iter().all(plain)) {
            return Err(Fault::Failed(255, "invalid characters in a path".into()));
        }
        Ok(())
    }

    fn check_name(&self, name: &[u8]) -> Result<(), Fault> {
        let wrong = |why: &str| self.refuse(31, format!("the name `{}' {why}", show(name)));
        let never = |byte: &u8| byte.is_ascii_whitespace() || b":,/".contains(byte);
        if name.iter().all(u8::is_ascii_digit) || name.len() > 32 {
            return Err(wrong("is a number, or too long"));
        }
        if name.iter().any(never) || b"-+~".contains(&name[0]) || name == b"." || name == b".." {
            return Err(wrong("has characters that no name may have"));
        }
        let bare = name.strip_suffix(b"$").unwrap_or(name);
        let first = |byte: u8| {
            byte.is_ascii_lowercase() || (self.newer && byte.is_ascii_uppercase()) || (self.system && byte == b'_')
        };
        let usual = |byte: &u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || b"_-".contains(byte)
                || (self.newer && byte.is_ascii_uppercase())
        };
        if bare.first().is_some_and(|byte| first(*byte)) && bare.iter().all(usual) {
            return Ok(());
        }
        let portable =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte) || (!self.newer && *byte == b'@');
        if self.lenient == 0 || (self.lenient < 2 && !bare.iter().all(portable)) {
            return Err(wrong("is not of the usual form"));
        }
        Ok(())
    }
}

/// Options that only change what is printed.
fn is_about_words(option: &[u8]) -> bool {
    matches!(option, b"quiet" | b"-q" | b"verbose" | b"debug")
}

/// Runs one of the programs that adduser leaves the work to.
///
/// # Errors
/// It fails.
pub(super) fn run(call: &mut Call<'_, '_>, request: &Request, words: &[Vec<u8>]) -> Result<(), Fault> {
    match call.run(words)? {
        0 => Ok(()),
        status => {
            let message = format!("`{}' returned error code {status}. Exiting.", show(&words.join(&b' ')));
            Err(request.refuse(82, message))
        }
    }
}

/// The administrator's own program, run at the end where it is there: not known here.
///
/// # Errors
/// It is there.
pub(super) fn local_hook(call: &mut Call<'_, '_>, name: &str) -> Done {
    match call.look(format!("/usr/local/sbin/{name}").as_bytes(), true) {
        Some(_) => Err(Fault::gap(format!("runs /usr/local/sbin/{name}"))),
        None => Ok(0),
    }
}
