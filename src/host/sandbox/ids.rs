//! Which user and group numbers the root of a sandbox has: 65536 of them, so that every owner in an image keeps
//! its own. Root takes numbers that nobody has; a user needs a range of its own in `/etc/subuid` and `/etc/subgid`,
//! which the setuid programs newuidmap(1) and newgidmap(1) hand out.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::process::Stdio;

use super::SandboxError;

/// All of the 16-bit numbers, which is all that Debian's Policy 9.2.2 gives out.
const COUNT: u32 = 65536;

/// Maps the ids of the user namespace that the process `helper` has just made.
pub(super) fn map(helper: u32) -> Result<(), SandboxError> {
    if rustix::process::geteuid().is_root() {
        return map_as_root(helper);
    }
    let user = rustix::process::getuid().as_raw();
    let name = user_name(user);
    for (tool, file, own) in
        [("newuidmap", "/etc/subuid", user), ("newgidmap", "/etc/subgid", rustix::process::getgid().as_raw())]
    {
        let start = range(&fs::read_to_string(file).unwrap_or_default(), user, name.as_deref())
            .ok_or_else(|| no_range(file, name.as_deref()))?;
        run_tool(tool, helper, own, start)?;
    }
    Ok(())
}

/// Above all that systemd gives to containers (up to 1879048191), and free in `login.defs`.
const NOBODYS: u32 = 0x7000_0000;

/// The kernel exempts the machine's root from the limit of processes (getrlimit(2), `RLIMIT_NPROC`), also where it
/// stands behind a mapped number: a fork bomb would take the machine with it. So the sandbox's root is another
/// number, unless a container has too few of them, or the helper can be executed by root alone.
fn map_as_root(helper: u32) -> Result<(), SandboxError> {
    let mode = fs::metadata(format!("/proc/{helper}/exe")).map_or(0, |exe| exe.permissions().mode());
    let base = if mode & 0o001 == 0 { 0 } else { NOBODYS };
    for file in ["uid_map", "gid_map"] {
        let path = format!("/proc/{helper}/{file}");
        // A map is written once; one that is refused may be tried again.
        let written = fs::write(&path, format!("0 {base} {COUNT}\n"));
        written.or_else(|_| fs::write(&path, format!("0 0 {COUNT}\n"))).map_err(|error| {
            SandboxError::Unavailable(format!(
                "cannot map the {COUNT} user and group numbers of an image into a sandbox ({file}: {error}): inside \
                 a container that has fewer, use `--configure native`, or give it more"
            ))
        })?;
    }
    Ok(())
}

fn no_range(file: &str, name: Option<&str>) -> SandboxError {
    let name = name.unwrap_or("USER");
    SandboxError::Unavailable(format!(
        "the sandbox needs {COUNT} user and group numbers of its own, and `{file}` gives `{name}` none: run \
         `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}` as root once, or use \
         `--configure native`"
    ))
}

#[expect(clippy::disallowed_methods, reason = "the host starts processes")]
fn run_tool(tool: &str, helper: u32, own: u32, start: u32) -> Result<(), SandboxError> {
    let numbers = [helper, 0, own, 1, 1, start, COUNT - 1].map(|number| number.to_string());
    let output = Command::new(tool).args(numbers).stdin(Stdio::null()).output().map_err(|error| {
        SandboxError::Unavailable(format!(
            "the sandbox needs `{tool}` ({error}): install the package `uidmap`, run as root, or use `--configure native`"
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(SandboxError::Unavailable(format!("`{tool}` refused the sandbox its numbers: {}", said.trim())))
}

/// The name of a user in `/etc/passwd`; the ranges may be given to the number as well.
fn user_name(user: u32) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(&user.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

/// The first range of subuid(5) for this user that is long enough.
fn range(text: &str, user: u32, name: Option<&str>) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let who = fields.next()?;
        let start: u32 = fields.next()?.trim().parse().ok()?;
        let count: u32 = fields.next()?.trim().parse().ok()?;
        let mine = Some(who) == name || who == user.to_string();
        (mine && count >= COUNT - 1).then_some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_name_or_number() {
        let text = "other:1:65536\nme:100000:100\nme:200000:65536\n1001:300000:65536\n";
        assert_eq!(range(text, 1000, Some("me")), Some(200_000));
        assert_eq!(range(text, 1001, None), Some(300_000));
        assert_eq!(range(text, 1002, Some("you")), None);
    }
}
