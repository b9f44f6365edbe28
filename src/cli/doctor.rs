//! `imgbuild doctor`: what builds and boots need, whether it is here, and whether the sandbox holds.

use std::io;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use indicatif::HumanBytes;

use super::args::Doctor;
use super::outside;
use super::print;
use super::words::Failure;
use super::words::message;
use crate::boot;
use crate::host::Transport as _;
use crate::host::files::WithFiles;
use crate::host::http;
use crate::host::http::HttpTransport;
use crate::host::redacted;
use crate::limits::Limits;

/// What every mirror of Debian's has, below its base.
const ASKED: &str = "dists/stable/InRelease";
/// A build of the example keeps so much; with less free its cache may not last.
const ROOM: u64 = 4 << 30;
/// Debian's names of this program's architectures, where they are others.
const ARCHITECTURES: [(&str, &str); 2] = [("x86_64", "amd64"), ("aarch64", "arm64")];

/// What is so, or why not and what to do.
type Finding = Result<String, String>;

/// Looks at one thing after the other, with a line for each, and ends with a verdict.
pub(super) fn run(arguments: &Doctor) -> Result<(), Failure> {
    let builds = [told("cache", cache(arguments.cache.as_deref()))?, mirrors(&arguments.mirror)?];
    let boots = told("boot", boots())?;
    let open = sandbox()?;
    let verdict = match (builds.iter().all(|can| *can), boots) {
        (true, true) => "this machine builds images, and boots them",
        (true, false) => "this machine builds images, and boots none",
        (false, _) => "this machine builds no images yet",
    };
    print(&format!("verdict: {verdict}\n"))?;
    match open {
        Some(open) if !open.is_empty() => Err(Failure::Open(open)),
        _ if builds.contains(&false) => Err(Failure::Lacks),
        _ => Ok(()),
    }
}

/// Prints a line; `true`: it is well.
fn told(what: &str, finding: Finding) -> Result<bool, Failure> {
    let (state, words) = match &finding {
        Ok(words) => ("ok", words),
        Err(words) => ("lacks", words),
    };
    print(&format!("{state:6}{what:9}{words}\n"))?;
    Ok(finding.is_ok())
}

/// The cache, and the room that there is for it.
fn cache(asked: Option<&Path>) -> Finding {
    let directory = outside::cache_directory(asked).map_err(|failure| message(&failure))?;
    let failed = |error: io::Error| format!("`{}`: {error}; name another with `--cache`", directory.display());
    std::fs::create_dir_all(&directory).map_err(failed)?;
    tempfile::tempfile_in(&directory).map_err(failed)?;
    let system = rustix::fs::statvfs(&directory).map_err(|errno| failed(errno.into()))?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let words = format!("`{}`, {} free", directory.display(), HumanBytes(free));
    if free < ROOM { Err(format!("{words}: make room, or name another with `--cache`")) } else { Ok(words) }
}

/// The mirrors that a build would ask; `true`: one of them answers.
fn mirrors(asked: &[String]) -> Result<bool, Failure> {
    let mut answers = false;
    for mirror in outside::mirrors(asked, None)?.debian {
        let url = format!("{mirror}/{ASKED}");
        let shown = redacted(&url);
        let begun = Instant::now();
        let finding = fetched(&url).map(|bytes| {
            let seconds = begun.elapsed().as_secs_f64();
            format!("<{shown}>: {} in {seconds:.1} s", HumanBytes(bytes))
        });
        let help = |error| format!("<{shown}>: {error}; name another with `--mirror`");
        answers |= told("mirror", finding.map_err(help))?;
    }
    Ok(answers)
}

fn fetched(url: &str) -> Result<u64, String> {
    let transport = HttpTransport::new(http::Options::within(&Limits::DEFAULT)).map_err(|error| error.to_string())?;
    let transport = transport.with(outside::credentials().map_err(|failure| message(&failure))?);
    let transport = WithFiles(Arc::new(transport));
    let answer = transport.get(url, 0).map_err(|error| error.to_string())?;
    io::copy(&mut answer.body.take(Limits::DEFAULT.release), &mut io::sink()).map_err(|error| error.to_string())
}

/// Whether `imgbuild boot` finds what it starts.
fn boots() -> Finding {
    let own = std::env::consts::ARCH;
    let own = ARCHITECTURES.iter().find(|(name, _)| *name == own).map_or(own, |(_, debian)| *debian);
    boot::check(own).map_err(|error| error.to_string())?;
    Ok(if Path::new("/dev/kvm").exists() {
        "QEMU, with KVM, and a head's services"
    } else {
        "QEMU, without KVM, and a head's services"
    }
    .to_owned())
}

/// Tries each way out of the sandbox; gives those that are open. `None`: there is no sandbox, which only
/// `--configure sandbox` misses.
#[cfg(feature = "sandbox")]
fn sandbox() -> Result<Option<Vec<String>>, Failure> {
    let program = std::env::current_exe().map_err(|source| Failure::File {
        action: "find",
        path: "/proc/self/exe".into(),
        source,
    })?;
    let findings = match crate::host::sandbox::Namespaces::new(program).examine() {
        Ok(findings) => findings,
        Err(crate::host::SandboxError::Unavailable(why)) => {
            told("sandbox", Err(format!("{why}; builds do without, unless `--configure sandbox` is asked for")))?;
            return Ok(None);
        }
        Err(error) => return Err(Failure::Sandbox(error)),
    };
    for finding in &findings {
        let state = if finding.open.is_some() { "OPEN" } else { "held" };
        print(&format!("{state:6}sandbox  {}\n", finding.what))?;
    }
    let open = findings.into_iter().filter_map(|finding| Some(format!("{}: {}", finding.what, finding.open?)));
    Ok(Some(open.collect()))
}

/// There is none in this build of the program.
#[cfg(not(feature = "sandbox"))]
fn sandbox() -> Result<Option<Vec<String>>, Failure> {
    told("sandbox", Err("this build of the program has none".to_owned()))?;
    Ok(None)
}
