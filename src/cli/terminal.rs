//! What is told while a build runs: bars on a terminal, lines elsewhere, JSON where it is asked for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use indicatif::HumanBytes;
use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use super::args::Common;
use super::events;
use super::signals::Signals;
use crate::format::shown::shown;
use crate::host::Event;
use crate::host::Reporter;
use crate::host::Stage;

/// Bars of a build that is over sooner would only flicker.
const QUIET_TIME: Duration = Duration::from_millis(250);
/// More often is not seen, and costs.
const REDRAWS_PER_SECOND: u8 = 30;
/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);
/// Stages that count bytes; the others count packages or files.
const IN_BYTES: [Stage; 5] = [Stage::Index, Stage::Download, Stage::Write, Stage::Push, Stage::Pull];

/// Writes events to standard error.
pub(super) struct Terminal {
    form: Form,
    signals: Signals,
}

enum Form {
    /// Errors only, which are not events.
    Quiet,
    Json,
    /// Warnings, and a line for each stage.
    Lines(Mutex<Stages>),
    /// Everything.
    Verbose,
    Bars(Mutex<Bars>),
}

impl Terminal {
    pub(super) fn new(common: &Common, signals: &Signals) -> Self {
        let form = if common.events.is_some() {
            Form::Json
        } else if common.quiet {
            Form::Quiet
        } else if common.verbose {
            Form::Verbose
        } else {
            return Self::plain(signals);
        };
        Self { form, signals: signals.clone() }
    }

    /// As it is when nobody asks for another form.
    pub(super) fn plain(signals: &Signals) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let form = if is_terminal { Form::Bars(Mutex::new(Bars::new())) } else { Form::Lines(Mutex::default()) };
        Self { form, signals: signals.clone() }
    }
}

impl Reporter for Terminal {
    fn event(&self, event: &Event<'_>) {
        match &self.form {
            Form::Quiet => {}
            Form::Json => events::event(event),
            Form::Lines(stages) => stages.lock().unwrap_or_else(PoisonError::into_inner).event(event),
            Form::Verbose => {
                if !matches!(event, Event::StageProgress { .. }) {
                    line_to_stderr(&shown(&event.to_string()));
                }
            }
            Form::Bars(bars) => bars.lock().unwrap_or_else(PoisonError::into_inner).event(event),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.signals.number() != 0
    }
}

/// One line in one write, so that lines of several threads do not mix.
pub(super) fn line_to_stderr(line: &str) {
    // Nobody can be told that nothing can be told.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Servers that are asked once more, and why: of each it is told once.
#[derive(Default)]
struct Retries(BTreeSet<String>);

impl Retries {
    /// Whether nothing of the kind has been told.
    fn are_new(&mut self, event: &Event<'_>) -> bool {
        let Event::Retry { url, reason } = event else { return true };
        let server = url.split('/').take(3).collect::<Vec<_>>().join("/");
        self.0.insert(format!("{server} {reason}"))
    }
}

/// What a stage has done, for the line at its end.
#[derive(Default)]
struct Stages {
    running: BTreeMap<Stage, Done>,
    retries: Retries,
}

/// How far a stage is.
#[derive(Default)]
struct Done {
    start: Option<Instant>,
    units: u64,
    /// Those of them that the cache had.
    cached: u64,
}

impl Stages {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::StageStarted { stage, .. } => {
                self.running.entry(*stage).or_default().start.get_or_insert_with(Instant::now);
            }
            Event::StageProgress { stage, done } => self.running.entry(*stage).or_default().units += done,
            Event::Cached { stage, done } => self.running.entry(*stage).or_default().cached += done,
            Event::StageFinished { stage } => {
                let done = self.running.remove(stage).unwrap_or_default();
                let took = done.start.map(|start| start.elapsed()).unwrap_or_default();
                if took >= QUIET_TIME {
                    line_to_stderr(&shown(&format!(
                        "{stage}: {}in {:.1} s",
                        amount(*stage, &done),
                        took.as_secs_f64()
                    )));
                }
            }
            Event::RecipeStarted { .. } | Event::OutputKept { .. } => line_to_stderr(&shown(&event.to_string())),
            Event::Warning { .. } | Event::Retry { .. } if self.retries.are_new(event) => {
                line_to_stderr(&shown(&event.to_string()));
            }
            _ => {}
        }
    }
}

/// What was done, in the stage's unit, and a blank; nothing where it does not count.
fn amount(stage: Stage, done: &Done) -> String {
    let of_bytes = IN_BYTES.contains(&stage);
    let in_units = |units: u64| if of_bytes { HumanBytes(units).to_string() } else { format!("{units} packages") };
    match done {
        Done { units: 0, .. } => String::new(),
        Done { units, cached: 0, .. } => format!("{} ", in_units(*units)),
        Done { units, cached, .. } if cached >= units => format!("{}, all of it from the cache, ", in_units(*units)),
        Done { units, cached, .. } => format!("{}, {} of it from the cache, ", in_units(*units), in_units(*cached)),
    }
}

/// A bar for each stage that runs.
struct Bars {
    all: MultiProgress,
    stages: BTreeMap<Stage, ProgressBar>,
    started: Instant,
    shown: bool,
    retries: Retries,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { all, stages: BTreeMap::new(), started: Instant::now(), shown: false, retries: Retries::default() }
    }

    fn event(&mut self, event: &Event<'_>) {
        if !self.shown && self.started.elapsed() >= QUIET_TIME {
            self.shown = true;
            self.all.set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
        }
        match event {
            Event::StageStarted { stage, total } => self.start(*stage, *total),
            Event::StageProgress { stage, done } => {
                if let Some(bar) = self.stages.get(stage) {
                    bar.inc(*done);
                }
            }
            Event::StageFinished { stage } => {
                if let Some(bar) = self.stages.remove(stage) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
            }
            Event::RecipeStarted { .. } => {
                let line = shown(&event.to_string());
                self.all.suspend(|| line_to_stderr(&line));
            }
            Event::Warning { .. } | Event::Retry { .. } if self.retries.are_new(event) => {
                let line = shown(&event.to_string());
                self.all.suspend(|| line_to_stderr(&line));
            }
            _ => {}
        }
    }

    fn start(&mut self, stage: Stage, total: Option<u64>) {
        let unit =
            if IN_BYTES.contains(&stage) { ("bytes", "total_bytes", " {bytes_per_sec}") } else { ("pos", "len", "") };
        let template = match total {
            Some(_) => format!("{{prefix:10}} {{bar:30}} {{{}}} of {{{}}}{} {{eta}}", unit.0, unit.1, unit.2),
            None if IN_BYTES.contains(&stage) => {
                format!("{{prefix:10}} {{spinner}} {{{}}}{} {{elapsed}}", unit.0, unit.2)
            }
            // It does not count.
            None => "{prefix:10} {spinner} {elapsed}".to_owned(),
        };
        // A stage that begins again counts more of the same.
        if let Some(bar) = self.stages.get(&stage) {
            if let Some(total) = total {
                bar.set_length(bar.length().unwrap_or(0).max(bar.position() + total));
                bar.set_style(style(&template));
            }
            return;
        }
        let bar = self.all.add(total.map_or_else(ProgressBar::no_length, ProgressBar::new));
        bar.set_style(style(&template));
        bar.set_prefix(stage.name());
        // What does not count shows by this that it goes on.
        bar.enable_steady_tick(TICK);
        self.stages.insert(stage, bar);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are written above").progress_chars("━╸ ")
}
