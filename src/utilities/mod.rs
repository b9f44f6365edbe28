//! The utilities of POSIX and GNU, by name, on the [`System`](crate::shell::system::System) of a shell. Each is written
//! by its manual page; what it does not know it refuses, so nothing is skipped in silence.
//!
//! # Adding a command
//!
//! 1. Write `fn name(call: &mut Call<'_, '_>) -> Done` in the file of its family (a new family is a new file).
//!    * `call.args` are the arguments, `call.name` the name. Read options with [`Call::options`], which refuses
//!      unknown ones as a gap; [`Call::input`] is standard input, [`Call::out`] and [`Call::err`] write.
//!    * `call.tree()` is the tree; make a path absolute with [`Call::absolute`] before it is looked up.
//!      `call.shell` has variables (`db_get` sets `RET`), `call.shell.system` the clock, the budget, …
//!    * Return `Ok(status)`. With `?`: [`Fault::Gap`] (a recorded gap: the build will fail; say what is missing),
//!      [`Fault::Failed`] (a message on standard error and a status), and tree errors, which become messages.
//!    * Run another command with [`Call::run`].
//! 2. Name it in the family's `COMMANDS` table, and the family in [`FAMILIES`].

mod awk;
mod base;
mod basic;
mod buffer;
mod call;
mod cksum;
pub(crate) mod clock;
mod comm;
mod copy;
mod csplit;
mod cut;
mod dd;
mod differ;
mod env;
mod expand;
mod expr;
mod factor;
mod files;
mod find;
mod fmt;
mod fold;
mod getopt;
mod grep;
mod gzip;
#[cfg(test)]
mod honoured;
mod install;
mod join;
mod long;
mod machine;
mod nl;
mod numfmt;
mod od;
pub(crate) mod options;
mod paste;
mod pause;
mod paths;
mod pcre;
pub(crate) mod permissions;
mod pr;
pub(crate) mod programs;
#[cfg(test)]
pub(crate) mod recorded;
pub(crate) mod regex;
mod sed;
mod sort;
mod split;
#[cfg(test)]
mod suites;
mod sums;
mod temporary;
mod text;
mod tr;
mod tsort;
mod uniq;
mod versions;
#[cfg(test)]
mod witnesses;
mod xargs;

pub use call::Call;
pub use call::Command;
pub use call::Done;
pub use call::Family;
pub use call::Fault;
pub use call::finish;
pub use call::show;
pub use options::Given;

/// The families.
pub(crate) const FAMILIES: &[Family] = &[
    awk::COMMANDS,
    base::COMMANDS,
    basic::COMMANDS,
    cksum::COMMANDS,
    clock::COMMANDS,
    comm::COMMANDS,
    copy::COMMANDS,
    csplit::COMMANDS,
    cut::COMMANDS,
    dd::COMMANDS,
    differ::COMMANDS,
    env::COMMANDS,
    expand::COMMANDS,
    expr::COMMANDS,
    factor::COMMANDS,
    files::COMMANDS,
    find::COMMANDS,
    fmt::COMMANDS,
    fold::COMMANDS,
    getopt::COMMANDS,
    grep::COMMANDS,
    gzip::COMMANDS,
    install::COMMANDS,
    join::COMMANDS,
    machine::COMMANDS,
    nl::COMMANDS,
    numfmt::COMMANDS,
    od::COMMANDS,
    paste::COMMANDS,
    pause::COMMANDS,
    paths::COMMANDS,
    permissions::COMMANDS,
    pr::COMMANDS,
    programs::COMMANDS,
    sed::COMMANDS,
    sort::COMMANDS,
    split::COMMANDS,
    sums::COMMANDS,
    temporary::COMMANDS,
    text::COMMANDS,
    tr::COMMANDS,
    tsort::COMMANDS,
    uniq::COMMANDS,
    xargs::COMMANDS,
];
