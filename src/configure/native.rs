//! The way without execution: each package's scripts are followed in dpkg's order, with dpkg's environment and
//! arguments, on the tree in memory; what programs make of the whole tree is made once, at the end.
//!
//! Order: that of [`sequence`](super::sequence). The files of a package that has a preinst come when it has run; before
//! the first postinst debconf gets the recipe's answers (it follows the config script when the postinst first asks it); at
//! the end come the triggers that scripts activated. A trigger that files activate needs no run of its own: nearly all is
//! unpacked before the first postinst that is interested, and caches are made by [`generators`].
//!
//! Strict: whatever a script needs and the model lacks is a [`Gap`], and one gap fails the whole.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Error;
use super::Failure;
use super::Failures;
use super::Ids;
use super::Options;
use super::Outcome;
use super::PackageReport;
use super::environment::of_dpkg;
use super::environment::of_scripts;
use super::first_boot;
use super::generators;
use super::own;
use super::packages;
use super::sandbox;
use super::sequence::Act;
use super::sequence::in_sequence;
use super::status;
use super::tools::debconf;
use super::tools::dpkg::Activated;
use super::tools::dpkg::database::Database;
use super::tools::dpkg::database::State;
use super::tools::later::Deferred;
use super::tools::later::Later;
use super::userland::machine;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::format::shown::Shown;
use crate::format::shown::shown;
use crate::host::Host;
use crate::recipe::Treatment;
use crate::shell::Interpreter;
use crate::shell::Interrupt;
use crate::shell::Shell;
use crate::shell::system;
use crate::shell::system::Bounds;
use crate::shell::system::Gap;
use crate::shell::system::System;
use crate::tree::Tree;
use crate::unpack::Installed;
use crate::unpack::Withheld;

/// Stack for following scripts: a level of nesting takes up to 20 KiB in a debug build, and [`Bounds::depth`] of
/// calls times the parser's depth must fit. Only what is used is ever backed by memory.
const STACK: usize = 256 << 20;

/// The scripts of a first installation.
const SCRIPTS: [&str; 3] = ["preinst", "config", "postinst"];

/// What following the scripts gave.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) tree: Tree,
    /// For each package, in their order.
    pub(super) report: Vec<PackageReport>,
    /// Those that are not followed, by the recipe's word or because they could not be.
    pub(super) treated: BTreeMap<String, Treatment>,
    /// When there are any, the tree is not a configured one.
    pub(super) failures: Failures,
}

/// Configures all packages but those that are treated otherwise; of these the sandbox's, each at its place. A survey
/// only looks.
///
/// # Errors
/// The tree is not what it should be, or the sandbox fails; scripts that cannot be followed are in
/// [`Followed::failures`], unless [`Options::otherwise`] says what becomes of them.
pub(super) fn configure(
    host: &Host,
    tree: Tree,
    packages: &[Installed],
    options: &Options,
    survey: bool,
) -> Result<Followed, Error> {
    on_stack(|| Run::new(host, tree, packages, options, survey)?.all(host))
}

/// Follows one package's preinst alone, in a tree with the packages that are there by then; `None` where it cannot be
/// followed or fails.
///
/// # Errors
/// It was cancelled.
pub(super) fn preinst(
    host: &Host,
    tree: Tree,
    packages: &[Installed],
    package: &Installed,
    options: &Options,
) -> Result<Option<Tree>, Error> {
    on_stack(|| {
        let mut run = Run::new(host, tree, packages, options, true)?;
        *run.system.kept::<Database>() = status::read(run.system.tree())?;
        match run.script(package, "preinst", &["install"]) {
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Ok(()) if run.failed().is_empty() => Ok(Some(run.system.into_tree())),
            _ => Ok(None),
        }
    })
}

/// Does work that nests deeply.
fn on_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("configure".into()).stack_size(STACK).spawn_scoped(scope, work);
        match thread.map_err(Error::Thread)?.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A package that is not followed.
#[derive(Debug, Clone)]
struct Treated {
    treatment: Treatment,
    /// Why.
    why: String,
}

/// One thing to do, for the package at a position in the order of configuration.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Preinst, then files.
    Preinst(usize),
    /// The first are unpacked, and scripts may ask debconf.
    Begin,
    Postinst(usize),
    Triggers(usize),
}

const fn step(act: &Act) -> Step {
    match *act {
        Act::Unpack(position) => Step::Preinst(position),
        Act::Configure(position) => Step::Postinst(position),
    }
}

/// Where steps are gone back to.
struct Snapshot {
    system: system::Snapshot,
    withheld: Withheld,
    later: Later,
    activated: Activated,
    database: Database,
}

/// Packages' scripts that are followed again when a package turns out not to be followed, at most. A copy of the tree
/// takes as long as some scripts, and most packages have none.
const BETWEEN_SNAPSHOTS: usize = 64;

/// Whether a step follows a script, but for what triggers bring.
fn has_script(package: &Installed, step: Step) -> bool {
    let has = |name: &str| package.members.contains_key(name);
    match step {
        Step::Begin | Step::Triggers(_) => false,
        Step::Preinst(_) => has("preinst"),
        Step::Postinst(_) => has("config") || has("postinst"),
    }
}

struct Run<'a> {
    system: System,
    packages: &'a [Installed],
    options: &'a Options,
    survey: bool,
    treated: BTreeMap<String, Treated>,
    withheld: Withheld,
    failures: Vec<Failure>,
}

impl<'a> Run<'a> {
    fn new(
        host: &Host,
        tree: Tree,
        packages: &'a [Installed],
        options: &'a Options,
        survey: bool,
    ) -> Result<Self, Error> {
        let mut system = machine(tree, &options.architecture, options.epoch);
        system.bounds = Bounds::within(&host.limits);
        let reporter = Arc::clone(&host.reporter);
        system.spend_from(Budget::new(&host.limits, move || reporter.is_cancelled()));
        system.kept::<Ids>().clone_from(&options.ids);
        let reasons = first_boot::reasons(packages, options)?;
        let treated = reasons.into_iter().map(|(name, why)| {
            let treatment = options.packages[&name];
            (name, Treated { treatment, why })
        });
        let treated = treated.collect();
        Ok(Self { system, packages, options, survey, treated, withheld: Withheld::default(), failures: Vec::new() })
    }

    fn all(mut self, host: &Host) -> Result<Followed, Error> {
        let packages = self.packages;
        let left = |package: &&Installed| {
            matches!(self.options.packages.get(&package.name), Some(Treatment::Skip | Treatment::FirstBoot))
        };
        let unpacked: Vec<&Installed> = packages.iter().filter(|package| !left(package)).collect();
        *self.system.kept::<Database>() = status::read(self.system.tree())?;
        unpacked.iter().for_each(|package| self.note(package, State::NotInstalled));
        let skipped =
            packages.iter().filter(|package| self.options.packages.get(&package.name) == Some(&Treatment::Skip));
        skipped.for_each(|package| self.note(package, State::Installed));
        let sequence = in_sequence(&unpacked).map_err(Error::Control)?;
        let withheld = Withheld::take(self.system.tree(), packages, &sequence.waiting(&unpacked));
        self.withheld = withheld.map_err(|source| Error::Withhold(Box::new(source)))?;
        let is_configured = |act: &Act| matches!(act, Act::Configure(_));
        let begin = sequence.acts.iter().position(is_configured).unwrap_or(sequence.acts.len());
        let mut steps: Vec<Step> = sequence.acts.iter().map(step).collect();
        steps.insert(begin, Step::Begin);
        let triggers =
            |act: &Act| if let Act::Configure(position) = *act { Some(Step::Triggers(position)) } else { None };
        steps.extend(sequence.acts.iter().filter_map(triggers));
        self.follow(host, &unpacked, &steps)?;
        let failures = self.failed();
        if failures.is_empty() {
            generators::run(host, &mut self.system)?;
        }
        debconf::save(&mut self.system).map_err(Error::Tree)?;
        let mut database = std::mem::take(self.system.kept::<Database>());
        database.set_all(State::Installed);
        status::write(self.system.tree(), &database)?;
        let later = std::mem::take(self.system.kept::<Later>());
        let report = packages.iter().map(|package| self.report(package, &failures, &later)).collect();
        let treated = self.treated.into_iter().map(|(name, treated)| (name, treated.treatment)).collect();
        Ok(Followed { tree: self.system.into_tree(), report, treated, failures })
    }

    /// Does all steps. When the script of one cannot be followed and the recipe says what becomes of such packages,
    /// what was done since the last snapshot is done again without it: it leaves no trace. There the next snapshot is
    /// taken, or what is before it would be done once more for each that fails behind it.
    fn follow(&mut self, host: &Host, unpacked: &[&Installed], steps: &[Step]) -> Result<(), Error> {
        let otherwise = self.options.otherwise.treatment().filter(|_| !self.survey);
        let mut kept = None;
        let mut failed_at = None;
        let (mut at, mut scripts) = (0, 0);
        while let Some(step) = steps.get(at) {
            let is_due = kept.is_none() || scripts >= BETWEEN_SNAPSHOTS || failed_at == Some(at);
            if otherwise.is_some() && is_due {
                (scripts, failed_at) = (0, None);
                debconf::save(&mut self.system).map_err(Error::Tree)?;
                kept = Some((at, self.snapshot()));
            }
            let package = match *step {
                Step::Begin => {
                    let followed: Vec<&Installed> =
                        unpacked.iter().filter(|package| !self.treated.contains_key(&package.name)).copied().collect();
                    let answers = debconf::selections(&followed, &self.options.debconf);
                    debconf::preseed(&mut self.system, &answers).map_err(Error::Tree)?;
                    at += 1;
                    continue;
                }
                Step::Preinst(position) | Step::Postinst(position) | Step::Triggers(position) => unpacked[position],
            };
            let before = at.checked_sub(1).map(|at| steps[at]);
            if matches!((*step, before), (Step::Postinst(_), Some(Step::Begin | Step::Preinst(_)))) {
                // A run of dpkg begins, and until it ends the file is as it was then.
                self.write_status()?;
            }
            match (self.treated.get(&package.name).map(|treated| treated.treatment), *step) {
                (Some(Treatment::Sandbox), Step::Postinst(_)) if !self.survey => {
                    at += self.in_sandbox(host, unpacked, &steps[at..])?;
                    // Nothing of it is done twice.
                    kept = None;
                    continue;
                }
                (Some(_), Step::Preinst(_)) => self.lay(package)?,
                (Some(_), _) | (None, Step::Begin) => {}
                (None, Step::Preinst(_)) => {
                    // dpkg writes the file while it unpacks; here only for who reads it without asking dpkg.
                    let text = package.member("preinst").unwrap_or_default();
                    if memchr::memmem::find(text, b"/dpkg/status").is_some() {
                        self.write_status()?;
                    }
                    self.script(package, "preinst", &["install"])?;
                    self.lay(package)?;
                }
                (None, Step::Postinst(_)) => {
                    self.script(package, "postinst", &["configure", ""])?;
                    self.note(package, State::Installed);
                }
                (None, Step::Triggers(_)) => {
                    let triggers = self.activated(package);
                    if !triggers.is_empty() {
                        self.script(package, "postinst", &["triggered", &triggers.join(" ")])?;
                        self.note(package, State::Installed);
                    }
                }
            }
            at += 1;
            scripts += usize::from(has_script(package, *step));
            if let (Some(treatment), Some((then, snapshot))) = (otherwise, &kept)
                && !(self.failures.is_empty() && self.system.gaps.is_empty())
            {
                let why = self.failed().of(&package.info_name()).into_iter().next().unwrap_or_default();
                let why = format!("cannot be followed: {why}");
                self.treated.insert(package.name.clone(), Treated { treatment, why });
                self.leave_what_needs_it(unpacked, &steps[*then..])?;
                failed_at = Some(at - 1).filter(|failed| failed > then);
                (at, scripts) = (*then, 0);
                self.restore(snapshot);
            }
        }
        Ok(())
    }

    /// Leaves to the first boot what needs a package that is left to it, of those that these steps configure.
    fn leave_what_needs_it(&mut self, unpacked: &[&Installed], steps: &[Step]) -> Result<(), Error> {
        let to_come =
            |step: &Step| if let Step::Postinst(at) = step { Some(unpacked[*at].name.as_str()) } else { None };
        let to_come: BTreeSet<&str> = steps.iter().filter_map(to_come).collect();
        loop {
            let known = self.treated.iter().map(|(name, treated)| (name.clone(), treated.treatment)).collect();
            let mut further = first_boot::further(self.packages, &known)?;
            further.retain(|name, _| to_come.contains(name.as_str()));
            if further.is_empty() {
                return Ok(());
            }
            self.treated.extend(further.into_iter().map(|(name, cause)| {
                let why = first_boot::needs(&cause);
                (name, Treated { treatment: Treatment::FirstBoot, why })
            }));
        }
    }

    /// A package is that far, for who asks dpkg.
    fn note(&mut self, package: &Installed, state: State) {
        self.system.kept::<Database>().set(package, state);
    }

    fn write_status(&mut self) -> Result<(), Error> {
        let database = self.system.kept::<Database>().clone();
        status::write(self.system.tree(), &database)
    }

    fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            system: self.system.snapshot(),
            withheld: self.withheld.clone(),
            later: self.system.kept::<Later>().clone(),
            activated: self.system.kept::<Activated>().clone(),
            database: self.system.kept::<Database>().clone(),
        }
    }

    fn restore(&mut self, snapshot: &Snapshot) {
        self.system.restore(&snapshot.system);
        self.withheld.clone_from(&snapshot.withheld);
        self.system.kept::<Later>().clone_from(&snapshot.later);
        self.system.kept::<Activated>().clone_from(&snapshot.activated);
        self.system.kept::<Database>().clone_from(&snapshot.database);
        *self.system.kept::<debconf::State>() = debconf::State::default();
    }

    /// Its files come.
    fn lay(&mut self, package: &Installed) -> Result<(), Error> {
        let laid = self.withheld.lay(self.system.tree(), &package.info_name());
        laid.map_err(|source| Error::Lay { package: package.info_name(), source: Box::new(source) })?;
        self.note(package, State::Unpacked);
        Ok(())
    }

    /// Runs the scripts of a package in the sandbox, and those of packages after it that belong there as well; returns
    /// how many steps that were.
    fn in_sandbox(&mut self, host: &Host, unpacked: &[&Installed], steps: &[Step]) -> Result<usize, Error> {
        let sandboxed = |step: &&Step| match step {
            Step::Postinst(position) => {
                let treated = self.treated.get(&unpacked[*position].name);
                treated.is_some_and(|treated| treated.treatment == Treatment::Sandbox)
            }
            _ => false,
        };
        let names: BTreeSet<String> = steps
            .iter()
            .take_while(sandboxed)
            .filter_map(|step| if let Step::Postinst(at) = step { Some(unpacked[*at].name.clone()) } else { None })
            .collect();
        let count = steps.iter().take_while(sandboxed).count();
        debconf::save(&mut self.system).map_err(Error::Tree)?;
        let tree = std::mem::take(self.system.tree());
        let database = std::mem::take(self.system.kept::<Database>());
        let tree = sandbox::configure(host, tree, self.packages, Some((&names, &database)), self.options)?;
        self.system.replace_tree(tree);
        *self.system.kept::<Database>() = database;
        let done = self.packages.iter().filter(|package| names.contains(&package.name));
        done.for_each(|package| self.note(package, State::Installed));
        Ok(count)
    }

    /// Follows one script, if the package has it.
    ///
    /// # Errors
    /// Nothing more may be followed: a script that fails or cannot be followed is noted, and the next one begins.
    fn script(&mut self, package: &Installed, script: &'static str, arguments: &[&str]) -> Result<(), Error> {
        self.note(package, if script == "preinst" { State::HalfInstalled } else { State::HalfConfigured });
        let Some(text) = package.member(script) else { return Ok(()) };
        let name = package.info_name();
        self.system.package.clone_from(&name);
        self.system.draws = own::is_declared(&package.name);
        self.system.budget.renew();
        let text = packages::rewritten(text).unwrap_or(text);
        let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
        let path = format!("/var/lib/dpkg/info/{name}.{script}");
        let Some(interpreter) = Interpreter::of(line) else {
            let what = if text.starts_with(b"\x7fELF") {
                "a compiled maintainer script".to_owned()
            } else {
                format!("a script of the interpreter `{}`", Shown::new(line))
            };
            self.system.gaps.push(Gap { package: name, script: script.into(), line: 1, command: path, what });
            return Ok(());
        };
        let own = of_dpkg(package, script, self.packages);
        let environment: Vec<(&str, String)> = of_scripts(self.system.clock).into_iter().chain(own).collect();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect();
        let mut shell = Shell::new(&mut self.system, script, &environment).speak(interpreter.dialect);
        shell.state.name = path.into_bytes().into();
        let failure = match shell.run_script(text, &interpreter.options, &arguments) {
            Ok(outcome) if outcome.status == 0 => return Ok(()),
            Ok(outcome) => {
                let said = last_lines(&outcome.output);
                Failure {
                    package: name,
                    script,
                    line: outcome.line,
                    how: format!("exit status {}", outcome.status),
                    said,
                }
            }
            Err(Interrupt::Limit(Spent::Cancelled)) => return Err(Error::Cancelled),
            Err(Interrupt::Limit(limit)) => {
                Failure { package: name, script, line: shell.line(), how: limit.to_string(), said: String::new() }
            }
            Err(_) => unreachable!("a script ends with a status or at a limit"),
        };
        self.failures.push(failure);
        // Scripts that come later would each fail in the same way, and none is at fault.
        if self.system.budget.check() == Err(Spent::Time) { Err(Error::Native(self.failed())) } else { Ok(()) }
    }

    /// What went wrong so far.
    fn failed(&mut self) -> Failures {
        let baseless = self.options.baseless;
        Failures { scripts: std::mem::take(&mut self.failures), gaps: std::mem::take(&mut self.system.gaps), baseless }
    }

    /// The triggers that scripts activated by name and that a package is interested in.
    fn activated(&mut self, package: &Installed) -> Vec<String> {
        let text = String::from_utf8_lossy(package.member("triggers").unwrap_or_default()).into_owned();
        let activated = &self.system.kept::<Activated>().0;
        let mut names = BTreeSet::new();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let interested = words.next().is_some_and(|word| word.starts_with("interest"));
            if let Some(name) = words.next().filter(|name| interested && activated.contains(name.as_bytes())) {
                names.insert(name.to_owned());
            }
        }
        names.into_iter().collect()
    }

    fn report(&self, package: &Installed, failures: &Failures, called: &Later) -> PackageReport {
        let name = package.info_name();
        let of = |set: &BTreeSet<Deferred>| -> Vec<String> {
            let own = set.iter().filter(|deferred| deferred.package == name);
            let programs: BTreeSet<String> =
                own.map(|deferred| String::from_utf8_lossy(&deferred.words[0]).into_owned()).collect();
            programs.into_iter().collect()
        };
        let wrong = failures.of(&name);
        let (generated, mut later) = (of(&called.deferred), of(&called.first_boot));
        let drawn = self.system.drawn.iter().filter(|(package, _)| *package == name);
        later.extend(drawn.map(|(_, path)| String::from_utf8_lossy(path).into_owned()));
        let (outcome, notes) = match self.treated.get(&package.name) {
            Some(treated) => (outcome_of(treated.treatment), vec![treated.why.clone()]),
            None if !SCRIPTS.iter().any(|script| package.members.contains_key(*script)) => {
                (Outcome::NoScripts, Vec::new())
            }
            None if !wrong.is_empty() => {
                let otherwise = self.options.otherwise.treatment().filter(|_| self.survey);
                (otherwise.map_or(Outcome::NotCovered, outcome_of), wrong)
            }
            None if !later.is_empty() => (Outcome::FirstBoot, later),
            None if !generated.is_empty() => (Outcome::Generator, generated),
            None => (Outcome::Covered, Vec::new()),
        };
        let notes = notes.iter().map(shown).collect();
        PackageReport { package: name, outcome, notes }
    }
}

const fn outcome_of(treatment: Treatment) -> Outcome {
    match treatment {
        Treatment::Skip => Outcome::Skipped,
        Treatment::FirstBoot => Outcome::FirstBoot,
        Treatment::Sandbox => Outcome::Sandboxed,
    }
}

/// The end of an output, for a message.
fn last_lines(output: &[u8]) -> String {
    let lines: Vec<String> = output.trim_ascii_end().rsplit(|&byte| byte == b'\n').take(5).map(shown).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}
