//! `--limit NAME=VALUE`: how much of what comes from outside is taken, where the defaults are not right.

use std::fmt::Write as _;

use super::args::size;
use super::words::Failure;
use crate::limits::LIMITS;
use crate::limits::Limits;
use crate::recipe;

/// The defaults, but for what is typed.
pub(super) fn of(typed: &[String]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for text in typed {
        set(&mut limits, text).map_err(|reason| Failure::Usage(format!("`--limit {text}`: {reason}")))?;
    }
    Ok(limits)
}

fn set(limits: &mut Limits, text: &str) -> Result<(), String> {
    let (name, value) = text.split_once('=').ok_or("a limit is written as NAME=VALUE")?;
    let number = size(value)?;
    if number == 0 {
        return Err("nothing at all is no limit".to_owned());
    }
    if limits.set(name, number) {
        return Ok(());
    }
    let names: Vec<String> = LIMITS.iter().map(crate::limits::Limit::name).collect();
    let meant = recipe::nearest(name, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
    Err(format!("there is none of this name{meant}; there are {}", names.join(", ")))
}

/// What `--help` and the manual page say of the option: every name, what it limits, its default.
pub(super) fn help() -> String {
    let mut text = String::from(
        "Take more or less of what comes from outside\n\nValues are numbers, with K, M, G or T for bytes; times are in \
         seconds. All of Debian passes the defaults, and no limit changes an output. The names:\n",
    );
    // A manual page breaks a line before one that begins with a blank.
    for limit in LIMITS {
        write!(text, "\n  {} [{limit}]: {}", limit.name(), limit.about()).expect("writing to a String succeeds");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_can_be_typed() {
        for limit in LIMITS {
            let mut limits = Limits::default();
            assert_eq!(set(&mut limits, &format!("{}=77", limit.name())), Ok(()), "{}", limit.name());
            assert_ne!(limits, Limits::default(), "{}", limit.name());
            assert!(help().contains(&format!("\n  {} [", limit.name())), "{}", limit.name());
        }
        let mut limits = Limits::default();
        assert_eq!(set(&mut limits, "data=2G"), Ok(()));
        assert_eq!(limits.data, 2 << 30);
        assert!(set(&mut limits, "dat=1").is_err_and(|said| said.contains("(did you mean `data`?)")));
        for bad in ["data", "data=", "data=-1", "data=0", "date=1", "=1", "idle=1.5"] {
            assert!(set(&mut limits, bad).is_err(), "{bad}");
        }
    }
}
