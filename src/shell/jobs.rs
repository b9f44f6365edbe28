//! Background jobs. A job runs beside its shell, and what either finds depends on which of them is faster: so no job is
//! followed. One kind is known all the same, because it is there to do nothing: the watchdog, which sleeps before all
//! else, and which the script kills when what it watched over has ended.

use super::ast::Assigned;
use super::ast::Command;
use super::ast::Part;
use super::ast::Word;
use super::ast::literal;

/// The jobs of one shell.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs {
    /// `$!`
    pub(super) last: Option<u32>,
    /// Those that sleep: process, and the line where they began.
    asleep: Vec<(u32, u32)>,
    /// Those that were killed in their sleep: process and signal.
    killed: Vec<(u32, i32)>,
}

impl Jobs {
    /// What a subshell knows of its shell's jobs: which was the last.
    pub(super) const fn of_subshell(&self) -> Self {
        Self { last: self.last, asleep: Vec::new(), killed: Vec::new() }
    }

    /// Whether this is one that sleeps.
    pub(super) fn sleeps(&self, process: u32) -> bool {
        self.asleep.iter().any(|(asleep, _)| *asleep == process)
    }

    /// Notes one that sleeps from this line on.
    pub(super) fn sleep(&mut self, process: u32, line: u32) {
        self.last = Some(process);
        self.asleep.push((process, line));
    }

    /// Where those began that sleep; from now on they do not.
    pub(super) fn wake(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.asleep).into_iter().map(|(_, line)| line).collect()
    }

    /// Kills one that sleeps.
    pub(super) fn kill(&mut self, process: u32, signal: i32) {
        self.asleep.retain(|(asleep, _)| *asleep != process);
        self.killed.push((process, signal));
    }

    /// With what a job ended that was killed.
    pub(super) fn status(&self, process: u32) -> Option<i32> {
        self.killed.iter().find(|(killed, _)| *killed == process).map(|(_, signal)| 128 + signal)
    }
}

/// The words of a command that is nothing else; `None` for one in which something is expanded.
fn words(command: &Command) -> Vec<Option<&[u8]>> {
    match command {
        Command::Simple { assignments, words, redirects, .. } if assignments.is_empty() && redirects.is_empty() => {
            words.iter().map(|word| literal(&word.0)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the first that a job does is to sleep for a time.
pub(super) fn begins_with_sleep(command: &Command) -> bool {
    match command {
        Command::Sequence(commands) => match &commands[..] {
            // A shell that sleeps in `wait` can be killed in its sleep, and its trap kills what it waits for.
            [Command::Background(_, first), rest @ ..] => begins_with_sleep(first) && goes_on_with_wait(rest),
            [first, ..] => begins_with_sleep(first),
            [] => false,
        },
        Command::AndOr(inner, _) | Command::Subshell(inner) => begins_with_sleep(inner),
        _ => matches!(words(command)[..], [Some(b"sleep"), Some([b'1'..=b'9', ..])]),
    }
}

/// Whether nothing happens before the next `wait`, nor when that is interrupted.
fn goes_on_with_wait(commands: &[Command]) -> bool {
    let quiet = |command: &Command| match command {
        Command::Simple { assignments, words, redirects, .. } if words.is_empty() && redirects.is_empty() => {
            assignments.iter().all(|assignment| matches!(&assignment.value, Assigned::Text(word) if is_last_job(word)))
        }
        _ => match words(command)[..] {
            [Some(b"trap"), Some(action), ..] => action == b":" || only_kills(action),
            _ => false,
        },
    };
    let wait = commands.iter().position(|command| words(command).first() == Some(&Some(b"wait")));
    wait.is_some_and(|wait| commands[..wait].iter().all(quiet))
}

/// `$!`
fn is_last_job(word: &Word) -> bool {
    let mut parts = word.0.iter().filter(|part| !matches!(part, Part::Plain(text) if text.is_empty()));
    matches!((parts.next(), parts.next()), (Some(Part::Parameter(parameter)), None) if parameter.name == b"!")
}

/// `kill $process 2>/dev/null || true`
fn only_kills(action: &[u8]) -> bool {
    let mut words = action.split(u8::is_ascii_whitespace);
    words.next() == Some(b"kill")
        && words.all(|word| word.starts_with(b"$") || [&b"2>/dev/null"[..], b"||", b"true"].contains(&word))
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    fn run(script: &str) -> (String, Vec<String>) {
        let mut system = machine(Tree::new(), "amd64", 0);
        let mut shell = Shell::new(&mut system, "sh", &[("PATH", "/bin")]);
        let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("it ends");
        let gaps = system.gaps.iter().map(|gap| format!("{}: {}", gap.line, gap.what)).collect();
        (String::from_utf8_lossy(&outcome.output).into_owned(), gaps)
    }

    #[test]
    fn a_watchdog_that_is_killed_has_done_nothing() {
        for script in [
            "sleep 30 & kill $!; echo $?",
            "(sleep 5; echo late) & kill $!; echo $?",
            "sleep 9 && echo late & dog=$!; echo a | cat >/dev/null; kill -9 $dog; echo $?",
            // nvidia-legacy-check's preinst.
            "(\nsleep 30 &\npid=$!\ntrap 'kill $pid 2>/dev/null || true' TERM\ntrap ':' EXIT\nwait $pid\necho late >&2\n) &\n\
             dog=$!\nkill $dog 2>/dev/null || true\necho $?",
            "f() { sleep 3 & dog=$!; }; f; kill $dog; echo $?",
        ] {
            assert_eq!(run(script), ("0\n".into(), vec![]), "{script}");
        }
        assert_eq!(run("sleep 3 & kill $!; wait $!; echo $?"), ("143\n".into(), vec![]));
        assert_eq!(run("echo \"[$!]\""), ("[]\n".into(), vec![]));
    }

    #[test]
    fn every_other_job_is_a_gap() {
        let alive = "a background job that is not killed in its sleep";
        for (script, wanted) in [
            ("sleep 3 &", format!("1: {alive}")),
            ("\nsleep 3 &\nwait", format!("2: {alive}")),
            ("x=$(sleep 3 & echo y); kill $!", format!("1: {alive}")),
            ("sleep 3 & (kill $!)", "1: another process".into()),
            ("sleep 0 & kill $!", "1: a background job".into()),
            ("sleep 3 >x & kill $!", "1: a background job".into()),
            ("(touch /x; sleep 3) & kill $!", "1: a background job".into()),
            ("(sleep 3 & touch /x; wait) & kill $!", "1: a background job".into()),
            ("(sleep 3 & trap 'touch /x' TERM; wait) & kill $!", "1: a background job".into()),
        ] {
            assert_eq!(run(script).1.first(), Some(&wanted), "{script}");
        }
    }
}
