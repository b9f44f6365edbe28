//! `imgbuild doctor`: what builds and boots need, whether it is here, and whether the sandbox holds.

use std::io;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use indicatif::HumanBytes;
use serde_json::Value;
use serde_json::json;

use super::args::Doctor;
use super::outside;
use super::print;
use super::print_json;
use super::words::Failure;
use super::words::message;
use crate::boot;
use crate::format::shown;
use crate::host::Transport as _;
use crate::host::files::WithFiles;
use crate::host::http;
use crate::host::http::HttpTransport;
use crate::host::redacted;
use crate::host::store::DirStore;
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
    let mut report = Report { json: arguments.form.json, findings: Vec::new() };
    let cache = report.told("cache", cache(arguments.cache.as_deref()))?;
    let builds = [cache, mirrors(&mut report, &arguments.mirror)?];
    let boots = report.told("boot", boots())?;
    let open = sandbox(&mut report)?;
    let verdict = match (builds.iter().all(|can| *can), boots) {
        (true, true) => "this machine builds images, and boots them",
        (true, false) => "this machine builds images, and boots none",
        (false, _) => "this machine builds no images yet",
    };
    report.end(verdict)?;
    match open {
        Some(open) if !open.is_empty() => Err(Failure::Open(open)),
        _ if builds.contains(&false) => Err(Failure::Lacks),
        _ => Ok(()),
    }
}

/// What was found: told at once, or as one document at the end.
struct Report {
    json: bool,
    findings: Vec<Value>,
}

impl Report {
    /// Tells of one thing: `ok`, `lacks`, `held` or `OPEN`.
    fn tell(&mut self, state: &str, what: &str, words: &str) -> Result<(), Failure> {
        self.findings.push(json!({ "what": what, "state": state, "words": words }));
        if self.json { Ok(()) } else { print(&format!("{state:6}{what:9}{words}\n")) }
    }

    /// Tells a finding; `true`: it is well.
    fn told(&mut self, what: &str, finding: Finding) -> Result<bool, Failure> {
        let is_well = finding.is_ok();
        let (Ok(words) | Err(words)) = finding;
        self.tell(if is_well { "ok" } else { "lacks" }, what, &words)?;
        Ok(is_well)
    }

    fn end(self, verdict: &str) -> Result<(), Failure> {
        if self.json {
            return print_json(&json!({ "findings": self.findings, "verdict": verdict }));
        }
        print(&format!("verdict: {verdict}\n"))
    }
}

/// The cache, and the room that there is for it.
fn cache(asked: Option<&Path>) -> Finding {
    let directory = outside::settings().and_then(|settings| outside::cache_directory(asked, &settings.cache));
    let directory = directory.map_err(|failure| message(&failure))?;
    let failed = |error: io::Error| format!("`{}`: {error}; name another with `--cache`", directory.display());
    DirStore::is_in(&directory).map_err(|error| message(&error.into()))?;
    // Who only looks makes none: what matters is the directory that it would be made in.
    let place = directory.ancestors().find(|place| place.is_dir()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(place).map_err(shown::without_place).map_err(failed)?;
    let system = rustix::fs::statvfs(place).map_err(|errno| failed(errno.into()))?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let words = format!("`{}`, {} free", directory.display(), HumanBytes(free));
    if free < ROOM { Err(format!("{words}: make room, or name another with `--cache`")) } else { Ok(words) }
}

/// The mirrors that a build would ask; `true`: one of them answers.
fn mirrors(report: &mut Report, asked: &[String]) -> Result<bool, Failure> {
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
        answers |= report.told("mirror", finding.map_err(help))?;
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
    let kvm = if boot::may_have_kvm(own) { "with" } else { "without" };
    Ok(format!("QEMU, {kvm} KVM, and a head's services"))
}

/// Tries each way out of the sandbox; gives those that are open. `None`: there is no sandbox, which only
/// `--configure sandbox` misses.
#[cfg(feature = "sandbox")]
fn sandbox(report: &mut Report) -> Result<Option<Vec<String>>, Failure> {
    let program = std::env::current_exe().map_err(|source| Failure::File {
        action: "find",
        path: "/proc/self/exe".into(),
        source,
    })?;
    let findings = match crate::host::sandbox::Namespaces::new(program).examine() {
        Ok(findings) => findings,
        Err(crate::host::SandboxError::Unavailable(why)) => {
            report
                .told("sandbox", Err(format!("{why}; builds do without, unless `--configure sandbox` is asked for")))?;
            return Ok(None);
        }
        Err(error) => return Err(Failure::Sandbox(error)),
    };
    for finding in &findings {
        let state = if finding.open.is_some() { "OPEN" } else { "held" };
        report.tell(state, "sandbox", &finding.what)?;
    }
    let open = findings.into_iter().filter_map(|finding| Some(format!("{}: {}", finding.what, finding.open?)));
    Ok(Some(open.collect()))
}

/// There is none in this build of the program.
#[cfg(not(feature = "sandbox"))]
fn sandbox(report: &mut Report) -> Result<Option<Vec<String>>, Failure> {
    report.told("sandbox", Err("this build of the program has none".to_owned()))?;
    Ok(None)
}
