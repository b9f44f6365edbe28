//! `--limit NAME=VALUE`: how much of what comes from outside is taken, where the defaults are not right.

use std::time::Duration;

use super::args::Common;
use super::args::size;
use super::words::Failure;
use crate::host::http;
use crate::pipeline;

/// The names, what they limit, and in what.
pub(super) const NAMES: [(&str, &str); 10] = [
    ("connect", "seconds to a connection [10]"),
    ("head", "seconds to the head of an answer [30]"),
    ("idle", "seconds without a byte [30]"),
    ("total", "seconds for one answer [7200]"),
    ("rate", "bytes per second, at least [1024]"),
    ("steps", "steps of the solver [300000]"),
    ("data", "bytes that a package unpacks to [64G]"),
    ("entries", "files of a package [1000000]"),
    ("memory", "bytes of a decoder [128M]"),
    ("scripts", "seconds for all scripts in the sandbox [7200]"),
];

/// All limits of a command.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    pub(super) http: http::Options,
    pub(super) build: pipeline::Limits,
}

impl Limits {
    /// The defaults, but for what is typed.
    pub(super) fn of(common: &Common) -> Result<Self, Failure> {
        let mut limits = Self::default();
        for text in &common.limit {
            limits.set(text).map_err(|reason| Failure::Usage(format!("`--limit {text}`: {reason}")))?;
        }
        Ok(limits)
    }

    fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once('=').ok_or("a limit is written as NAME=VALUE")?;
        let number = size(value)?;
        if number == 0 {
            return Err("nothing at all is no limit".to_owned());
        }
        let time = Duration::from_secs(number.min(u64::from(u32::MAX)));
        match name {
            "connect" => self.http.connect = time,
            "head" => self.http.head = time,
            "idle" => self.http.idle = time,
            "total" => self.http.total = time,
            "rate" => self.http.min_rate = number,
            "steps" => self.build.steps = number,
            "data" => self.build.packages.data = number,
            "entries" => self.build.packages.entries = number,
            "memory" => self.build.packages.memory = number,
            "scripts" => self.build.scripts = Some(time),
            _ => return Err(format!("there is none of this name; there are {}", names())),
        }
        Ok(())
    }
}

/// All names in one line.
pub(super) fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_sets_its_limit() {
        let plain = format!("{:?}", Limits::default());
        for (name, _) in NAMES {
            let mut limits = Limits::default();
            assert_eq!(limits.set(&format!("{name}=77")), Ok(()), "{name}");
            assert_ne!(format!("{limits:?}"), plain, "{name}");
        }
        let mut limits = Limits::default();
        assert_eq!(limits.set("data=2G"), Ok(()));
        assert_eq!(limits.build.packages.data, 2 << 30);
        for bad in ["data", "data=", "data=-1", "data=0", "date=1", "=1", "idle=1.5"] {
            assert!(limits.set(bad).is_err(), "{bad}");
        }
    }
}
