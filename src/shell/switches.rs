//! What `set` and bash's `shopt` switch on, by letter and by name.

use super::Dialect;

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `-e`
    pub errexit: bool,
    /// `-u`
    pub nounset: bool,
    /// `-f`
    pub noglob: bool,
    /// `-C`
    pub noclobber: bool,
    /// `-a`
    pub allexport: bool,
    /// `-x`
    pub xtrace: bool,
    /// `-n`
    pub noexec: bool,
    /// `-v`
    pub verbose: bool,
    /// `-o pipefail`: bash's alone.
    pub pipefail: bool,
    /// `-E`: functions and subshells have the trap ERR.
    pub errtrace: bool,
    /// `-B`: braces are expanded. Not in dash.
    pub braces: bool,
    pub(super) dotglob: bool,
    pub(super) expand_aliases: bool,
    pub(super) extglob: bool,
    pub(super) failglob: bool,
    pub(super) inherit_errexit: bool,
    pub(super) nocaseglob: bool,
    pub(super) nocasematch: bool,
    pub(super) nullglob: bool,
    pub(super) xpg_echo: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            errexit: false,
            nounset: false,
            noglob: false,
            noclobber: false,
            allexport: false,
            xtrace: false,
            noexec: false,
            verbose: false,
            pipefail: false,
            errtrace: false,
            braces: true,
            dotglob: false,
            expand_aliases: false,
            extglob: false,
            failglob: false,
            inherit_errexit: false,
            nocaseglob: false,
            nocasematch: false,
            nullglob: false,
            xpg_echo: false,
        }
    }
}

/// Names and letters of `set`, in dash and bash.
pub(super) const NAMED: [(&[u8], u8); 12] = [
    (b"allexport", b'a'),
    (b"errexit", b'e'),
    (b"monitor", b'm'),
    (b"noclobber", b'C'),
    (b"noexec", b'n'),
    (b"noglob", b'f'),
    (b"notify", b'b'),
    (b"nounset", b'u'),
    (b"verbose", b'v'),
    (b"xtrace", b'x'),
    // dash's alone: neither has a meaning without a terminal.
    (b"ignoreeof", b'I'),
    (b"nolog", b'h'),
];

/// Those that bash has beside them.
pub(super) const NAMED_IN_BASH: [(&[u8], u8); 3] = [(b"braceexpand", b'B'), (b"errtrace", b'E'), (b"hashall", b'h')];

/// bash's `shopt`s that matter to people who type, or to how bash works inside; no script sees them.
pub(super) const HARMLESS: [&[u8]; 19] = [
    b"checkhash",
    b"checkjobs",
    b"checkwinsize",
    b"cmdhist",
    b"complete_fullquote",
    b"direxpand",
    b"dirspell",
    b"force_fignore",
    b"histappend",
    b"histreedit",
    b"histverify",
    b"hostcomplete",
    b"huponexit",
    b"interactive_comments",
    b"lithist",
    b"mailwarn",
    b"no_empty_cmd_completion",
    b"progcomp",
    b"sourcepath",
];

impl Options {
    /// `$-`
    pub(super) fn letters(&self, dialect: Dialect) -> Vec<u8> {
        let mut all = vec![
            (self.errexit, b'e'),
            (self.noglob, b'f'),
            (self.noexec, b'n'),
            (self.xtrace, b'x'),
            (self.verbose, b'v'),
            (self.noclobber, b'C'),
            (self.allexport, b'a'),
            (self.nounset, b'u'),
        ];
        if dialect == Dialect::Bash {
            all.extend([(true, b'h'), (self.braces, b'B'), (self.errtrace, b'E')]);
            // bash's own order.
            let rank = |letter: u8| b"aefhnuvxBCE".iter().position(|known| *known == letter);
            all.sort_by_key(|(_, letter)| rank(*letter));
        }
        all.into_iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect()
    }

    pub(super) fn of_letter(&mut self, letter: u8) -> Option<&mut bool> {
        Some(match letter {
            b'e' => &mut self.errexit,
            b'u' => &mut self.nounset,
            b'f' => &mut self.noglob,
            b'C' => &mut self.noclobber,
            b'a' => &mut self.allexport,
            b'x' => &mut self.xtrace,
            b'n' => &mut self.noexec,
            b'v' => &mut self.verbose,
            b'B' => &mut self.braces,
            b'E' => &mut self.errtrace,
            _ => return None,
        })
    }

    pub(super) fn shopt(&mut self, name: &[u8]) -> Option<&mut bool> {
        Some(match name {
            b"dotglob" => &mut self.dotglob,
            b"expand_aliases" => &mut self.expand_aliases,
            b"extglob" => &mut self.extglob,
            b"failglob" => &mut self.failglob,
            b"inherit_errexit" => &mut self.inherit_errexit,
            b"nocaseglob" => &mut self.nocaseglob,
            b"nocasematch" => &mut self.nocasematch,
            b"nullglob" => &mut self.nullglob,
            b"xpg_echo" => &mut self.xpg_echo,
            _ => return None,
        })
    }

    /// Whether `[ -o name ]`; `None` for a name that is none.
    pub(super) fn named(&self, name: &[u8]) -> Option<bool> {
        let mut copy = *self;
        if name == b"pipefail" {
            return Some(copy.pipefail);
        }
        let (_, letter) = NAMED.iter().chain(&NAMED_IN_BASH).find(|(known, _)| *known == name)?;
        Some(copy.of_letter(*letter).is_some_and(|on| *on))
    }
}
